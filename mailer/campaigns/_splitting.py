"""Starting a split test: its letters, who is drawn for what and when, and when it is looked at."""

from datetime import datetime, timedelta
from zoneinfo import available_timezones

from sqlalchemy import ColumnElement
from sqlmodel import Session, col

from mailer import delivery
from mailer.campaigns._rows import CampaignError
from mailer.campaigns._tables import CampaignRow
from mailer.campaigns.lifecycle import State
from mailer.campaigns.plans import Plan
from mailer.campaigns.splits import Cut, Split
from mailer.delivery import Moments, Part
from mailer.letters import Brand, PromotionalContent, compile_promotional
from mailer.vocabulary import MailingId, Topic
from mailer.zones import zone_of

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


def parts_of(row: CampaignRow, split: Split, plan: Plan | None, now: datetime) -> list[Part]:
    """Return the parts of the draw, with when each is due. Raises ChoiceTooLate."""
    moments = _Moments(plan, now, repeats=row.occurrence is not None)
    chosen = moments.latest_choice(split)
    refuse_late_choice(split, plan, now)
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


def refuse_late_choice(split: Split, plan: Plan | None, now: datetime) -> None:
    """Let pass what can be chosen before the deadline. Raises ChoiceTooLate."""
    deadline = plan.deadline if plan else None
    if plan is None or deadline is None or split.sample is None:
        return
    begun = max(plan.begins(now), now)
    wait = split.sample.longest - timedelta(minutes=split.sample.wait_minutes)
    if _Moments(plan, begun).latest_choice(split) + wait >= deadline:
        raise ChoiceTooLate


def is_look_due(now: datetime) -> ColumnElement[bool]:
    """Say in SQL that a campaign's sample is to be looked at; one that is paused waits."""
    return (col(CampaignRow.state) == State.SENDING.value) & (col(CampaignRow.choose_at) <= now)


class _Moments:
    """When the parts of a draw are due by a plan, or without one, of an audience cut at a moment."""

    def __init__(self, plan: Plan | None, begun: datetime, *, repeats: bool = False) -> None:
        self._plan = plan
        self._begun = begun
        self._repeats = repeats

    def of(self, cut: Cut, split: Split, chosen: datetime) -> Moments:
        """Return a part's moments; by everybody's own time, who waits has theirs after the choice.

        That is the plan's hour, also of one that repeats, and quiet hours aside: which variant's
        it will be is not known yet. Whoever sleeps then is held when their turn comes.
        """
        plan, later = self._plan, split.later_of(cut.variant)
        if plan is None or not plan.local or not cut.waits:
            return self._at(self._begun, later)
        of_zone = {
            name: plan.hour_in(zone_of(name), chosen) + later for name in available_timezones()
        }
        return Moments(of_zone, plan.hour_in(plan.home, chosen) + later)

    def latest_choice(self, split: Split) -> datetime:
        """Return when the sample is looked at first, at the latest."""
        wait = timedelta(minutes=split.sample.wait_minutes) if split.sample else NO_DELAY
        later = max((each.later for each in split.variants), default=NO_DELAY)
        due = self._at(self._begun, later)
        return max([due.otherwise, *due.of_zone.values()]) + wait

    def _at(self, begun: datetime, later: timedelta) -> Moments:
        plan = self._plan
        if plan is None or not plan.is_by_zone:
            return Moments({}, begun + later)

        def due(name: str) -> datetime:
            return plan.due_in(zone_of(name), begun, repeats=self._repeats, later=later)

        return Moments({name: due(name) for name in available_timezones()}, due(plan.home.key))
