"""What a preference form asks for, measured against where the person stands now. Pure.

The form posts what it showed and what was chosen, so that a half-loaded page switches nothing
off and a page left open in another tab switches nothing back on: off always wins, on asks again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from mailer.permission import Standing
from mailer.vocabulary import Frequency, Topic
from preference_center.bodies import Form

LONGEST_PAUSE = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something typed that cannot be meant: the field's id and what would be right."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page showed before anything was chosen, and what it shows after: same shape."""

    topics: Mapping[Topic, bool]
    frequency: Frequency
    paused_on: date | None
    tracking: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What changes, and what must be asked again because the page was older than a no."""

    topics_off: frozenset[Topic] = frozenset()
    topics_on: frozenset[Topic] = frozenset()
    frequency: Frequency | None = None
    paused_until: datetime | None = None
    resume: bool = False
    tracking: bool | None = None
    again: frozenset[str] = frozenset()
    """Topics by name, and `frequency`, `pause`, `tracking`: wanted looser on a stale page."""

    @property
    def is_empty(self) -> bool:
        """Say whether nothing changes and nothing is asked again."""
        return self == Asked()


@dataclass(frozen=True, slots=True)
class Posted:
    """A preference form as it came in."""

    version: int
    was: Shown
    chosen: Shown
    mistakes: tuple[Mistake, ...] = ()
    pause_text: str = ""


def shown_now(standing: Standing, zone: tzinfo, *, now: datetime) -> Shown:
    """Return what a page shows for this standing: while all is stopped, no topic is on."""
    stopped = standing.stopped_since is not None
    until = standing.paused_until
    return Shown(
        topics={topic: each.on and not stopped for topic, each in standing.topics.items()},
        frequency=standing.frequency,
        paused_on=until.astimezone(zone).date() if until is not None and until > now else None,
        tracking=standing.tracking,
    )


def read_posted(form: Form, zone: tzinfo, *, now: datetime) -> Posted:
    """Read a form. What it did not show is left out; what cannot be meant is named.

    A form that does not say which version it showed counts as older than any.
    """
    topics = [topic for topic in Topic if topic.value in form.all("shown")]
    was_frequency = _frequency(form.one("was.frequency"), Frequency.AS_IT_COMES)
    was_tracking = form.one("was.tracking", "on") == "on"
    was_paused = _date(form.one("was.pause"))
    typed = form.one("pause", form.one("was.pause")).strip()
    paused, mistakes = _pause(typed, was_paused, now.astimezone(zone).date())
    return Posted(
        version=_number(form.one("version")),
        was=Shown(
            topics={topic: form.one(f"was.{topic}") == "on" for topic in topics},
            frequency=was_frequency,
            paused_on=was_paused,
            tracking=was_tracking,
        ),
        chosen=Shown(
            topics={topic: _on(form, topic) for topic in topics},
            frequency=_frequency(form.one("frequency"), was_frequency),
            paused_on=paused,
            tracking={"on": True, "off": False}.get(form.one("tracking"), was_tracking),
        ),
        mistakes=mistakes,
        pause_text=typed,
    )


def compare(posted: Posted, standing: Standing, zone: tzinfo, *, now: datetime) -> Asked:
    """Return what a form changes for somebody who stands as they do now.

    What the person left as the page showed it changes nothing, but for one case: a topic shown
    off and left off is switched off though another tab has switched it on since. What would let
    more mail through than now is asked again when the page was stale.
    """
    current = shown_now(standing, zone, now=now)
    stale = posted.version != standing.version
    off, on, again = _topics(posted, current, stale=stale)
    manners = _manners(posted, current)
    looser = {name for name in manners if _is_looser(name, posted.chosen, current)}
    held = looser if stale else set()
    kept = manners - held
    paused = posted.chosen.paused_on
    return Asked(
        topics_off=off,
        topics_on=on,
        frequency=posted.chosen.frequency if "frequency" in kept else None,
        paused_until=_start_of(paused, zone) if "pause" in kept and paused else None,
        resume="pause" in kept and paused is None,
        tracking=posted.chosen.tracking if "tracking" in kept else None,
        again=again | held,
    )


def without_partner_offers(asked: Asked, standing: Standing) -> Asked:
    """Return the same wish with partner offers off, as the browser's signal says (C13)."""
    partner = Topic.PARTNER_OFFERS
    is_on = standing.topics[partner].on
    return replace(
        asked,
        topics_on=asked.topics_on - {partner},
        topics_off=asked.topics_off | ({partner} if is_on else frozenset()),
        again=asked.again - {partner.value},
    )


def _topics(
    posted: Posted, current: Shown, *, stale: bool
) -> tuple[frozenset[Topic], frozenset[Topic], frozenset[str]]:
    off, on, again = set(), set(), set()
    for topic, chosen in posted.chosen.topics.items():
        was, is_on = posted.was.topics[topic], current.topics[topic]
        if not chosen and (was or is_on):
            off.add(topic)
        elif chosen and not is_on:
            if was or stale:
                again.add(topic.value)
            else:
                on.add(topic)
    return frozenset(off), frozenset(on), frozenset(again)


def _manners(posted: Posted, current: Shown) -> set[str]:
    """Name what the person changed on the page, unless it stands like that already."""
    was, chosen = posted.was, posted.chosen
    changed = {
        "frequency": chosen.frequency not in (was.frequency, current.frequency),
        "pause": chosen.paused_on not in (was.paused_on, current.paused_on),
        "tracking": chosen.tracking not in (was.tracking, current.tracking),
    }
    return {name for name, is_changed in changed.items() if is_changed}


def _is_looser(name: str, chosen: Shown, current: Shown) -> bool:
    if name == "frequency":
        return chosen.frequency.days < current.frequency.days
    if name == "pause":
        return (chosen.paused_on or date.min) < (current.paused_on or date.min)
    return chosen.tracking and not current.tracking


def _on(form: Form, topic: Topic) -> bool:
    """A topic without an answer stays as it was shown."""
    return form.one(f"topic.{topic}", form.one(f"was.{topic}")) == "on"


def _pause(typed: str, was: date | None, today: date) -> tuple[date | None, tuple[Mistake, ...]]:
    if not typed:
        return None, ()
    chosen = _date(typed)
    if chosen is None:
        return was, (Mistake("pause", "Write the day as a date, for example 2027-03-14"),)
    if chosen == was:
        return was, ()
    if not today < chosen <= today + LONGEST_PAUSE:
        return was, (Mistake("pause", "Choose a day from tomorrow up to a year ahead"),)
    return chosen, ()


def _start_of(each: date, zone: tzinfo) -> datetime:
    """The first moment of a day where the person lives, in UTC."""
    return datetime.combine(each, time(), tzinfo=zone).astimezone(UTC)


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _frequency(text: str, otherwise: Frequency) -> Frequency:
    try:
        return Frequency(text)
    except ValueError:
        return otherwise


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
