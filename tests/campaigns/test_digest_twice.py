"""A digest tells nobody of what they or their mailbox had, nor of what has ended since it was cut."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from mailer import campaigns, support
from mailer.campaigns import CampaignId, Digest, NewCampaign, Plan
from mailer.campaigns.audience import Audience
from mailer.campaigns.splits import Split
from mailer.letters import PromotionalContent
from mailer.permission import NewSuppression
from mailer.providers import AboutUs, MemoryProvider
from mailer.vocabulary import Door, Frequency, Reason, Scope, SuppressionReason
from tests.campaigns.conftest import BOTH, BY, Desk, DigestDesk

NEWS, UPDATES = BOTH


def test_a_mailbox_that_two_share_is_told_of_the_same_once(capped: DigestDesk) -> None:
    capped.two_at_one_mailbox()
    capped.send("Autumn release")
    capped.send("Open house")
    capped.later(days=8)
    first = capped.cut_and_send()
    assert capped.report(first).books.accepted == 1
    assert capped.refused(first) == {Reason.NOT_SAME: 1}
    capped.later(days=8)
    assert capped.told(capped.digest(within_days=60)) == []


def test_a_mailbox_that_got_a_campaign_for_another_is_not_told_of_it(desk: Desk) -> None:
    house = DigestDesk(desk.parts, desk.provider, desk.time)
    _, kenji = house.two_at_one_mailbox()
    house.wish(kenji, frequency=Frequency.WEEKLY)
    house.send("Autumn release")
    assert house.refused(house.send("Open house")) == {Reason.NOT_OFTEN: 1}
    assert [subject for _, subject, _ in house.texts()] == ["Autumn release", "Open house"]
    house.later(days=8)
    assert house.told(house.digest()) == []


def test_who_was_merged_into_somebody_that_was_told_is_not_told_again(capped: DigestDesk) -> None:
    anna, kenji = (capped.customer(each, topics=BOTH) for each in ("Anna Becker", "Kenji Sato"))
    capped.send("Autumn release")
    capped.send("Open house")
    capped.later(days=8)
    digest = capped.digest(within_days=60)
    capped.wish(kenji, paused_until=capped.now + timedelta(days=1))
    capped.do("start", digest)
    capped.send_all()
    assert capped.refused(digest) == {Reason.NOT_PAUSED: 1}
    capped.parts.opt_outs.merge(survivor=kenji.person_id, merged=anna.person_id)
    capped.later(days=8)
    assert capped.told(capped.digest(within_days=60)) == []


def test_what_was_held_back_from_somebody_is_told_to_whom_they_were_merged_into(
    capped: DigestDesk,
) -> None:
    anna = capped.customer("Anna Becker")
    capped.send("Autumn release")
    capped.send("Open house")
    kenji = capped.customer("Kenji Sato")
    capped.later(days=8)
    capped.parts.opt_outs.merge(survivor=kenji.person_id, merged=anna.person_id)
    assert capped.told(capped.digest()) == ["Open house"]
    digest = capped.cut_and_send()
    assert capped.report(digest).books.accepted == 1
    assert [who for who, subject, _ in capped.texts() if subject == "All in one mail"] == [
        kenji.email
    ]
    capped.later(days=8)
    assert capped.told(capped.digest(within_days=60)) == []


@pytest.mark.parametrize("survivor", ["who had it", "who was refused it"])
def test_who_was_merged_with_somebody_that_had_a_campaign_is_not_told_of_it(
    capped: DigestDesk, survivor: str
) -> None:
    kenji = capped.customer("Kenji Sato")
    capped.send("Autumn release")
    anna = capped.customer("Anna Becker")
    house = capped.send("Open house")
    assert capped.refused(house) == {Reason.NOT_CAP: 1}
    assert capped.texts()[-1][0] == anna.email
    capped.later(days=8)
    kept, gone = (anna, kenji) if survivor == "who had it" else (kenji, anna)
    capped.parts.opt_outs.merge(survivor=kept.person_id, merged=gone.person_id)
    assert capped.told(capped.digest()) == []


def test_whom_a_digest_missed_because_they_were_merged_is_told_by_the_next_one(
    capped: DigestDesk,
) -> None:
    anna = capped.customer("Anna Becker")
    capped.send("Autumn release")
    capped.send("Open house")
    kenji = capped.customer("Kenji Sato")
    capped.later(days=8)
    digest = capped.digest()
    capped.do("start", digest)
    capped.parts.opt_outs.merge(survivor=kenji.person_id, merged=anna.person_id)
    capped.send_all()
    assert capped.refused(digest) == {Reason.NOT_GONE: 1}
    assert capped.told(capped.digest()) == ["Open house"]


def test_a_letter_that_was_held_back_twice_is_told_of_once(capped: DigestDesk) -> None:
    capped.customer("Anna Becker")
    capped.send("Autumn release")
    capped.send("Open house")
    capped.send("Open house")
    capped.later(days=8)
    capped.cut_and_send()
    *_, letter = capped.texts()[-1]
    assert letter.count("What there is to say about it: open house.") == 1
    capped.later(days=8)
    assert capped.told(capped.digest(within_days=60)) == []


def test_who_had_a_letter_the_second_time_is_not_told_of_the_first(capped: DigestDesk) -> None:
    capped.customer("Anna Becker")
    capped.send("Autumn release")
    capped.send("Open house")
    capped.later(days=8)
    capped.send("Open house")
    assert capped.texts()[-1][1] == "Open house"
    capped.later(days=8)
    assert capped.told(capped.digest(within_days=60)) == []


def test_nobody_is_told_of_what_they_were_held_out_of(capped: DigestDesk) -> None:
    everybody = {each.person_id for each in capped.crowd(12)}
    capped.send("Autumn release")
    split = Split(holdout_percent=50)
    new = replace(letter_of("Open house"), split=split)
    with capped.database.transaction() as session:
        made = campaigns.create(session, new, brand=capped.parts.brand, by=BY, now=capped.now)
    capped.do("start", made.campaign_id)
    capped.send_all()
    assert capped.refused(made.campaign_id) == {Reason.NOT_CAP: 12}
    held_out = in_variant(capped, made.campaign_id, 0)
    assert 0 < len(held_out) < 12
    capped.later(days=8)
    digest = capped.cut_and_send()
    assert capped.report(digest).books.accepted == len(everybody - held_out)


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
def test_a_no_at_the_mailbox_leaves_a_topic_out_and_not_the_whole_mail(capped: DigestDesk) -> None:
    anna = capped.customer("Anna Becker", topics=BOTH)
    capped.held_back()
    capped.parts.opt_outs.suppress(
        NewSuppression(
            Scope.TOPIC, SuppressionReason.MANUAL, Door.SUPPORT, anna.address_id, topic=UPDATES
        )
    )
    digest = capped.cut_and_send()
    assert capped.refused(digest) == {}
    *_, letter = capped.texts()[-1]
    assert ("Open house" in letter, "Stock counts" in letter) == (True, False)


@pytest.mark.parametrize("act", ["cancel", "pause"])
def test_what_is_cancelled_or_paused_after_the_cutting_is_left_out(
    capped: DigestDesk, act: str
) -> None:
    capped.customer("Anna Becker", topics=BOTH)
    stock, _ = capped.held_back()
    digest = capped.digest()
    capped.do("start", digest)
    capped.do(act, stock)
    capped.send_all()
    *_, letter = capped.texts()[-1]
    assert ("Open house" in letter, "Stock counts" in letter) == (True, False)
    assert capped.refused(digest) == {}


def test_what_was_paused_is_told_by_the_next_digest(capped: DigestDesk) -> None:
    capped.customer("Anna Becker", topics=BOTH)
    stock, _ = capped.held_back()
    digest = capped.digest()
    capped.do("start", digest)
    capped.do("pause", stock)
    capped.send_all()
    capped.do("resume", stock)
    assert capped.told(capped.digest(within_days=60)) == ["Stock counts"]


def test_what_is_past_its_use_by_after_the_cutting_is_left_out(capped: DigestDesk) -> None:
    capped.customer("Anna Becker", topics=BOTH)
    capped.send("Autumn release")
    sale = capped.draft_of("Spring sale")
    plan = Plan(at=capped.now + timedelta(hours=1), use_by=capped.now + timedelta(days=9))
    capped.do("schedule", sale, plan=plan)
    capped.later(hours=1)
    capped.tick()
    capped.send_all()
    capped.send("Open house")
    capped.later(days=8)
    digest = capped.digest()
    capped.do("start", digest)
    capped.later(days=1)
    capped.send_all()
    *_, letter = capped.texts()[-1]
    assert ("Open house" in letter, "Spring sale" in letter) == (True, False)


def test_whom_nothing_is_left_to_tell_of_is_refused(capped: DigestDesk) -> None:
    anna = capped.customer("Anna Becker", topics=BOTH)
    held = capped.held_back()
    digest = capped.digest()
    capped.do("start", digest)
    for each in held:
        capped.do("cancel", each)
    with capped.database.transaction() as session:
        [story] = support.explain(
            session, capped.parts.vault, anna.email, actor="staff:7", cap=capped.parts.cap,
            now=capped.now,
        ).customers  # fmt: skip
    assert story.messages[0].reason is Reason.NOT_LATE
    capped.send_all()
    assert capped.refused(digest) == {Reason.NOT_LATE: 1}
    assert len(capped.texts()) == 1


class Meddling(MemoryProvider):
    """Does something once, when the letters are printed and the gate is still to come."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self._acts = [act]

    def make_ready(self, messages: int) -> AboutUs | None:
        if self._acts:
            self._acts.pop()()
        return super().make_ready(messages)


