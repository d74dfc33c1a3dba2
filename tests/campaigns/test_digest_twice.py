"""A digest tells nobody of what they or their mailbox had, nor of what has ended since it was cut."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from mailer import campaigns, people, permission, support
from mailer.campaigns import CampaignId, Digest, NewCampaign, Plan
from mailer.campaigns.audience import Audience
from mailer.campaigns.splits import Split
from mailer.database import Database
from mailer.letters import PromotionalContent
from mailer.people import NewProfile
from mailer.permission import NewSuppression
from mailer.providers import AboutUs, MemoryProvider
from mailer.vocabulary import Door, Frequency, Reason, Scope, SuppressionReason
from mailer.wiring import build
from tests.campaigns.conftest import BY
from tests.campaigns.test_digest import BOTH, DigestDesk
from tests.open_window import open_window
from tests.people_of_tests import TestPerson
from tests.web.house import settings_for

NEWS, UPDATES = BOTH


class SharedDesk(DigestDesk):
    """A desk with mailboxes that two customers share."""

    def shop_customer(self, name: str, email: str) -> TestPerson:
        """A customer with an id of the shop's, who may have somebody else's address."""
        parts = self.parts
        with self.database.transaction() as session:
            profile = NewProfile(email=email, name=name, source="shop", external_id=name)
            made = people.upsert(session, parts.vault, profile, now=self.now)
            permission.admit(session, [made.person_id], now=self.now)
        person = TestPerson(made.person_id, made.address_id, email)
        self.wish(person, topics_on=frozenset(BOTH), words="Send me these by e-mail.")
        return person

    def two_at_one_mailbox(self) -> tuple[TestPerson, TestPerson]:
        both = [self.shop_customer(each, "till@example.com") for each in ("Anna", "Kenji")]
        assert both[0].address_id == both[1].address_id
        return both[0], both[1]

    def told(self, campaign_id: CampaignId) -> list[str]:
        """The subjects that the next digest would tell of."""
        return [each.subject for each in self.ahead(campaign_id).told_of]

    def cut_and_send(self) -> CampaignId:
        digest = self.digest(within_days=60)
        self.do("start", digest)
        self.send_all()
        return digest


@pytest.fixture
def shared(
    database: Database, database_url: str, tmp_path: Path, now: datetime
) -> Iterator[SharedDesk]:
    """A house that sends one promotional mail a week."""
    time = [now]
    settings = settings_for(database_url, tmp_path, cap="1/7d")
    parts = build(settings, process="test", window=open_window, clock=lambda: time[0])
    yield SharedDesk(parts, MemoryProvider(), time)
    parts.close()


def three_held_back(desk: DigestDesk) -> Sequence[CampaignId]:
    """One campaign that leaves, and two that the cap holds back; then the week is over."""
    desk.send("Autumn release")
    held = [desk.send("Stock counts", UPDATES), desk.send("Open house")]
    desk.later(days=8)
    return held


def test_a_mailbox_that_two_share_is_told_of_the_same_once(shared: SharedDesk) -> None:
    shared.two_at_one_mailbox()
    shared.send("Autumn release")
    shared.send("Open house")
    shared.later(days=8)
    first = shared.cut_and_send()
    assert shared.report(first).books.accepted == 1
    assert shared.refused(first) == {Reason.NOT_SAME: 1}
    shared.later(days=8)
    assert shared.told(shared.digest(within_days=60)) == []


def test_a_mailbox_that_got_a_campaign_for_another_is_not_told_of_it(desk: DigestDesk) -> None:
    house = SharedDesk(desk.parts, desk.provider, desk.time)
    _, kenji = house.two_at_one_mailbox()
    house.wish(kenji, frequency=Frequency.WEEKLY)
    house.send("Autumn release")
    assert house.refused(house.send("Open house")) == {Reason.NOT_OFTEN: 1}
    assert [subject for _, subject, _ in house.texts()] == ["Autumn release", "Open house"]
    house.later(days=8)
    assert house.told(house.digest()) == []


def test_who_was_merged_into_somebody_that_was_told_is_not_told_again(shared: SharedDesk) -> None:
    anna, kenji = (shared.customer(each, topics=BOTH) for each in ("Anna Becker", "Kenji Sato"))
    shared.send("Autumn release")
    shared.send("Open house")
    shared.later(days=8)
    digest = shared.digest(within_days=60)
    shared.wish(kenji, paused_until=shared.now + timedelta(days=1))
    shared.do("start", digest)
    shared.send_all()
    assert shared.refused(digest) == {Reason.NOT_PAUSED: 1}
    shared.parts.opt_outs.merge(survivor=kenji.person_id, merged=anna.person_id)
    shared.later(days=8)
    assert shared.told(shared.digest(within_days=60)) == []


def test_a_letter_that_was_held_back_twice_is_told_of_once(shared: SharedDesk) -> None:
    shared.customer("Anna Becker")
    shared.send("Autumn release")
    shared.send("Open house")
    shared.send("Open house")
    shared.later(days=8)
    shared.cut_and_send()
    *_, letter = shared.texts()[-1]
    assert letter.count("What there is to say about it: open house.") == 1
    shared.later(days=8)
    assert shared.told(shared.digest(within_days=60)) == []


def test_who_had_a_letter_the_second_time_is_not_told_of_the_first(shared: SharedDesk) -> None:
    shared.customer("Anna Becker")
    shared.send("Autumn release")
    shared.send("Open house")
    shared.later(days=8)
    shared.send("Open house")
    assert shared.texts()[-1][1] == "Open house"
    shared.later(days=8)
    assert shared.told(shared.digest(within_days=60)) == []


def test_nobody_is_told_of_what_they_were_held_out_of(shared: SharedDesk) -> None:
    everybody = {shared.customer(f"Customer {n}").person_id for n in range(12)}
    shared.send("Autumn release")
    split = Split(holdout_percent=50)
    new = replace(letter_of("Open house"), split=split)
    with shared.database.transaction() as session:
        made = campaigns.create(session, new, brand=shared.parts.brand, by=BY, now=shared.now)
    shared.do("start", made.campaign_id)
    shared.send_all()
    assert shared.refused(made.campaign_id) == {Reason.NOT_CAP: 12}
    held_out = in_variant(shared, made.campaign_id, 0)
    assert 0 < len(held_out) < 12
    shared.later(days=8)
    digest = shared.cut_and_send()
    assert shared.report(digest).books.accepted == len(everybody - held_out)


def letter_of(subject: str, body: str = "Come by.") -> NewCampaign:
    content = PromotionalContent(subject=subject, heading=subject, body_markdown=body)
    return NewCampaign(subject, NEWS, content, Audience())


def in_variant(desk: DigestDesk, campaign_id: CampaignId, variant: int) -> set[int]:
    with desk.database.reading() as session:
        rows = session.execute(
            text(
                "SELECT unnest(r.persons) FROM delivery_batch b"
                " JOIN delivery_roster r ON r.batch_id = b.id"
                " WHERE b.mailing_id = :mailing AND b.variant = :variant"
            ),
            {"mailing": desk.look(campaign_id).mailing_id, "variant": variant},
        )
        return set(rows.scalars())


@pytest.mark.clause("C07")
def test_a_no_at_the_mailbox_leaves_a_topic_out_and_not_the_whole_mail(shared: SharedDesk) -> None:
    anna = shared.customer("Anna Becker", topics=BOTH)
    three_held_back(shared)
    shared.parts.opt_outs.suppress(
        NewSuppression(
            Scope.TOPIC, SuppressionReason.MANUAL, Door.SUPPORT, anna.address_id, topic=UPDATES
        )
    )
    digest = shared.cut_and_send()
    assert shared.refused(digest) == {}
    *_, letter = shared.texts()[-1]
    assert ("Open house" in letter, "Stock counts" in letter) == (True, False)


@pytest.mark.parametrize("act", ["cancel", "pause"])
def test_what_is_cancelled_or_paused_after_the_cutting_is_left_out(
    shared: SharedDesk, act: str
) -> None:
    shared.customer("Anna Becker", topics=BOTH)
    stock, _ = three_held_back(shared)
    digest = shared.digest()
    shared.do("start", digest)
    shared.do(act, stock)
    shared.send_all()
    *_, letter = shared.texts()[-1]
    assert ("Open house" in letter, "Stock counts" in letter) == (True, False)
    assert shared.refused(digest) == {}


def test_what_was_paused_is_told_by_the_next_digest(shared: SharedDesk) -> None:
    shared.customer("Anna Becker", topics=BOTH)
    stock, _ = three_held_back(shared)
    digest = shared.digest()
    shared.do("start", digest)
    shared.do("pause", stock)
    shared.send_all()
    shared.do("resume", stock)
    assert shared.told(shared.digest(within_days=60)) == ["Stock counts"]


def test_what_is_past_its_use_by_after_the_cutting_is_left_out(shared: SharedDesk) -> None:
    shared.customer("Anna Becker", topics=BOTH)
    shared.send("Autumn release")
    sale = shared.draft_of("Spring sale")
    plan = Plan(at=shared.now + timedelta(hours=1), use_by=shared.now + timedelta(days=9))
    shared.do("schedule", sale, plan=plan)
    shared.later(hours=1)
    shared.tick()
    shared.send_all()
    shared.send("Open house")
    shared.later(days=8)
    digest = shared.digest()
    shared.do("start", digest)
    shared.later(days=1)
    shared.send_all()
    *_, letter = shared.texts()[-1]
    assert ("Open house" in letter, "Spring sale" in letter) == (True, False)


def test_whom_nothing_is_left_to_tell_of_is_refused(shared: SharedDesk) -> None:
    anna = shared.customer("Anna Becker", topics=BOTH)
    held = three_held_back(shared)
    digest = shared.digest()
    shared.do("start", digest)
    for each in held:
        shared.do("cancel", each)
    with shared.database.transaction() as session:
        [story] = support.explain(
            session, shared.parts.vault, anna.email, actor="staff:7", cap=shared.parts.cap,
            now=shared.now,
        ).customers  # fmt: skip
    assert story.messages[0].reason is Reason.NOT_LATE
    shared.send_all()
    assert shared.refused(digest) == {Reason.NOT_LATE: 1}
    assert len(shared.texts()) == 1


class Meddling(MemoryProvider):
    """Does something once, when the letters are printed and the gate is still to come."""

    def make_ready(self, messages: int) -> AboutUs | None:
        act, self.act = self.act, None
        if act is not None:
            act()
        return super().make_ready(messages)

    act = None


def test_what_is_cancelled_before_the_gate_is_printed_out_of_the_letter(
    shared: SharedDesk,
) -> None:
    shared.customer("Anna Becker", topics=BOTH)
    stock, _ = three_held_back(shared)
    digest = shared.digest()
    shared.do("start", digest)
    shared.provider = Meddling()
    shared.provider.act = lambda: shared.do("cancel", stock)  # type: ignore[assignment]
    shared.send_all()
    assert shared.texts() == []
    shared.later(seconds=2)
    shared.send_all()
    [(_, _, letter)] = shared.texts()
    assert ("Open house" in letter, "Stock counts" in letter) == (True, False)
    assert shared.report(digest).books.accepted == 1


def test_a_digest_that_would_grow_too_long_leaves_the_oldest_out(shared: SharedDesk) -> None:
    shared.customer("Anna Becker")
    shared.send("Autumn release")
    for number in range(6):
        shared.send(f"News of day {number}")
    shared.later(days=8)
    nearly = letter_of("All in one mail", body="&" * 16_000).content  # each is five characters
    new = NewCampaign("Long", NEWS, nearly, Audience(), digest=Digest())
    with shared.database.transaction() as session:
        made = campaigns.create(session, new, brand=shared.parts.brand, by=BY, now=shared.now)
    shared.do("start", made.campaign_id)
    shared.send_all()
    *_, letter = shared.texts()[-1]
    told = [n for n in range(6) if f"News of day {n}" in letter]
    assert 0 < len(told) < 6
    assert told == list(range(6 - len(told), 6))
