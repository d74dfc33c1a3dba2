"""A stretch of a file made ready for its set: read, refused or sealed, without a database. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from mailer import packed, people
from mailer.intake.records import Form, Piece
from mailer.intake.rows import Arrival, Header, Rejected, read_row
from mailer.people import Newcomers, Reserved
from mailer.vault import Vault
from mailer.vocabulary import Topic


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some records of one file, one after the other, and numbers for as many newcomers."""

    run_id: int
    pieces: Sequence[Piece]
    reserved: Reserved


@dataclass(frozen=True, slots=True)
class Draft:
    """What a stretch says, as if everybody in it were new."""

    rejected: list[Rejected]
    places: list[int]
    """Which pieces were accepted."""
    newcomers: Newcomers
    """They, in the same order, made ready; nobody where no numbers were reserved."""
    claims: list[bytes]
    """What they say yes to, as packed rows of this room, in the same order."""


@dataclass(frozen=True, slots=True)
class Drafting:
    """All that is needed to read the stretches of one file; it goes into each helper."""

    vault: Vault
    form: Form
    header: Header
    now: datetime

    def read(self, piece: Piece) -> Arrival | Rejected:
        """Return what one record says."""
        return read_row(self.form.record(piece), self.header, now=self.now)

    def draft(self, stretch: Stretch) -> Draft:
        """Read a stretch, and seal whom it speaks of under the numbers that come with it."""
        rows = [self.read(piece) for piece in stretch.pieces]
        arrivals = [row for row in rows if isinstance(row, Arrival)]
        is_ahead = bool(stretch.reserved.people and arrivals)
        return Draft(
            rejected=[row for row in rows if isinstance(row, Rejected)],
            places=[place for place, row in enumerate(rows) if isinstance(row, Arrival)],
            newcomers=self._newcomers(arrivals, stretch.reserved) if is_ahead else Newcomers(),
            claims=_claims(arrivals, stretch) if is_ahead else [],
        )

    def _newcomers(self, arrivals: Sequence[Arrival], reserved: Reserved) -> Newcomers:
        profiles = [arrival.profile for arrival in arrivals]
        return people.make_ready(self.vault, profiles, reserved, now=self.now)


def _claims(arrivals: Sequence[Arrival], stretch: Stretch) -> list[bytes]:
    run = packed.bigint(stretch.run_id)
    return [
        packed.row_of(
            len(CLAIM),
            run,
            packed.bigint(person),
            _said(arrival.topics, arrival.source, arrival.proof),
        )
        for person, arrival in zip(stretch.reserved.people, arrivals, strict=False)
    ]


@lru_cache(maxsize=1024)
def _said(topics: frozenset[Topic], source: str, proof: str) -> bytes:
    """Pack from `times` to `proof`."""
    bits = sum(topic.bit for topic in topics)
    return ONCE + packed.integer(bits) + packed.words(source) + packed.words(proof)


CLAIM = ("run_id", "person_id", "times", "topics", "source", "proof")
ONCE = packed.integer(1)
