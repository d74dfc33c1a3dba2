"""What the customers' pages show: frozen values, made from what the rooms say. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from mailer.permission import DOORS, ConsentRecord, Standing, TopicStanding
from mailer.vocabulary import Door, Frequency, Topic
from preference_center.customers.forms import LONGEST_PAUSE, Mistake, Shown
from preference_center.customers.signals import Signal
from preference_center.customers.signals import said as signal_said
from preference_center.masking import Masked
from preference_center.moments import Moment, moment, said

FREQUENCIES: tuple[tuple[str, str], ...] = (
    (Frequency.AS_IT_COMES.value, "Everything, as it comes"),
    (Frequency.WEEKLY.value, "One message a week at most"),
    (Frequency.MONTHLY.value, "One message a month at most"),
)
OFTEN = dict(FREQUENCIES)


@dataclass(frozen=True, slots=True)
class LeftView:
    """A message that had left before the no was heard."""

    subject: str
    at: Moment


@dataclass(frozen=True, slots=True)
class UnsubscribePage:
    """The question before anything changes."""

    address: Masked
    topic: str
    topic_off_since: Moment | None
    preferences: str


@dataclass(frozen=True, slots=True)
class StoppedPage:
    """The acknowledgement of a stop; `topic` where one topic only was stopped."""

    title: str
    at: Moment
    reference: str
    topic: str
    already_since: Moment | None
    already_by: str
    left: tuple[LeftView, ...]
    may_still_arrive: tuple[str, ...]
    preferences: str


@dataclass(frozen=True, slots=True)
class TopicChoice:
    """One topic of the preference form."""

    name: str
    title: str
    about: str
    on: bool
    was_on: bool
    locked: str = ""


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """A sentence about something that another tab changed, with the time in its middle."""

    before: str
    at: Moment | None
    after: str


@dataclass(frozen=True, slots=True)
class PreferencePage:
    """The preference form, with what it shows and what was typed."""

    address: Masked
    version: int
    topics: tuple[TopicChoice, ...]
    stopped_since: Moment | None
    stopped_by: str
    frequency: str
    was_frequency: str
    pause: str
    was_pause: str
    pause_from: str
    pause_to: str
    tracking: bool
    was_tracking: bool
    signal: Signal | None
    tracking_words: str
    errors: tuple[Mistake, ...] = ()
    asked_again: tuple[AskedAgain, ...] = ()
    reference: str = ""
    unchanged_at: Moment | None = None
    frequencies: tuple[tuple[str, str], ...] = FREQUENCIES

    @property
    def signal_said(self) -> str:
        """Whether the browser's privacy signal was seen, in words (C13)."""
        return signal_said(self.signal)

    def error_of(self, field: str) -> str:
        """The sentence of a field's mistake, or nothing."""
        return next((each.text for each in self.errors if each.field == field), "")


@dataclass(frozen=True, slots=True)
class ReceiptPage:
    """What one save changed; it can be opened and printed again."""

    address: Masked
    reference: str
    at: Moment
    changed: tuple[str, ...]
    words: tuple[str, ...]
    policy_version: str
    left: tuple[LeftView, ...]
    may_still_arrive: tuple[str, ...]
    preferences: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a person reads a page: their masked address, their zone, and the moment."""

    address: Masked
    zone: tzinfo
    now: datetime

    def moment(self, at: datetime) -> Moment:
        """Say a moment in this person's zone."""
        return moment(at, self.zone)

    @property
    def today(self) -> date:
        """The day that it is for this person."""
        return self.now.astimezone(self.zone).date()


