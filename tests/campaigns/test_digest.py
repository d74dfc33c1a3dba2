"""A digest from its collecting to its books: what the cap held back comes once, in one mail."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email import message_from_bytes
from time import sleep

import pytest
from sqlalchemy import text

from mailer import campaigns
from mailer.campaigns import Plan, State
from mailer.vocabulary import Frequency, Reason, Topic
from tests.campaigns.conftest import BOTH, BY, Desk, DigestDesk


@pytest.mark.clause("C07")
def test_of_three_campaigns_the_two_that_the_cap_held_back_come_in_one_mail_once(
    capped: DigestDesk,
) -> None:
    anna = capped.customer("Anna Becker", topics=BOTH)
    second, third = capped.held_back()
    assert capped.refused(second) == capped.refused(third) == {Reason.NOT_CAP: 1}
    digest = capped.digest()
    capped.do("start", digest)
    capped.send_all()
    capped.tick()
    recipient, subject, text = capped.texts()[-1]
    assert (recipient, subject) == (anna.email, "All in one mail")
    assert text.index("Open house") < text.index("Stock counts")
    assert "What there is to say about it: open house." in text
    assert "Autumn release" not in text
    assert "“Company news” and “Software updates” are switched on" in text
    assert capped.refused(digest) == {}
    assert (capped.report(digest).books.accepted, capped.look(digest).state) == (
        1,
        State.FINISHED,
    )
    capped.later(days=5)
    again = capped.digest(within_days=30)
    capped.do("start", again)
    assert capped.report(again).books.audience == 0


def test_people_with_the_same_campaigns_held_back_get_the_same_letter(capped: DigestDesk) -> None:
    capped.customer("Anna Becker", topics=BOTH)
    capped.customer("Kenji Sato", topics=BOTH)
    capped.customer("Jo Example")
    capped.held_back()
    digest = capped.digest()
    ahead = capped.ahead(digest)
    assert (ahead.audience, ahead.letters) == (3, 2)
    assert [(each.subject, each.people) for each in ahead.told_of] == [
        ("Open house", 3),
        ("Stock counts", 2),
    ]
    capped.do("start", digest)
    capped.send_all()
    got = {who: "Stock counts" in text for who, _, text in capped.texts()[-3:]}
    assert got == {
        "anna.becker@example.com": True,
        "kenji.sato@example.com": True,
        "jo.example@example.com": False,
    }


@pytest.mark.clause("C07")
def test_what_is_about_a_topic_that_is_off_is_left_out(capped: DigestDesk) -> None:
    anna = capped.customer("Anna Becker", topics=BOTH)
    capped.send("Autumn release")
    capped.send("Stock counts", Topic.SOFTWARE_UPDATES)
    capped.send("Open house")
    capped.wish(anna, topics_off=frozenset({Topic.SOFTWARE_UPDATES}))
    capped.later(days=8)
    digest = capped.digest()
    capped.do("start", digest)
    capped.send_all()
    *_, letter = capped.texts()[-1]
    assert ("Open house" in letter, "Stock counts" in letter) == (True, False)


def test_a_browsers_wish_leaves_partners_offers_out_and_not_the_whole_mail(
    capped: DigestDesk,
) -> None:
    anna = capped.customer("Anna Becker", topics=(*BOTH, Topic.PARTNER_OFFERS))
    capped.send("Autumn release")
    capped.send("Card readers", Topic.PARTNER_OFFERS)
    capped.send("Open house")
    capped.wish(anna, gpc=True)
    capped.later(days=8)
    capped.do("start", capped.digest())
    capped.send_all()
    *_, letter = capped.texts()[-1]
    assert ("Open house" in letter, "Card readers" in letter) == (True, False)


def test_a_letter_that_this_version_cannot_read_is_left_out(capped: DigestDesk) -> None:
    capped.customer("Anna Becker")
    capped.send("Autumn release")
    older = capped.look(capped.send("Stock counts")).mailing_id
    capped.send("Open house")
    with capped.database.transaction() as session:
        session.execute(
            text('UPDATE delivery_mailing SET content = \'{"text": "Hi"}\' WHERE id = :id'),
            {"id": older},
        )
    assert capped.told(capped.digest()) == ["Open house"]


@pytest.mark.clause("C08")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"topics_off": frozenset({Topic.SOFTWARE_UPDATES})}, Reason.NOT_TOPIC),
        ({"stop_all": True}, Reason.NOT_ALL),
    ],
)
def test_a_no_between_the_cutting_and_the_gate_refuses_the_whole_mail(
    capped: DigestDesk, change: dict[str, object], reason: Reason
) -> None:
    anna = capped.customer("Anna Becker", topics=BOTH)
    capped.held_back()
    digest = capped.digest()
    capped.do("start", digest)
    capped.wish(anna, **change)
    capped.send_all()
    assert capped.refused(digest) == {reason: 1}
    assert len(capped.texts()) == 1


def test_whom_the_cap_refuses_a_digest_is_told_by_the_next_one(capped: DigestDesk) -> None:
    capped.customer("Anna Becker")
    capped.send("Autumn release")
    capped.send("Open house")
    early = capped.digest()
    capped.do("start", early)
    capped.send_all()
    assert capped.refused(early) == {Reason.NOT_CAP: 1}
    capped.later(days=8)
    late = capped.digest()
    assert capped.told(late) == ["Open house"]
    capped.do("start", late)
    capped.send_all()
    assert capped.report(late).books.accepted == 1


def test_a_digest_counts_for_the_cap_as_any_mail_does(capped: DigestDesk) -> None:
    capped.customer("Anna Becker")
    capped.send("Autumn release")
    capped.send("Open house")
    capped.later(days=8)
    capped.do("start", capped.digest())
    capped.send_all()
    assert capped.refused(capped.send("Winter release")) == {Reason.NOT_CAP: 1}


def test_what_a_customers_own_frequency_held_back_is_told_of_too(desk: Desk) -> None:
    weekly = DigestDesk(desk.parts, desk.provider, desk.time)
    anna = weekly.customer("Anna Becker")
    weekly.wish(anna, frequency=Frequency.WEEKLY)
    weekly.send("Autumn release")
    held = weekly.send("Open house")
    assert weekly.refused(held) == {Reason.NOT_OFTEN: 1}
    weekly.later(days=8)
    digest = weekly.digest()
    weekly.do("start", digest)
    weekly.send_all()
    assert weekly.texts()[-1][1] == "All in one mail"


def test_what_was_cancelled_is_paused_or_too_late_is_not_told_of(capped: DigestDesk) -> None:
    capped.customer("Anna Becker")
    capped.send("Autumn release")
    ends = capped.draft_of("Spring sale")
    plan = Plan(at=capped.now + timedelta(hours=1), use_by=capped.now + timedelta(days=9))
    capped.do("schedule", ends, plan=plan)
    capped.later(hours=1)
    capped.tick()
    capped.send_all()
    digest = capped.digest(within_days=60)

    house, race = capped.send("Open house"), capped.send("Boat race")
    assert capped.told(digest) == ["Boat race", "Open house", "Spring sale"]
    capped.do("pause", house)
    capped.do("cancel", race)
    assert capped.told(digest) == ["Spring sale"]
    capped.do("resume", house)
    capped.later(days=10)
    assert capped.told(digest) == ["Open house"]


def test_of_more_than_six_campaigns_the_newest_six_are_told_of(capped: DigestDesk) -> None:
    capped.customer("Anna Becker")
    for number in range(8):
        capped.send(f"News of day {number}")
    told = capped.ahead(capped.digest()).told_of
    assert [each.subject for each in told] == [
        f"News of day {number}" for number in range(7, 1, -1)
    ]


def test_what_was_held_back_before_its_days_is_not_told_of(capped: DigestDesk) -> None:
    capped.customer("Anna Becker")
    capped.send("Autumn release")
    capped.send("Open house")
    capped.later(days=8)
    assert capped.ahead(capped.digest(within_days=7)).told_of == ()


def test_a_digest_repeats_and_tells_nobody_of_the_same_twice(capped: DigestDesk) -> None:
    """The first one comes an hour before the cap's week is over, and the third one has no news."""
    capped.customer("Anna Becker")
    capped.send("Autumn release")
    capped.send("Open house")
    series = capped.digest()
    at = (capped.now - timedelta(hours=1)).replace(tzinfo=None).isoformat()
    plan = Plan.model_validate({"at": at, "zone": "UTC", "repeat": {"every": "week"}})
    capped.do("schedule", series, plan=plan)
    copies = []
    for _ in range(3):
        capped.time[0] = capped.look(series).scheduled_for or capped.now
        copies += capped.tick()
        capped.send_all()
        capped.tick()
    books = [capped.report(each).books for each in copies]
    assert [(each.audience, each.accepted) for each in books] == [(1, 0), (1, 1), (0, 0)]
    assert {capped.look(each).state for each in copies} == {State.FINISHED}


