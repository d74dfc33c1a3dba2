"""A file goes in: all good rows, once, whatever happens on the way."""

import csv
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from mailer import people, permission
from mailer.database import Database
from mailer.intake import (
    FileUnreadable,
    ImportOptions,
    ImportReport,
    ImportTaken,
    import_customers,
)
from mailer.people import NewProfile, Profile
from mailer.people.facts import LONGEST as LONGEST_FIELDS
from mailer.permission import Change
from mailer.vault import Vault
from mailer.vocabulary import AddressId, Door, PersonId, Topic
from tests.conftest import NOW

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
NEWS = "company_news"


class Desk:
    """Imports files into one database and looks at what came of it."""

    def __init__(self, database: Database, vault: Vault, folder: Path) -> None:
        self.database, self.vault, self.folder = database, vault, folder

    def write(self, rows: Sequence[Mapping[str, str]], name: str = "customers.csv") -> Path:
        file = self.folder / name
        columns = list(dict.fromkeys(column for row in rows for column in row))
        with file.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
        return file

    def take(
        self,
        rows: Sequence[Mapping[str, str]],
        progress: Callable[[int, int], None] | None = None,
        **options: Any,
    ) -> ImportReport:
        return self.take_file(self.write(rows), progress, **options)

    def take_file(
        self, file: Path, progress: Callable[[int, int], None] | None = None, **options: Any
    ) -> ImportReport:
        given = replace(ImportOptions(source="shop", set_size=3), **options)
        return import_customers(
            self.database, self.vault, file, options=given, now=NOW, progress=progress
        )

    def customers(self) -> list[Profile]:
        with self.database.reading() as session:
            return people.customers_page(session, self.vault, after=PersonId(0), limit=1000)

    def topics_on(self, email: str) -> frozenset[Topic]:
        with self.database.reading() as session:
            (person,) = people.find_by_email(session, self.vault, email)
            standing = permission.standing_of(session, person)
        assert standing is not None
        return standing.topics_on

    def stop(self, email: str, **change: Any) -> None:
        with self.database.transaction() as session:
            (person,) = people.find_by_email(session, self.vault, email)
            identity = people.identity_of(session, person)
            permission.apply(
                session,
                person_id=person,
                address_ids=identity.addresses,
                change=Change(door=Door.PREFERENCE_PAGE, policy_version="2026-11", **change),
                reference="R-1",
                now=NOW,
            )


@pytest.fixture
def desk(database: Database, vault: Vault, tmp_path: Path) -> Desk:
    return Desk(database, vault, tmp_path)


def person(number: int, **more: str) -> dict[str, str]:
    return {
        "external_id": f"c-{number}",
        "email": f"jo{number}@example.com",
        "name": f"Jo Example {number}",
        **more,
    }


def test_every_row_is_accounted_for(desk: Desk) -> None:
    rows = [person(n) for n in range(10)]
    rows[3]["email"] = "nobody"
    rows[7]["name"] = "Jo\x00"
    report = desk.take([*rows, person(0), person(1, city="Rome")])
    assert (report.rows, report.created, report.rejected, report.duplicates) == (12, 8, 2, 2)
    assert report.changed == report.unchanged == 0
    assert [p.external_id for p in desk.customers()] == [
        f"c-{n}" for n in range(10) if n not in (3, 7)
    ]
    assert report.reasons == {
        "email has no @ sign": 1,
        "name holds a line break, a control character or broken UTF-8": 1,
    }


def test_refused_rows_are_listed_with_line_field_and_reason(desk: Desk) -> None:
    rows = [person(1), person(2, email="nobody"), person(3, external_id="=cmd()", email="x")]
    report = desk.take(rows)
    assert report.rejects is not None
    with report.rejects.open(encoding="utf-8", newline="") as stream:
        assert list(csv.reader(stream)) == [
            ["line", "field", "reason", "external_id"],
            ["3", "email", "has no @ sign", "c-2"],
            ["4", "email", "has no @ sign", "'=cmd()"],
        ]


def test_without_refusals_there_is_no_rejects_file(desk: Desk) -> None:
    report = desk.take([person(1)])
    assert report.rejects is None
    assert [file.name for file in desk.folder.iterdir()] == ["customers.csv"]


def test_a_second_import_changes_only_what_changed(desk: Desk) -> None:
    desk.take([person(n) for n in range(5)])
    report = desk.take([person(n, city="Rome" if n == 2 else "") for n in range(5)])
    assert (report.created, report.changed, report.unchanged) == (0, 1, 4)


