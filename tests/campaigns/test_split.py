"""A split test: everybody drawn once, a sample first, the remainder with what did best there."""

import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes

import pytest
from sqlalchemy import select

from mailer import campaigns, delivery
from mailer.campaigns import ChoiceTooLate, How, NothingToChoose, Plan, VariantUnknown
from mailer.people import AudienceFilter, audience_of
from mailer.providers import Later
from mailer.vocabulary import MailingId, PersonId, Reason
from tests.campaigns.conftest import Desk
from tests.campaigns.split import (
    SAMPLE,
    SUBJECTS,
    TWO,
    a_split,
    click,
    crowd,
    decide,
    draft,
    drawn,
    got,
    header,
    started,
)


def in_part(desk: Desk, mailing_id: MailingId, variant: int, *, rest: bool) -> list[PersonId]:
    everybody = drawn(desk, mailing_id)
    return [who for who, part in everybody.items() if part == (variant, rest)]


def test_everybody_is_in_one_variant_or_held_out_and_the_books_balance(desk: Desk) -> None:
    people = crowd(desk, 120)
    campaign_id, mailing_id = started(desk, a_split(holdout_percent=20))
    parts = drawn(desk, mailing_id)
    assert set(parts) == {each.person_id for each in people}
    desk.send_all()
    held = {who for who, (variant, _) in parts.items() if variant == delivery.HELD_OUT}
    mail = got(desk)
    assert set(mail) == set(parts) - held
    names = list(SUBJECTS.values())
    assert all(mail[who] == [names[parts[who][0] - 1]] for who in mail)
    books = desk.report(campaign_id).books
    assert books.balance
    assert (books.accepted, books.refused) == (len(mail), {Reason.NOT_HOLDOUT: len(held)})
    assert 10 < len(held) < 40


def test_the_draw_is_the_same_whenever_it_is_asked_and_another_campaigns_is_another(
    desk: Desk,
) -> None:
    people = crowd(desk, 200)
    campaign_id, mailing_id = started(desk, a_split())
    first = drawn(desk, mailing_id)
    assert {who: part + 1 for who, part in _asked(desk, f"split/{campaign_id}").items()} == {
        who: variant for who, (variant, _) in first.items()
    }
    _, second_mailing = started(desk, a_split())
    second = drawn(desk, second_mailing)
    both = sum(first[each.person_id] == second[each.person_id] for each in people)
    assert 70 < both < 130, "half of them by chance"


def _asked(desk: Desk, draw: str) -> dict[PersonId, int]:
    """Everybody's part of a draw of halves, as the statement that prepares reckons it."""
    living = audience_of(AudienceFilter()).subquery("living")
    part = delivery.part_of(draw, living.c.person_id, [5000])
    with desk.database.reading() as session:
        rows = session.execute(select(living.c.person_id, part.label("part")))
        return {PersonId(row.person_id): row.part for row in rows}


def test_the_preview_tells_of_the_held_out_to_the_person(desk: Desk) -> None:
    crowd(desk, 60)
    crowd_of_none = [desk.customer(f"Max {n}", topics=()) for n in range(20)]
    campaign_id = draft(desk, a_split(holdout_percent=30))
    with desk.database.reading() as session:
        ahead = campaigns.preview(session, campaign_id, now=desk.now)
    desk.do("start", campaign_id)
    desk.send_all()
    books = desk.report(campaign_id).books
    assert (ahead.audience, ahead.allowed, ahead.refused) == (
        books.audience,
        books.accepted,
        books.refused,
    )
    assert books.refused[Reason.NOT_NEVER] == len(crowd_of_none)


def test_who_is_held_out_and_had_said_no_is_told_of_the_no(desk: Desk) -> None:
    crowd(desk, 60, topics=())
    campaign_id, _ = started(desk, a_split(holdout_percent=50))
    desk.send_all()
    books = desk.report(campaign_id).books
    assert set(books.refused) == {Reason.NOT_NEVER}


