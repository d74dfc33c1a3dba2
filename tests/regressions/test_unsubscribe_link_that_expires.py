"""Elsewhere the token of an unsubscribe link ran out, and an older mail offered no way out any more
(https://github.com/lbryio/lbry.com/issues/750).

Here a link has no end: it works twenty years later, signed by a key that signs no longer, for who has
moved, was merged or erased since, and after the mailing itself is gone.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from mailer import people, permission
from mailer.database import Database
from mailer.links import Purpose
from preference_center.app import create_app
from tests.campaigns.conftest import parts_over
from tests.web.house import NOW, Customer, House, key, settings_for

LATER = NOW + timedelta(days=20 * 365)


@pytest.fixture
def years_later(
    database: Database, database_url: str, tmp_path: Path
) -> Iterator[tuple[House, House]]:
    """The house as it was, and twenty years later with a newer key."""
    then, now = ([moment] for moment in (NOW, LATER))
    both = f"{key(1)},{key(9)}"
    with (
        parts_over(settings_for(database_url, tmp_path / "then"), then) as before,
        parts_over(settings_for(database_url, tmp_path / "now", secret_keys=both), now) as after,
    ):
        yield House(before), House(after)


def nothing(house: House, jo: Customer) -> None:
    pass


def move(house: House, jo: Customer) -> None:
    house.parts.opt_outs.change_address(jo.person_id, "jo@example.net")


def merge(house: House, jo: Customer) -> None:
    other = house.customer(email="other@example.com")
    house.parts.opt_outs.merge(survivor=other.person_id, merged=jo.person_id)


def erase(house: House, jo: Customer) -> None:
    with house.parts.database.transaction() as session:
        people.erase(session, house.parts.vault, jo.person_id, now=LATER)
        permission.forget(session, jo.person_id)


def forget_the_mailing(house: House, jo: Customer) -> None:
    with house.parts.database.transaction() as session:
        session.execute(text("DELETE FROM delivery_mailing"))


@pytest.mark.clause("C08")
@pytest.mark.parametrize("since", [nothing, move, merge, erase, forget_the_mailing])
def test_the_way_out_of_an_old_mail_works(
    years_later: tuple[House, House], since: Callable[[House, Customer], None]
) -> None:
    before, after = years_later
    jo = before.customer()
    newer = after.parts.links.sign(Purpose.UNSUBSCRIBE, jo.person_id, jo.address_id, 1)
    assert newer.partition(".")[2] != jo.unsubscribe.partition(".")[2]
    since(after, jo)
    with TestClient(create_app(after.parts), base_url="http://mail.test") as client:
        page = client.get(f"/u/{jo.unsubscribe}")
        assert page.status_code == 200
        assert "Stop all promotional mail</button>" in page.text
        assert client.post(f"/u/{jo.unsubscribe}").text == "Stopped.\n"
    assert LATER in stops_at(after, jo)


def stops_at(house: House, jo: Customer) -> list[datetime]:
    """Since when somebody's promotional mail has been stopped, at the address of their link."""
    with house.parts.database.reading() as session:
        page = permission.suppressions_page(session, address_ids=[jo.address_id])
    return [each.since for each in page]
