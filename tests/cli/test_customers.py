"""Customers on the command line: imported, explained, removed."""

from pathlib import Path

import pytest

from mailer import delivery, ledger
from mailer.cli.exits import Exit
from mailer.cli.house import the_actor
from mailer.delivery import Halt
from tests.cli.conftest import House, Run


def test_what_no_terminal_reads_is_not_wrapped(fpmail: Run, house: House) -> None:
    jo = house.customer("Jo Example")
    fpmail("campaign", "start", house.draft())
    lines = fpmail("explain", jo.email).out.splitlines()
    (to_go,) = (line for line in lines if "to go" in line)
    assert len(to_go) > 150
    assert to_go.endswith("“Send me these by e-mail.”.")
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.clause("C08")
@pytest.mark.parametrize("command", ["explain", "remove"])
def test_what_is_no_address_is_named_so_and_not_repeated(fpmail: Run, command: str) -> None:
    said = fpmail(command, "jo.example")
    assert (said.code, said.err) == (1, "fpmail: the address has no @ sign\n")


def test_remove_is_the_opt_out_and_explain_says_so(fpmail: Run, house: House) -> None:
    jo = house.customer("Jo Example")
    before = fpmail("explain", jo.email, "--json").json["customers"][0]
    allowed = {each["topic"]: each["allowed"] for each in before["now"]}
    assert allowed[None]
    assert allowed["company_news"]
    assert not allowed["partner_offers"]
    done = fpmail("remove", "-", "--json", stdin=f"{jo.email}\n").json
    assert done["acknowledgements"][0]["reference"].startswith("P-")
    after = fpmail("explain", "-", "--json", stdin=f"{jo.email}\n").json["customers"][0]
    now = {each["topic"]: each for each in after["now"]}
    assert now[None]["allowed"]
    assert now["company_news"]["reason"] == "not.all"
    assert now["company_news"]["sentence"].startswith("You stopped all promotional mail on ")
    assert "by customer care" in now["company_news"]["sentence"]
    assert "in force since" in fpmail("remove", jo.email).out
    assert "Order updates" in fpmail("explain", jo.email).out


def test_of_a_database_that_forgot_nos_explain_promises_no_promotional_mail(
    fpmail: Run, house: House
) -> None:
    jo = house.customer("Jo Example")
    assert fpmail("explain", jo.email, "--json").json["halted"] is None
    why = "the database is older than the journal; run: fpmail journal replay"
    with house.parts.database.transaction() as session:
        delivery.halt(session, Halt("a journal", why, house.parts.clock()))
    said = fpmail("explain", jo.email)
    first, *rows = said.out.splitlines()
    assert first == f"Promotional mail is refused: {why}. Until then a no may be missing below."
    cells = [[cell.strip() for cell in row.split("│")] for row in rows]
    leaves = {row[0]: row[1] for row in cells if len(row) == 3}
    assert leaves["Order updates"] == "yes"
    assert leaves["Company news"] == "no"
    assert fpmail("explain", jo.email, "--json").json["halted"].startswith("Promotional mail")


def test_a_look_and_a_removal_stand_in_the_ledger(fpmail: Run, house: House) -> None:
    jo = house.customer("Jo Example")
    fpmail("explain", jo.email)
    fpmail("remove", jo.email, "--scope", "topic", "--topic", "company_news")
    with house.parts.database.reading() as session:
        story = ledger.story_of(session, jo.person_id, limit=10)
    assert {("support.look", the_actor()), ("support.removal", the_actor())} <= {
        (each.kind, each.actor) for each in story
    }


def test_an_address_that_nobody_has_can_be_removed_too(fpmail: Run, house: House) -> None:
    assert "nothing is known" in fpmail("explain", "anna@example.com").out
    done = fpmail("remove", "anna@example.com", "--scope", "all", "--json").json
    assert done["acknowledgements"] == []
    assert done["suppression"]
    assert "never-mail list" in fpmail("explain", "anna@example.com").out


