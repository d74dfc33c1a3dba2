"""A split test's choice: by whom it is made when several look, and at which hour it is sent."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from mailer import campaigns
from mailer.campaigns import How, NothingToChoose, Plan
from tests.campaigns.conftest import Desk
from tests.campaigns.split import (
    SAMPLE,
    TWO,
    a_split,
    click,
    crowd,
    decide,
    draft,
    drawn,
    got,
    started,
)

AGAIN = {**SAMPLE, "again_minutes": 600}


def test_two_workers_that_look_at_once_have_looked_once(desk: Desk) -> None:
    crowd(desk, 120)
    campaign_id, _ = started(desk, a_split(sample=AGAIN))
    desk.send_all()
    desk.later(hours=4)
    with desk.database.reading() as session:
        looks = [
            campaigns.look_at(session, desk.parts.vault, campaign_id, now=desk.now)
            for _ in ("Anna's worker", "Berta's worker")
        ]
    for look in looks:
        with desk.database.transaction() as session:
            assert campaigns.decide(session, look, now=desk.now) is None
    assert desk.look(campaign_id).choice is None, "the second look is ten hours away"
    desk.later(hours=10)
    [chosen] = decide(desk)
    assert chosen.choice is not None
    assert chosen.choice.how is How.TOO_FEW


def test_a_pause_between_look_and_choice_holds_up_the_choice(desk: Desk) -> None:
    crowd(desk, 60)
    campaign_id, _ = started(desk, a_split(sample=SAMPLE))
    desk.send_all()
    desk.later(hours=4)
    with desk.database.reading() as session:
        look = campaigns.look_at(session, desk.parts.vault, campaign_id, now=desk.now)
    desk.do("pause", campaign_id)
    with desk.database.transaction() as session:
        assert campaigns.decide(session, look, now=desk.now) is None
    assert desk.look(campaign_id).choice is None
    desk.do("resume", campaign_id)
    assert len(decide(desk)) == 1


def test_when_a_later_hour_wins_the_whole_remainder_has_that_hour(desk: Desk) -> None:
    berlin = crowd(desk, 300, timezones=["Europe/Berlin"])
    evening = {"name": "Evening", "later_minutes": 480}
    desk.time[0] = datetime(2026, 11, 23, 6, tzinfo=UTC)
    campaign_id = draft(desk, a_split(variants=[TWO[0], evening], sample=SAMPLE))
    plan = Plan.model_validate({"at": "2026-11-24T09:00", "zone": "Europe/Berlin", "local": True})
    desk.do("schedule", campaign_id, plan=plan)
    desk.later(hours=14)
    assert desk.tick() == [campaign_id]
    mailing_id = desk.look(campaign_id).mailing_id
    assert mailing_id is not None
    desk.time[0] = datetime(2026, 11, 24, 16, tzinfo=UTC)
    desk.send_all()
    sample = len(got(desk))
    people = [who for who, part in drawn(desk, mailing_id).items() if part == (2, False)]
    click(desk, mailing_id, people[:50])
    desk.later(hours=5)
    [chosen] = decide(desk)
    assert chosen.choice is not None
    assert chosen.choice.variant == "Evening"
    desk.time[0] = datetime(2026, 11, 25, 15, 55, tzinfo=UTC)
    desk.send_all()
    assert len(got(desk)) == sample, "their hour is five in the afternoon, Berlin time"
    desk.later(minutes=5)
    desk.send_all()
    assert len(got(desk)) == len(berlin)


def test_of_a_repetition_by_own_time_the_remainder_is_not_mailed_at_night(desk: Desk) -> None:
    berlin = crowd(desk, 60, timezones=["Europe/Berlin"])
    desk.time[0] = datetime(2026, 11, 23, 6, tzinfo=UTC)
    campaign_id = draft(desk, a_split(sample=SAMPLE))
    plan = {
        "at": "2026-11-25T09:00",
        "zone": "Europe/Berlin",
        "local": True,
        "repeat": {"every": "week"},
    }
    desk.do("schedule", campaign_id, plan=Plan.model_validate(plan))
    desk.time[0] = datetime(2026, 11, 24, 19, tzinfo=UTC)
    [copy] = desk.tick()
    desk.time[0] = datetime(2026, 11, 25, 8, tzinfo=UTC)
    desk.send_all()
    assert 0 < len(got(desk)) < len(berlin)
    for _ in range(60):
        desk.later(minutes=30)
        decide(desk)
        before = len(got(desk))
        desk.send_all()
        if len(got(desk)) > before:
            break
    choice = desk.look(copy).choice
    assert choice is not None
    assert (choice.how, choice.by) == (How.TOO_FEW, "clock")
    assert len(got(desk)) == len(berlin)
    assert desk.now == datetime(2026, 11, 26, 8, tzinfo=UTC), "at nine in the morning there"


def test_whoever_chooses_too_early_or_too_late_is_told_which(desk: Desk) -> None:
    crowd(desk, 60)
    campaign_id = draft(desk, a_split(sample=SAMPLE))
    told: list[str] = []

    def choose() -> None:
        with pytest.raises(NothingToChoose) as refused:
            desk.do("choose", campaign_id, variant=None)
        told.append(str(refused.value).rpartition(": ")[2])

    choose()
    desk.do("start", campaign_id)
    desk.do("cancel", campaign_id)
    choose()
    campaign_id, _ = started(desk, a_split(sample=SAMPLE))
    desk.do("choose", campaign_id, variant=TWO[0]["name"])
    choose()
    campaign_id = desk.draft()
    choose()
    assert told == [
        "it has not started.",
        "it is over.",
        "it was made.",
        "it tries nothing on a sample.",
    ]


@pytest.mark.clause("C15")
def test_the_ledger_keeps_no_small_figure_of_a_choice(desk: Desk) -> None:
    crowd(desk, 120)
    _, mailing_id = started(desk, a_split(sample=SAMPLE))
    desk.send_all()
    click(
        desk, mailing_id, [who for who, part in drawn(desk, mailing_id).items() if part[0] == 1][:3]
    )
    desk.later(hours=4)
    assert len(decide(desk)) == 1
    with desk.database.reading() as session:
        detail = session.execute(
            text("SELECT detail FROM ledger_entry WHERE kind = 'campaign.chosen'")
        ).scalar_one()
    assert [each["successes"] for each in detail["figures"]] == ["fewer than 10"] * 2


def test_the_last_time_of_a_repetition_has_its_own_deadline_and_not_the_first_ones(
    desk: Desk,
) -> None:
    crowd(desk, 60)
    campaign_id = draft(desk, a_split(sample=SAMPLE))
    at = (desk.now + timedelta(hours=1)).replace(tzinfo=None)
    plan = Plan.model_validate(
        {
            "at": at.isoformat(),
            "use_by": (at + timedelta(hours=6)).isoformat(),
            "zone": "UTC",
            "repeat": {"every": "day", "times": 2},
        }
    )
    desk.do("schedule", campaign_id, plan=plan)
    for _ in range(2):
        desk.later(hours=1)
        desk.tick()
        desk.send_all()
        desk.later(hours=4)
        (chosen,) = decide(desk)
        assert chosen.choice is not None
        assert (chosen.choice.variant, chosen.choice.how) == ("Plain", How.TOO_FEW)
        desk.later(hours=19)
