"""What once went wrong with repetitions, copies and tests, by name."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import text

from mailer import campaigns
from mailer.campaigns import CampaignId, CannotSend, Plan, State
from mailer.campaigns.audience import lists
from mailer.measure import Kind
from mailer.providers import AboutUs
from mailer.vocabulary import Lane
from mailer.wiring import build_sender
from tests.campaigns.audience import members
from tests.campaigns.conftest import BY, Desk
from tests.measure.mails import Handed
from workers.shift import Shift

ANNA = "anna@focalpointsystem.com"


def weekly(first: datetime, **more: object) -> Plan:
    return Plan.model_validate(
        {"at": wall(first), "zone": "UTC", "repeat": {"every": "week"}, **more}
    )


def wall(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat()


def hand_overs(desk: Desk) -> list[datetime]:
    with desk.database.reading() as session:
        rows = session.execute(
            text("SELECT handing_at FROM delivery_batch WHERE accepted > 0 ORDER BY 1")
        )
        return list(rows.scalars())


def test_a_repetition_with_a_new_plan_begins_again_and_holds_nobody_up(desk: Desk) -> None:
    desk.customer("Jo Example")
    series = desk.draft()
    desk.do("schedule", series, plan=weekly(desk.now + timedelta(hours=1)))
    desk.later(hours=2)
    assert len(desk.tick()) == 1
    desk.do("schedule", series, plan=weekly(desk.now + timedelta(hours=1)))
    other = desk.draft()
    desk.do("schedule", other, plan=Plan(at=desk.now + timedelta(hours=1, minutes=5)))
    desk.later(hours=3)
    assert other in desk.tick()
    desk.send_all()
    assert len(desk.provider.accepted) == 3


def test_a_campaign_that_cannot_start_goes_back_to_the_drafts_and_the_next_one_starts(
    desk: Desk,
) -> None:
    desk.customer("Jo Example")
    bad, good = desk.draft(), desk.draft()
    for campaign in (bad, good):
        desk.do("schedule", campaign, plan=Plan(at=desk.now + timedelta(hours=1)))
    with desk.database.transaction() as session:  # a mailing of its name stands already
        session.execute(
            text(
                "INSERT INTO delivery_mailing (key, letter, stream, topic, targets, state,"
                " audience, created_at) VALUES (:key, 'promotional', 'promotional',"
                " 'company_news', '[]', 'sending', 0, :now)"
            ),
            {"key": f"campaign:{bad}", "now": desk.now},
        )
    desk.later(hours=2)
    shift = Shift(desk.parts, build_sender(desk.parts, provider=desk.provider))
    for _ in range(2):  # two rings
        shift.start_campaigns()
    assert (desk.look(bad).state, desk.look(good).state) == (State.DRAFT, State.SENDING)


def test_a_daily_mail_at_everybodys_own_time_never_comes_twice_at_once(desk: Desk) -> None:
    desk.customer("Jo Example", timezone="Europe/Vienna")
    desk.time[0] = desk.now.replace(hour=12, minute=0)
    daily = {"zone": "UTC", "local": True, "repeat": {"every": "day", "times": 4}}
    plan = Plan.model_validate({"at": wall(desk.now.replace(hour=9)), **daily})
    desk.do("schedule", desk.draft(), plan=plan)
    for hour in range(24 * 4):
        # For half a day nobody is there to begin anything.
        if not 30 <= hour < 42:
            desk.tick()
            desk.send_all()
        desk.later(hours=1)
    begun = hand_overs(desk)
    assert len(begun) == 3
    assert all(after - before > timedelta(hours=10) for before, after in pairwise(begun))


def test_a_repetition_that_is_started_by_hand_has_the_deadline_of_its_next_time(
    desk: Desk,
) -> None:
    desk.customer("Jo Example")
    series, first = desk.draft(), desk.now + timedelta(hours=1)
    desk.do("schedule", series, plan=weekly(first, use_by=wall(first + timedelta(hours=6))))
    desk.later(hours=2)
    desk.tick()
    desk.later(days=2)
    desk.do("start", series)
    desk.send_all()
    assert desk.report(series).books.accepted == 1


def test_a_copy_whose_list_is_gone_is_stopped(desk: Desk) -> None:
    kept_out = desk.customer("Anna Becker")
    desk.customer("Jo Example")
    with desk.database.transaction() as session:
        made = lists.create_list(session, name="Do not", by=BY, now=desk.now)
        lists.put_on_list(session, made.list_id, [kept_out.person_id], by=BY, now=desk.now)
    first = desk.draft(rule={"kind": "not", "of": {"kind": "list", "id": made.list_id}})
    desk.do("start", first)
    desk.send_all()
    desk.tick()
    with desk.database.transaction() as session:
        lists.forget_list(session, made.list_id, by=BY, now=desk.now)
        copy: CampaignId = campaigns.clone(session, first, by=BY, now=desk.now).campaign_id
    with pytest.raises(CannotSend, match="list"):
        desk.do("start", copy)
    assert [each.person_id for each in desk.provider.accepted] != [kept_out.person_id]


def test_a_test_that_our_relay_does_not_like_leaves_order_updates_alone(desk: Desk) -> None:
    desk.provider.answer_for(ANNA, AboutUs(403, "this From is not verified"))
    with desk.database.transaction() as session:
        campaigns.send_test(
            session,
            desk.parts.vault,
            desk.draft(),
            to=[ANNA],
            brand=desk.parts.brand,
            rules=desk.parts.rules,
            by=BY,
            now=desk.now,
        )
    sender = build_sender(desk.parts, provider=desk.provider)
    assert sender.deliver_one(Lane.ORDERS)
    sender.close()
    with desk.database.reading() as session:
        stopped = session.execute(text("SELECT count(*) FROM delivery_lane")).scalar_one()
    assert stopped == 0


def test_who_sleeps_is_not_too_late_for_the_next_time_by_the_deadline_of_the_first(
    desk: Desk,
) -> None:
    desk.customer("Jo Example", timezone="Europe/Berlin")
    desk.time[0] = desk.now.replace(hour=6, minute=0)
    series, nine = desk.draft(), desk.now.replace(hour=9)
    plan = weekly(nine, use_by=wall(nine + timedelta(hours=8)), quiet_hours={})
    desk.do("schedule", series, plan=plan)
    desk.later(hours=4)
    assert len(desk.tick()) == 1
    desk.later(days=6, hours=12)
    with desk.database.reading() as session:
        ahead = campaigns.preview(session, series, now=desk.now)
    assert (ahead.held, dict(ahead.refused)) == (1, {})


def test_who_clicked_any_time_of_what_repeats_is_engaged_with_it(desk: Desk) -> None:
    jo, anna = desk.customer("Jo Example").person_id, desk.customer("Anna Becker").person_id
    series = desk.draft()
    desk.do("schedule", series, plan=weekly(desk.now + timedelta(hours=1)))
    desk.later(hours=2)
    (time,) = desk.tick()
    mailing = desk.look(time).mailing_id
    engaged = {"kind": "engaged", "campaign": series}
    with desk.database.transaction() as session:
        Handed(mailing or 0, desk.now).write(session, [(jo, 0, Kind.GET, 0)])
        assert members(session, desk.now, **engaged) == [jo]
        assert members(session, desk.now, kind="not", of=engaged) == [anna]
        assert members(session, desk.now, kind="engaged", campaign=time) == [jo]
