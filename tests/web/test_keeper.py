"""The web process refuses promotional mail where its journal knows more than the database."""

from dataclasses import replace

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from mailer.database import Database
from mailer.delivery import Halt, halts
from mailer.permission import Change
from mailer.recovery import replay
from mailer.recovery.marks import NUMBER_FILE
from mailer.vocabulary import Door
from mailer.wiring import Parts
from preference_center.systems.keeper import look_once
from tests.recovery.backups import back_up
from tests.web.house import House

STOP = Change(door=Door.ONE_CLICK, policy_version="2026-11", stop_all=True)


def halts_of(parts: Parts) -> list[Halt]:
    with parts.database.reading() as session:
        return halts(session)


def test_a_web_host_that_holds_the_nos_stops_the_workers_of_others(
    parts: Parts, house: House
) -> None:
    jo = house.customer()
    look_once(parts)
    backup = back_up(parts.database)
    house.wish(jo.person_id, jo.address_id, STOP)
    look_once(parts)
    backup.restore()
    backup.forget()
    with capture_logs() as lines:
        told = look_once(parts)
        look_once(parts, told)
    assert [line["event"] for line in lines] == ["promotional.refused"]
    [halt] = halts_of(parts)
    assert (halt.persons, halt.why) == (1, told)


def bring_back(parts: Parts) -> None:
    replay(parts.database, parts.journal.folder, now=parts.clock())


@pytest.mark.parametrize("name", ["20261101T000000-web-0.jsonl", NUMBER_FILE])
def test_a_journal_that_cannot_be_read_stops_the_workers_of_others_until_a_replay(
    parts: Parts, house: House, name: str
) -> None:
    jo = house.customer()
    house.wish(jo.person_id, jo.address_id, STOP)
    in_its_place = parts.journal.folder / name
    in_its_place.mkdir()  # opens, and cannot be read
    look_once(parts)
    [halt] = halts_of(parts)
    assert "Is a directory" in halt.why
    with pytest.raises(IsADirectoryError):
        bring_back(parts)
    in_its_place.rmdir()
    look_once(parts)
    assert halts_of(parts) == [halt]
    bring_back(parts)
    assert halts_of(parts) == []


def test_a_database_that_is_away_refuses_nothing(parts: Parts, house: House) -> None:
    jo = house.customer()
    house.wish(jo.person_id, jo.address_id, STOP)
    away = Database("postgresql://nobody@127.0.0.1:1/nowhere")
    look_once(replace(parts, database=away))
    look_once(parts)
    assert halts_of(parts) == []


def test_the_application_looks_when_it_starts(
    parts: Parts, house: House, client: TestClient
) -> None:
    assert client.get("/readyz").json()["checks"]["restored"]