def test_of_the_held_out_no_variants_subject_is_told(desk: Desk) -> None:
    crowd(desk, 30)
    campaign_id, mailing_id = started(desk, a_split(holdout_percent=50))
    desk.send_all()
    own = desk.look(campaign_id).content.subject
    assert own not in SUBJECTS.values()
    parts = drawn(desk, mailing_id)
    held = [who for who, (variant, _) in parts.items() if variant == delivery.HELD_OUT]
    with desk.database.reading() as session:
        [told] = delivery.messages_of(session, held[0])
        roll = delivery.messages_of_mailing(session, mailing_id, after=PersonId(0), limit=100)
    assert told.subject == own
    assert {each.subject for each in roll if each.person_id in held} == {own}


def test_the_remainder_waits_and_gets_what_did_best(desk: Desk) -> None:
    crowd(desk, 300)
    campaign_id, mailing_id = started(desk, a_split(sample=SAMPLE))
    desk.send_all()
    sample = set(got(desk))
    waiting = {who for who, (_, rest) in drawn(desk, mailing_id).items() if rest}
    assert desk.report(campaign_id).books.to_go == len(waiting) > 100
    click(desk, mailing_id, in_part(desk, mailing_id, 2, rest=False)[:40])
    desk.later(hours=3)
    assert decide(desk) == []
    desk.later(hours=1)
    [chosen] = decide(desk)
    assert chosen.choice is not None
    assert (chosen.choice.variant, chosen.choice.how) == ("Question", How.WINNER)
    assert chosen.choice.people == len(waiting)
    assert decide(desk) == []
    desk.send_all()
    mail = got(desk)
    assert all(len(subjects) == 1 for subjects in mail.values())
    assert set(mail) == sample | waiting
    assert {mail[who][0] for who in waiting} == {SUBJECTS["Question"]}
    desk.tick()
    told = desk.report(campaign_id)
    assert (told.campaign.state, told.books.balance, told.books.to_go) == ("finished", True, 0)


@pytest.mark.parametrize(
    ("otherwise", "subjects"), [("first", {SUBJECTS["Plain"]}), ("all", set(SUBJECTS.values()))]
)
def test_too_few_to_tell_is_an_answer_and_what_follows_was_set_before(
    desk: Desk, otherwise: str, subjects: set[str]
) -> None:
    crowd(desk, 120)
    _, mailing_id = started(desk, a_split(sample={**SAMPLE, "otherwise": otherwise}))
    desk.send_all()
    click(desk, mailing_id, in_part(desk, mailing_id, 2, rest=False)[:2])
    desk.later(hours=4)
    [chosen] = decide(desk)
    assert chosen.choice is not None
    assert chosen.choice.how is How.TOO_FEW
    waiting = {who for who, (_, rest) in drawn(desk, mailing_id).items() if rest}
    desk.send_all()
    mail = got(desk)
    assert {mail[who][0] for who in waiting} == subjects


def test_a_second_look_comes_before_too_few_to_tell(desk: Desk) -> None:
    crowd(desk, 300)
    _, mailing_id = started(desk, a_split(sample={**SAMPLE, "again_minutes": 600}))
    desk.send_all()
    desk.later(hours=4)
    assert decide(desk) == []
    click(desk, mailing_id, in_part(desk, mailing_id, 1, rest=False)[:40])
    desk.later(hours=9)
    assert decide(desk) == []
    desk.later(hours=1)
    [chosen] = decide(desk)
    assert chosen.choice is not None
    assert (chosen.choice.variant, chosen.choice.how) == ("Plain", How.WINNER)


def test_a_sample_that_has_not_left_is_not_judged(desk: Desk) -> None:
    crowd(desk, 120)
    campaign_id, mailing_id = started(desk, a_split(sample=SAMPLE))
    desk.do("pause", campaign_id)
    desk.later(hours=6)
    assert decide(desk) == [], "a paused campaign waits"
    desk.do("resume", campaign_id)
    assert decide(desk) == [], "nobody has got it"
    desk.send_all()
    desk.later(hours=3)
    assert decide(desk) == [], "and they have had no four hours"
    click(desk, mailing_id, in_part(desk, mailing_id, 1, rest=False)[:1], after=0)
    desk.later(hours=1)
    assert len(decide(desk)) == 1