def test_of_two_rows_about_one_customer_the_later_facts_stand(desk: Desk) -> None:
    desk.take([person(1, city="Rome"), *(person(n) for n in range(2, 7)), person(1, city="Oslo")])
    assert desk.customers()[0].city == "Oslo"


@pytest.mark.clause("C08")
@pytest.mark.parametrize("between", [0, 5])
def test_of_two_rows_about_one_customer_the_more_restrictive_holds(
    desk: Desk, between: int
) -> None:
    first = person(1, topics=f"{NEWS} partner_offers")
    others = [person(n, topics=NEWS) for n in range(2, 2 + between)]
    report = desk.take([first, *others, person(1, topics=NEWS)])
    assert desk.topics_on("jo1@example.com") == {Topic.COMPANY_NEWS}
    assert report.topics_on == 1 + between
    assert report.duplicates == 1


def test_rows_switch_on_what_they_say_yes_to_and_nothing_else(desk: Desk) -> None:
    report = desk.take([person(1, topics=f"{NEWS},software_updates"), person(2)])
    assert desk.topics_on("jo1@example.com") == {Topic.COMPANY_NEWS, Topic.SOFTWARE_UPDATES}
    assert desk.topics_on("jo2@example.com") == frozenset()
    assert report.topics_on == 2


@pytest.mark.clause("C08")
def test_an_import_never_weakens_an_opt_out(desk: Desk) -> None:
    rows = [person(n, topics=f"{NEWS} software_updates") for n in range(3)]
    desk.take(rows)
    desk.stop("jo0@example.com", topics_off=frozenset({Topic.COMPANY_NEWS}))
    desk.stop("jo1@example.com", stop_all=True)
    report = desk.take([{**row, "city": "Rome"} for row in rows])
    assert report.topics_on == 0
    assert desk.topics_on("jo0@example.com") == {Topic.SOFTWARE_UPDATES}
    with desk.database.reading() as session:
        (stopped,) = people.find_by_email(session, desk.vault, "jo1@example.com")
        standing = permission.standing_of(session, stopped)
    assert standing is not None
    assert standing.stopped_since is not None


@pytest.mark.clause("C08")
def test_an_opt_out_between_row_and_yes_holds(desk: Desk) -> None:
    stopped: list[int] = []

    def opt_out(done: int, total: int) -> None:
        if not stopped:
            desk.stop("jo1@example.com", stop_all=True)
            stopped.append(done)

    desk.take([person(n, topics=NEWS) for n in range(1, 6)], opt_out)
    assert stopped
    assert desk.topics_on("jo1@example.com") == frozenset()
    assert desk.topics_on("jo2@example.com") == {Topic.COMPANY_NEWS}


@pytest.mark.clause("C08")
def test_who_moves_by_import_takes_their_opt_out_along(desk: Desk) -> None:
    desk.take([person(1)])
    desk.stop("jo1@example.com", stop_all=True)
    desk.take([{**person(1), "email": "jo.new@example.com"}])
    with desk.database.reading() as session:
        address = people.address_id_of(session, desk.vault, "jo.new@example.com", create=False)
        held = session.execute(
            text("SELECT count(*) FROM permission_suppression WHERE address_id = :id"),
            {"id": address},
        )
        assert held.scalar_one() > 0


@pytest.mark.clause("C24")
def test_the_proof_of_an_offline_source_is_kept(desk: Desk) -> None:
    desk.take([person(1, source="paper", proof="form 117", topics=NEWS), person(2, topics=NEWS)])
    with desk.database.reading() as session:
        kept = session.execute(text("SELECT source, proof FROM intake_arrival")).all()
        consents = session.execute(
            text("SELECT source, proof FROM permission_consent ORDER BY person_id")
        ).all()
    assert [tuple(row) for row in kept] == [("paper", "form 117")]
    assert [tuple(row) for row in consents] == [("paper", "form 117"), ("shop", None)]


@pytest.mark.clause("C23")
def test_nothing_of_a_child_is_kept(desk: Desk) -> None:
    report = desk.take([person(1, birth_year="2016")])
    assert report.rejected == 1
    assert desk.customers() == []
    with desk.database.reading() as session:
        assert session.execute(text("SELECT count(*) FROM people_address")).scalar_one() == 0
    assert report.rejects is not None
    assert "c-1" not in report.rejects.read_text()


@pytest.mark.clause("C01")
def test_a_card_number_reaches_no_table_and_no_report(desk: Desk) -> None:
    report = desk.take([person(1, street="4111 1111 1111 1111"), person(2)])
    assert report.rejected == 1
    assert report.rejects is not None
    assert "1111" not in report.rejects.read_text() + repr(report)


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