def test_by_everybodys_own_time_each_set_is_cut_by_zone(capped: DigestDesk) -> None:
    capped.customer("Anna Becker", topics=BOTH, timezone="Europe/Berlin")
    capped.customer("Kenji Sato", timezone="Asia/Tokyo")
    capped.customer("Jo Example", topics=BOTH)
    capped.send("Autumn release")
    capped.send("Stock counts", Topic.SOFTWARE_UPDATES)
    capped.send("Open house")
    capped.customer("Mia Rossi", topics=BOTH)
    digest = capped.digest()
    wall = (capped.now + timedelta(days=9)).replace(tzinfo=None).isoformat()
    local = Plan.model_validate({"at": wall, "zone": "America/New_York", "local": True})
    capped.do("schedule", digest, plan=local)
    capped.later(days=8)
    assert capped.foresee(digest).audience == 3
    assert capped.tick() == []
    capped.time[0] = capped.look(digest).scheduled_for or capped.now
    capped.tick()
    begun = capped.foresee(digest)
    assert [each.zone for each in begun.zones] == [
        "Asia/Tokyo",
        "Europe/Berlin",
        "America/New_York",
    ]
    for _ in range(27):
        capped.send_all()
        capped.later(hours=1)
    got = [(who.partition(".")[0], "Stock counts" in text) for who, _, text in capped.texts()[3:]]
    assert got == [("kenji", False), ("anna", True), ("jo", True)]


