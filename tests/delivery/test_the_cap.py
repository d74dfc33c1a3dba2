"""The company's cap on the road: counted by mailbox, at claim and gate, whoever is at it at once."""

import threading

import pytest

from mailer import delivery, support
from mailer.delivery import NewMailing, Sender
from mailer.delivery.mailings import TEST
from mailer.people import AudienceFilter, audience_of
from mailer.permission import read_cap
from mailer.providers import MemoryProvider, Outgoing, Rejected, Unknown
from mailer.vocabulary import Lane, MailingId, Outcome, Reason, Refused, Stream, Topic
from tests.delivery.conftest import Road


def run(road: Road, sender: Sender | None = None) -> None:
    while (sender or road.sender).deliver_one(Lane.PROMOTIONAL):
        pass


def refusals(road: Road, mailing: MailingId) -> dict[Reason, int]:
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert books.balance
    return dict(books.refused)


@pytest.mark.clause("C07")
def test_a_cap_holds_over_all_topics_and_campaigns_until_its_period_is_over(road: Road) -> None:
    both = (Topic.COMPANY_NEWS, Topic.SOFTWARE_UPDATES)
    anna = road.customer("Anna Becker", topics=both)
    road.cap("2/7d")
    first, second, third = (
        road.campaign("campaign:1"),
        road.campaign("campaign:2", Topic.SOFTWARE_UPDATES),
        road.campaign("campaign:3"),
    )
    run(road)
    assert road.got() == [anna.email] * 2
    assert [refusals(road, each) for each in (first, second, third)] == [
        {}, {}, {Reason.NOT_CAP: 1}
    ]  # fmt: skip
    road.later(days=7, seconds=1)
    road.campaign("campaign:4")
    run(road)
    assert len(road.got()) == 3


def test_order_updates_and_tests_leave_whatever_the_cap_says_and_do_not_count(road: Road) -> None:
    anna = road.customer("Anna Becker")
    road.cap("1/7d")
    road.order_update(anna)
    road.sender.deliver_one(Lane.ORDERS)
    with road.database.transaction() as session:
        shown = delivery.create_mailing(
            session,
            NewMailing("t", TEST, Stream.PROMOTIONAL, Topic.COMPANY_NEWS, content={}),
            now=road.now,
        )
        assert shown is not None
        delivery.prepare_audience(session, shown, audience_of(AudienceFilter()), now=road.now)
    road.campaign()
    run(road)
    road.order_update(anna, "order:2:shipped:1")
    road.sender.deliver_one(Lane.ORDERS)
    assert len(road.got()) == 4


def test_a_rejected_mail_gives_its_room_back_and_one_of_unknown_fate_keeps_it(road: Road) -> None:
    anna, jo = road.customer("Anna Becker"), road.customer("Jo Example")
    road.cap("1/7d")
    road.provider.answer_for(anna.email, Rejected(554, "no", about_person=False))
    road.provider.answer_for(jo.email, Unknown("cut"))
    road.campaign("campaign:1")
    run(road)
    second = road.campaign("campaign:2")
    run(road)
    assert road.got() == [anna.email]
    assert refusals(road, second) == {Reason.NOT_CAP: 1}


def test_a_dry_run_and_a_look_ahead_tell_what_the_cap_will_hold_back(road: Road) -> None:
    anna = road.customer("Anna Becker")
    road.cap("1/7d")
    road.campaign("campaign:1")
    run(road)
    second, cap = road.campaign("campaign:2"), read_cap("1/7d")
    with road.database.reading() as session:
        ran = delivery.dry_run(
            session,
            stream=Stream.PROMOTIONAL,
            topic=Topic.COMPANY_NEWS,
            audience=audience_of(AudienceFilter()),
            cap=cap,
            now=road.now,
        )
        ahead = delivery.verdicts_ahead(session, second, [anna.person_id], cap=cap, now=road.now)
    run(road)
    assert ran.refused == refusals(road, second) == {Reason.NOT_CAP: 1}
    verdict = ahead[anna.person_id]
    assert isinstance(verdict, Refused)
    assert verdict.reason is Reason.NOT_CAP
    with road.database.reading() as session:
        told, _ = delivery.messages_of(session, anna.person_id)
    assert (told.outcome, told.since) == (Outcome.REFUSED, road.now)


def test_support_is_told_that_the_cap_held_a_mail_back_and_when_the_last_one_left(
    road: Road,
) -> None:
    anna = road.customer("Anna Becker")
    road.cap("1/7d")
    road.campaign("campaign:1")
    road.campaign("campaign:2")
    run(road)
    with road.database.transaction() as session:
        [story] = support.explain(
            session, road.vault, anna.email, actor="staff:7", cap=read_cap("1/7d"), now=road.now
        ).customers
    held_back = story.messages[0]
    assert held_back.reason is Reason.NOT_CAP
    day = f"{road.now.day} {road.now:%B %Y}"
    had = "You'd had as much promotional mail as we send at most; the last left on"
    assert held_back.sentence == f"{had} {day}."
    news = next(each for each in story.now if each.topic is Topic.COMPANY_NEWS)
    assert (news.allowed, news.reason, news.sentence) == (
        False,
        Reason.NOT_CAP,
        f"{had} {day}.",
    )
    orders = next(each for each in story.now if each.topic is None)
    assert orders.allowed


@pytest.mark.parametrize("whole", [1, 2])
def test_of_campaigns_in_hand_at_once_no_more_pass_than_the_cap_lets(
    road: Road, whole: int
) -> None:
    """While the first message is on the wire, another worker takes the next campaign whole."""
    anna = road.customer("Anna Becker")
    cap = f"{whole}/7d"
    road.cap(cap)
    second_provider = MemoryProvider()
    other = road.worker(provider=second_provider, cap=cap)
    road.campaign("campaign:1")
    second = road.campaign("campaign:2")

    def meanwhile(_: Outgoing) -> None:
        if not second_provider.accepted and not refusals(road, second):
            other.deliver_one(Lane.PROMOTIONAL)

    road.provider.before_each(meanwhile)
    run(road)
    assert len(road.got()) + len(second_provider.accepted) == whole
    assert refusals(road, second) == ({Reason.NOT_CAP: 1} if whole == 1 else {})
    assert anna.email in road.got()


def test_the_older_campaign_waits_while_a_younger_one_is_in_hand_and_is_refused_after_it(
    road: Road,
) -> None:
    road.customer("Anna Becker")
    road.cap("1/7d")
    older = road.campaign("campaign:1")
    second_provider = MemoryProvider()
    other = road.worker(provider=second_provider, cap="1/7d")
    # The older one is claimed and printed; before its hand-over the younger goes all the way.
    in_hand, may_end = threading.Event(), threading.Event()

    def hold(_: Outgoing) -> None:
        in_hand.set()
        may_end.wait(10)

    second_provider.before_each(hold)

    def younger_comes() -> None:
        road.press.after_printing = lambda: None
        road.campaign("campaign:2")
        thread.start()
        assert in_hand.wait(10)

    thread = threading.Thread(target=other.deliver_one, args=(Lane.PROMOTIONAL,))
    road.press.after_printing = younger_comes
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert road.got() == []
    may_end.set()
    thread.join(10)
    road.later(seconds=2)
    run(road)
    assert road.got() == []
    assert len(second_provider.accepted) == 1
    assert refusals(road, older) == {Reason.NOT_CAP: 1}
