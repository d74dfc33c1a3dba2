"""An order update of unknown fate goes again, unless something is heard of it before the copy's turn (C05)."""

from collections.abc import Callable
from threading import Thread
from time import sleep

import pytest
from sqlalchemy import text

from mailer import delivery
from mailer.database import DatabaseAway
from mailer.delivery import Books, NewMailing, News, create_mailing, prepare_audience
from mailer.failpoints import Failpoint, acting
from mailer.people import AudienceFilter, audience_of
from mailer.providers import AboutUs, Later, Outgoing, Unknown
from mailer.vocabulary import Heard, Lane, MailingId, Outcome, PersonId, Reason, Stream
from tests.delivery.conftest import Road, is_anybody_waiting
from tests.people_of_tests import TestPerson

LOST = Unknown("no answer to the final dot")
NEW = "anna@new.example.com"
Then = Callable[[Road, TestPerson], None]
pytestmark = pytest.mark.clause("C05")


def hear(road: Road, mailing: MailingId, who: TestPerson, heard: Heard = Heard.DELIVERED) -> None:
    with road.database.transaction() as session:
        delivery.hear(session, News(mailing, who.person_id, heard, road.now), now=road.now)


def lost(road: Road, who: TestPerson) -> MailingId:
    """An order update that has left, and whose answer was lost: its copy waits in line."""
    mailing = road.order_update(who)
    road.provider.answer_for(who.email, LOST)
    road.sender.deliver_one(Lane.ORDERS)
    return mailing


def let_leave(road: Road) -> None:
    for _ in range(3):
        road.later(hours=1)
        while road.sender.deliver_one(Lane.ORDERS):
            pass


def books_of(road: Road, mailing: MailingId) -> Books:
    """Return how a mailing stands, balanced, with each batch as large as its roster says."""
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
        sizes = session.execute(
            text(
                "SELECT b.size, cardinality(r.persons), cardinality(r.addresses)"
                " FROM delivery_batch b JOIN delivery_roster r ON r.batch_id = b.id"
            )
        ).all()
        places = session.execute(
            text(
                "SELECT count(*) FROM delivery_place p JOIN delivery_roster r"
                " ON r.batch_id = p.batch_id WHERE NOT p.person_id = ANY(r.persons)"
            )
        ).scalar_one()
    assert books.balance
    assert [tuple(each) for each in sizes] == [(size, size, size) for size, *_ in sizes]
    assert places == 0, "a place names a batch that holds its person"
    return books


def told_of(road: Road, person_id: PersonId) -> tuple[Outcome, Reason]:
    with road.database.reading() as session:
        [message] = delivery.messages_of(session, person_id)
    return message.outcome, message.reason


def die_in_hand(road: Road, at: Failpoint = Failpoint.HANDED_OVER) -> None:
    """A sender ends with a batch in hand, after the hand-over or before it; the batch is given up."""

    def die(point: Failpoint) -> None:
        if point is at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), acting(die):
        road.sender.deliver_one(Lane.ORDERS)
    road.give_up()


@pytest.mark.parametrize("heard", list(Heard))
@pytest.mark.parametrize("died", [False, True])
def test_a_copy_is_recalled_by_what_is_heard_of_the_first(
    road: Road, heard: Heard, died: bool
) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.order_update(anna)
    if died:
        die_in_hand(road)
    else:
        road.provider.answer_for(anna.email, LOST)
        road.sender.deliver_one(Lane.ORDERS)
    handed = len(road.provider.accepted) + len(road.provider.doubtful)
    assert books_of(road, mailing).to_go == 1
    for _ in range(2):
        hear(road, mailing, anna, heard)
        books = books_of(road, mailing)
        assert (books.audience, books.accepted, books.to_go) == (1, 1, 0)
    let_leave(road)
    assert len(road.provider.accepted) + len(road.provider.doubtful) == handed == 1
    assert told_of(road, anna.person_id) == (Outcome.ACCEPTED, Reason.SENT_ORDER)


def to_everybody(road: Road) -> MailingId:
    """One order update to all there are, in one batch."""
    with road.database.transaction() as session:
        new = NewMailing("plan:1:bill", "order_shipped", Stream.ORDER_UPDATE)
        mailing = create_mailing(session, new, now=road.now)
        assert mailing is not None
        prepare_audience(session, mailing, audience_of(AudienceFilter()), now=road.now)
        session.execute(text("UPDATE delivery_batch SET lane = 'orders'"))
    return mailing