def preference_page(
    place: Place,
    standing: Standing,
    *,
    about: dict[Topic, str],
    current: Shown,
    chosen: Shown,
    signal: Signal | None,
    tracking_words: str,
    pause_text: str = "",
    errors: tuple[Mistake, ...] = (),
) -> PreferencePage:
    """Make the preference page: `current` is what stands, `chosen` what the form has ticked."""
    paused = chosen.paused_on.isoformat() if chosen.paused_on else ""
    return PreferencePage(
        address=place.address,
        version=standing.version,
        topics=tuple(_choice(topic, about[topic], current, chosen, signal) for topic in Topic),
        stopped_since=place.moment(standing.stopped_since) if standing.stopped_since else None,
        stopped_by=door_said(standing.stopped_door),
        frequency=chosen.frequency.value,
        was_frequency=current.frequency.value,
        pause=pause_text if errors else paused,
        was_pause=current.paused_on.isoformat() if current.paused_on else "",
        pause_from=(place.today + timedelta(days=1)).isoformat(),
        pause_to=(place.today + LONGEST_PAUSE).isoformat(),
        tracking=chosen.tracking,
        was_tracking=current.tracking,
        signal=signal,
        tracking_words=tracking_words,
        errors=errors,
    )


def _choice(
    topic: Topic, about: str, current: Shown, chosen: Shown, signal: Signal | None
) -> TopicChoice:
    locked = ""
    if topic is Topic.PARTNER_OFFERS and signal is not None:
        locked = "Off once you save" if current.topics[topic] else "Off"
        about = f"Your browser asks sites not to share data ({signal.value}), so no partner offers."
    return TopicChoice(
        name=topic.value,
        title=topic.label,
        about=about,
        on=chosen.topics.get(topic, current.topics[topic]),
        was_on=current.topics[topic],
        locked=locked,
    )


def asked_again(place: Place, standing: Standing, names: Collection[str]) -> tuple[AskedAgain, ...]:
    """Say what another tab changed since this page was shown, and that it stays so."""
    sentences = [_topic_again(place, standing, topic) for topic in Topic if topic.value in names]
    if "frequency" in names:
        text = f"You chose “{OFTEN[standing.frequency.value]}” in another tab, so that stays."
        sentences.append(AskedAgain(text, None, " Choose more often here if you want it."))
    if "pause" in names:
        text = "You chose a longer pause in another tab, so it stays."
        sentences.append(AskedAgain(text, None, " Change it here if you want it."))
    if "tracking" in names:
        text = "You switched measuring off in another tab, so it stays off."
        sentences.append(AskedAgain(text, None, " Turn it on here if you want it."))
    return tuple(sentences)


def _topic_again(place: Place, standing: Standing, topic: Topic) -> AskedAgain:
    after = ", so it stays off. Turn it on here if you want it."
    if standing.stopped_since is not None:
        return AskedAgain(
            f"{topic.label}: you stopped all promotional mail",
            place.moment(standing.stopped_since),
            after,
        )
    each: TopicStanding = standing.topics[topic]
    if each.since is None or each.on:
        return AskedAgain(
            f"{topic.label}: something changed in another tab since this page was shown.",
            None,
            " Turn it on here if you want it.",
        )
    return AskedAgain(
        f"{topic.label}: you turned this off in another tab", place.moment(each.since), after
    )


def door_said(door: Door | None) -> str:
    """Say through which door a wish came; nothing where none is known."""
    return DOORS.get(door.value, "") if door else ""


def changes_said(records: Sequence[ConsentRecord], zone: tzinfo) -> tuple[str, ...]:
    """Say each thing that a save changed: `Company news off`, `One a week at most`."""
    return tuple(_change_said(each, zone) for each in records)


def _change_said(record: ConsentRecord, zone: tzinfo) -> str:
    title = record.topic.label if record.topic else ""
    value = record.value or ""
    often = OFTEN.get(value, value)
    sentences = {
        "stop": "All promotional mail stopped.",
        "no": f"{title} off.",
        "yes": f"{title} on.",
        "less_often": f"{often}.",
        "more_often": f"{often}.",
        "resume": "The pause is over.",
        "tracking_off": (
            "We no longer measure your opens and clicks. New mail carries plain links and no "
            "pixel; links in old mail still work and record nothing."
        ),
        "tracking_on": "We measure your opens and clicks.",
        "gpc": "No partner offers, as your browser asks sites not to share data.",
    }
    if record.act == "pause":
        return _pause_said(value, zone)
    return sentences.get(record.act, "Your preferences changed.")


def _pause_said(value: str, zone: tzinfo) -> str:
    until = said(datetime.fromisoformat(value).astimezone(zone).date())
    return (
        f"No promotional mail until {until}. It starts again by itself that day unless you stop it."
    )