def test_marketing_may_choose_before_the_clock_and_once(desk: Desk) -> None:
    crowd(desk, 120)
    campaign_id, mailing_id = started(desk, a_split(sample=SAMPLE))
    desk.send_all()
    with pytest.raises(VariantUnknown, match="Plain, Question"):
        desk.do("choose", campaign_id, variant="Loud")
    desk.later(minutes=20)
    chosen = desk.do("choose", campaign_id, variant="question", reason="It reads better.")
    assert chosen.choice is not None
    assert (chosen.choice.how, chosen.choice.why) == (How.BY_HAND, "It reads better.")
    assert desk.do("choose", campaign_id, variant="Question").choice == chosen.choice
    with pytest.raises(NothingToChoose):
        desk.do("choose", campaign_id, variant="Plain")
    desk.send_all()
    desk.later(hours=4)
    assert decide(desk) == []
    waiting = {who for who, (_, rest) in drawn(desk, mailing_id).items() if rest}
    assert {got(desk)[who][0] for who in waiting} == {SUBJECTS["Question"]}


def test_a_choice_that_was_looked_up_loses_to_one_made_by_hand_meanwhile(desk: Desk) -> None:
    crowd(desk, 60)
    campaign_id, _ = started(desk, a_split(sample=SAMPLE))
    desk.send_all()
    desk.later(hours=4)
    with desk.database.reading() as session:
        look = campaigns.look_at(session, desk.parts.vault, campaign_id, now=desk.now)
    by_hand = desk.do("choose", campaign_id, variant=None)
    with desk.database.transaction() as session:
        assert campaigns.decide(session, look, now=desk.now) is None
    assert desk.look(campaign_id).choice == by_hand.choice


def test_a_choice_after_the_deadline_is_refused_beforehand(desk: Desk) -> None:
    crowd(desk, 12)
    campaign_id = draft(desk, a_split(sample=SAMPLE))
    at = desk.now + timedelta(hours=1)
    plan = Plan(at=at, use_by=at + timedelta(hours=4))
    with pytest.raises(ChoiceTooLate, match="use_by"):
        desk.do("schedule", campaign_id, plan=plan)


def test_a_remainder_that_was_not_decided_in_time_is_refused_as_late(desk: Desk) -> None:
    crowd(desk, 120)
    campaign_id = draft(desk, a_split(sample=SAMPLE))
    at = desk.now + timedelta(hours=1)
    desk.do("schedule", campaign_id, plan=Plan(at=at, use_by=at + timedelta(hours=5)))
    desk.later(hours=1)
    assert desk.tick() == [campaign_id]
    desk.do("pause", campaign_id)
    desk.later(hours=4)
    desk.do("resume", campaign_id)
    desk.send_all()
    sample = len(got(desk))
    desk.later(minutes=59)
    assert decide(desk) == []
    desk.later(minutes=2)
    [chosen] = decide(desk)
    assert chosen.choice is not None
    assert chosen.choice.how is How.TOO_LATE
    desk.send_all()
    books = desk.report(campaign_id).books
    assert (books.accepted, books.refused) == (sample, {Reason.NOT_LATE: 120 - sample})
    assert books.balance


def test_a_cancelled_split_ends_for_those_who_wait_too(desk: Desk) -> None:
    crowd(desk, 60)
    campaign_id, mailing_id = started(desk, a_split(sample=SAMPLE))
    desk.send_all()
    waiting = sum(rest for _, rest in drawn(desk, mailing_id).values())
    desk.do("cancel", campaign_id)
    desk.later(hours=5)
    assert decide(desk) == []
    with pytest.raises(NothingToChoose):
        desk.do("choose", campaign_id, variant="Plain")
    books = desk.report(campaign_id).books
    assert (books.cancelled, books.balance) == (waiting, True)


def test_a_look_ahead_says_when_the_winner_is_chosen(desk: Desk) -> None:
    crowd(desk, 12)
    later = {"name": "Evening", "later_minutes": 480}
    campaign_id = draft(desk, a_split(variants=[TWO[0], later], sample=SAMPLE))
    at = desk.now + timedelta(hours=1)
    ahead = desk.foresee(campaign_id, Plan(at=at))
    assert ahead.choice == at + timedelta(hours=8) + timedelta(hours=4)
    desk.do("start", campaign_id)
    begun = desk.look(campaign_id).choose_at
    assert begun == desk.now + timedelta(hours=12)
    assert desk.foresee(desk.draft(), Plan(at=at)).choice is None


