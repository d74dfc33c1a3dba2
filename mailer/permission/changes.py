"""Yeses and nos as they are written: under the person's lock, with the words, for ever."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy import ColumnElement, insert, text
from sqlmodel import Session, col, select

from mailer import packed
from mailer.database import copy_packed
from mailer.permission._lifting import lift
from mailer.permission._tables import StandingRow, SuppressionRow
from mailer.permission._wish import WISH
from mailer.vocabulary import (
    AddressId,
    Door,
    Frequency,
    MailingId,
    PersonId,
    Scope,
    SuppressionReason,
    Topic,
)


class NotAdmitted(Exception):
    """There is no such customer; admit them first."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a person wants changed, as their form or client said it; unset parts stay as they are."""

    door: Door
    policy_version: str
    stop_all: bool = False
    topics_off: frozenset[Topic] = frozenset()
    topics_on: frozenset[Topic] = frozenset()
    paused_until: datetime | None = None
    resume: bool = False
    frequency: Frequency | None = None
    tracking: bool | None = None
    gpc: bool | None = None
    words: str = ""
    seen_version: int | None = None
    """The version that the page showed; a yes needs it, a no does not."""
    mailing_id: MailingId | None = None
    """The mailing by whose link it was said, for figures."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What was written: the new version, what really changed, and what was asked again."""

    version: int
    reference: str
    at: datetime
    acts: tuple[tuple[str, Topic | None], ...] = ()
    stale: frozenset[Topic] = frozenset()
    stale_manners: frozenset[str] = frozenset()
    """What a stale page wanted looser beyond topics: `pause`, `frequency`, `tracking`."""
    already_since: datetime | None = None
    repeated: tuple[tuple[str, Topic | None], ...] = ()
    """Nos that held already, and hold again from now on."""
    values: Mapping[str, str] = field(default_factory=dict)
    """What the acts set: a pause's end, a frequency."""
    door: Door | None = None
    """Through which door a page's wish came, under which policy."""
    policy_version: str = ""


EVERY_TOPIC = sum(topic.bit for topic in Topic)


@dataclass(slots=True)
class _Draft:
    row: StandingRow
    change: Change
    reference: str
    now: datetime
    acts: list[tuple[str, Topic | None, str | None]] = field(default_factory=list)
    nos: list[dict[str, object]] = field(default_factory=list)
    """Suppressions to be written."""
    repeated: list[tuple[str, Topic | None]] = field(default_factory=list)
    stale_manners: set[str] = field(default_factory=set)


def admit(session: Session, person_ids: Sequence[PersonId], *, now: datetime) -> None:
    """Give each new customer a standing with nothing switched on; who has one keeps it (C08)."""
    del now  # a standing begins empty, whenever that is
    if not person_ids:
        return
    given = {"persons": list(person_ids), "frequency": Frequency.AS_IT_COMES.value}
    session.execute(_ADMIT, given)


def admit_new(session: Session, person_ids: Iterable[int]) -> None:
    """Do as `admit` for customers whom this transaction has made under numbers never used before.

    Raises IntegrityError where one of them has a standing.
    """
    rows = (packed.bigint(person_id) for person_id in person_ids)
    copy_packed(session, "permission_standing", _STANDING, map(_EMPTY.__add__, rows))


_STANDING = (
    "version", "topics_on", "topics_answered", "frequency", "tracking", "confirmed", "person_id",
)  # fmt: skip
_EMPTY = packed.row_of(
    len(_STANDING),
    *(packed.integer(0) for _ in range(3)),
    packed.words(Frequency.AS_IT_COMES.value),
    *(packed.boolean(value=True) for _ in range(2)),
)
"""A standing with nothing switched on, all but whose it is."""

# One array instead of seven values a person: an import admits thousands at once.
_ADMIT = text(
    """
    INSERT INTO permission_standing
        (person_id, version, topics_on, topics_answered, frequency, tracking, confirmed)
    SELECT person_id, 0, 0, 0, :frequency, true, true
    FROM unnest(CAST(:persons AS bigint[])) AS fresh(person_id)
    ON CONFLICT DO NOTHING
    """
)


