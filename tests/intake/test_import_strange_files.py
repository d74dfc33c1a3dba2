"""Files and words that are strange, and those that are meant to do harm."""

import csv
import json
from pathlib import Path

import pytest
from sqlalchemy import text

from mailer.intake import FileUnreadable
from mailer.people.facts import LONGEST as LONGEST_FIELDS
from tests.intake.conftest import NEWS, Desk, person

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"


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