def test_what_is_no_address_or_no_scope_is_refused(fpmail: Run, house: House) -> None:
    assert fpmail("remove", "nothing").code == Exit.FAILED
    assert fpmail("explain", "-", stdin="").code == Exit.FAILED
    assert fpmail("remove", "jo@example.com", "--scope", "topic").code == Exit.USAGE
    assert fpmail("remove", "jo@example.com", "--topic", "company_news").code == Exit.USAGE


def test_an_import_reports_every_row_and_ends_with_5_when_some_were_refused(
    fpmail: Run, house: House, tmp_path: Path
) -> None:
    file = tmp_path / "customers.csv"
    file.write_text(
        "external_id,email,name,source\n"
        "C-1,jo@example.com,Jo Example,shop\n"
        "C-2,no address,Anna Becker,shop\n"
    )
    rehearsed = fpmail("import", "customers", file, "--dry-run", "--json")
    assert rehearsed.json["created"] == 1
    assert "nothing is known" in fpmail("explain", "jo@example.com").out
    rejects = tmp_path / "rejects.csv"
    said = fpmail("import", "customers", file, "--rejects", rejects, "--json")
    assert said.code == Exit.PARTLY
    assert (said.json["created"], said.json["rejected"]) == (1, 1)
    assert "no address" not in said.err
    assert "3,email," in rejects.read_text()
    clean = tmp_path / "clean.csv"
    clean.write_text("email,source\nanna@example.com,shop\n")
    assert fpmail("import", "customers", clean).code == Exit.DONE
    assert fpmail("import", "customers", tmp_path / "missing.csv").code == Exit.USAGE


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("emial,source\njo@example.com,shop\n", "has no column email; it has emial"),
        ("email,source,colour\njo@example.com,shop,red\n", "mean nothing here: colour"),
        ("email\njo@example.com\n", "no source was given with --source"),
        ("", "is empty"),
        ("email,source\n\xff\n".encode("utf-16").decode("latin-1"), "save it as CSV in UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_ends_with_1_in_one_line(
    fpmail: Run, house: House, tmp_path: Path, text: str, why: str
) -> None:
    file = tmp_path / "customers.csv"
    file.write_bytes(text.encode("latin-1"))
    said = fpmail("import", "customers", file)
    assert (said.code, said.out, said.err.count("\n")) == (Exit.FAILED, "", 1)
    assert said.err.startswith("fpmail: customers.csv ")
    assert why in said.err


def test_a_customer_is_tagged_by_address_or_by_the_shops_id(fpmail: Run, house: House) -> None:
    jo = house.customer("Jo Example")
    said = fpmail("tag", jo.email, "--add", "vip", "--add", "beta")
    assert (said.code, said.out) == (Exit.DONE, f"Customer {jo.person_id}: vip, beta.\n")
    told = fpmail("tag", "-", "--remove", "VIP", "--json", stdin=f"{jo.email}\n").json
    assert told == [{"customer": jo.person_id, "tags": ["beta"]}]
    assert fpmail("tag", jo.email, "--remove", "beta").out.endswith(": no tags.\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["nobody@example.com", "--add", "vip"], Exit.FAILED),
        (["C-404", "--add", "vip"], Exit.FAILED),
        (["{jo}", "--add", "two words"], Exit.FAILED),
        (["{jo}", "--add", "4111111111111111"], Exit.FAILED),
        (["{jo}"], Exit.USAGE),
        (["{jo}", "--add", "vip", "--remove", "VIP"], Exit.USAGE),
    ],
)
def test_a_tag_that_cannot_be_put_on_is_refused_in_a_line(
    fpmail: Run, house: House, words: list[str], code: Exit
) -> None:
    jo = house.customer("Jo Example")
    said = fpmail("tag", *(each.format(jo=jo.email) for each in words))
    assert said.code == code
    assert "4111111111111111" not in said.err
    assert fpmail("tag", jo.email, "--remove", "x", "--json").json[0]["tags"] == []