def crowd(seed: int) -> list[dict[str, str]]:
    """Rows by a dice: people who come back, share or change addresses, and some nonsense."""
    dice = random.Random(seed)
    return [
        {
            "external_id": dice.choice(["", f"c-{dice.randrange(12)}"]),
            "email": dice.choice([f"jo{dice.randrange(15)}@example.com", "JO1@example.com", "no"]),
            "name": dice.choice(["Jo", "Zoë Groß", "Jo\x00", "Mallory\r\nBcc: x"]),
            "city": dice.choice(["", "Rome", "Oslo"]),
            "topics": dice.choice(["", NEWS, f"{NEWS} partner_offers"]),
        }
        for _ in range(40)
    ]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("helpers", [0, 2])
def test_sets_made_ready_ahead_come_to_what_single_rows_do(
    desk: Desk, seed: int, helpers: int
) -> None:
    rows = crowd(seed)
    report = desk.take(rows, set_size=7, helpers=helpers)
    with desk.database.reading() as session:
        session.execute(text("TRUNCATE people_customer, people_address, people_address_use"))
        one_by_one: Counter[str] = Counter()
        for row in rows:
            facts: dict[str, Any] = {
                name: row[name] for name in ("email", "external_id", "name", "city")
            }
            try:
                made = people.upsert(
                    session, desk.vault, NewProfile(source="shop", **facts), now=NOW
                )
                one_by_one["created" if made.created else "known"] += 1
            except (people.AddressInvalid, people.FieldInvalid):
                one_by_one["rejected"] += 1
        wanted = people.customers_page(session, desk.vault, after=PersonId(0), limit=1000)
    assert sorted(map(told, desk.customers())) == sorted(map(told, wanted))
    assert (report.created, report.rejected) == (one_by_one["created"], one_by_one["rejected"])
    assert report.rows == len(rows)


def told(profile: Profile) -> tuple[str, ...]:
    return (profile.external_id or "", profile.email, profile.name, profile.city)


def test_helpers_find_the_same_refusals_in_the_same_order(desk: Desk) -> None:
    rows = [person(n, email="no" if n % 3 == 0 else f"jo{n}@example.com") for n in range(40)]
    report = desk.take(rows, helpers=3)
    assert report.rejects is not None
    lines = [line.split(",")[0] for line in report.rejects.read_text().splitlines()[1:]]
    assert lines == [str(n + 2) for n in range(0, 40, 3)]
    assert [p.external_id for p in desk.customers()] == [f"c-{n}" for n in range(40) if n % 3]


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


def test_a_dry_run_tells_all_and_keeps_nothing(desk: Desk) -> None:
    rows = [person(n, topics=NEWS) for n in range(7)]
    rows[2]["email"] = "nobody"
    seen: list[int] = []
    report = desk.take(rows, lambda done, total: seen.append(done), dry_run=True)
    assert report.dry_run
    assert (report.created, report.rejected, report.topics_on) == (6, 1, 6)
    assert seen == [3, 6, 7]
    with desk.database.reading() as session:
        for table in (
            "people_customer",
            "people_address",
            "intake_run",
            "intake_arrival",
            "permission_standing",
            "vault_person_key",
        ):
            assert session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0


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


def test_a_finished_import_stands_in_the_ledger_without_addresses(desk: Desk) -> None:
    desk.take([person(1), person(2, email="nobody")])
    with desk.database.reading() as session:
        detail = session.execute(
            text("SELECT detail FROM ledger_entry WHERE kind = 'customers.imported'")
        ).scalar_one()
    assert detail["created"] == detail["rejected"] == 1
    assert "@" not in json.dumps(detail)


def test_an_empty_list_is_an_import_of_nobody(desk: Desk) -> None:
    file = desk.folder / "empty.csv"
    file.write_text("email,source\n")
    assert desk.take_file(file).rows == 0


def test_a_file_cannot_be_its_own_rejects_file(desk: Desk) -> None:
    file = desk.write([person(1)])
    before = file.read_bytes()
    with pytest.raises(FileUnreadable):
        desk.take_file(file, rejects=file)
    assert file.read_bytes() == before


def test_a_file_in_latin_1_loses_only_the_rows_with_its_letters(desk: Desk) -> None:
    file = desk.folder / "latin.csv"
    file.write_bytes("email,name\njo@example.com,Jo\nzoe@example.com,Zoë\n".encode("latin-1"))
    report = desk.take_file(file)
    assert (report.created, report.rejected) == (1, 1)
    assert "broken UTF-8" in next(iter(report.reasons))