def test_what_is_cancelled_before_the_gate_is_printed_out_of_the_letter(
    capped: DigestDesk,
) -> None:
    capped.customer("Anna Becker", topics=BOTH)
    stock, _ = capped.held_back()
    digest = capped.digest()
    capped.do("start", digest)
    capped.provider = Meddling(lambda: capped.do("cancel", stock))
    capped.send_all()
    assert capped.texts() == []
    capped.later(seconds=2)
    capped.send_all()
    [(_, _, letter)] = capped.texts()
    assert ("Open house" in letter, "Stock counts" in letter) == (True, False)
    assert capped.report(digest).books.accepted == 1


def test_a_digest_that_would_grow_too_long_leaves_the_oldest_out(capped: DigestDesk) -> None:
    capped.customer("Anna Becker")
    capped.send("Autumn release")
    for number in range(6):
        capped.send(f"News of day {number}")
    capped.later(days=8)
    nearly = letter_of("All in one mail", body="&" * 16_000).content  # each is five characters
    new = NewCampaign("Long", NEWS, nearly, Audience(), digest=Digest())
    with capped.database.transaction() as session:
        made = campaigns.create(session, new, brand=capped.parts.brand, by=BY, now=capped.now)
    capped.do("start", made.campaign_id)
    capped.send_all()
    *_, letter = capped.texts()[-1]
    told = [n for n in range(6) if f"News of day {n}" in letter]
    assert 0 < len(told) < 6
    assert told == list(range(6 - len(told), 6))
