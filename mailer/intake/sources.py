"""Where customers may come from, and which of these places need a proof of permission. Pure."""

import re
from collections.abc import Mapping

SOURCES: Mapping[str, bool] = {
    "shop": False,
    "checkout": False,
    "account": False,
    "sign_up": False,
    "website": False,
    "api": False,
    "migration": False,
    "paper": True,
    "trade_fair": True,
    "event": True,
    "phone": True,
    "store": True,
    "business_card": True,
}
"""Each source, and whether it is offline: then a row needs its own proof of permission (C24)."""

LONGEST_PROOF = 500
NO_PROOF = frozenset({"", "-", "n/a", "na", "no", "none", "null", "unknown", "yes", "true", "x"})
UNKEPT = re.compile(r"[\x00\ud800-\udfff]")
"""What no database keeps as text; a lone surrogate stands for a byte that was not UTF-8."""
SAYS_SOMETHING = re.compile(r"\w.*\w.*\w", re.DOTALL)


class SourceRefused(ValueError):
    """This source is missing, unknown, or needs a proof that is not there (C24)."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field} {reason}")
        self.field = field
        self.reason = reason


def check_source(source: str, proof: str) -> None:
    """Refuse a source that is missing or unknown, and an offline one without proof (C24).

    A proof says where the signed form, the badge scan or the recording can be found. Raises
    SourceRefused.
    """
    if not source:
        raise SourceRefused("source", "is missing: where a customer comes from must be recorded")
    offline = SOURCES.get(source)
    if offline is None:
        raise SourceRefused("source", f"is not one of {', '.join(SOURCES)}")
    if len(proof) > LONGEST_PROOF:
        raise SourceRefused("proof", "is too long")
    if UNKEPT.search(proof):
        raise SourceRefused("proof", "holds a null character or broken UTF-8")
    if offline and (proof.casefold() in NO_PROOF or not SAYS_SOMETHING.search(proof)):
        raise SourceRefused("proof", "of permission is missing; an offline source needs one")