@pytest.mark.parametrize("proof", ["form of M\udcfcller", "form 117\x00"])
@pytest.mark.parametrize("helpers", [0, 2])
def test_a_proof_that_cannot_be_kept_costs_its_row_only(
    desk: Desk, proof: str, helpers: int
) -> None:
    rows = [person(n, source="paper", proof="form 1", topics=NEWS) for n in range(3)]
    rows[1]["proof"] = proof
    file = desk.folder / "paper.csv"
    with file.open("w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    report = desk.take_file(file, helpers=helpers)
    assert (report.created, report.rejected, report.topics_on) == (2, 1, 2)
    assert report.reasons == {"proof holds a null character or broken UTF-8": 1}


def test_a_new_person_at_a_known_address_is_not_the_old_one(desk: Desk) -> None:
    desk.take([person(1), {**person(2), "email": "jo1@example.com"}])
    first, second = desk.customers()
    assert first.person_id != second.person_id
    assert first.address_id == second.address_id == AddressId(second.address_id)


def corpus(path: str) -> Path:
    file = CORPORA / path
    if not file.exists():
        pytest.skip(f"public test data not found at ../shared/corpora/{path}")
    return file


def test_the_public_names_are_all_taken_or_refused_with_a_reason(desk: Desk) -> None:
    _, *lines = corpus("names/customers.tsv").read_text(encoding="utf-8").splitlines()
    rows, notes = [], []
    for number, line in enumerate(lines):
        cells = [json.loads('"{}"'.format(cell.replace('"', '\\"'))) for cell in line.split("\t")]
        name, email, country, timezone, language, note = cells
        notes.append(note)
        rows.append(
            {
                "external_id": f"n-{number}",
                "name": name,
                "email": email,
                "country": country,
                "timezone": timezone,
                "language": language,
            }
        )
    report = desk.take(rows, set_size=50)
    kept = {customer.external_id: customer for customer in desk.customers()}
    assert report.created == len(kept)
    assert report.created + report.rejected == len(rows)
    for number, note in enumerate(notes):
        if note.startswith("invalid"):
            assert f"n-{number}" not in kept, note
    for customer in kept.values():
        assert not any(sign in customer.name for sign in "\r\n\x00\x1b\x85\u2028\u202e")
    may_go = (
        "attack",
        "invalid",
        "NUL",
        "terminal",
        "other control",
        "valid by RFC",
        "internationalised",
        "valid but unknown language, unassigned country",
    )
    lost = [
        note
        for number, note in enumerate(notes)
        if f"n-{number}" not in kept and not note.startswith(may_go)
    ]
    assert lost == []


LONGEST = {**LONGEST_FIELDS, "attribute.note": 1000}
FREE_FIELDS = (
    "name",
    "phone",
    "street",
    "city",
    "region",
    "postal_code",
    "external_id",
    "attribute.note",
)


@pytest.mark.parametrize("field", FREE_FIELDS)
def test_naughty_strings_do_no_harm_in_any_free_field(desk: Desk, field: str) -> None:
    strings = json.loads(corpus("naughty-strings/blns.json").read_text(encoding="utf-8"))
    rows = [{"email": f"jo{n}@example.com", field: words} for n, words in enumerate(strings)]
    report = desk.take(rows, set_size=200)
    kept = desk.customers()
    assert report.created == len(kept)
    assert report.created + report.rejected + report.duplicates == len(rows)
    assert report.created > len(rows) * (0.8 if LONGEST[field] > 100 else 0.5)
    with desk.database.reading() as session:
        assert session.execute(text("SELECT count(*) FROM people_customer")).scalar_one() == len(
            kept
        )


def test_naughty_strings_as_addresses_are_refused(desk: Desk) -> None:
    strings = json.loads(corpus("naughty-strings/blns.json").read_text(encoding="utf-8"))
    report = desk.take([{"external_id": str(n), "email": words} for n, words in enumerate(strings)])
    assert report.created == 0
    assert report.rejected == len(strings)


def test_formulas_are_kept_as_the_text_they_are(desk: Desk) -> None:
    payloads = [
        line
        for line in corpus("payloads/csv/csv-injection.txt")
        .read_text(encoding="utf-8")
        .splitlines()
        if line.strip()
    ]
    desk.take([{"email": f"jo{n}@example.com", "name": words} for n, words in enumerate(payloads)])
    assert [customer.name for customer in desk.customers()] == [words.strip() for words in payloads]
    bad = desk.take([{"email": "nobody", "external_id": words} for words in payloads])
    assert bad.rejects is not None
    with bad.rejects.open(encoding="utf-8", newline="") as stream:
        ids = [row["external_id"] for row in csv.DictReader(stream)]
    assert len(ids) == len(payloads)
    assert not any(shown.startswith(("=", "+", "-", "@")) for shown in ids)