def apply(
    session: Session,
    *,
    person_id: PersonId,
    address_ids: Collection[AddressId],
    change: Change,
    reference: str,
    held: StandingRow | None = None,
    now: datetime,
) -> Applied:
    """Write a person's wish under their lock: nos always, yeses only when they are fresh.

    The nos reach the person and every address given. A yes on an older page is not written but
    named in `stale`. Nothing is written twice: a repeat names since when it holds already.
    `held` is what `lock` returned, where this transaction has the lock already. Raises
    NotAdmitted for somebody unknown.
    """
    row = held or lock(session, person_id)
    draft = _Draft(row, change, reference, now)
    stale = frozenset() if _is_fresh(row, change) else change.topics_on
    already = _write_stop(session, draft, address_ids) if change.stop_all else None
    already = _write_topics_off(session, draft, address_ids) or already
    _write_topics_on(session, draft, change.topics_on - stale)
    _write_manners(draft, is_fresh=_is_fresh(row, change))
    return _finish(session, draft, stale, already)


def lock(session: Session, person_id: PersonId) -> StandingRow:
    """Return a person's standing, locked until the commit. Raises NotAdmitted."""
    row = session.exec(
        select(StandingRow)
        .where(StandingRow.person_id == person_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise NotAdmitted(f"person {person_id}")
    return row


def outdate(session: Session, person_id: PersonId) -> int:
    """Make every page that shows this person's wishes stale; return their new version.

    Raises NotAdmitted.
    """
    row = lock(session, person_id)
    row.version += 1
    session.add(row)
    session.flush()
    return row.version


def _is_fresh(row: StandingRow, change: Change) -> bool:
    return change.seen_version is None or change.seen_version == row.version


def _write_stop(
    session: Session, draft: _Draft, address_ids: Collection[AddressId]
) -> datetime | None:
    already = _suppress(session, draft, address_ids, Scope.PROMOTIONAL, None)
    # An answer to every topic, so that no list switches one on after a later yes to another.
    draft.row.topics_answered |= EVERY_TOPIC
    if already is None:
        draft.acts.append(("stop", None, None))
    else:
        draft.repeated.append(("stop", None))
    return already


def _write_topics_off(
    session: Session, draft: _Draft, address_ids: Collection[AddressId]
) -> datetime | None:
    already: datetime | None = None
    for topic in sorted(draft.change.topics_off):
        since = _suppress(session, draft, address_ids, Scope.TOPIC, topic)
        was_on = bool(draft.row.topics_on & topic.bit)
        draft.row.topics_on &= ~topic.bit
        draft.row.topics_answered |= topic.bit
        if was_on or since is None:
            draft.acts.append(("no", topic, None))
        else:
            already = since
            draft.repeated.append(("no", topic))
    return already


def _write_topics_on(session: Session, draft: _Draft, topics: Iterable[Topic]) -> None:
    wanted = sorted(topics)
    if not wanted:
        return
    _write_nos(session, draft)
    person_id = PersonId(draft.row.person_id)
    ending = partial(lift, session, person_id, reference=draft.reference, now=draft.now)
    # A yes after 'stop all' is a yes to what it names, not to all that was on before: of the rest
    # the no stays, with the address too, since the person may be erased or register anew.
    if ending(Scope.PROMOTIONAL, None, but_for=set(Topic) - set(wanted)):
        draft.row.topics_on = 0
        draft.row.topics_answered = EVERY_TOPIC
    for topic in wanted:
        ending(Scope.TOPIC, topic)
        draft.row.topics_on |= topic.bit
        draft.row.topics_answered |= topic.bit
        draft.acts.append(("yes", topic, None))
        if topic is Topic.PARTNER_OFFERS and not draft.change.gpc:
            # Asked for by name from a browser that sends no signal: the later, narrower word.
            draft.row.gpc_since = None


def _write_manners(draft: _Draft, *, is_fresh: bool) -> None:
    """Write the wishes about when and how; what loosens something needs a fresh page, as a yes."""
    row, change = draft.row, draft.change
    _write_pause(draft, is_fresh=is_fresh)
    _write_frequency(draft, is_fresh=is_fresh)
    _write_tracking(draft, is_fresh=is_fresh)
    if change.gpc and row.gpc_since is None:
        row.gpc_since = draft.now
        draft.acts.append(("gpc", Topic.PARTNER_OFFERS, None))


def _write_frequency(draft: _Draft, *, is_fresh: bool) -> None:
    row, wanted = draft.row, draft.change.frequency
    if wanted is None or wanted.value == row.frequency:
        return
    stricter = wanted.days > Frequency(row.frequency).days
    if not (stricter or is_fresh):
        draft.stale_manners.add("frequency")
        return
    draft.acts.append(("less_often" if stricter else "more_often", None, wanted.value))
    row.frequency = wanted.value


def _write_tracking(draft: _Draft, *, is_fresh: bool) -> None:
    wanted = draft.change.tracking
    if wanted is None or wanted == draft.row.tracking:
        return
    if wanted and not is_fresh:
        draft.stale_manners.add("tracking")
        return
    draft.acts.append(("tracking_on" if wanted else "tracking_off", None, None))
    draft.row.tracking = wanted


def _write_pause(draft: _Draft, *, is_fresh: bool) -> None:
    row, wanted = draft.row, draft.change.paused_until
    if wanted == row.paused_until or (wanted is None and not draft.change.resume):
        return
    longer = wanted is not None and (row.paused_until is None or wanted > row.paused_until)
    if not (longer or is_fresh):
        draft.stale_manners.add("pause")
        return
    row.paused_until = wanted
    draft.acts.append(("pause", None, wanted.isoformat()) if wanted else ("resume", None, None))


def _finish(
    session: Session, draft: _Draft, stale: frozenset[Topic], already: datetime | None
) -> Applied:
    # A no that is said again counts as one: a page from before it must not undo it.
    if draft.acts or already is not None or _repeats_a_no(draft.change):
        draft.row.version += 1
    _write(session, draft)
    return Applied(
        version=draft.row.version,
        reference=draft.reference,
        at=draft.now,
        acts=tuple((act, topic) for act, topic, _ in draft.acts),
        stale=stale,
        stale_manners=frozenset(draft.stale_manners),
        already_since=already,
        repeated=tuple(draft.repeated),
        values={act: value for act, _, value in draft.acts if value is not None},
        door=draft.change.door,
        policy_version=draft.change.policy_version,
    )


def _write(session: Session, draft: _Draft) -> None:
    """Write the standing, the nos and the words, by one way to the database where it can be.

    Nos and words are new rows of tables of their own, so that it is all the same which come first.
    """
    if not draft.acts:
        _write_nos(session, draft)
        session.add(draft.row)
        session.flush()
        return
    session.expunge(draft.row)  # it is written by this statement, and read again by the next lock
    session.execute(WISH, _wish(draft))


def _wish(draft: _Draft) -> dict[str, object]:
    change = draft.change
    return draft.row.model_dump() | {
        "now": draft.now,
        "door": change.door.value,
        "words": change.words,
        "policy_version": change.policy_version,
        "reference": draft.reference,
        "mailing_id": change.mailing_id,
        "acts": [act for act, _, _ in draft.acts],
        "topics": [topic.value if topic else None for _, topic, _ in draft.acts],
        "values": [value for _, _, value in draft.acts],
        "no_at": [each["address_id"] for each in draft.nos],
        "no_scopes": [each["scope"] for each in draft.nos],
        "no_topics": [each["topic"] for each in draft.nos],
    }


def _write_nos(session: Session, draft: _Draft) -> None:
    if draft.nos:
        session.execute(insert(SuppressionRow), draft.nos)
        draft.nos = []


def _repeats_a_no(change: Change) -> bool:
    """Say whether a wish about when and how is one for less, even where it holds already.

    A browser's signal comes with every page and is no word of its own.
    """
    limits = change.frequency is not None and change.frequency.days > 0
    return change.paused_until is not None or change.tracking is False or limits


def _opt_outs(person_id: int, scope: Scope, topic: Topic | None) -> list[ColumnElement[bool]]:
    return [
        col(SuppressionRow.person_id) == person_id,
        col(SuppressionRow.scope) == scope.value,
        col(SuppressionRow.topic) == (topic.value if topic else None),
        col(SuppressionRow.reason) == SuppressionReason.OPT_OUT.value,
        col(SuppressionRow.lifted_at).is_(None),
    ]


def _suppress(
    session: Session,
    draft: _Draft,
    address_ids: Collection[AddressId],
    scope: Scope,
    topic: Topic | None,
) -> datetime | None:
    """Draw up the no for the person at each of their addresses, where it does not stand yet.

    Returns since when it stands somewhere already. One look for both: whoever opts out waits for
    each way to the database and back.
    """
    person_id = draft.row.person_id
    standing = session.exec(
        select(SuppressionRow.address_id, SuppressionRow.since).where(
            *_opt_outs(person_id, scope, topic)
        )
    ).all()
    held = {address_id for address_id, _ in standing}
    wanted: list[AddressId | None] = [*sorted(set(address_ids))] or [None]
    missing = [address_id for address_id in wanted if address_id not in held]
    draft.nos += [
        {
            "person_id": person_id,
            "address_id": address_id,
            "scope": scope.value,
            "topic": topic.value if topic else None,
            "reason": SuppressionReason.OPT_OUT.value,
            "door": draft.change.door.value,
            "since": draft.now,
        }
        for address_id in missing
    ]
    return min((since for _, since in standing), default=None)