def test_two_digests_that_are_cut_at_once_tell_nobody_of_the_same(capped: DigestDesk) -> None:
    capped.customer("Anna Becker")
    capped.send("Autumn release")
    capped.send("Open house")
    capped.later(days=8)
    first, second = capped.digest(), capped.digest()
    parts = capped.parts
    with ThreadPoolExecutor(max_workers=1) as pool:
        with capped.database.transaction() as session:
            campaigns.start(
                session, first, brand=parts.brand, rules=parts.rules, by=BY, now=capped.now
            )
            other = pool.submit(capped.do, "start", second)
            while not (other.done() or waits_for_another(capped)):
                sleep(0.01)
        other.result()
    assert [capped.report(each).books.audience for each in (first, second)] == [1, 0]


def waits_for_another(desk: Desk) -> bool:
    """Whether somebody stands before a lock that is held."""
    with desk.database.reading() as session:
        waiting = session.execute(
            text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        )
        return bool(waiting.scalar_one())


@pytest.mark.clause("C08")
def test_it_carries_the_way_out_that_every_promotional_mail_has(capped: DigestDesk) -> None:
    capped.customer("Anna Becker")
    capped.send("Autumn release")
    capped.send("Open house")
    capped.later(days=8)
    capped.do("start", capped.digest())
    capped.send_all()
    message = message_from_bytes(capped.provider.accepted[-1].content)
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "company_news" in message["List-Id"].replace("-", "_")
