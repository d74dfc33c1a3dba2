"""The web process refuses promotional mail where its journal knows more than the database."""

from starlette.testclient import TestClient

from mailer.delivery import halts
from mailer.permission import Change
from mailer.vocabulary import Door
from mailer.wiring import Parts
from preference_center.systems.keeper import look_once
from tests.recovery.backups import back_up
from tests.web.house import House

STOP = Change(door=Door.ONE_CLICK, policy_version="2026-11", stop_all=True)


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
    look_once(parts)
    with parts.database.reading() as session:
        [halt] = halts(session)
    assert halt.persons == 1


def test_the_application_looks_when_it_starts(
    parts: Parts, house: House, client: TestClient
) -> None:
    assert client.get("/readyz").json()["checks"]["restored"]
