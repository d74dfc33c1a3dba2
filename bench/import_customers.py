"""How fast do customers come in, and does memory stay flat? `python -m bench.import_customers`.

Needs TEST_DATABASE_URL: makes a database of its own there, and drops it.
"""

import argparse
import csv
import json
import os
import random
import resource
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql

import mailer.tables  # noqa: F401 - registers the tables of every room
from mailer.database import Database
from mailer.intake import ImportOptions, import_customers
from mailer.migrations import migrate
from mailer.vault import Vault

COLUMNS = (
    "external_id", "email", "name", "phone", "street", "city", "region", "postal_code", "country",
    "language", "timezone", "birth_year", "source", "topics", "proof",
)  # fmt: skip
FIRST = [
    "Anna",
    "Jürgen",
    "Zoë",
    "Jo",
    "Lena",
    "Omar",
    "Tomáš",
    "Marie",
    "Łukasz",
    "小明",
    "Алексей",
]
LAST = ["Becker", "Groß", "Brändli", "Example", "Smith", "Lefèvre", "Źdźbło", "王", "Щербаков"]
PLACES = (
    ("DE", "Europe/Berlin", "de", "030"),
    ("US", "America/New_York", "en-US", "212"),
    ("GB", "Europe/London", "en-GB", "020"),
    ("FR", "Europe/Paris", "fr", "01"),
)
SPOILT: tuple[tuple[str, str], ...] = (
    ("email", "no-at-sign"),
    ("name", "Mallory\r\nBcc: anna@example.com"),
    ("birth_year", "2020"),
    ("source", "paper"),
    ("timezone", "Mars/Olympus_Mons"),
    ("street", "4111 1111 1111 1111"),
    ("topics", "everything"),
)


def write_customers(file: Path, *, rows: int, bad: float, seed: int = 7) -> int:
    """Write a file of made-up customers, a share of them spoilt; return how many are."""
    dice, spoilt = random.Random(seed), 0
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        for number in range(rows):
            row = _customer(number, dice)
            if dice.random() < bad:
                spoilt += 1
                row.update([dice.choice(SPOILT)])
            writer.writerow(row)
    return spoilt


def _customer(number: int, dice: random.Random) -> dict[str, str]:
    country, zone, language, prefix = PLACES[number % len(PLACES)]
    return {
        "external_id": f"c-{number}",
        "email": f"person{number}@example{number % 200}.com",
        "name": f"{dice.choice(FIRST)} {dice.choice(LAST)}",
        "phone": f"{prefix}{dice.randrange(10**6, 10**7)}",
        "street": f"Main Street {number % 300}",
        "city": "Springfield",
        "region": "",
        "postal_code": f"{number % 100_000:05}",
        "country": country,
        "language": language,
        "timezone": zone,
        "birth_year": str(dice.randrange(1940, 2008)),
        "source": "shop",
        "topics": dice.choice(["company_news", "company_news product_information", ""]),
        "proof": "",
    }


@contextmanager
def database_of_our_own(server_url: str) -> Iterator[Database]:
    """Yield a new database with every table, dropped afterwards."""
    name = sql.Identifier(f"bench_{secrets.token_hex(4)}")
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    url = f"{server_url.rpartition('/')[0]}/{name.as_string().strip(chr(34))}"
    migrate(url)
    database = Database(url)
    try:
        yield database
    finally:
        database.close()
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def peak_mb() -> int:
    """Return the most memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    """Write a file, import it twice, and print one JSON line for each import."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--bad", type=float, default=0.03)
    given = parser.parse_args()
    server_url = os.environ.get("TEST_DATABASE_URL")
    if not server_url:
        sys.exit("TEST_DATABASE_URL is missing; it names a PostgreSQL to measure on")
    vault = Vault([secrets.token_bytes(32)], [secrets.token_bytes(32)])
    with tempfile.TemporaryDirectory() as folder, database_of_our_own(server_url) as database:
        file = Path(folder) / "customers.csv"
        spoilt = write_customers(file, rows=given.rows, bad=given.bad)
        for round_ in ("new", "again"):
            print(
                json.dumps({"round": round_, "spoilt": spoilt, **_measure(database, vault, file)})
            )


def _measure(database: Database, vault: Vault, file: Path) -> dict[str, object]:
    memory: list[int] = []
    began, cpu = time.perf_counter(), time.process_time()
    report = import_customers(
        database,
        vault,
        file,
        options=ImportOptions(),
        now=datetime.now(UTC),
        progress=lambda *_: memory.append(peak_mb()),
    )
    seconds = time.perf_counter() - began
    return {
        "rows": report.rows,
        "created": report.created,
        "unchanged": report.unchanged,
        "rejected": report.rejected,
        "seconds": round(seconds, 1),
        "rows_per_second": round(report.rows / seconds),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "peak_mb_after_first_set": memory[0],
        "peak_mb": memory[-1],
    }


if __name__ == "__main__":
    main()
