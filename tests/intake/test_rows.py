"""What a row means, and each reason for which it is refused."""

import pytest

from mailer.intake.records import Broken, FileUnreadable, Record
from mailer.intake.rows import Arrival, Rejected, read_header, read_row
from mailer.intake.sources import SOURCES
from mailer.vocabulary import Topic
from tests.conftest import NOW

COLUMNS = [
    "external_id",
    "email",
    "name",
    "phone",
    "street",
    "birth_year",
    "source",
    "topics",
    "proof",
    "attribute.plan",
]


def row(**cells: str) -> Arrival | Rejected:
    given = {"email": "jo@example.com", "source": "shop", "external_id": "c-1"} | cells
    record = Record(7, [given.get(name.removeprefix("attribute."), "") for name in COLUMNS])
    return read_row(record, read_header(COLUMNS), now=NOW)


def accepted(**cells: str) -> Arrival:
    found = row(**cells)
    assert isinstance(found, Arrival), found
    return found


def refused(**cells: str) -> Rejected:
    found = row(**cells)
    assert isinstance(found, Rejected)
    return found


def test_a_row_says_what_its_cells_say() -> None:
    jo = accepted(
        name="Jo Example", topics="company_news; partner_offers", plan="gold", birth_year="1980"
    )
    assert jo.line == 7
    assert jo.profile.texts["name"] == "Jo Example"
    assert jo.profile.texts["birth_year"] == "1980"
    assert jo.profile.attributes == {"plan": "gold"}
    assert jo.topics == {Topic.COMPANY_NEWS, Topic.PARTNER_OFFERS}


def test_a_missing_column_says_nothing_and_an_empty_cell_says_nothing_is_there() -> None:
    jo = accepted()
    assert jo.profile.texts["phone"] == ""
    assert "city" not in jo.profile.texts


@pytest.mark.parametrize(
    ("cells", "field", "reason"),
    [
        ({"email": "jo"}, "email", "has no @ sign"),
        ({"email": ""}, "email", "is missing"),
        (
            {"name": "Jo\r\nBcc: x"},
            "name",
            "holds a line break, a control character or broken UTF-8",
        ),
        ({"name": "Zo\udceb"}, "name", "holds a line break, a control character or broken UTF-8"),
        ({"birth_year": "80"}, "birth_year", "is not a year of four digits"),
        ({"topics": "everything"}, "topics", "are not all among"),
        ({"street": "4111 1111 1111 1111"}, "street", "holds what looks like a card number"),
        ({"proof": "4111 1111 1111 1111"}, "proof", "holds what looks like a card number"),
        ({"source": "bought_list"}, "source", "is not one of"),
        ({"source": ""}, "source", "is missing"),
    ],
)
def test_a_refusal_names_field_and_reason(cells: dict[str, str], field: str, reason: str) -> None:
    found = refused(**cells)
    assert found.field == field
    assert found.reason.startswith(reason)
    assert (found.line, found.external_id) == (7, "c-1")


@pytest.mark.clause("C24")
@pytest.mark.parametrize("source", [name for name, offline in SOURCES.items() if offline])
@pytest.mark.parametrize("proof", ["", "-", "n/a", "yes", "??", "None"])
def test_an_offline_source_without_proof_is_refused(source: str, proof: str) -> None:
    found = refused(source=source, proof=proof)
    assert found.field == "proof"


@pytest.mark.clause("C24")
def test_an_offline_source_with_proof_is_taken() -> None:
    assert accepted(source="paper", proof="form 117, cabinet 3").proof == "form 117, cabinet 3"


def test_a_source_and_proof_may_be_given_for_the_whole_file() -> None:
    header = read_header(["email"], source="trade_fair", proof="badge scans of stand 12")
    found = read_row(Record(2, ["jo@example.com"]), header, now=NOW)
    assert isinstance(found, Arrival)
    assert (found.source, found.proof) == ("trade_fair", "badge scans of stand 12")


@pytest.mark.clause("C23")
def test_nothing_of_a_child_stands_in_the_refusal() -> None:
    found = refused(birth_year="2015", name="Kim")
    assert found == Rejected(7, "birth_year", "may be that of a child under 13; nothing was kept")


@pytest.mark.clause("C01")
def test_a_card_number_as_an_id_is_not_repeated() -> None:
    assert refused(external_id="4111111111111111").external_id == ""


def test_an_id_is_shown_short_and_printable() -> None:
    assert refused(external_id="c\x1b[31m" + "x" * 300).external_id == "c[31m" + "x" * 95


def test_a_broken_line_is_a_refusal_without_field() -> None:
    header = read_header(["email"], source="shop")
    assert read_row(Broken(3, "why"), header, now=NOW) == Rejected(3, "", "why")


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["name", "source"], "no column email"),
        (["email", "name"], "no column source"),
        (["email", "source", "phnoe"], "phnoe"),
        (["email", "source", "attribute.plan!"], "attribute.plan!"),
        (["email", "source", "name", "NAME "], "a column twice: name"),
        (["email", "source", "", ""], "mean nothing"),
        (["e\x00mail", "source"], "no column email"),
    ],
)
def test_a_header_that_would_lose_data_is_refused(cells: list[str], why: str) -> None:
    with pytest.raises(FileUnreadable, match=why):
        read_header(cells)


def test_columns_can_be_left_out_by_name() -> None:
    header = read_header([" Email ", "SOURCE", "Score"], ignore=frozenset({"score"}))
    assert header.places == {"email": 0, "source": 1}
