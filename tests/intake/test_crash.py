"""An import goes on over crashes of the server, and nobody is lost or doubled by them."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from mailer import people
from mailer.database import Database
from mailer.development.servers import Service, postgres_service
from mailer.intake import ImportOptions, import_customers
from mailer.migrations import migrate
from mailer.vault import Vault
from mailer.vocabulary import PersonId
from tests.conftest import NOW

SETS, SIZE = 12, 100


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Service]:
    with postgres_service(tmp_path / "postgres", throwaway=True, durable=True) as service:
        migrate(service.url)
        yield service


def write(file: Path) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["external_id", "email", "topics"])
        for n in range(SETS * SIZE):
            address = f"jo{n}@example.com" if n % SIZE else "nobody"
            writer.writerow([f"c-{n}", address, "company_news"])


def test_a_server_that_crashes_between_sets_costs_no_customer(
    server: Service, vault: Vault, tmp_path: Path
) -> None:
    crashed: list[int] = []

    def crash_now_and_then(done: int, total: int) -> None:
        # The sets committed last are on no disk yet: some of them are lost for good.
        if done in (3 * SIZE, 7 * SIZE, SETS * SIZE) and done not in crashed:
            crashed.append(done)
            server.kill()
            server.start()

    write(tmp_path / "customers.csv")
    database = Database(server.url)
    report = import_customers(
        database,
        vault,
        tmp_path / "customers.csv",
        options=ImportOptions(source="shop", set_size=SIZE),
        now=NOW,
        progress=crash_now_and_then,
    )
    with database.reading() as session:
        found = people.customers_page(session, vault, after=PersonId(0), limit=10_000)
        consents = text("SELECT count(DISTINCT person_id) FROM permission_consent")
        agreed = session.execute(consents).scalar_one()
    database.close()
    everybody = [f"c-{n}" for n in range(SETS * SIZE) if n % SIZE]
    assert len(crashed) == 3
    assert sorted(str(each.external_id) for each in found) == sorted(everybody)
    assert (report.rows, report.rejected) == (SETS * SIZE, SETS)
    assert report.created == report.topics_on == agreed == len(everybody)
    assert report.rejects is not None
    assert len(report.rejects.read_text().splitlines()) == SETS + 1
