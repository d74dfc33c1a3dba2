"""The letters of a mailing that are tried against each other, and how people are drawn for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, LargeBinary, func

from mailer.vocabulary import Allowed, Reason, Refused, Topic, Verdict

Chosen = TypeVar("Chosen")
HELD_OUT = 0
"""The number of the part of an audience that gets nothing; variants count from 1."""
WHOLE = 10_000
"""The shares of a draw are told in hundredths of a percent."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the letters of a mailing."""

    name: str
    content: Mapping[str, Any]
    sender_name: str = ""
    """What stands before the address of the From, where it is not the installation's own."""
    links: int = 0
    """How many links its letter has; the mailing's targets are those of all variants together."""


def unless_held_out(verdict: Verdict, variant: int | None) -> Verdict:
    """Refuse who would be mailed and was drawn for the hold-out; every other reason goes first.

    So the held-out are exactly those who would have got the mail, and can be compared with who did.
    """
    if variant == HELD_OUT and isinstance(verdict, Allowed):
        return Refused(Reason.NOT_HOLDOUT)
    return verdict


def unless_emptied(verdict: Verdict, bits: int | None) -> Verdict:
    """Refuse whom a digest has nothing to tell any more, since all of their set has ended."""
    if not bits and not isinstance(verdict, Refused):
        return Refused(Reason.NOT_LATE)
    return verdict


def digest_of(draw: str, person_id: ColumnElement[int]) -> ColumnElement[bytes]:
    """Draw: a digest of the draw's name and the person's number, as good as random and stable.

    It is the same in every version of every database, and independent between draws.
    """
    name = func.concat(draw, ":", person_id)
    return func.sha256(func.convert_to(name, "UTF8"), type_=LargeBinary)


def mark_at(share: int) -> bytes:
    """Return where a share, in hundredths of a percent below WHOLE, ends among all digests."""
    return (share * 2**32 // WHOLE).to_bytes(4, "big")


def chosen(each: Sequence[Chosen], bits: int | None) -> tuple[Chosen, ...]:
    """Return those whose bits are in a set; the first has the lowest."""
    return tuple(one for number, one in enumerate(each) if (bits or 0) >> number & 1)


def topics_of(content: Mapping[str, Any] | None, bits: int | None) -> tuple[Topic, ...]:
    """Return the topics of a set of a digest; none of anything else."""
    items = (content or {}).get("held_back", ())
    return tuple(Topic(each["topic"]) for each in chosen(items, bits))
