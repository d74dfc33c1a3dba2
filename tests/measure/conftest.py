"""A desk over a real database, with mailings and wishes that a test may change."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session

from mailer import permission
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
    asked_for: list[MailingId] = field(default_factory=list)

    def desk(self, database: Database | None = None, manners: Manners = QUICK) -> ClickDesk:
        return ClickDesk(
            database or self.database,
            self.links,
            self.folder,
            targets_of=self.targets_of,
            measurable=permission.measurable(),
            clock=lambda: self.now,
            manners=manners,
        )

    def targets_of(self, session: Session, mailing_id: MailingId) -> tuple[str, ...] | None:
        session.execute(text("SELECT 1"))
        self.asked_for.append(mailing_id)
        return self.targets.get(mailing_id)

    def untrack(self, person: PersonId) -> None:
        """Have somebody switch measuring off."""
        self.run(f"UPDATE permission_standing SET tracking = false WHERE person_id = {person}")

    def run(self, sql: str) -> None:
        with self.database.transaction() as session:
            session.execute(text(sql))

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
    with database.transaction() as session:
        permission.admit(session, [PersonId(number) for number in range(1, 1001)], now=now)
    return World(database, tmp_path, now)
