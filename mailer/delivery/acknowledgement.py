"""What an opt-out is answered: from when it holds, and which mail had left before."""

from dataclasses import dataclass
from datetime import datetime

from mailer.vocabulary import MailingId, Topic


@dataclass(frozen=True, slots=True)
class Left:
    """A promotional message that had left before the acknowledgement, and when it went in hand."""

    mailing_id: MailingId
    at: datetime


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The answer to a wish: what holds from now on, and what could not be called back."""

    reference: str
    at: datetime
    version: int
    acts: tuple[tuple[str, Topic | None], ...] = ()
    left: tuple[Left, ...] = ()
    unsure: tuple[Left, ...] = ()
    """Messages whose hand-over is not settled: they may still arrive."""
    stale: frozenset[Topic] = frozenset()
    """Yeses from a page that was out of date: not written, to be asked again."""
    stale_manners: frozenset[str] = frozenset()
    """What it wanted looser beyond topics (`pause`, `frequency`, `tracking`): likewise."""
    already_since: datetime | None = None

    @property
    def may_still_arrive(self) -> bool:
        """Say whether one mail may still come."""
        return bool(self.unsure)
