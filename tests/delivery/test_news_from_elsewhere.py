"""What is heard of a mail may be about the try that went elsewhere: it proves nothing of the next one."""

from threading import Thread
from time import sleep

import pytest
from sqlalchemy import text

from mailer import people, permission
from mailer.delivery import News
from mailer.failpoints import Failpoint
from mailer.providers import AboutUs, Later, Outgoing, Rejected
from mailer.vocabulary import Heard, Lane, MailingId, SuppressionReason
from tests.delivery.conftest import Road, is_anybody_waiting
from tests.delivery.test_copies_recalled import LOST, books_of, die_in_hand, hear, let_leave, lost
from tests.people_of_tests import TestPerson

NEW = "anna@new.example.com"
POLICY = Rejected(550, "5.7.1 policy", about_person=True)
NO_SUCH_USER = (550, "5.1.1 no such user")


@pytest.fixture
def anna(road: Road) -> TestPerson:
    return road.customer("Anna Becker")


def lost_before_they_moved(road: Road, who: TestPerson) -> MailingId:
    """An order update of unknown fate, whose address the shop corrects before the next try."""
    mailing = lost(road, who)
    road.opt_outs.change_address(who.person_id, NEW)
    return mailing


def suppressed_for(road: Road) -> list[SuppressionReason]:
    with road.database.reading() as session:
        return [each.reason for each in permission.suppressions_page(session)]


@pytest.mark.clause("C05")
def test_news_of_the_old_mailbox_ends_no_doubt_about_the_new_one(
    road: Road, anna: TestPerson
) -> None:
    mailing = lost_before_they_moved(road, anna)
    road.provider.answer_for(NEW, LOST)
    hear(road, mailing, anna, Heard.BOUNCED)
    let_leave(road)
    assert road.got() == [NEW]
    assert books_of(road, mailing).accepted == 1


@pytest.mark.clause("C05")
def test_a_copy_that_has_followed_its_reader_is_not_recalled(road: Road, anna: TestPerson) -> None:
    mailing = lost_before_they_moved(road, anna)
    road.provider.answer_for(NEW, Later(451, "4.7.1 greylisted"))
    road.later(minutes=2)
    road.sender.deliver_one(Lane.ORDERS)
    hear(road, mailing, anna, Heard.BOUNCED)
    let_leave(road)
    assert road.got() == [NEW]
    assert books_of(road, mailing).accepted == 1


@pytest.mark.clause("C05")
def test_whose_sender_died_before_the_new_mailbox_is_not_accepted_by_news_of_the_old_one(
    road: Road, anna: TestPerson
) -> None:
    mailing = lost_before_they_moved(road, anna)
    hear(road, mailing, anna, Heard.BOUNCED)
    road.later(hours=1)
    die_in_hand(road, Failpoint.IN_HAND)
    let_leave(road)
    assert road.got() == [NEW]
    assert books_of(road, mailing).accepted == 1


@pytest.mark.clause("C05")
def test_what_stays_unknown_at_the_new_mailbox_stays_so_whatever_the_old_one_says(
    road: Road, anna: TestPerson
) -> None:
    mailing = lost_before_they_moved(road, anna)
    road.provider.answer_for(NEW, LOST, LOST)
    let_leave(road)
    assert books_of(road, mailing).unknown == 1
    hear(road, mailing, anna, Heard.BOUNCED)
    assert books_of(road, mailing).unknown == 1


@pytest.mark.clause("C05")
def test_a_bounce_of_the_old_mailbox_does_not_silence_the_new_one(
    road: Road, anna: TestPerson
) -> None:
    mailing = lost_before_they_moved(road, anna)
    let_leave(road)
    for _ in range(2):
        news = News(mailing, anna.person_id, Heard.BOUNCED, road.now, *NO_SUCH_USER)
        road.opt_outs.hear(news)
    assert suppressed_for(road) == []


@pytest.mark.clause("C05")
def test_a_bounce_before_the_copy_follows_silences_the_mailbox_it_is_about(
    road: Road, anna: TestPerson
) -> None:
    mailing = lost_before_they_moved(road, anna)
    road.opt_outs.hear(News(mailing, anna.person_id, Heard.BOUNCED, road.now, *NO_SUCH_USER))
    with road.database.reading() as session:
        [found] = permission.suppressions_page(session)
    assert (found.address_id, found.reason) == (anna.address_id, SuppressionReason.HARD_BOUNCE)
    let_leave(road)
    assert road.got() == [NEW]


