"""Elsewhere the record of an unsubscribed reader was deleted, and their no with it: the address could
be put on the list again (https://github.com/knadh/listmonk/issues/588).

Here a no is kept by the address, too, as a keyed hash that outlives the customer: whoever comes with
the address after an erasure begins with it, until they say yes themselves.
"""

import pytest

from mailer import people, permission
from mailer.permission import Change, ImportedYes
from mailer.vocabulary import Door, Topic
from tests.campaigns.conftest import Desk
from tests.campaigns.conftest import desk as desk  # noqa: PLC0414 - a fixture
from tests.people_of_tests import TestPerson

NEWS, UPDATES = Topic.COMPANY_NEWS, Topic.SOFTWARE_UPDATES
STOP = Change(Door.ONE_CLICK, "2026-11", stop_all=True)
ONE_OFF = Change(Door.PREFERENCE_PAGE, "2026-11", topics_off=frozenset({NEWS}))
OTHER_ON = Change(Door.PREFERENCE_PAGE, "2026-11", topics_on=frozenset({UPDATES}), words="Yes.")


@pytest.mark.clause("C08")
@pytest.mark.parametrize(
    "words", [[STOP], [ONE_OFF], [STOP, OTHER_ON]], ids=["stop", "topic", "stop and another topic"]
)
def test_a_no_outlives_the_customer_who_said_it(desk: Desk, words: list[Change]) -> None:
    jo, anna = desk.customer("Jo Example"), desk.customer("Anna Becker")
    for change in words:
        desk.later(minutes=1)
        desk.parts.opt_outs.change(jo.person_id, change, address_id=jo.address_id)
    erase(desk, jo)
    again = desk.customer("Jo Example", topics=())
    assert again.person_id != jo.person_id
    with desk.database.transaction() as session:
        listed = [ImportedYes(again.person_id, frozenset(Topic), "shop")]
        permission.import_permissions(
            session, listed, policy_version="2026-11", reference="P-LIST-0001", now=desk.now
        )
    assert sent(desk) == [anna.email]
    desk.later(minutes=1)
    yes = Change(Door.PREFERENCE_PAGE, "2026-11", topics_on=frozenset({NEWS}), words="Yes.")
    desk.parts.opt_outs.change(again.person_id, yes)
    assert sent(desk) == [anna.email, anna.email, again.email]


def erase(desk: Desk, person: TestPerson) -> None:
    with desk.database.transaction() as session:
        people.erase(session, desk.parts.vault, person.person_id, now=desk.now)
        permission.forget(session, person.person_id)


def sent(desk: Desk) -> list[str]:
    """Whom campaigns have reached so far, with one more."""
    desk.do("start", desk.draft())
    desk.send_all()
    return [each.recipient for each in desk.provider.accepted]