def test_who_travels_with_them_gets_their_copy(road: Road) -> None:
    anna, jo = road.customer("Anna Becker"), road.customer("Jo Example")
    mailing = to_everybody(road)
    for each in (anna, jo):
        road.provider.answer_for(each.email, LOST)
    road.sender.deliver_one(Lane.ORDERS)
    hear(road, mailing, anna)
    books = books_of(road, mailing)
    assert (books.accepted, books.to_go) == (1, 1)
    let_leave(road)
    assert road.got() == [jo.email]
    assert books_of(road, mailing).accepted == 2


def test_a_copy_that_is_in_hand_is_left_alone(road: Road) -> None:
    anna = road.customer("Anna Becker")
    mailing = lost(road, anna)
    road.later(hours=1)

    def be_heard(_: Outgoing) -> None:
        hear(road, mailing, anna)

    road.provider.before_each(be_heard)
    assert road.sender.deliver_one(Lane.ORDERS)
    assert road.got() == [anna.email]
    assert books_of(road, mailing).accepted == 1


def test_a_copy_of_which_something_is_heard_in_hand_has_no_further_copy(road: Road) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.order_update(anna)
    road.provider.answer_for(anna.email, LOST, LOST)

    def be_heard(_: Outgoing) -> None:
        hear(road, mailing, anna)

    road.provider.before_each(be_heard)
    assert road.sender.deliver_one(Lane.ORDERS)
    assert books_of(road, mailing).accepted == 1
    let_leave(road)
    assert len(road.provider.doubtful) == 1


def test_a_copy_that_was_put_off_since_is_recalled_too(road: Road) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.order_update(anna)
    road.provider.answer_for(anna.email, LOST, Later(451, "4.7.1 greylisted"))
    road.sender.deliver_one(Lane.ORDERS)
    road.later(minutes=2)
    road.sender.deliver_one(Lane.ORDERS)
    hear(road, mailing, anna)
    assert books_of(road, mailing).accepted == 1
    let_leave(road)
    assert road.got() == []


def test_what_was_only_put_off_is_recalled_by_nothing(road: Road) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.order_update(anna)
    road.provider.answer_for(anna.email, Later(451, "4.7.1 greylisted"))
    road.sender.deliver_one(Lane.ORDERS)
    hear(road, mailing, anna)
    let_leave(road)
    assert road.got() == [anna.email]
    assert books_of(road, mailing).accepted == 1


def test_who_has_moved_since_gets_the_copy_where_they_are(road: Road) -> None:
    """The first one may have arrived at a mistyped address, with somebody else."""
    anna = road.customer("Anna Becker")
    mailing = lost(road, anna)
    road.opt_outs.change_address(anna.person_id, "anna@new.example.com")
    hear(road, mailing, anna)
    let_leave(road)
    assert road.got() == ["anna@new.example.com"]
    assert books_of(road, mailing).accepted == 1


def test_the_late_word_of_a_sender_finds_nothing_to_say_after_a_recall(road: Road) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.order_update(anna)

    def be_given_up(point: Failpoint) -> None:
        if point is Failpoint.HANDED_OVER:
            road.give_up()
            hear(road, mailing, anna)

    with acting(be_given_up):
        road.sender.deliver_one(Lane.ORDERS)
    books = books_of(road, mailing)
    assert (books.accepted, books.to_go) == (1, 0)
    let_leave(road)
    assert road.got() == [anna.email]


def while_a_hearer_waits(road: Road, mailing: MailingId, who: TestPerson, then: Then) -> None:
    """Somebody hears of the first try, has found the copy in line, and waits for the parent's lock."""
    failed: list[Exception] = []

    def hears() -> None:
        try:
            hear(road, mailing, who)
        except DatabaseAway as error:
            failed.append(error)

    hearing = Thread(target=hears)
    with road.database.transaction() as session:
        session.execute(text("SELECT 1 FROM delivery_batch WHERE doubts = 0 FOR UPDATE"))
        hearing.start()
        while not is_anybody_waiting(road):
            sleep(0.01)
        then(road, who)
    hearing.join()
    assert failed == []


def have_it_sent(road: Road, _: TestPerson) -> None:
    road.later(minutes=2)
    assert road.worker().deliver_one(Lane.ORDERS)


def have_it_follow(road: Road, who: TestPerson) -> None:
    """The reader moves; a sender whose provider takes nothing now claims it, and gives it back."""
    road.opt_outs.change_address(who.person_id, NEW)
    road.later(minutes=2)
    road.provider.refuse_us(AboutUs(421, "4.3.0 busy"))
    road.worker().deliver_one(Lane.ORDERS)
    road.provider.refuse_us(None)