def test_by_everybodys_own_time_the_remainder_has_its_hour_after_the_choice(desk: Desk) -> None:
    berlin = crowd(desk, 60, timezones=["Europe/Berlin"])
    desk.time[0] = datetime(2026, 11, 23, 6, tzinfo=UTC)
    campaign_id = draft(desk, a_split(sample=SAMPLE))
    plan = Plan.model_validate({"at": "2026-11-24T09:00", "zone": "Europe/Berlin", "local": True})
    desk.do("schedule", campaign_id, plan=plan)
    desk.later(hours=14)
    assert desk.tick() == [campaign_id]
    desk.time[0] = datetime(2026, 11, 24, 8, tzinfo=UTC)
    desk.send_all()
    sample = len(got(desk))
    assert 0 < sample < len(berlin)
    desk.later(hours=4)
    assert len(decide(desk)) == 1
    desk.send_all()
    assert len(got(desk)) == sample, "it is early afternoon there"
    desk.time[0] = datetime(2026, 11, 25, 8, tzinfo=UTC)
    desk.send_all()
    assert len(got(desk)) == len(berlin)


def test_a_variant_may_come_later_and_under_another_name(desk: Desk) -> None:
    crowd(desk, 60)
    later = {"name": "Evening", "later_minutes": 480, "sender_name": "Anna of FocalPoint"}
    _, mailing_id = started(desk, a_split(variants=[TWO[0], later]))
    desk.send_all()
    plain = set(got(desk))
    assert plain == set(in_part(desk, mailing_id, 1, rest=False))
    desk.later(hours=8)
    desk.send_all()
    evening = [each for each in desk.provider.accepted if each.person_id not in plain]
    senders = {header(each, "From") for each in evening}
    own = header(desk.provider.accepted[0], "From")
    address = re.search(r"<.*>", own)
    assert address is not None
    assert senders == {f"Anna of FocalPoint {address[0]}"}
    assert len(evening) + len(plain) == 60


@pytest.mark.clause("C16")
def test_a_links_number_means_one_target_in_every_variant(desk: Desk) -> None:
    crowd(desk, 40)
    other = "https://www.focalpointsystem.com/offer"
    variants = [{"name": "Plain"}, {"name": "Offer", "content": {"button_url": other}}]
    _, mailing_id = started(desk, a_split(variants=variants))
    desk.send_all()
    with desk.database.reading() as session:
        targets = delivery.targets_of(session, mailing_id) or ()
    button = targets.index("https://www.focalpointsystem.com/releases/autumn")
    offer = targets.index(other)
    for each in desk.provider.accepted:
        variant, _ = drawn(desk, mailing_id)[each.person_id]
        numbers = _numbers(each.content)
        assert (button in numbers, offer in numbers) == (variant == 1, variant == 2)


def _numbers(content: bytes) -> set[int]:
    part = list(message_from_bytes(content).walk())[-1].get_payload(decode=True)
    assert isinstance(part, bytes)
    return {int(number) for number in re.findall(r"/c/[\w.-]+/(\d+)", part.decode())}


def test_who_is_tried_again_keeps_their_variant(desk: Desk) -> None:
    people = crowd(desk, 30)
    campaign_id, mailing_id = started(desk, a_split(sample=SAMPLE))
    before = drawn(desk, mailing_id)
    for each in people:
        desk.provider.answer_for(each.email, Later(451, "4.3.0 try again"))
    desk.send_all()
    assert got(desk) == {}
    assert drawn(desk, mailing_id) == before
    desk.later(minutes=1)
    desk.send_all()
    sample = {who: variant for who, (variant, rest) in before.items() if not rest}
    names = list(SUBJECTS.values())
    assert got(desk) == {who: [names[variant - 1]] for who, variant in sample.items()}
    assert desk.report(campaign_id).books.balance
