"""Starting a campaign: its mailing is made, and its audience cut into batches."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import ColumnElement, Select
from sqlmodel import Session

from mailer import delivery, people
from mailer.campaigns import drift
from mailer.campaigns._rows import (
    brake_from,
    campaign_from,
    note,
    pace_from,
    split_from,
)
from mailer.campaigns._splitting import draw_of, letters_of, note_first_look, parts_of
from mailer.campaigns._tables import CampaignRow
from mailer.campaigns.audience import Numbers, audience_select, kept_audience, last_person
from mailer.campaigns.checks import (
    CannotSend,
    LetterLookedAt,
    Rules,
    look_at_letter,
    look_at_rest,
)
from mailer.campaigns.findings import Checked
from mailer.campaigns.gathering import Gathered, gather
from mailer.campaigns.lifecycle import Act, State, after
from mailer.campaigns.plans import Plan
from mailer.campaigns.previews import count_of
from mailer.campaigns.revisions import is_approved
from mailer.campaigns.values import Campaign
from mailer.failpoints import Failpoint, reached
from mailer.letters import Brand, PromotionalContent, compile_promotional
from mailer.vocabulary import MailingId, Stream, Topic
from mailer.zones import zone_of

STRETCH = 1_000_000
"""Customers' numbers that are cut at once; the database holds 16 bytes for each person of them."""

Progress = Callable[[int, int], None]
"""Told how many customers' numbers were looked at, and of how many."""


NO_REASON: Mapping[str, str] = MappingProxyType({})


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
    why: Mapping[str, str] = NO_REASON,
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
    letter = look_at_letter(row, brand=brand, rules=rules, now=now)
    checked = _checked_before(session, row, letter, rules, now)
    gathered = _gather(session, row, brand, now)
    if row.counted is None or not is_approved(row) or gathered is not None:
        counted = count_of(session, row, plan, cap=rules.cap, brand=brand, now=now)
        row.counted = drift.stored(counted)
    row.mailing_id = _make_mailing(session, row, _letter_of(row, gathered, brand), plan, rules, now)
    reached(Failpoint.STARTING)
    asked = () if checked is not None else letter.said
    cut = _prepare(session, row, gathered, plan, asked, progress, now)
    reached(Failpoint.CUT)
    if checked is None:
        checked = look_at_rest(session, row, letter, cut, rules=rules, now=now)
        refuse_stopped(checked)
    row.audience_size = cut.people
    row.state, row.started_at, row.taken_back = target, now, None
    detail: dict[str, object] = {"audience": row.audience_size, **why}
    if checked.warnings:
        detail["warnings"] = [f"{each.check}: {each.field}" for each in checked.warnings]
    note(session, row, "started", by=by, now=now, detail=detail)
    return campaign_from(row)


def _checked_before(
    session: Session, row: CampaignRow, letter: LetterLookedAt, rules: Rules, now: datetime
) -> Checked | None:
    """Check a campaign that may well be refused before anything is made; None for any other.

    To count an audience takes as long as to gather it: one that was approved as it stands is
    counted while it is cut, and what then stops it undoes the start. A digest is cut for whom it
    tells of something, and counted for all. Raises CannotSend.
    """
    if is_approved(row) and row.digest is None and not letter.stops:
        return None
    audience = audience_select(letter.campaign.audience, now=now, said=letter.said)
    counted = people.headcount(session, audience, letter.instead)
    checked = look_at_rest(session, row, letter, counted, rules=rules, now=now)
    refuse_stopped(checked)
    return checked


def refuse_stopped(checked: Checked) -> None:
    """Let pass what no check stops. Raises CannotSend."""
    if checked.stops:
        raise CannotSend(checked.stops)


@dataclass(frozen=True, slots=True)
class _Letter:
    """What a campaign says, as its mailing keeps it."""

    kind: str
    content: dict[str, Any]
    variants: Sequence[delivery.Variant]
    targets: tuple[str, ...]


def _gather(session: Session, row: CampaignRow, brand: Brand, now: datetime) -> Gathered | None:
    """Look for what a digest tells of, one digest after the other; None for any other campaign."""
    campaign = campaign_from(row)
    if campaign.digest is None:
        return None
    delivery.one_at_a_time(session)
    return gather(session, campaign, brand=brand, now=now)


def _letter_of(row: CampaignRow, gathered: Gathered | None, brand: Brand) -> _Letter:
    content, topic = PromotionalContent.model_validate(row.content), Topic(row.topic)
    if gathered is None:
        variants, targets = letters_of(content, split_from(row), topic=topic, brand=brand)
        return _Letter(content.name, row.content, variants, targets)
    whole = gathered.letter(content)
    targets = compile_promotional(whole, topic=topic, brand=brand).targets
    return _Letter(whole.name, whole.model_dump(mode="json"), (), targets)


def _make_mailing(
    session: Session,
    row: CampaignRow,
    letter: _Letter,
    plan: Plan | None,
    rules: Rules,
    now: datetime,
) -> MailingId:
    mailing_id = delivery.create_mailing(
        session,
        delivery.NewMailing(
            key=f"campaign:{row.id}",
            letter=letter.kind,
            stream=Stream.PROMOTIONAL,
            topic=Topic(row.topic),
            content=letter.content,
            targets=letter.targets,
            variants=letter.variants,
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
    gathered: Gathered | None,
    plan: Plan | None,
    said: Sequence[ColumnElement[bool]],
    progress: Progress,
    now: datetime,
) -> people.Headcount:
    """Cut the audience into batches, and count who lacks what of it is `said` to be known."""
    audience, split = kept_audience(row.audience), split_from(row)
    cut = _cutter(session, row, gathered, plan, now, asked=[each.key or "" for each in said])
    size, lacking, last = 0, Counter[str](), last_person(session)
    # Of a digest all are cut at once: what was held back is the same search for each stretch.
    for within in stretches(last) if gathered is None else [None]:
        part = cut(audience_select(audience, now=now, within=within, said=said))
        size = part.people
        lacking.update(part.lacking)
        progress(min(within.end - 1, last) if within else last, last)
    if split is not None:
        note_first_look(session, row, split, now)
    return people.headcount_of(size, lacking)


def _cutter(
    session: Session,
    row: CampaignRow,
    gathered: Gathered | None,
    plan: Plan | None,
    now: datetime,
    *,
    asked: Sequence[str],
) -> Callable[[Select[Any]], delivery.Cut]:
    """Return what cuts people into batches: at once, by zones, drawn for a split test, by sets."""
    mailing_id, split = MailingId(row.mailing_id or 0), split_from(row)
    if split is not None:
        draw, parts = draw_of(row.id or 0), parts_of(session, row, split, plan, now)
        return partial(
            delivery.prepare_split, session, mailing_id, draw=draw, parts=parts, asked=asked
        )
    moments = None
    if plan is not None and plan.is_by_zone:
        moments = moments_of(plan, begun=now, repeats=row.occurrence is not None)
    if gathered is not None:
        when = moments or delivery.Moments({}, now)
        return lambda audience: delivery.prepare_sets(
            session, mailing_id, gathered.of(audience), moments=when
        )
    if moments is not None:
        return partial(delivery.prepare_by_zone, session, mailing_id, moments=moments, asked=asked)
    return partial(delivery.prepare_audience, session, mailing_id, now=now, asked=asked)


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
