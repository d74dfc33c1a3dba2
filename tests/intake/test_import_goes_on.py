"""An import that was stopped or cut off goes on where it stood, and no row is lost or doubled."""

import threading
from contextlib import ExitStack

import pytest
from sqlalchemy import text

from mailer.database import Database
from mailer.intake import ImportOptions, ImportTaken, import_customers
from tests.conftest import NOW
from tests.intake.conftest import NEWS, Desk, person


class Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


def test_an_interrupted_import_goes_on_where_it_stopped(desk: Desk) -> None:
    rows = [person(n, topics=NEWS) for n in range(10)]
    rows[1]["email"] = rows[4]["email"] = rows[8]["email"] = "nobody"

    def stop_at_six(done: int, total: int) -> None:
        assert total == 10
        if done == 6:
            raise Interrupted

    with pytest.raises(Interrupted):
        desk.take(rows, stop_at_six)
    assert len(desk.customers()) == 4
    with (desk.folder / "customers.csv.rejects.csv").open("a") as lost:
        lost.write("99,a row of a set,that was never committed,\n")
    report = desk.take(rows)
    assert (report.resumed_after, report.rows) == (6, 10)
    assert (report.created, report.rejected, report.topics_on) == (7, 3, 7)
    assert report.rejects is not None
    assert [line.split(",")[0] for line in report.rejects.read_text().splitlines()] == [
        "line",
        "3",
        "6",
        "10",
    ]
    again = desk.take(rows)
    assert (again.resumed_after, again.unchanged) == (0, 7)


def test_another_file_is_another_import(desk: Desk) -> None:
    def stop(done: int, total: int) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        desk.take([person(n) for n in range(5)], stop)
    report = desk.take([person(n) for n in range(6)])
    assert report.resumed_after == 0


def test_one_file_is_imported_by_one_process_at_a_time(desk: Desk) -> None:
    rows = [person(n) for n in range(7)]

    def start_another(done: int, total: int) -> None:
        if done == 3:
            desk.take(rows)

    with pytest.raises(ImportTaken):
        desk.take(rows, start_another)
    assert len(desk.customers()) == 7


def test_a_lost_connection_is_waited_for(desk: Desk) -> None:
    cut: list[int] = []

    def cut_all(done: int, total: int) -> None:
        if not cut:
            cut.append(done)
            with desk.database.reading() as session:
                session.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )

    report = desk.take([person(n) for n in range(9)], cut_all)
    assert cut
    assert report.created == len(desk.customers()) == 9


LOSE = """
    UPDATE intake_run SET rows_done = 3, counts = '{"created": 3}' WHERE finished_at IS NULL;
    DELETE FROM intake_arrival WHERE person_id > (SELECT min(person_id) + 2 FROM intake_arrival);
    TRUNCATE people_name_word;
    DELETE FROM people_customer WHERE external_id > 'c-2';
    DELETE FROM people_address WHERE id NOT IN (SELECT address_id FROM people_customer);
"""
CRASH = """
    CREATE SEQUENCE crashes;
    CREATE FUNCTION crash() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('crashes') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
        RETURN NULL; END $$;
    CREATE TRIGGER crash BEFORE INSERT ON people_customer EXECUTE FUNCTION crash();
"""
HEAL = "DROP TRIGGER crash ON people_customer; DROP FUNCTION crash; DROP SEQUENCE crashes"


@pytest.mark.parametrize("where", ["within a set", "between two sets"])
def test_sets_that_a_crashed_server_lost_are_taken_again(desk: Desk, where: str) -> None:
    done: list[int] = []

    def lose_the_second(rows: int, total: int) -> None:
        done.append(rows)
        if done == [3, 6]:
            with desk.database.transaction() as session:
                session.execute(text(LOSE))
                if where == "within a set":
                    session.execute(text(CRASH))

    report = desk.take([person(n, topics=NEWS) for n in range(9)], lose_the_second)
    if where == "within a set":
        with desk.database.transaction() as session:
            session.execute(text(HEAL))
    assert done == [3, 6, 6, 9]
    assert [each.external_id for each in desk.customers()] == [f"c-{n}" for n in range(9)]
    assert (report.rows, report.created, report.topics_on) == (9, 9, 9)


def test_numbers_that_cannot_be_taken_now_cost_no_set(desk: Desk) -> None:
    narrow = Database(desk.database.url, pool_size=1, pool_overflow=0, pool_seconds=0.05)
    held = ExitStack()

    def hold_the_only_connection(rows: int, total: int) -> None:
        if rows == 3:
            held.enter_context(narrow.reading()).execute(text("SELECT 1"))
            threading.Timer(0.3, held.close).start()

    options = ImportOptions(source="shop", set_size=3, helpers=0)
    file = desk.write([person(n) for n in range(9)])
    report = import_customers(
        narrow, desk.vault, file, options=options, now=NOW, progress=hold_the_only_connection
    )
    narrow.close()
    assert report.created == len(desk.customers()) == 9