def have_them_move(road: Road, who: TestPerson) -> None:
    road.opt_outs.change_address(who.person_id, NEW)


@pytest.mark.parametrize(
    ("then", "got"),
    [(have_it_sent, "anna.becker@example.com"), (have_it_follow, NEW), (have_them_move, NEW)],
)
def test_a_copy_that_left_the_line_or_its_reader_the_mailbox_while_something_is_heard_goes(
    road: Road, then: Then, got: str
) -> None:
    anna = road.customer("Anna Becker")
    mailing = lost(road, anna)
    while_a_hearer_waits(road, mailing, anna, then)
    let_leave(road)
    assert road.got() == [got]
    books = books_of(road, mailing)
    assert (books.accepted, books.unknown, books.to_go) == (1, 0, 0)


def settle_while_hearing(road: Road, mailing: MailingId, who: TestPerson) -> None:
    """Neither sees what the other writes: something is heard first, and committed last."""
    heard: list[object] = []
    news = News(mailing, who.person_id, Heard.DELIVERED, road.now)
    with road.database.transaction() as session:
        road.provider.before_each(
            lambda _: heard.append(delivery.hear(session, news, now=road.now))
        )
        road.sender.deliver_one(Lane.ORDERS)
        road.provider.before_each(None)
    assert heard


def test_what_is_heard_while_its_mail_is_settled_ends_its_copy_before_its_turn(road: Road) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.order_update(anna)
    road.provider.answer_for(anna.email, LOST)
    settle_while_hearing(road, mailing, anna)
    assert books_of(road, mailing).to_go == 1
    let_leave(road)
    assert road.got() == []
    assert books_of(road, mailing).accepted == 1
    assert told_of(road, anna.person_id) == (Outcome.ACCEPTED, Reason.SENT_ORDER)


def test_what_is_heard_while_the_copy_is_claimed_ends_it_where_it_is_given_back(road: Road) -> None:
    anna = road.customer("Anna Becker")
    mailing = lost(road, anna)
    road.later(minutes=2)

    def be_heard(point: Failpoint) -> None:
        if point is Failpoint.PRINTED:
            hear(road, mailing, anna)
            road.provider.refuse_us(AboutUs(421, "4.3.0 busy"))

    with acting(be_heard):
        road.sender.deliver_one(Lane.ORDERS)
    road.provider.refuse_us(None)
    let_leave(road)
    assert road.got() == []
    assert books_of(road, mailing).accepted == 1


def test_whose_copy_was_lost_while_something_was_heard_gets_no_other(road: Road) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.order_update(anna)
    road.provider.answer_for(anna.email, LOST, LOST)
    road.sender.deliver_one(Lane.ORDERS)
    while_a_hearer_waits(road, mailing, anna, have_it_sent)
    let_leave(road)
    assert road.got() == []
    assert books_of(road, mailing).accepted == 1


def test_of_two_whose_copy_has_its_turn_only_who_was_not_heard_of_gets_one(road: Road) -> None:
    anna, jo = road.customer("Anna Becker"), road.customer("Jo Example")
    mailing = to_everybody(road)
    for each in (anna, jo):
        road.provider.answer_for(each.email, LOST)
    settle_while_hearing(road, mailing, anna)
    let_leave(road)
    assert road.got() == [jo.email]
    assert books_of(road, mailing).accepted == 2


def test_a_copy_that_is_claimed_while_something_is_heard_stays_with_its_sender(road: Road) -> None:
    """The hearing finds it in line, waits for the claim's lock, and must look again."""
    anna = road.customer("Anna Becker")
    mailing = lost(road, anna)
    news = News(mailing, anna.person_id, Heard.DELIVERED, road.now)

    def hears() -> None:
        with road.database.transaction() as session:
            delivery.hear(session, news, now=road.now)

    hearing = Thread(target=hears)
    with road.database.transaction() as session:
        session.execute(text("UPDATE delivery_batch SET state = 'claimed' WHERE doubts > 0"))
        hearing.start()
        while not is_anybody_waiting(road):
            sleep(0.01)
    hearing.join()
    with road.database.reading() as session:
        states = session.execute(text("SELECT state, size FROM delivery_batch ORDER BY id")).all()
    assert [tuple(each) for each in states] == [("settled", 0), ("claimed", 1)]
