"""Starting a split test: its letters, who is drawn for what and when, and when it is looked at."""

from collections.abc import Collection
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import ColumnElement
from sqlmodel import Session, col

from mailer import delivery
from mailer.campaigns._rows import CampaignError
from mailer.campaigns._tables import CampaignRow
from mailer.campaigns.audience import audience_select, kept_audience
from mailer.campaigns.lifecycle import State
from mailer.campaigns.plans import Plan
from mailer.campaigns.splits import Cut, Split
from mailer.delivery import Moments, Part
from mailer.letters import Brand, PromotionalContent, compile_promotional
from mailer.vocabulary import MailingId, Topic
from mailer.zones import waking_from, zone_of

NO_DELAY = timedelta(0)


class ChoiceTooLate(CampaignError):
    """The winner would be known after the deadline, when nobody can get it any more."""

    def __init__(self) -> None:
        super().__init__(f"{type(self).__doc__} Send an earlier sample, or a later `use_by`.")


def letters_of(
    content: PromotionalContent, split: Split | None, *, topic: Topic, brand: Brand
) -> tuple[list[delivery.Variant], tuple[str, ...]]:
    """Return the letters of a mailing, and where the links of all of them lead, each once."""
    if split is None or not split.variants:
        return [], compile_promotional(content, topic=topic, brand=brand).targets
    letters: list[delivery.Variant] = []
    targets: dict[str, None] = {}
    for each in split.variants:
        letter = each.letter(content)
        own = compile_promotional(letter, topic=topic, brand=brand).targets
        told, name = letter.model_dump(mode="json"), each.sender_name or ""
        letters.append(delivery.Variant(each.name, told, name, links=len(own)))
        targets |= dict.fromkeys(own)
    return letters, tuple(targets)


def parts_of(
    session: Session, row: CampaignRow, split: Split, plan: Plan | None, now: datetime
) -> list[Part]:
    """Return the parts of the draw, with when each is due. Raises ChoiceTooLate."""
    zones = _zones(session, row, split, plan, now)
    moments = PartMoments(plan, now, zones, repeats=row.occurrence is not None)
    chosen = moments.latest_choice(split)
    _refuse_late(split, plan, chosen)
    return [
        Part(cut.until, cut.variant, moments.of(cut, split, chosen), cut.waits)
        for cut in split.cuts()
    ]


def note_first_look(session: Session, row: CampaignRow, split: Split, now: datetime) -> None:
    """Note when the sample is looked at first: so long after the last of it is due."""
    if split.sample is not None:
        stands = delivery.stands_of(session, MailingId(row.mailing_id or 0))
        wait = timedelta(minutes=split.sample.wait_minutes)
        row.choose_at, row.looks = (stands.last_due or now) + wait, 0


def draw_of(campaign_id: int) -> str:
    """Name the draw of a campaign; no rule of an audience can draw under such a name.

    The number is its own: another campaign, and each time of one that repeats, draws anew.
    """
    return f"split/{campaign_id}"


def refuse_late_choice(
    session: Session, row: CampaignRow, split: Split, plan: Plan, now: datetime
) -> None:
    """Let pass what can be chosen before the deadline, for people as they are now.

    Raises ChoiceTooLate.
    """
    if plan.deadline is not None and split.sample is not None:
        moments = PartMoments(
            plan, max(plan.begins(now), now), _zones(session, row, split, plan, now)
        )
        _refuse_late(split, plan, moments.latest_choice(split))


def _refuse_late(split: Split, plan: Plan | None, chosen: datetime) -> None:
    if plan is None or plan.deadline is None or split.sample is None:
        return
    if (
        chosen - timedelta(minutes=split.sample.wait_minutes) + split.sample.longest
        >= plan.deadline
    ):
        raise ChoiceTooLate


def _zones(
    session: Session, row: CampaignRow, split: Split, plan: Plan | None, now: datetime
) -> Collection[ZoneInfo]:
    """Return the zones of an audience's people, where their choice waits for the last of them."""
    if plan is None or split.sample is None or not plan.is_by_zone:
        return ()
    audience = audience_select(kept_audience(row.audience), now=now)
    return {zone_of(name, plan.home.key) for name in delivery.count_by_zone(session, audience)}


def is_look_due(now: datetime) -> ColumnElement[bool]:
    """Say in SQL that a campaign's sample is to be looked at; one that is paused waits."""
    return (col(CampaignRow.state) == State.SENDING.value) & (col(CampaignRow.choose_at) <= now)


class PartMoments:
    """When the parts of a draw are due by a plan, or without one, of an audience cut at a moment.

    `zones` are those of its people; where none is named, that of the plan.
    """

    def __init__(
        self,
        plan: Plan | None,
        begun: datetime,
        zones: Collection[ZoneInfo] = (),
        *,
        repeats: bool = False,
    ) -> None:
        self._plan = plan
        self._begun = begun
        self._zones = zones
        self._repeats = repeats

    def of(self, cut: Cut, split: Split, chosen: datetime) -> Moments:
        """Return a part's moments; by everybody's own time, who waits has theirs after the choice.

        That is the plan's hour, also of one that repeats, and quiet hours aside: which variant's
        it will be is not known yet. Whoever sleeps then is held when their turn comes.
        """
        plan = self._plan
        if plan is None or not plan.is_by_zone:
            return Moments({}, self._begun + split.later_of(cut.variant))
        of_zone = {
            name: self._due(zone_of(name), cut, split, chosen) for name in available_timezones()
        }
        return Moments(of_zone, self._due(plan.home, cut, split, chosen))

    def leaves(self, zone: ZoneInfo, cut: Cut, split: Split, chosen: datetime) -> datetime:
        """Return when the mail of a part leaves in a zone, if the choice is made at its time."""
        due = self._due(zone, cut, split, chosen)
        if not cut.waits:
            return due
        due, hours = max(due, chosen), self._plan.hours if self._plan else None
        return due if hours is None else waking_from(hours, zone, due)

    def latest_choice(self, split: Split) -> datetime:
        """Return when the sample is looked at first, at the latest."""
        wait = timedelta(minutes=split.sample.wait_minutes) if split.sample else NO_DELAY
        later = max((each.later for each in split.variants), default=NO_DELAY)
        home = {self._plan.home} if self._plan else {zone_of("")}
        return max(self._planned(zone, later) for zone in self._zones or home) + wait

    def _due(self, zone: ZoneInfo, cut: Cut, split: Split, chosen: datetime) -> datetime:
        plan, later = self._plan, split.later_of(cut.variant)
        if plan is None or not plan.local or not cut.waits:
            return self._planned(zone, later)
        return plan.hour_in(zone, chosen) + later

    def _planned(self, zone: ZoneInfo, later: timedelta) -> datetime:
        if self._plan is None:
            return self._begun + later
        return self._plan.due_in(zone, self._begun, repeats=self._repeats, later=later)
