"""Elsewhere a message that was delivered took its reader off the suppression list
(https://github.com/postalserver/postal/issues/60).

Here a delivery is news about one message: it lifts nothing, whatever the no is and however late, often
or in what order it is heard; only the person's own yes ends their no.
"""

from collections.abc import Callable

import pytest

from mailer import delivery, permission
from mailer.delivery import News
from mailer.permission import Change, NewSuppression
from mailer.vocabulary import Door, Heard, Lane, MailingId, Scope, SuppressionReason
from tests.delivery.conftest import Road
from tests.delivery.conftest import road as road  # noqa: PLC0414 - a fixture
from tests.people_of_tests import TestPerson

Nay = Callable[[Road, TestPerson, MailingId], object]


def opt_out(road: Road, jo: TestPerson, mailing: MailingId) -> None:
    road.opt_outs.change(jo.person_id, Change(Door.ONE_CLICK, "2026-11", stop_all=True))


def complaint(road: Road, jo: TestPerson, mailing: MailingId) -> None:
    road.opt_outs.hear(News(mailing, jo.person_id, Heard.COMPLAINED, road.now))


def bounce(road: Road, jo: TestPerson, mailing: MailingId) -> None:
    news = News(mailing, jo.person_id, Heard.BOUNCED, road.now, 550, "5.1.1 no such user")
    road.opt_outs.hear(news)


def list_of_nos(road: Road, jo: TestPerson, mailing: MailingId) -> None:
    no = NewSuppression(
        Scope.PROMOTIONAL, SuppressionReason.IMPORTED, Door.API, address_id=jo.address_id
    )
    road.opt_outs.suppress(no)


@pytest.mark.clause("C08")
@pytest.mark.parametrize("no", [opt_out, complaint, bounce, list_of_nos])
def test_a_delivery_that_is_heard_after_a_no_lifts_nothing(road: Road, no: Nay) -> None:
    jo, anna = road.customer("Jo Example"), road.customer("Anna Becker")
    first = road.campaign("campaign:1")
    road.sender.deliver_one(Lane.PROMOTIONAL)
    no(road, jo, first)
    for _ in range(2):
        road.later(days=1)
        road.opt_outs.hear(
            *(News(first, each.person_id, Heard.DELIVERED, road.now) for each in (jo, anna))
        )
    second = road.campaign("campaign:2")
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert road.got() == [jo.email, anna.email, anna.email]
    with road.database.reading() as session:
        books = delivery.books(session, second)
        standing = permission.suppressions_page(session, address_ids=[jo.address_id])
    assert sum(books.refused.values()) == 1
    assert [each.lifted_at for each in standing] == [None]
