"""A desk over a real database, with mailings and wishes that a test may change."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session

from mailer.database import Database
from mailer.links import Links, Purpose
from mailer.measure import ClickDesk, Manners
from mailer.vocabulary import MailingId, PersonId

NEWS = MailingId(41)
JO, ANNA = PersonId(1), PersonId(2)
SHOP, TEAM = "https://shop.example.com/autumn", "https://shop.example.com/team"
QUICK = Manners(gather=0.001, patience=0.3, retry=0.05)


@dataclass
class World:
    """What the desk is told of mailings and people, and the desks made from it."""

    database: Database
    folder: Path
    now: datetime
    links: Links = field(default_factory=lambda: Links([b"l" * 32], "https://mail.example.com"))
    targets: dict[MailingId, tuple[str, ...]] = field(default_factory=lambda: {NEWS: (SHOP, TEAM)})
    untracked: set[PersonId] = field(default_factory=set)
    asked_for: list[MailingId] = field(default_factory=list)
    broken: bool = False

    def desk(self, database: Database | None = None, manners: Manners = QUICK) -> ClickDesk:
        return ClickDesk(
            database or self.database,
            self.links,
            self.folder,
            targets_of=self.targets_of,
            tracking_of=self.tracking_of,
            clock=lambda: self.now,
            manners=manners,
        )

    def targets_of(self, session: Session, mailing_id: MailingId) -> tuple[str, ...] | None:
        session.execute(text("SELECT 1"))
        self.asked_for.append(mailing_id)
        return self.targets.get(mailing_id)

    def tracking_of(self, session: Session, people: Sequence[PersonId]) -> dict[PersonId, bool]:
        session.execute(text("SELECT * FROM no_such_table" if self.broken else "SELECT 1"))
        return {person: person not in self.untracked for person in people}

    def token(self, person: PersonId = JO, mailing: MailingId = NEWS) -> str:
        return self.links.sign(Purpose.CLICK, mailing, person)

    def clicks(self) -> list[tuple[int, int, str]]:
        """Every recorded click as person, link and kind."""
        with self.database.reading() as session:
            rows = session.execute(
                text("SELECT person_id, n, kind FROM measure_click ORDER BY person_id, n")
            )
            return [(row.person_id, row.n, row.kind) for row in rows]

    def opens(self) -> list[tuple[int, str]]:
        """Every recorded open as person and kind."""
        with self.database.reading() as session:
            rows = session.execute(text("SELECT person_id, kind FROM measure_open ORDER BY 1, 2"))
            return [(row.person_id, row.kind) for row in rows]

    def spooled(self) -> list[Path]:
        return sorted((self.folder / "spool").glob("*.clicks"))


@pytest.fixture
def world(database: Database, tmp_path: Path, now: datetime) -> World:
    return World(database, tmp_path, now)
