"""The safety brake: when a mailing's figures are so bad that no more of it may leave. Pure.

docs/decisions/safety-brake.md has the reasons for the limits and for what is counted.
"""

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

FEWEST = 3
"""People; fewer of them are bad luck, whatever share they are."""

NEVER = 100
"""Per cent that are never passed: a limit that is off."""

Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class Brake(BaseModel):
    """Limits in per cent; a mailing stops when one is passed. 100 never stops."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        json_schema_extra={"example": {"complaints": 0.05, "after": 500}},
    )

    complaints: Percent = Field(default=0.1, description="Per cent of those accepted.")
    hard_bounces: Percent = Field(
        default=5.0, description="Mailboxes that do not exist, per cent of those handed over."
    )
    rejected: Percent = Field(
        default=10.0, description="Refused by the provider or a mailbox, per cent likewise."
    )
    unknown: Percent = Field(
        default=5.0, description="Of unknown fate, per cent of those handed over."
    )
    after: Annotated[int, Field(ge=1, le=10**9)] = Field(
        default=200, description="People handed over before whom nothing is judged."
    )

    def stored(self) -> dict[str, Any]:
        """Return what was said of it, as JSON; what was left out is the installation's."""
        return self.model_dump(mode="json", exclude_unset=True)

    def but_for(self, own: "Brake | None") -> "Brake":
        """Return the brake with what a campaign says itself."""
        return self if own is None else Brake.model_validate(self.model_dump() | own.stored())


class Cause(StrEnum):
    """What went past its limit."""

    COMPLAINTS = "complaints"
    HARD_BOUNCES = "hard_bounces"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Tally:
    """People of a mailing by what became of them since the brake was last released; or a change."""

    accepted: int = 0
    rejected: int = 0
    unknown: int = 0
    hard_bounces: int = 0
    """Heard at the hand-over, where they are rejected too, or later."""
    refused_later: int = 0
    """Accepted by the provider, refused by the mailbox for another reason than its absence."""
    complaints: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: "Tally") -> "Tally":
        return Tally(*(a - b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def handed_over(self) -> int:
        """Everybody of whom there was an answer, or should have been."""
        return self.accepted + self.rejected + self.unknown


@dataclass(frozen=True, slots=True)
class Braked:
    """Why and when the brake stopped a mailing: so many, of so many, past so many per cent."""

    cause: Cause
    count: int
    of: int
    limit: float
    at: datetime

    def stored(self) -> dict[str, Any]:
        """Return it as JSON that `read` reads back."""
        stored: dict[str, Any] = _braked.dump_python(self, mode="json")
        return stored

    @classmethod
    def read(cls, stored: dict[str, Any]) -> "Braked":
        """Read what `stored` returned."""
        return _braked.validate_python(stored)


_braked = TypeAdapter(Braked)


def judge(brake: Brake, tally: Tally, *, now: datetime) -> Braked | None:
    """Return why a mailing must stop, or None."""
    for each in shares(brake, tally):
        # What is heard of mails from before a release may be more than all that left since.
        is_past = each.limit < NEVER and each.count * 100 > each.limit * each.of
        if each.of >= brake.after and each.count >= FEWEST and is_past:
            return Braked(each.cause, each.count, each.of, each.limit, now)
    return None


@dataclass(frozen=True, slots=True)
class Share:
    """What is counted for a cause, among how many, and the per cent that may not be passed."""

    cause: Cause
    count: int
    of: int
    limit: float


def shares(brake: Brake, tally: Tally) -> Iterator[Share]:
    """Yield the share of each cause, in the order in which they are judged."""
    everybody = tally.handed_over
    refused = tally.rejected + tally.refused_later
    yield Share(Cause.COMPLAINTS, tally.complaints, tally.accepted, brake.complaints)
    yield Share(Cause.HARD_BOUNCES, tally.hard_bounces, everybody, brake.hard_bounces)
    yield Share(Cause.REJECTED, refused, everybody, brake.rejected)
    yield Share(Cause.UNKNOWN, tally.unknown, everybody, brake.unknown)