@pytest.mark.clause("C08")
def test_a_complaint_about_an_order_update_that_went_along_with_a_merge_is_heard(
    road: Road, anna: TestPerson
) -> None:
    jo = road.customer("Jo Example")
    mailing = lost(road, jo)
    road.opt_outs.merge(survivor=anna.person_id, merged=jo.person_id)
    let_leave(road)
    assert road.got() == [anna.email]
    road.opt_outs.hear(News(mailing, jo.person_id, Heard.COMPLAINED, road.now))
    assert set(suppressed_for(road)) == {SuppressionReason.COMPLAINT}


@pytest.mark.clause("C05")
def test_a_copy_that_is_put_off_while_its_first_is_heard_of_goes_no_more(
    road: Road, anna: TestPerson
) -> None:
    mailing = road.order_update(anna)
    road.provider.answer_for(anna.email, LOST, Later(451, "4.7.1 greylisted"))
    road.sender.deliver_one(Lane.ORDERS)
    road.later(minutes=2)

    def be_heard(_: Outgoing) -> None:
        hear(road, mailing, anna)

    road.provider.before_each(be_heard)
    road.sender.deliver_one(Lane.ORDERS)
    road.provider.before_each(lambda _: None)
    let_leave(road)
    assert road.got() == []
    assert books_of(road, mailing).accepted == 1


@pytest.mark.clause("C08")
@pytest.mark.parametrize("is_merged", [False, True])
def test_a_complaint_is_heard_although_the_copy_was_rejected(
    road: Road, anna: TestPerson, is_merged: bool
) -> None:
    jo = road.customer("Jo Example")
    mailing = road.order_update(jo)
    road.provider.answer_for(jo.email, LOST, POLICY)
    road.provider.answer_for(anna.email, POLICY)
    road.sender.deliver_one(Lane.ORDERS)
    if is_merged:
        road.opt_outs.merge(survivor=anna.person_id, merged=jo.person_id)
    let_leave(road)
    assert road.got() == []
    road.opt_outs.hear(News(mailing, jo.person_id, Heard.COMPLAINED, road.now))
    assert set(suppressed_for(road)) == {SuppressionReason.COMPLAINT}


def test_a_bounce_of_somebody_merged_does_not_silence_the_survivor(
    road: Road, anna: TestPerson
) -> None:
    jo = road.customer("Jo Example")
    mailing = road.campaign()
    road.provider.answer_for(jo.email, POLICY)
    while road.sender.deliver_one(Lane.PROMOTIONAL):
        pass
    road.opt_outs.merge(survivor=anna.person_id, merged=jo.person_id)
    road.opt_outs.hear(News(mailing, jo.person_id, Heard.BOUNCED, road.now, *NO_SUCH_USER))
    assert suppressed_for(road) == []


@pytest.mark.clause("C05")
def test_a_late_word_does_not_take_back_a_copy_that_has_followed_its_reader(
    road: Road, anna: TestPerson
) -> None:
    """The sender is slow and given up; the copy follows, is put off by the relay, and is waited for."""
    mailing = road.order_update(anna)
    road.provider.answer_for(anna.email, Later(451, "4.7.1 greylisted"))

    def meanwhile(_: Outgoing) -> None:
        road.provider.before_each(lambda _: None)
        road.give_up()
        road.opt_outs.change_address(anna.person_id, NEW)
        road.later(seconds=1)
        road.provider.refuse_us(AboutUs(421, "4.3.0 busy"))
        road.worker().deliver_one(Lane.ORDERS)
        road.provider.refuse_us(None)

    road.provider.before_each(meanwhile)
    road.sender.deliver_one(Lane.ORDERS)
    let_leave(road)
    assert road.got() == [NEW]
    assert books_of(road, mailing).accepted == 1


def merged_before_the_first_try(road: Road, anna: TestPerson) -> tuple[TestPerson, MailingId]:
    """An order update that bears Jo's number, and goes to Anna alone."""
    jo = road.customer("Jo Example")
    mailing = road.order_update(jo)
    road.opt_outs.merge(survivor=anna.person_id, merged=jo.person_id)
    return jo, mailing


@pytest.mark.clause("C10")
def test_a_bounce_of_the_only_mailbox_that_was_tried_silences_it(
    road: Road, anna: TestPerson
) -> None:
    jo, mailing = merged_before_the_first_try(road, anna)
    let_leave(road)
    assert road.got() == [anna.email]
    road.opt_outs.hear(News(mailing, jo.person_id, Heard.BOUNCED, road.now, *NO_SUCH_USER))
    with road.database.reading() as session:
        [found] = permission.suppressions_page(session)
    assert (found.address_id, found.reason) == (anna.address_id, SuppressionReason.HARD_BOUNCE)


