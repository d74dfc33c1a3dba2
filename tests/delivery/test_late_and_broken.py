"""Late words, doubtful commits, rows that cannot be read, and a cancellation in the middle."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session

from mailer import delivery
from mailer.database import CommitInDoubt, Database, DatabaseAway
from mailer.delivery import MailingState, News
from mailer.delivery.batches import claim, move_to_child
from mailer.delivery.settle import SOON
from mailer.providers import NotBegun, Outgoing, Unknown
from mailer.vocabulary import Heard, Lane, MailingId, Outcome, Reason
from tests.delivery.conftest import Road, is_anybody_waiting

TIMEOUT = timedelta(seconds=60)


def reaped(road: Road, *news: News) -> None:
    """Let so much time pass that the batch in hand is given up, and hear something of it."""
    road.give_up()
    with road.database.transaction() as session:
        for each in news:
            delivery.hear(session, each, now=road.now)


def once(act: Callable[[], object]) -> Callable[[Outgoing], None]:
    acts = [act]

    def hook(_: Outgoing) -> None:
        if acts:
            acts.pop()()

    return hook


def books_of(road: Road, mailing: MailingId) -> delivery.Books:
    with road.database.reading() as session:
        return delivery.books(session, mailing)


def test_a_late_settlement_waits_for_the_sweep_that_is_giving_its_batch_up(road: Road) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.campaign()
    is_written = threading.Event()

    def give_up() -> None:
        with road.database.transaction() as session:
            road.reaper.reap(session, reply_timeout=TIMEOUT, now=road.now)
            is_written.set()
            while not is_anybody_waiting(road):
                time.sleep(0.01)

    def meanwhile() -> None:
        road.sweep()
        road.later(seconds=100)
        sweep.start()
        is_written.wait()

    sweep = threading.Thread(target=give_up)
    road.provider.answer_for(anna.email, NotBegun())
    road.provider.before_each(once(meanwhile))
    road.sender.deliver_one(Lane.PROMOTIONAL)
    sweep.join()
    road.later(minutes=1)
    assert road.sender.deliver_one(Lane.PROMOTIONAL)
    assert road.got() == [anna.email]
    assert books_of(road, mailing).accepted == 1


def test_a_late_settlement_is_believed_and_who_was_not_begun_still_gets_the_mail(
    road: Road,
) -> None:
    anna, jo = road.customer("Anna Becker"), road.customer("Jo Example")
    mailing = road.campaign()
    road.provider.answer_for(jo.email, NotBegun())
    road.provider.before_each(once(lambda: reaped(road)))
    road.sender.deliver_one(Lane.PROMOTIONAL)
    while road.sender.deliver_one(Lane.PROMOTIONAL):
        pass
    assert road.got() == [anna.email, jo.email]
    books = books_of(road, mailing)
    assert books.balance
    assert (books.accepted, books.unknown) == (2, 0)


def test_a_late_settlement_keeps_what_was_heard_meanwhile(road: Road) -> None:
    anna, jo = road.customer("Anna Becker"), road.customer("Jo Example")
    mailing = road.campaign()
    road.provider.answer_for(jo.email, Unknown("no answer to the final dot"))
    news = News(mailing, jo.person_id, Heard.DELIVERED, road.now)
    road.provider.before_each(once(lambda: reaped(road, news)))
    road.sender.deliver_one(Lane.PROMOTIONAL)
    books = books_of(road, mailing)
    assert books.balance
    assert (books.accepted, books.unknown) == (2, 0)
    assert anna.email in road.got()


class KillError(Exception):
    """Stands for kill -9 while the batch is in hand."""


def hear_and_die(road: Road, *news: News) -> None:
    """End the next sender in the act; what is told here was heard just before."""

    def die(_: Outgoing) -> None:
        with road.database.transaction() as session:
            delivery.hear(session, *news, now=road.now)
        raise KillError

    road.provider.before_each(die)


@pytest.mark.parametrize("heard", Heard)
def test_what_was_heard_before_a_batch_is_given_up_leaves_no_doubt_about_them(
    road: Road, heard: Heard
) -> None:
    anna, _ = road.customer("Anna Becker"), road.customer("Jo Example")
    mailing = road.campaign()
    hear_and_die(road, News(mailing, anna.person_id, heard, road.now))
    with pytest.raises(KillError):
        road.sender.deliver_one(Lane.PROMOTIONAL)
    reaped(road)
    books = books_of(road, mailing)
    assert books.balance
    assert (books.accepted, books.unknown) == (1, 1)
    with road.database.reading() as session:
        (record,) = delivery.messages_of(session, anna.person_id)
    assert record.outcome is Outcome.ACCEPTED


def test_a_batch_of_which_all_was_heard_is_settled_and_no_copy_of_it_made(road: Road) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.order_update(anna)
    hear_and_die(road, News(mailing, anna.person_id, Heard.DELIVERED, road.now))
    with pytest.raises(KillError):
        road.sender.deliver_one(Lane.ORDERS)
    reaped(road)
    books = books_of(road, mailing)
    assert books.balance
    assert (books.accepted, books.to_go) == (1, 0)
    with road.database.reading() as session:
        assert delivery.unknown_batches(session) == []


def test_a_late_settlement_keeps_what_was_heard_before_it_was_given_up(road: Road) -> None:
    anna, jo = road.customer("Anna Becker"), road.customer("Jo Example")
    mailing = road.campaign()
    road.provider.answer_for(jo.email, Unknown("no answer to the final dot"))
    news = News(mailing, jo.person_id, Heard.DELIVERED, road.now)

    def hear_then_reap() -> None:
        with road.database.transaction() as session:
            delivery.hear(session, news, now=road.now)
        reaped(road)

    road.provider.before_each(once(hear_then_reap))
    road.sender.deliver_one(Lane.PROMOTIONAL)
    books = books_of(road, mailing)
    assert books.balance
    assert (books.accepted, books.unknown) == (2, 0)
    assert anna.email in road.got()


def test_a_settlement_in_time_knows_what_was_heard_while_its_reply_was_lost(road: Road) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.campaign()
    road.provider.answer_for(anna.email, Unknown("no answer to the final dot"))

    def hear() -> None:
        with road.database.transaction() as session:
            delivery.hear(
                session, News(mailing, anna.person_id, Heard.DELIVERED, road.now), now=road.now
            )

    road.provider.before_each(once(hear))
    road.sender.deliver_one(Lane.PROMOTIONAL)
    books = books_of(road, mailing)
    assert books.balance
    assert (books.accepted, books.unknown) == (1, 0)


def test_the_late_word_about_an_order_update_recalls_its_copy(road: Road) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.order_update(anna)
    road.provider.before_each(once(lambda: reaped(road)))
    road.sender.deliver_one(Lane.ORDERS)
    road.later(hours=1)
    assert not road.sender.deliver_one(Lane.ORDERS)
    assert road.got() == [anna.email]
    books = books_of(road, mailing)
    assert books.balance
    assert books.accepted == 1


class DoubtfulDatabase(Database):
    """Loses the reply to one COMMIT, after it was done or instead of it."""

    def __init__(self, url: str, *, is_done: bool) -> None:
        super().__init__(url)
        self._is_done = is_done
        self.doubts_at: str | None = None

    def _commit(self, session: Session) -> None:
        if self.doubts_at is None or not self._is_at(session, self.doubts_at):
            return super()._commit(session)
        self.doubts_at = None
        if self._is_done:
            session.commit()
        else:
            session.rollback()
        raise CommitInDoubt("the reply was lost")

    def _is_at(self, session: Session, state: str) -> bool:
        held = text("SELECT count(*) FROM delivery_batch WHERE state = :state")
        return bool(session.execute(held, {"state": state}).scalar_one())


@pytest.mark.parametrize("is_done", [True, False])
def test_a_doubtful_commit_of_taking_in_hand_loses_nobody(road: Road, is_done: bool) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.campaign()
    doubtful = DoubtfulDatabase(road.database.url, is_done=is_done)
    road.sender = road.worker(database=doubtful)
    doubtful.doubts_at = "handing"
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert road.got() == []
    road.later(seconds=SOON.total_seconds())
    while road.sender.deliver_one(Lane.PROMOTIONAL):
        pass
    doubtful.close()
    assert road.got() == [anna.email]
    books = books_of(road, mailing)
    assert books.balance
    assert (books.accepted, books.unknown) == (1, 0)


class ForgetfulDatabase(DoubtfulDatabase):
    """Is away, too, when somebody wants to know what became of the doubtful COMMIT."""

    def __init__(self, url: str) -> None:
        super().__init__(url, is_done=True)
        self._looks_in_vain = 1

    @contextmanager
    def reading(self) -> Iterator[Session]:
        if self.doubts_at is None and self._looks_in_vain:
            self._looks_in_vain = 0
            raise DatabaseAway("between two moments")
        with super().reading() as session:
            yield session


def test_a_settlement_that_was_written_in_doubt_is_not_written_again(road: Road) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.campaign()
    forgetful = ForgetfulDatabase(road.database.url)
    road.sender = road.worker(database=forgetful)
    road.provider.answer_for(anna.email, NotBegun())
    forgetful.doubts_at = "settled"
    assert road.sender.deliver_one(Lane.PROMOTIONAL)
    assert books_of(road, mailing).to_go == 1
    road.later(seconds=SOON.total_seconds())
    assert road.sender.deliver_one(Lane.PROMOTIONAL)
    forgetful.close()
    assert road.got() == [anna.email]
    assert books_of(road, mailing).accepted == 1


@pytest.mark.parametrize("lane", Lane)
def test_a_doubt_that_outlasts_the_senders_time_is_resolved_all_the_same(
    road: Road, lane: Lane
) -> None:
    """Nobody was handed over, and the sender knows it, though its batch was given up meanwhile."""
    anna = road.customer("Anna Becker")
    mailing = road.campaign() if lane is Lane.PROMOTIONAL else road.order_update(anna)
    doubtful = DoubtfulDatabase(road.database.url, is_done=True)
    slow = road.worker(database=doubtful, sleep=lambda _: meanwhile(road))
    doubtful.doubts_at = "handing"
    slow.deliver_one(lane)
    doubtful.close()
    assert road.got() == []
    assert books_of(road, mailing).to_go == 1
    road.later(minutes=1)
    while road.sender.deliver_one(lane):
        pass
    assert road.got() == [anna.email]
    books = books_of(road, mailing)
    assert books.balance
    assert (books.accepted, books.unknown) == (1, 0)


def meanwhile(road: Road) -> None:
    road.give_up()


def test_a_cancellation_and_a_claim_never_wait_for_each_other(road: Road) -> None:
    for n in range(3):
        road.customer(f"Customer {n}")
    mailing = road.campaign()
    failures: list[BaseException] = []

    def cancel() -> None:
        try:
            with road.database.transaction() as session:
                delivery.set_mailing_state(session, mailing, MailingState.CANCELLED)
        except BaseException as error:
            failures.append(error)

    with road.database.transaction() as session:
        batch = claim(
            session, lane=Lane.PROMOTIONAL, token=uuid.uuid4(), lease=TIMEOUT, now=road.now
        )
        assert batch is not None
        thread = threading.Thread(target=cancel)
        thread.start()
        time.sleep(0.3)
        move_to_child(session, batch, list(batch.people)[1:], attempt=1, not_before=road.now)
    thread.join(10)
    assert failures == []
    books = books_of(road, mailing)
    assert books.balance
    assert books.cancelled == 3


def test_a_letter_that_can_never_be_made_is_given_up_after_a_day(road: Road) -> None:
    anna = road.customer("Anna Becker")
    mailing = road.campaign()

    def fail() -> None:
        raise LookupError("a fault in the letter")

    road.press.after_printing = fail
    assert road.sender.deliver_one(Lane.PROMOTIONAL)
    assert not road.sender.deliver_one(Lane.PROMOTIONAL), "it does not hold up the lane"
    road.later(days=1)
    assert road.sender.deliver_one(Lane.PROMOTIONAL)
    books = books_of(road, mailing)
    assert books.balance
    assert books.refused == {Reason.NOT_DATA: 1}
    assert anna.email not in road.got()
