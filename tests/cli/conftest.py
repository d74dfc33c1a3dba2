"""The command line over a real database, called as a shell calls it."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mailer import campaigns
from mailer.campaigns import Audience, CampaignId, NewCampaign
from mailer.cli import main
from mailer.database import Database
from mailer.letters import PromotionalContent
from mailer.vocabulary import Topic
from mailer.wiring import Parts, build
from tests.people_of_tests import TestPerson, a_customer, many_customers
from tests.web.house import key, settings_for

NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Said:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class House:
    """The parts behind the command line."""

    parts: Parts

    def customer(self, name: str, **more: Any) -> TestPerson:
        with self.parts.database.transaction() as session:
            return a_customer(session, self.parts.vault, name, now=NOW, **more)

    def crowd(self, count: int, **more: Any) -> None:
        """Make so many customers at once who want company news."""
        with self.parts.database.transaction() as session:
            many_customers(session, self.parts.vault, count, now=NOW, **more)

    def draft(self) -> CampaignId:
        new = NewCampaign(
            name="Autumn release",
            topic=Topic.COMPANY_NEWS,
            content=PromotionalContent.sample(),
            audience=Audience(),
        )
        with self.parts.database.transaction() as session:
            made = campaigns.create(session, new, brand=self.parts.brand, by="test", now=NOW)
        return made.campaign_id


@pytest.fixture
def house(database: Database, database_url: str, tmp_path: Path) -> Iterator[House]:
    """The parts, built as the command line builds them."""
    parts = build(settings_for(database_url, tmp_path), process="test")
    yield House(parts)
    parts.close()


@pytest.fixture
def environment(
    monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path
) -> dict[str, str]:
    """What the environment of a development machine sets."""
    given = {
        "MAILER_ENV": "development",
        "MAILER_DATA_DIR": str(tmp_path),
        "MAILER_DATABASE_URL": database_url,
        "MAILER_SECRET_KEYS": key(1),
        "MAILER_VAULT_KEYS": key(2),
        "MAILER_INDEX_KEYS": key(3),
        "MAILER_PROVIDER": "memory",
        "MAILER_POSTAL_ADDRESS": "10 Corporate Place South, Suite 101, Piscataway, NJ 08854",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return given


Run = Callable[..., Said]


@pytest.fixture
def fpmail(
    environment: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Call `fpmail` with words, and something on standard input."""

    def run(*words: object, stdin: str = "") -> Said:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        return Said(int(ended.value.code or 0), out, err)

    return run
