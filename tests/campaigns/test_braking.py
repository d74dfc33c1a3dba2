"""A campaign that the safety brake stopped: paused, with a sentence, resumed with a reason."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from mailer import campaigns, delivery
from mailer.campaigns import Campaign, CampaignId, CannotDo, Plan, ReasonNeeded, State
from mailer.campaigns.standing import brake_figures
from mailer.delivery import Brake, Braked, Cause, Limits, News, Tally
from mailer.providers import Later, Rejected
from mailer.vocabulary import Heard
from tests.campaigns.conftest import BY, Desk, new_campaign

BRAKE = Brake(complaints=10, after=10)


def started(desk: Desk, size: int = 12) -> tuple[CampaignId, list[News]]:
    """A campaign that has left, and a complaint of everybody whom it reached."""
    crowd = desk.crowd(size)
    with desk.database.transaction() as session:
        made = campaigns.create(
            session,
            replace(new_campaign(), brake=BRAKE),
            brand=desk.parts.brand,
            by=BY,
            now=desk.now,
        )
    mailing = desk.do("start", made.campaign_id).mailing_id
    assert mailing is not None
    desk.send_all()
    return made.campaign_id, [
        News(mailing, each.person_id, Heard.COMPLAINED, desk.now) for each in crowd
    ]


def complain(desk: Desk, news: list[News]) -> None:
    with desk.database.transaction() as session:
        delivery.hear(session, *news, now=desk.now)


def why(campaign: Campaign) -> tuple[Cause, int, int, float] | None:
    """The cause and the figures for which it was stopped: so many, of so many, past so many %."""
    braked = campaign.braked
    return (braked.cause, braked.count, braked.of, braked.limit) if braked else None


def tick(desk: Desk) -> list[CampaignId]:
    with desk.database.transaction() as session:
        return campaigns.brake_stopped(session, now=desk.now)


def ledger(desk: Desk, kind: str) -> list[tuple[str, dict[str, object]]]:
    with desk.database.reading() as session:
        rows = session.execute(
            text("SELECT actor, detail FROM ledger_entry WHERE kind = :kind ORDER BY id"),
            {"kind": kind},
        )
        return [(row.actor, row.detail) for row in rows]


def test_a_campaign_that_people_complain_of_is_paused_and_says_why_in_a_sentence(
    desk: Desk,
) -> None:
    campaign, news = started(desk)
    complain(desk, news[:3])
    assert tick(desk) == [campaign]
    assert tick(desk) == []
    held = desk.look(campaign)
    assert held.state is State.PAUSED
    assert held.braked is not None
    assert campaigns.brake_sentence(held.braked) == (
        "Stopped by the safety brake at 2026-11-22 10:00:00 UTC: complaints passed 10 %,"
        " fewer than 10 of 12 accepted."
    )
    ((actor, detail),) = ledger(desk, "campaign.braked")
    assert actor == "brake"
    assert (detail["cause"], detail["count"], detail["of"]) == ("complaints", "fewer than 10", 12)


def test_resuming_needs_a_reason_and_then_only_what_comes_is_judged(desk: Desk) -> None:
    campaign, news = started(desk)
    complain(desk, news[:4])
    tick(desk)
    for nothing in ("", "   "):
        with pytest.raises(ReasonNeeded, match="Stopped by the safety brake"):
            desk.do("resume", campaign, reason=nothing)
    assert desk.look(campaign).state is State.PAUSED
    desk.do("resume", campaign, reason="One class filed it as spam together.")
    assert desk.look(campaign).braked is None
    complain(desk, news[4:8])
    assert tick(desk) == []
    assert desk.look(campaign).state is State.SENDING
    assert ledger(desk, "campaign.sending")[-1][1]["why"] == "One class filed it as spam together."


def test_who_resumes_before_the_clock_saw_the_brake_needs_a_reason_all_the_same(
    desk: Desk,
) -> None:
    campaign, news = started(desk)
    complain(desk, news[:4])
    with pytest.raises(ReasonNeeded):
        desk.do("resume", campaign)
    assert why(desk.do("pause", campaign)) == (Cause.COMPLAINTS, 4, 12, 10)


def test_a_campaign_that_somebody_paused_is_braked_besides(desk: Desk) -> None:
    campaign, news = started(desk)
    desk.do("pause", campaign)
    complain(desk, news[:4])
    assert tick(desk) == [campaign]
    with pytest.raises(ReasonNeeded):
        desk.do("resume", campaign)
    assert desk.do("cancel", campaign).state is State.CANCELLED


def test_a_campaign_that_is_over_stays_over(desk: Desk) -> None:
    campaign, news = started(desk)
    with desk.database.transaction() as session:
        campaigns.finish_done(session, now=desk.now)
    complain(desk, news)
    assert tick(desk) == []
    with pytest.raises(CannotDo):
        desk.do("resume", campaign, reason="It was fine.")


def test_the_installations_limits_hold_for_whoever_has_none(desk: Desk) -> None:
    people = desk.crowd(200)
    for each in people[:11]:
        desk.provider.answer_for(each.email, Rejected(550, "5.1.1 no such user", about_person=True))
    campaign = desk.draft()
    desk.do("start", campaign)
    desk.send_all()
    tick(desk)
    braked = desk.look(campaign).braked
    assert braked is not None
    assert (braked.cause, braked.count, braked.of) == (Cause.HARD_BOUNCES, 11, 200)
    assert "mailboxes that do not exist passed 5 %, 11 of 200" in campaigns.brake_sentence(braked)


def test_a_copy_and_each_time_of_a_repetition_have_the_same_pace_and_brake(desk: Desk) -> None:
    desk.customer("Ada Novak")
    new = replace(new_campaign(), brake=BRAKE, pace=Limits(per_minute=600))
    with desk.database.transaction() as session:
        made = campaigns.create(session, new, brand=desk.parts.brand, by=BY, now=desk.now)
    plan = Plan.model_validate(
        {"at": "2026-11-23T09:00", "zone": "UTC", "repeat": {"every": "day", "times": 3}}
    )
    desk.do("schedule", made.campaign_id, plan=plan)
    desk.later(days=1)
    (first,) = desk.tick()
    for each in (desk.look(first), desk.do("clone", made.campaign_id)):
        assert (each.pace, each.brake) == (new.pace, new.brake)
    mailing_id = desk.look(first).mailing_id
    assert mailing_id is not None
    with desk.database.reading() as session:
        assert delivery.mailing_of(session, mailing_id).pace == new.pace


DAILY = Plan.model_validate(
    {"at": "2026-11-23T09:00", "zone": "UTC", "repeat": {"every": "day", "times": 4}}
)


def repeated(desk: Desk, *, is_over: bool = False) -> tuple[CampaignId, CampaignId, list[News]]:
    """A campaign that repeats, its first time, which is over or not, and complaints of that."""
    crowd = desk.crowd(12)
    if not is_over:
        late = desk.customer("Mehmet Late")
        desk.provider.answer_for(late.email, Later(450, "4.2.1 later"))
    new = replace(new_campaign(), brake=BRAKE)
    with desk.database.transaction() as session:
        series = campaigns.create(
            session, new, brand=desk.parts.brand, by=BY, now=desk.now
        ).campaign_id
    desk.do("schedule", series, plan=DAILY)
    desk.later(days=1)
    (first,) = desk.tick()
    desk.send_all()
    mailing = desk.look(first).mailing_id
    assert mailing is not None
    return (
        series,
        first,
        [News(mailing, each.person_id, Heard.COMPLAINED, desk.now) for each in crowd],
    )


@pytest.mark.parametrize("is_over", [False, True])
def test_a_repetition_stops_after_the_time_that_the_brake_stopped(
    desk: Desk, is_over: bool
) -> None:
    series, first, news = repeated(desk, is_over=is_over)
    desk.tick()
    assert desk.look(first).state is (State.FINISHED if is_over else State.SENDING)
    complain(desk, news[:4])
    desk.later(days=1)
    assert desk.tick() == desk.tick() == []
    stopped = desk.look(series)
    assert stopped.state is State.SCHEDULED
    assert why(stopped) == (Cause.COMPLAINTS, 4, 12, 10)
    assert [detail["campaign"] for _, detail in ledger(desk, "campaign.braked")] == [series]
    with desk.database.reading() as session:
        assert not campaigns.is_any_due(session, now=desk.now), "no clock rings for it"


def test_a_repetition_that_was_stopped_goes_on_for_a_reason_and_makes_up_one_time(
    desk: Desk,
) -> None:
    series, first, news = repeated(desk)
    complain(desk, news[:4])
    desk.later(days=2)
    tick(desk)
    desk.tick()
    for act in ("resume", "start"):
        with pytest.raises(ReasonNeeded):
            desk.do(act, series)
    assert desk.do("resume", series, reason="The reminder is left out.").braked is None
    assert ledger(desk, "campaign.resumed")[-1][1]["why"] == "The reminder is left out."
    (second,) = desk.tick()
    assert desk.look(second).series_id == series
    held = desk.look(first)
    assert (held.state, why(held)) == (State.PAUSED, (Cause.COMPLAINTS, 4, 12, 10))
    with pytest.raises(ReasonNeeded):
        desk.do("resume", first)
    desk.later(days=1)
    assert len(desk.tick()) == 1, "what was answered for stops it no more"


def test_who_starts_a_repetition_before_the_clock_knows_of_the_brake_is_told_of_it(
    desk: Desk,
) -> None:
    series, _, news = repeated(desk, is_over=True)
    tick(desk)
    complain(desk, news[:4])
    with pytest.raises(ReasonNeeded):
        desk.do("start", series)
    with pytest.raises(ReasonNeeded):
        desk.do("resume", series)
    desk.do("resume", series, reason="The reminder is left out.")
    assert desk.do("start", series).state is State.SENDING


def test_who_resumes_the_time_that_was_stopped_lets_the_next_one_start(desk: Desk) -> None:
    _, first, news = repeated(desk)
    complain(desk, news[:4])
    tick(desk)
    desk.do("resume", first, reason="One class filed it as spam together.")
    desk.later(days=1)
    assert len(desk.tick()) == 1


def test_a_repetition_that_is_planned_anew_stops_again_until_somebody_answers_for_it(
    desk: Desk,
) -> None:
    series, _, news = repeated(desk)
    complain(desk, news[:4])
    desk.later(days=1)
    desk.tick()
    assert desk.do("unschedule", series).braked is None
    desk.do("schedule", series, plan=DAILY)
    desk.later(days=1)
    assert desk.tick() == []
    assert why(desk.look(series)) == (Cause.COMPLAINTS, 4, 12, 10)


def set_brake(desk: Desk, campaign: CampaignId, own: Brake | None, **more: str) -> Campaign:
    return desk.do("set_brake", campaign, own=own, installation=Brake(after=10), **more)


def test_other_limits_under_way_stop_what_is_past_them_at_once(desk: Desk) -> None:
    campaign, news = started(desk, size=40)
    complain(desk, news[:4])
    assert tick(desk) == []
    changed = set_brake(desk, campaign, Brake(complaints=5), reason="A new audience.")
    assert changed.brake == Brake(complaints=5)
    assert (changed.state, why(changed)) == (State.PAUSED, (Cause.COMPLAINTS, 4, 40, 5))
    ((actor, detail),) = ledger(desk, "campaign.brake_set")
    assert (actor, detail["brake"], detail["why"]) == (BY, {"complaints": 5.0}, "A new audience.")


def test_looser_limits_hold_from_then_on_and_release_nothing(desk: Desk) -> None:
    campaign, news = started(desk)
    set_brake(desk, campaign, Brake(complaints=100))
    complain(desk, news[:8])
    assert tick(desk) == []
    assert set_brake(desk, campaign, None).state is State.PAUSED
    loosened = set_brake(desk, campaign, Brake(complaints=100))
    assert why(loosened) == (Cause.COMPLAINTS, 8, 12, 0.1)
    with pytest.raises(ReasonNeeded):
        desk.do("resume", campaign)


def test_limits_are_changed_before_the_start_and_never_after_the_end(desk: Desk) -> None:
    desk.customer("Ada Novak")
    draft = desk.draft()
    set_brake(desk, draft, BRAKE)
    mailing = desk.do("start", draft).mailing_id
    with desk.database.reading() as session:
        brake = text("SELECT brake FROM delivery_mailing WHERE id = :id")
        kept = session.execute(brake, {"id": mailing}).scalar_one()
    assert (kept["complaints"], kept["after"]) == (10, 10)
    desk.do("cancel", draft)
    with pytest.raises(CannotDo):
        set_brake(desk, draft, None)


@pytest.mark.clause("C15")
def test_what_the_brake_counts_is_told_without_a_figure_of_fewer_than_ten() -> None:
    figures = brake_figures(
        Brake(), Tally(accepted=950, rejected=40, unknown=10, refused_later=3, complaints=9)
    )
    told = {each.cause: (each.count, each.of, each.limit) for each in figures}
    assert told == {
        Cause.COMPLAINTS: ("fewer than 10", 950, 0.1),
        Cause.HARD_BOUNCES: ("fewer than 10", 1000, 5.0),
        Cause.REJECTED: ("withheld", 1000, 10.0),  # 43 less the 40 that the books tell
        Cause.UNKNOWN: (10, 1000, 5.0),
    }
    (most, *_) = brake_figures(Brake(), Tally(accepted=500, complaints=10))
    assert most.count == 10


@pytest.mark.clause("C15")
@pytest.mark.parametrize("accepted", [0, 950])
def test_of_how_many_the_fate_is_unknown_the_brake_tells_as_exactly_as_the_books(
    accepted: int,
) -> None:
    *_, unknown = brake_figures(Brake(), Tally(accepted=accepted, unknown=4))
    assert (unknown.cause, unknown.count) == (Cause.UNKNOWN, 4)


def test_a_stop_for_few_of_unknown_fate_says_how_many(desk: Desk) -> None:
    braked = Braked(Cause.UNKNOWN, 4, 30, 5.0, desk.now)
    assert "mails of unknown fate passed 5 %, 4 of 30" in campaigns.brake_sentence(braked)
    assert campaigns.shown_count(replace(braked, cause=Cause.COMPLAINTS)) == "fewer than 10"


def test_a_campaign_says_how_it_stands_once_it_has_started(desk: Desk) -> None:
    for number in range(3):
        desk.customer(f"Customer {number}")
    draft = desk.draft()

    def status() -> campaigns.Status:
        with desk.database.reading() as session:
            return campaigns.status_of(session, draft, pace=desk.parts.pace, now=desk.now)

    assert (status().standing, status().brake) == (None, ())
    desk.do("set_pace", draft, pace=Limits(per_day=1))
    desk.do("start", draft)
    desk.send_all()
    standing = status().standing
    assert standing is not None
    assert standing.next_turn == desk.now + timedelta(days=1)
    assert [each.cause for each in status().brake] == list(Cause)
