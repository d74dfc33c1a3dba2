"""The journal: on the disk, chained, ids only, and honest when it cannot be written."""

import json
import os
import resource
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeGuard

import pytest

from mailer.journal import (
    Journal,
    JournalBroken,
    JournalLine,
    JournalUnwritable,
    Mark,
    TornLine,
    read_journal,
    read_on,
)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "data" / "journal", process="web")


def lines_of(journal: Journal) -> list[JournalLine | TornLine]:
    return list(read_journal(journal.folder))


def files_of(journal: Journal) -> list[Path]:
    return sorted(journal.folder.glob("*.jsonl"))


def on_disk(line: JournalLine | TornLine) -> TypeGuard[JournalLine]:
    return isinstance(line, JournalLine)


def in_child(work: Callable[[], object]) -> int:
    """Run in a forked child; 0 when it raised nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 warns of threads, which we test
        child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.clause("C08")
def test_a_written_line_is_read_back_whole(journal: Journal, now: datetime) -> None:
    journal.write("no", at=now, person_id=7, address_id=9, version=3, reference="P-7K2M-93QD")
    journal.write("handing", at=now, mailing_id=4, batch_id=5)
    first, second = lines_of(journal)
    assert isinstance(first, JournalLine)
    assert (first.kind, first.at, first.ids) == (
        "no",
        now,
        {"person_id": 7, "address_id": 9, "version": 3, "reference": "P-7K2M-93QD"},
    )
    assert isinstance(second, JournalLine)
    assert second.kind == "handing"


@contextmanager
def calls_of(*functions: object) -> Iterator[list[str]]:
    """Note each call of these functions of the system, in order, by this thread."""
    calls: list[str] = []

    def note(_: object, event: str, called: Any) -> None:
        if event == "c_call" and called in functions:
            calls.append(called.__name__)

    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(None)


@pytest.mark.clause("C08")
def test_a_line_is_on_the_disk_before_anybody_is_told(journal: Journal, now: datetime) -> None:
    journal.write("no", at=now, person=7, version=3)
    with calls_of(os.write, os.fsync) as calls:
        journal.write("no", at=now, person=8, version=1)
    assert calls == ["write", "fsync"]


def test_a_journal_that_was_never_written_makes_no_file(journal: Journal) -> None:
    assert lines_of(journal) == []
    assert not journal.folder.exists()


@pytest.mark.parametrize(
    ("ids", "kind"),
    [
        ({"who": "jo@example.com"}, "no"),
        ({"words": "x" * 201}, "no"),
        ({"before": 3}, "no"),
        ({"person_id": 3}, "No!"),
    ],
)
def test_only_ids_enter(journal: Journal, now: datetime, ids: dict[str, int], kind: str) -> None:
    with pytest.raises(ValueError, match=r"journal|kind"):
        journal.write(kind, at=now, **ids)
    assert lines_of(journal) == []


def test_a_local_time_is_refused(journal: Journal, now: datetime) -> None:
    with pytest.raises(ValueError, match="UTC"):
        journal.write("no", at=now.replace(tzinfo=None), person_id=1)


@pytest.mark.parametrize("damage", ["change", "drop", "swap"])
def test_a_line_that_was_changed_dropped_or_moved_breaks_the_chain(
    journal: Journal, now: datetime, damage: str
) -> None:
    for person_id in range(1, 5):
        journal.write("no", at=now, person_id=person_id)
    (path,) = files_of(journal)
    lines = path.read_bytes().splitlines(keepends=True)
    if damage == "change":
        lines[2] = lines[2].replace(b'"person_id":2', b'"person_id":9')
    elif damage == "drop":
        del lines[2]
    else:
        lines[2], lines[3] = lines[3], lines[2]
    path.write_bytes(b"".join(lines))
    with pytest.raises(JournalBroken):
        lines_of(journal)


def test_a_file_without_our_header_is_not_ours(journal: Journal, now: datetime) -> None:
    journal.write("no", at=now, person_id=1)
    (path,) = files_of(journal)
    header = json.dumps({"before": "0" * 64, "format": "another"})
    path.write_text(header + "\n")
    with pytest.raises(JournalBroken, match="line 1"):
        lines_of(journal)


def test_a_torn_last_line_is_named_and_the_rest_is_read(journal: Journal, now: datetime) -> None:
    journal.write("no", at=now, person_id=1)
    journal.write("no", at=now, person_id=2)
    (path,) = files_of(journal)
    path.write_bytes(path.read_bytes()[:-10])
    first, torn = lines_of(journal)
    assert isinstance(first, JournalLine)
    assert torn == TornLine(path.name, 3)


def test_two_processes_never_share_a_file(journal: Journal, now: datetime) -> None:
    journal.write("no", at=now, person_id=1)
    assert in_child(lambda: journal.write("no", at=now, person_id=2)) == 0
    journal.write("no", at=now, person_id=3)
    per_file = [
        [
            line.ids["person_id"]
            for line in lines_of(journal)
            if on_disk(line) and line.file == f.name
        ]
        for f in files_of(journal)
    ]
    assert per_file == [[1, 3], [2]]


def test_a_child_may_write_though_the_lock_was_held_at_the_fork(
    journal: Journal, now: datetime
) -> None:
    journal.write("no", at=now, person_id=1)
    with journal._lock:
        assert in_child(lambda: journal.write("no", at=now, person_id=2)) == 0


def test_a_full_disk_is_said_and_writing_goes_on_once_there_is_room(
    journal: Journal, now: datetime
) -> None:
    def fill_then_free() -> None:
        journal.write("no", at=now, person_id=1)
        (path,) = files_of(journal)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, -1))
        with pytest.raises(JournalUnwritable):
            journal.write("no", at=now, person_id=2)
        resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
        journal.write("no", at=now, person_id=3)

    assert in_child(fill_then_free) == 0
    kinds = [
        line.ids["person_id"] if isinstance(line, JournalLine) else "torn"
        for line in lines_of(journal)
    ]
    assert kinds == [1, "torn", 3]


def test_a_disk_without_room_for_the_first_line_leaves_no_file(
    journal: Journal, now: datetime
) -> None:
    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, -1))
        with pytest.raises(JournalUnwritable):
            journal.write("no", at=now, person_id=1)

    assert in_child(full) == 0
    assert files_of(journal) == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path, now: datetime) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalUnwritable):
        Journal(tmp_path / "file" / "journal", process="web").write("no", at=now, person_id=1)


def test_threads_write_one_unbroken_chain(journal: Journal, now: datetime) -> None:
    def write(first: int) -> None:
        for person_id in range(first, first + 25):
            journal.write("no", at=now, person_id=person_id)

    threads = [threading.Thread(target=write, args=(n * 25,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(line.ids["person_id"] for line in lines_of(journal) if on_disk(line)) == [
        *range(200)
    ]


def test_nobody_else_may_read_the_files(journal: Journal, now: datetime) -> None:
    journal.write("no", at=now, person_id=1)
    (path,) = files_of(journal)
    assert path.stat().st_mode & 0o777 == 0o600
    assert journal.folder.stat().st_mode & 0o777 == 0o700


def test_a_closed_journal_begins_another_file(journal: Journal, now: datetime) -> None:
    journal.write("no", at=now, person_id=1)
    journal.close()
    journal.write("no", at=now, person_id=2)
    assert len(files_of(journal)) == 2
    assert len(lines_of(journal)) == 2


def test_a_process_has_a_plain_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="named"):
        Journal(tmp_path, process="../web")


def test_a_file_is_read_on_from_where_it_was_left(journal: Journal, now: datetime) -> None:
    journal.write("no", at=now, version=1)
    [path] = files_of(journal)
    *_, (_, mark) = read_on(path, Mark(path.name))
    assert (mark.line, mark.end) == (2, path.stat().st_size)
    assert list(read_on(path, mark)) == []
    journal.write("no", at=now, version=2)
    [(line, after)] = read_on(path, mark)
    assert isinstance(line, JournalLine)
    assert (line.line, line.ids, after.line) == (3, {"version": 2}, 3)


def test_what_was_left_and_does_not_follow_is_broken(journal: Journal, now: datetime) -> None:
    journal.write("no", at=now, version=1)
    [path] = files_of(journal)
    *_, (_, mark) = read_on(path, Mark(path.name))
    journal.write("no", at=now, version=2)
    elsewhere = Mark(mark.file, mark.line, mark.end, "0" * 64)
    with pytest.raises(JournalBroken, match="line 3"):
        list(read_on(path, elsewhere))


def test_a_line_that_is_being_written_moves_no_mark(journal: Journal, now: datetime) -> None:
    journal.write("no", at=now, version=1)
    [path] = files_of(journal)
    *_, (_, mark) = read_on(path, Mark(path.name))
    whole = path.read_bytes()
    with path.open("ab") as file:
        file.write(b'{"before"')
    assert list(read_on(path, mark)) == [(TornLine(path.name, 3), mark)]
    path.write_bytes(whole)
    assert list(read_on(path, mark)) == []


def test_files_of_the_first_format_are_read(tmp_path: Path) -> None:
    (tmp_path / "20261001T000000-web-0.jsonl").write_text(
        json.dumps({"before": "0" * 64, "format": "fpmail-journal-1", "process": "web"}) + "\n"
    )
    assert list(read_journal(tmp_path)) == []
