"""Where links lead is kept at hand, whole or not at all, and only addresses of the web count."""

import os
from pathlib import Path

import pytest

from mailer.measure.targets import TargetShelf, location_of
from mailer.vocabulary import MailingId

SHOP = "https://shop.example.com/a?b=1&c=%20d#e"


@pytest.mark.parametrize(
    ("target", "location"),
    [
        (SHOP, SHOP),
        (
            "https://shop.example.com/größe?für=1",
            "https://shop.example.com/gr%C3%B6%C3%9Fe?f%C3%BCr=1",
        ),
        ("https://bücher.example:8443/x", "https://xn--bcher-kva.example:8443/x"),
        ("http://[2001:db8::1]/x", "http://[2001:db8::1]/x"),
        ("https://shop.example.com/{x}|\\", "https://shop.example.com/%7Bx%7D%7C%5C"),
    ],
)
def test_a_target_becomes_a_header_that_leads_to_the_same_place(target: str, location: str) -> None:
    assert location_of(target) == location.encode()


@pytest.mark.clause("C16")
@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//elsewhere.example",
        "/local",
        "",
        "https://",
        "https://shop.example.com/\r\nSet-Cookie: a=b",
        "https://shop.example.com/ a",
        "https://[broken/",
        "mailto:jo@example.com",
    ],
)
def test_a_browser_is_never_sent_elsewhere_than_to_the_web(target: str) -> None:
    assert location_of(target) is None


def test_targets_are_known_to_the_next_process_from_disk(tmp_path: Path) -> None:
    TargetShelf(tmp_path / "targets").write(MailingId(7), [SHOP, "javascript:alert(1)"])
    assert TargetShelf(tmp_path / "targets").known(MailingId(7)) == (SHOP.encode(), None)
    assert TargetShelf(tmp_path / "targets").known(MailingId(8)) is None


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"mailing": 8, "targets": []}', '{"mailing": 7, "targets": [1]}']
)
def test_a_damaged_file_counts_as_absent(tmp_path: Path, content: str) -> None:
    (tmp_path / "7.json").write_text(content)
    assert TargetShelf(tmp_path).known(MailingId(7)) is None


def test_a_folder_that_cannot_be_made_costs_only_the_copy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    shelf = TargetShelf(tmp_path / "file" / "targets")
    shelf.write(MailingId(7), [SHOP])
    assert shelf.remember(MailingId(7), [SHOP]) == (SHOP.encode(),)
    assert shelf.known(MailingId(7)) == (SHOP.encode(),)


def test_the_oldest_go_when_the_shelf_is_full(tmp_path: Path) -> None:
    for number in range(6):
        TargetShelf(tmp_path, on_disk=10).write(MailingId(number), [SHOP])
        os.utime(tmp_path / f"{number}.json", (number, number))
    TargetShelf(tmp_path, on_disk=3).write(MailingId(9), [SHOP])
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["3", "4", "5", "9"]


def test_memory_is_bounded(tmp_path: Path) -> None:
    shelf = TargetShelf(tmp_path, in_memory=2)
    for number in (1, 2, 3):
        shelf.remember(MailingId(number), [SHOP])
    assert [shelf.known(MailingId(number)) is None for number in (1, 2, 3)] == [True, False, False]
