"""The canonical form of an address: one rule (docs/decisions/canonical-address.md). Pure."""

import re
from dataclasses import dataclass
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
LONGEST_LOCAL = 64
LONGEST_ADDRESS = 254


class AddressInvalid(ValueError):
    """This cannot be used as an address; the text says why and never holds the address."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Address:
    """One address: as we write it on the envelope, as we compare it, and its domain."""

    display: str
    """Pure ASCII; the local part as it was given, the domain in lower case."""
    key: str
    """Case-folded: equal keys are one address, for look-ups and suppressions."""
    domain: str


def canonical_address(text: str) -> Address:
    """Return the canonical form of `text`.

    Outer blanks are dropped, the domain becomes lower-case ASCII (IDNA), the local part stays as
    given, plus tags and dots included. Raises AddressInvalid for what is no address of RFC 5321,
    for quoted local parts, for control characters, and for what cannot be written in ASCII.
    """
    local, at, domain = text.strip(" \t\u00a0").rpartition("@")
    if not at or not LOCAL.fullmatch(local) or len(local) > LONGEST_LOCAL:
        raise AddressInvalid(_why(text, local, at))
    ascii_domain = _ascii_domain(domain)
    if ascii_domain is None:
        raise AddressInvalid(_why_domain(domain))
    display = f"{local}@{ascii_domain}"
    if len(display) > LONGEST_ADDRESS:
        raise AddressInvalid(f"is longer than {LONGEST_ADDRESS} characters")
    return Address(display, display.casefold(), ascii_domain)


@lru_cache(maxsize=16384)
def _ascii_domain(domain: str) -> str | None:
    """Return the domain in ASCII, None where it is no domain; kept, since domains repeat."""
    try:
        answer = validate_email(f"x@{domain}", check_deliverability=False)
    except EmailNotValidError:
        return None
    return answer.ascii_domain.lower()


def _why(text: str, local: str, at: str) -> str:
    whole = text.strip(" \t\u00a0")
    faults = (
        (not whole, "is missing"),
        (CONTROLS.search(whole), "holds a line break or a control character"),
        (not at, "has no @ sign"),
        ("<" in whole or ">" in whole, "holds a name or angle brackets beside the address"),
        (local.startswith('"'), "has a quoted part before the @ sign, which we do not accept"),
        ("@" in local, "has two @ signs"),
        (not local, "has nothing before the @ sign"),
        (len(local) > LONGEST_LOCAL, f"has more than {LONGEST_LOCAL} characters before the @ sign"),
        (not local.isascii(), "cannot be written in ASCII before the @ sign"),
        (".." in local or local[:1] == "." or local[-1:] == ".", "has a dot in the wrong place"),
        (" " in local, "holds a space"),
    )
    return next((reason for fault, reason in faults if fault), "holds a sign that no address has")


def _why_domain(domain: str) -> str:
    if CONTROLS.search(domain):
        return "holds a line break or a control character"
    if "<" in domain or ">" in domain:
        return "holds a name or angle brackets beside the address"
    if not domain:
        return "has nothing after the @ sign"
    if "." not in domain:
        return "has no dot after the @ sign"
    return "has no valid domain after the @ sign"
