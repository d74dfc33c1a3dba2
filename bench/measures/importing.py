"""Customers come in from a file, beside a bare COPY of the same file."""

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from bench.customer_file import COLUMNS, write_customers
from bench.pairing import in_turns
from bench.stage import Stage
from bench.values import CheckFailed, Measure, Reading, Scale, Spec
from mailer.intake import ImportOptions, import_customers

SPOILT_SHARE = 0.03


def run(stage: Stage, scale: Scale) -> list[Reading]:
    """Import a file into a new database, and COPY it into a new table of texts."""
    size = scale.pick(100_000, 1_000_000)
    with tempfile.TemporaryDirectory(prefix="bench-import-") as folder:
        file = Path(folder) / "customers.csv"
        spoilt = write_customers(file, rows=size, bad=SPOILT_SHARE)
        pairs = in_turns(
            lambda: _import(stage, file, size, spoilt),
            lambda: _copy(stage, file, size),
            pairs=scale.pairs,
        )
    checked = "rows counted; exactly the spoilt ones refused"
    return [Reading(size, pairs, checked, [f"{spoilt:,} of the rows are spoilt"])]


def _import(stage: Stage, file: Path, rows: int, spoilt: int) -> float:
    with stage.house(crowd=0) as house:
        began = time.perf_counter()
        report = import_customers(
            house.parts.database,
            house.parts.vault,
            file,
            options=ImportOptions(),
            now=datetime.now(UTC),
        )
        seconds = time.perf_counter() - began
        stored = house.rows("SELECT count(*) FROM people_customer")[0][0]
    found = (report.rows, report.rejected, report.created, stored)
    if found != (rows, spoilt, rows - spoilt, rows - spoilt):
        raise CheckFailed(f"of {rows} rows, {spoilt} of them spoilt, became {found}")
    return rows / seconds


def _copy(stage: Stage, file: Path, rows: int) -> float:
    columns = ", ".join(f"{name} text" for name in COLUMNS)
    with stage.empty_database() as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE plain ({columns})".encode())
        began = time.perf_counter()
        with (
            file.open("rb") as stream,
            connection.cursor() as cursor,
            cursor.copy("COPY plain FROM STDIN (FORMAT csv, HEADER)") as copy,
        ):
            while block := stream.read(1 << 20):
                copy.write(block)
        seconds = time.perf_counter() - began
        count = connection.execute("SELECT count(*) FROM plain").fetchone()
    if count != (rows,):
        raise CheckFailed(f"COPY wrote {count} of {rows} rows")
    return rows / seconds


IMPORTING = Measure(
    "importing",
    (
        Spec(
            "import customers: validated, encrypted, indexed",
            "rows/s",
            "bare COPY of the same file",
            0.05,
        ),
    ),
    run,
)
