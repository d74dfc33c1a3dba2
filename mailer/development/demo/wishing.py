"""What customers wanted changed since they came: nos, yeses, pauses; bounces and complaints too."""

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from types import MappingProxyType

from sqlmodel import Session

from mailer import permission, policy
from mailer.development.demo.arriving import Resident, policy_at
from mailer.permission import Change, NewSuppression
from mailer.vocabulary import Door, Frequency, Scope, SuppressionReason, Topic
from mailer.wiring import REFERENCE_LETTERS

Wish = Callable[[Resident, datetime, random.Random], Change]
BOUNCED = 0.008
COMPLAINED = 0.0016


def live(
    session: Session, residents: Sequence[Resident], chance: random.Random, *, now: datetime
) -> None:
    """Let some of the residents speak their wishes, each at a moment of their own in the past."""
    for resident in residents:
        wish = chance.choices(tuple(WISHES), tuple(WISHES.values()))[0]
        moment = _moment(resident, wish, chance, now)
        if wish is not None and moment is not None:
            change = wish(resident, moment, chance)
            permission.apply(
                session,
                person_id=resident.person_id,
                address_ids=[resident.address_id],
                change=change,
                reference=_reference(chance),
                now=moment,
            )


def agree(session: Session, resident: Resident, topics: Sequence[Topic], *, now: datetime) -> None:
    """Let one resident switch topics on, on the page and under the words of today's policy."""
    for topic in topics:
        change = Change(
            door=Door.PREFERENCE_PAGE,
            policy_version=policy.CURRENT.version,
            topics_on=frozenset({topic}),
            words=policy.words_for(topic),
        )
        permission.apply(
            session,
            person_id=resident.person_id,
            address_ids=[resident.address_id],
            change=change,
            reference="P-JKQT-2X7R",
            now=now,
        )


def fall_silent(
    session: Session, residents: Sequence[Resident], chance: random.Random, *, now: datetime
) -> None:
    """Let some mailboxes have come back as unknown, and some people have reported mail as spam."""
    for resident in residents:
        roll = chance.random()
        moment = _between(resident.joined, now, chance)
        if roll < BOUNCED:
            _suppress(session, resident, SuppressionReason.HARD_BOUNCE, moment)
        elif roll < BOUNCED + COMPLAINED:
            _suppress(session, resident, SuppressionReason.COMPLAINT, moment)


def _suppress(
    session: Session, resident: Resident, reason: SuppressionReason, moment: datetime
) -> None:
    complained = reason is SuppressionReason.COMPLAINT
    permission.suppress(
        session,
        NewSuppression(
            scope=Scope.PROMOTIONAL if complained else Scope.ALL,
            reason=reason,
            door=Door.COMPLAINT if complained else Door.BOUNCE,
            address_id=resident.address_id,
            person_id=resident.person_id if complained else None,
        ),
        now=moment,
    )


def _moment(
    resident: Resident, wish: Wish | None, chance: random.Random, now: datetime
) -> datetime | None:
    """Choose when; a yes on a page needs the words that are shown there since the present policy."""
    earliest = resident.joined
    if wish in (_yes_on_page, _yes_by_shop):
        since = datetime.combine(policy.CURRENT.date, time(), UTC)
        earliest = max(earliest, since)
    return _between(earliest, now, chance) if earliest < now else None


def _between(earliest: datetime, latest: datetime, chance: random.Random) -> datetime:
    return earliest + (latest - earliest) * chance.random()


def _reference(chance: random.Random) -> str:
    letters = "".join(chance.choices(REFERENCE_LETTERS, k=8))
    return f"P-{letters[:4]}-{letters[4:]}"


def _stop(resident: Resident, moment: datetime, chance: random.Random) -> Change:
    del resident
    doors = (Door.ONE_CLICK, Door.UNSUBSCRIBE_PAGE, Door.SUPPORT, Door.API)
    door = chance.choices(doors, (50, 36, 9, 5))[0]
    return Change(door=door, policy_version=policy_at(moment).version, stop_all=True)


def _no_to_one(resident: Resident, moment: datetime, chance: random.Random) -> Change:
    topic = chance.choice(sorted(resident.topics or frozenset(Topic)))
    return Change(
        door=Door.UNSUBSCRIBE_PAGE,
        policy_version=policy_at(moment).version,
        topics_off=frozenset({topic}),
    )


def _yes_on_page(resident: Resident, moment: datetime, chance: random.Random) -> Change:
    return _yes(resident, moment, chance, Door.PREFERENCE_PAGE)


def _yes_by_shop(resident: Resident, moment: datetime, chance: random.Random) -> Change:
    return _yes(resident, moment, chance, Door.API)


def _yes(resident: Resident, moment: datetime, chance: random.Random, door: Door) -> Change:
    topic = chance.choice(sorted(frozenset(Topic) - resident.topics) or sorted(Topic))
    version = policy_at(moment).version
    return Change(
        door=door,
        policy_version=version,
        topics_on=frozenset({topic}),
        words=policy.words_for(topic, door=door, version=version),
    )


def _pause(resident: Resident, moment: datetime, chance: random.Random) -> Change:
    del resident
    until = moment.replace(microsecond=0) + timedelta(days=chance.randint(20, 400))
    return Change(
        door=Door.PREFERENCE_PAGE, policy_version=policy_at(moment).version, paused_until=until
    )


def _less_often(resident: Resident, moment: datetime, chance: random.Random) -> Change:
    del resident
    return Change(
        door=Door.PREFERENCE_PAGE,
        policy_version=policy_at(moment).version,
        frequency=chance.choices((Frequency.WEEKLY, Frequency.MONTHLY), (60, 40))[0],
    )


def _no_tracking(resident: Resident, moment: datetime, chance: random.Random) -> Change:
    del resident, chance
    return Change(
        door=Door.PREFERENCE_PAGE, policy_version=policy_at(moment).version, tracking=False
    )


def _privacy_control(resident: Resident, moment: datetime, chance: random.Random) -> Change:
    del resident, chance
    return Change(door=Door.PREFERENCE_PAGE, policy_version=policy_at(moment).version, gpc=True)


WISHES: Mapping[Wish | None, float] = MappingProxyType(
    {
        None: 83.7,
        _stop: 5.0,
        _no_to_one: 2.5,
        _yes_on_page: 2.5,
        _yes_by_shop: 1.0,
        _pause: 1.0,
        _less_often: 2.5,
        _no_tracking: 1.5,
        _privacy_control: 0.3,
    }
)
"""What customers may have wished since, and how many of a hundred did; None: nothing."""
