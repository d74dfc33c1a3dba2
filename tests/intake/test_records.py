"""A broken line costs itself only, and the file says at once where it cannot be read at all."""

from pathlib import Path

import pytest

from mailer.intake.records import Broken, FileUnreadable, Record, measure, open_records


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "customers.csv"


def read(file: Path, content: str | bytes) -> list[Record | Broken]:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    measure(file)
    with open_records(file) as (_, records):
        return list(records)


def lines(found: list[Record | Broken]) -> list[tuple[int, list[str] | str]]:
    return [(r.line, r.cells if isinstance(r, Record) else r.reason) for r in found]


OPEN = "a quote is opened and not closed"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_records_come_with_the_line_where_they_begin(file: Path, end: str) -> None:
    found = read(file, end.join(["a,b", "1,2", "", '"3","4, 5"', '"say ""hi""",']))
    assert lines(found) == [(2, ["1", "2"]), (4, ["3", "4, 5"]), (5, ['say "hi"', ""])]


def test_a_field_may_span_lines(file: Path) -> None:
    assert lines(read(file, 'a,b\n"c/o Becker\nMain Street",2\n3,4\n')) == [
        (2, ["c/o Becker\nMain Street", "2"]),
        (4, ["3", "4"]),
    ]


def test_a_quote_that_is_never_closed_costs_its_line_only(file: Path) -> None:
    rows = "".join(f"{n},{n}\n" for n in range(40))
    found = read(file, f'a,b\n1,"2\n{rows}')
    assert lines(found)[0] == (2, OPEN)
    assert len(found) == 41
    assert all(isinstance(record, Record) for record in found[1:])


def test_open_quotes_in_many_lines_cost_those_lines_only(file: Path) -> None:
    found = read(file, 'a,b\n1,"Jo\n2,"Anna"\n3,"Kim\n4,Lena\n5,"Omar\n')
    assert [line for line, cells in lines(found) if cells == OPEN] == [2, 4, 6]
    assert [cells for _, cells in lines(found) if isinstance(cells, list)] == [
        ["2", "Anna"],
        ["4", "Lena"],
    ]


def test_an_inch_sign_within_a_field_is_a_sign_like_any_other(file: Path) -> None:
    assert lines(read(file, 'a,b\n1,pipe of 5" length\n')) == [(2, ["1", 'pipe of 5" length'])]


def test_signs_after_a_closed_quote_are_told(file: Path) -> None:
    assert lines(read(file, 'a,b\n"1"x,2\n3,4\n')) == [
        (2, "a quote stands in the wrong place"),
        (3, ["3", "4"]),
    ]


def test_too_few_and_too_many_columns_are_told(file: Path) -> None:
    assert lines(read(file, "a,b\n1\n1,2,3\n1,2\n")) == [
        (2, "has 1 columns instead of 2"),
        (3, "has 3 columns instead of 2"),
        (4, ["1", "2"]),
    ]


def test_a_line_without_end_is_not_kept_in_memory(file: Path) -> None:
    found = read(file, "a,b\n" + "x" * 300_000 + ",2\n1,2\n")
    assert lines(found) == [(2, "is longer than 65536 characters"), (3, ["1", "2"])]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found_in_the_header(file: Path, delimiter: str) -> None:
    assert lines(read(file, f"a{delimiter}b\n1{delimiter}2\n")) == [(2, ["1", "2"])]


def test_a_byte_order_mark_is_no_part_of_the_header(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfemail,name\n")
    with open_records(file) as (header, _):
        assert header == ["email", "name"]


def test_bytes_that_are_not_utf_8_arrive_marked(file: Path) -> None:
    assert lines(read(file, "a,b\nZoë,2\n".encode("latin-1"))) == [(2, ["Zo\udceb", "2"])]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        ("email,name\n".encode("utf-16"), "UTF-16"),
        ("email,name,a,b,c,d,e,f\n".encode("utf-16-le"), "UTF-16"),
        (b"PK\x03\x04rest", "spreadsheet"),
        (b'"email,name\n1,2\n', "broken header"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_at_once(
    file: Path, content: bytes, why: str
) -> None:
    with pytest.raises(FileUnreadable, match=why):
        read(file, content)


def test_a_file_that_is_not_there_is_refused(file: Path) -> None:
    with pytest.raises(FileUnreadable, match="cannot be read"):
        measure(file)


@pytest.mark.parametrize(
    ("content", "rows"), [("a,b", 0), ("a,b\n", 0), ("a,b\n1,2", 1), ("a,b\n1,2\n3,4\n", 2)]
)
def test_rows_are_counted_beforehand(file: Path, content: str, rows: int) -> None:
    file.write_text(content)
    assert measure(file).rows == rows
