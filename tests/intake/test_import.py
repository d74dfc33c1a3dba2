"""A file goes in: every row is accounted for, and no row weakens an opt-out."""

import csv
import json

import pytest
from sqlalchemy import text

from mailer import people, permission
from mailer.vocabulary import AddressId, Topic
from tests.conftest import NOW
from tests.intake.conftest import NEWS, Desk, person


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


def test_an_attribute_without_a_column_stays(desk: Desk) -> None:
    desk.take([person(1, **{"attribute.plan": "gold", "attribute.tags": "vip"})])
    desk.take([person(1, **{"attribute.score": "7", "attribute.tags": ""})])
    assert desk.customers()[0].attributes == {"plan": "gold", "score": "7"}


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
    assert standing.stopped_since == NOW


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


def test_a_finished_import_stands_in_the_ledger_without_addresses(desk: Desk) -> None:
    desk.take([person(1), person(2, email="nobody")])
    with desk.database.reading() as session:
        detail = session.execute(
            text("SELECT detail FROM ledger_entry WHERE kind = 'customers.imported'")
        ).scalar_one()
    assert detail["created"] == detail["rejected"] == 1
    assert "@" not in json.dumps(detail)


def test_a_new_person_at_a_known_address_is_not_the_old_one(desk: Desk) -> None:
    desk.take([person(1), {**person(2), "email": "jo1@example.com"}])
    first, second = desk.customers()
    assert first.person_id != second.person_id
    assert first.address_id == second.address_id == AddressId(second.address_id)