@pytest.mark.clause("C05")
def test_what_is_heard_of_an_update_that_went_along_recalls_its_copy(
    road: Road, anna: TestPerson
) -> None:
    jo, mailing = merged_before_the_first_try(road, anna)
    road.provider.answer_for(anna.email, LOST)
    road.sender.deliver_one(Lane.ORDERS)
    hear(road, mailing, jo)
    let_leave(road)
    assert road.got() == []
    assert books_of(road, mailing).accepted == 1


@pytest.mark.clause("C05")
@pytest.mark.parametrize("died", [False, True])
@pytest.mark.parametrize("is_merged", [False, True])
def test_who_leaves_while_it_is_in_hand_gets_it_where_they_are_whatever_is_heard(
    road: Road, anna: TestPerson, is_merged: bool, died: bool
) -> None:
    jo = road.customer("Jo Example")
    mailing = road.order_update(anna)
    road.provider.answer_for(anna.email, LOST)

    def leave(_: Outgoing) -> None:
        if is_merged:
            road.opt_outs.merge(survivor=jo.person_id, merged=anna.person_id)
        else:
            road.opt_outs.change_address(anna.person_id, NEW)
        hear(road, mailing, anna, Heard.BOUNCED)

    road.provider.before_each(leave)
    if died:
        die_in_hand(road, Failpoint.HANDED_OVER)
    else:
        road.sender.deliver_one(Lane.ORDERS)
    road.provider.before_each(None)
    let_leave(road)
    assert road.got() == [jo.email if is_merged else NEW]
    assert books_of(road, mailing).accepted == 1


@pytest.mark.clause("C05")
@pytest.mark.parametrize("died", [False, True])
def test_what_is_heard_of_an_update_that_went_along_before_it_is_settled_counts(
    road: Road, anna: TestPerson, died: bool
) -> None:
    jo, mailing = merged_before_the_first_try(road, anna)
    road.provider.answer_for(anna.email, LOST)

    def be_heard(_: object) -> None:
        hear(road, mailing, jo)

    road.provider.before_each(be_heard)
    if died:
        die_in_hand(road)
    else:
        road.sender.deliver_one(Lane.ORDERS)
    road.provider.before_each(None)
    let_leave(road)
    assert road.got() == []
    assert books_of(road, mailing).accepted == 1


@pytest.mark.clause("C05")
def test_what_is_heard_of_an_update_that_went_along_ends_its_doubt(
    road: Road, anna: TestPerson
) -> None:
    jo, mailing = merged_before_the_first_try(road, anna)
    road.provider.answer_for(anna.email, LOST, LOST, LOST)
    let_leave(road)
    assert books_of(road, mailing).unknown == 1
    hear(road, mailing, jo)
    books = books_of(road, mailing)
    assert (books.accepted, books.unknown) == (1, 0)


@pytest.mark.clause("C08")
def test_of_a_campaign_news_of_the_merged_one_ends_no_doubt_about_the_survivor(
    road: Road, anna: TestPerson
) -> None:
    """Each had a mail of their own; the one that was merged has left no place behind."""
    jo = road.customer("Jo Example")
    mailing = road.campaign()
    road.provider.answer_for(anna.email, LOST)
    road.provider.answer_for(jo.email, POLICY)
    while road.sender.deliver_one(Lane.PROMOTIONAL):
        pass
    road.opt_outs.merge(survivor=anna.person_id, merged=jo.person_id)
    hear(road, mailing, jo)
    books = books_of(road, mailing)
    assert (books.accepted, books.rejected, books.unknown) == (0, 1, 1)


@pytest.mark.clause("C08")
def test_a_complaint_is_heard_although_they_are_merged_and_their_copy_follows_at_that_moment(
    road: Road, anna: TestPerson
) -> None:
    """The hearer has read who Jo is, and waits before it reads where the mail went."""
    jo = road.customer("Jo Example")
    mailing = lost(road, jo)
    news = News(mailing, jo.person_id, Heard.COMPLAINED, road.now)
    hearing = Thread(target=road.opt_outs.hear, args=(news,))
    with road.database.transaction() as session:
        session.execute(text("LOCK TABLE delivery_place"))
        hearing.start()
        while not is_anybody_waiting(road):
            sleep(0.01)
        survivor, merged = anna.person_id, jo.person_id
        permission.merge(session, survivor=survivor, merged=merged, now=road.now)
        people.merge(session, survivor=survivor, merged=merged, now=road.now)
        follow = "UPDATE delivery_place SET person_id = :person, address_id = :address"
        session.execute(text(follow), {"person": survivor, "address": anna.address_id})
    hearing.join()
    assert set(suppressed_for(road)) == {SuppressionReason.COMPLAINT}
