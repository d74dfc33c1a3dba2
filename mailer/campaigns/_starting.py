"""Starting a campaign: its mailing is made, and its audience cut into batches."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import Select
from sqlmodel import Session

from mailer import delivery
from mailer.campaigns import drift
from mailer.campaigns._rows import brake_from, campaign_from, note, pace_from, split_from
from mailer.campaigns._splitting import draw_of, letters_of, note_first_look, parts_of
from mailer.campaigns._tables import CampaignRow
from mailer.campaigns.audience import Audience, Numbers, audience_select, last_person
from mailer.campaigns.checks import CannotSend, Rules, look_over
from mailer.campaigns.findings import Checked
from mailer.campaigns.lifecycle import Act, State, after
from mailer.campaigns.plans import Plan
from mailer.campaigns.previews import count_of
from mailer.campaigns.revisions import is_approved
from mailer.campaigns.splits import Split
from mailer.campaigns.values import Campaign
from mailer.letters import Brand, PromotionalContent
from mailer.vocabulary import MailingId, Stream, Topic
from mailer.zones import zone_of

STRETCH = 1_000_000
"""Customers' numbers that are cut at once; the database holds 16 bytes for each person of them."""

Progress = Callable[[int, int], None]
"""Told how many customers' numbers were looked at, and of how many."""


def in_silence(done: int, of: int) -> None:
    """Tell nobody how far it is."""


def start_row(
    session: Session,
    row: CampaignRow,
    *,
    plan: Plan | None,
    brand: Brand,
    rules: Rules,
    by: str,
    progress: Progress = in_silence,
    now: datetime,
) -> Campaign:
    """Start a campaign whose row is locked, by a plan of one moment or none (at once).

    Raises CannotDo, ChoiceTooLate, and CannotSend where a check stops it.
    """
    before = State(row.state)
    target = after(before, Act.START)
    if before is target:
        return campaign_from(row)
    checked = look_over(session, row, brand=brand, rules=rules, now=now)
    refuse_stopped(checked)
    content = PromotionalContent.model_validate(row.content)
    split = split_from(row)
    if row.counted is None or not is_approved(row):
        row.counted = drift.stored(count_of(session, row, plan, cap=rules.cap, now=now))
    row.mailing_id = _make_mailing(session, row, content, split, plan, brand, rules, now)
    row.audience_size = _prepare(session, row, split, plan, progress, now)
    row.state, row.started_at, row.taken_back = target, now, None
    detail: dict[str, object] = {"audience": row.audience_size}
    if checked.warnings:
        detail["warnings"] = [f"{each.check}: {each.field}" for each in checked.warnings]
    note(session, row, "started", by=by, now=now, detail=detail)
    return campaign_from(row)


def refuse_stopped(checked: Checked) -> None:
    """Let pass what no check stops. Raises CannotSend."""
    if checked.stops:
        raise CannotSend(checked.stops)


def _make_mailing(
    session: Session,
    row: CampaignRow,
    content: PromotionalContent,
    split: Split | None,
    plan: Plan | None,
    brand: Brand,
    rules: Rules,
    now: datetime,
) -> MailingId:
    topic = Topic(row.topic)
    letters, targets = letters_of(content, split, topic=topic, brand=brand)
    mailing_id = delivery.create_mailing(
        session,
        delivery.NewMailing(
            key=f"campaign:{row.id}",
            letter="promotional",
            stream=Stream.PROMOTIONAL,
            topic=topic,
            content=row.content,
            targets=targets,
            variants=letters,
            use_by=plan.deadline if plan else None,
            quiet_hours=plan.hours if plan else None,
            pace=pace_from(row),
            brake=rules.brake.but_for(brake_from(row)),
        ),
        now=now,
    )
    if mailing_id is None:
        raise RuntimeError("a campaign that never started met the mailing of its own name")
    return mailing_id


def _prepare(
    session: Session,
    row: CampaignRow,
    split: Split | None,
    plan: Plan | None,
    progress: Progress,
    now: datetime,
) -> int:
    audience = Audience.model_validate(row.audience)
    cut = _cutter(session, row, split, plan, now)
    size, last = 0, last_person(session)
    for within in stretches(last):
        size = cut(audience_select(audience, now=now, within=within))
        progress(min(within.end - 1, last) if within else last, last)
    if split is not None:
        note_first_look(session, row, split, now)
    return size


def _cutter(
    session: Session, row: CampaignRow, split: Split | None, plan: Plan | None, now: datetime
) -> Callable[[Select[Any]], int]:
    """Return what cuts people into batches: at once, by zones, or drawn for a split test."""
    mailing_id = MailingId(row.mailing_id or 0)
    if split is not None:
        draw, parts = draw_of(row.id or 0), parts_of(row, split, plan, now)
        return partial(delivery.prepare_split, session, mailing_id, draw=draw, parts=parts)
    if plan is not None and plan.is_by_zone:
        moments = moments_of(plan, begun=now, repeats=row.occurrence is not None)
        return partial(delivery.prepare_by_zone, session, mailing_id, moments=moments)
    return partial(delivery.prepare_audience, session, mailing_id, now=now)


def stretches(last: int, *, size: int = STRETCH) -> list[Numbers | None]:
    """Part the customers' numbers up to `last`; None, which is all of them, where one part does.

    Each part leaves one batch that is not full, or one for each moment, so parts are large.
    """
    if last <= size:
        return [None]
    return [Numbers(first, first + size) for first in range(1, last + 1, size)]


def moments_of(plan: Plan, *, begun: datetime, repeats: bool = False) -> delivery.Moments:
    """Reckon when the people of each zone that there is are due, of an audience cut at `begun`."""
    return delivery.Moments(
        of_zone={
            name: plan.due_in(zone_of(name), begun, repeats=repeats)
            for name in available_timezones()
        },
        otherwise=plan.due_in(plan.home, begun, repeats=repeats),
    )
