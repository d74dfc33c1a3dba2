"""Find, explain, remove: what customer care asks, put to each room in turn.

Every answer is the rooms' own: the reason was decided by the sender's function and is said in the
catalogue's words. A look and a removal stand in the ledger with who did it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from sqlmodel import Session

from mailer import delivery, ledger, letters, orders, people, permission, policy
from mailer.database import Database
from mailer.delivery import Acknowledgement, MessageRecord, OptOuts
from mailer.orders import EVENT_WORDS, PLAN_WORDS, Cause
from mailer.permission import DOORS, Change, Standing, SuppressionRecord, sentence
from mailer.vault import Vault
from mailer.vocabulary import (
    AddressId,
    Allowed,
    Door,
    Frequency,
    Held,
    MailingId,
    Outcome,
    PersonId,
    Reason,
    Scope,
    Stream,
    SuppressionReason,
    Topic,
    Verdict,
)


class TopicMissing(ValueError):
    """A removal from one topic needs to name it, and no other removal may."""


@dataclass(frozen=True, slots=True)
class Removal:
    """How far a person is to be removed: from all promotional mail, from one topic, from all mail."""

    scope: Scope
    topic: Topic | None = None

    def __post_init__(self) -> None:
        if (self.scope is Scope.TOPIC) != (self.topic is not None):
            raise TopicMissing(TopicMissing.__doc__)


@dataclass(frozen=True, slots=True)
class Remover:
    """Who removes, through which door, when."""

    door: Door
    actor: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """One mailing of one person: what became of it, and why in words.

    Of a mail that is still to go, reason and sentence tell the decision as things stand now.
    """

    mailing_id: MailingId
    person_id: PersonId
    letter: str
    subject: str
    """With the fallbacks of its merge fields; of an order update, its kind and order."""
    stream: Stream
    topic: Topic | None
    outcome: Outcome
    reason: Reason
    at: datetime | None
    sentence: str
    heard: Mapping[str, datetime]


@dataclass(frozen=True, slots=True)
class TopicNow:
    """Whether mail of a topic, or an order update, would leave now, and why in words."""

    topic: Topic | None
    allowed: bool
    reason: Reason
    sentence: str


@dataclass(frozen=True, slots=True)
class Story:
    """One customer as support sees them: where they stand, and what was and was not sent."""

    person_id: PersonId
    now: tuple[TopicNow, ...]
    """Order updates first (their topic is None), then each topic."""
    suppressions: tuple[SuppressionRecord, ...]
    messages: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known about an address: its customers, and the suppressions of the bare address."""

    customers: tuple[Story, ...]
    address_known: bool
    suppressions: tuple[SuppressionRecord, ...]


@dataclass(frozen=True, slots=True)
class Removed:
    """What a removal did: an acknowledgement for each customer, or a suppression of the address."""

    acknowledgements: tuple[tuple[PersonId, Acknowledgement], ...]
    suppression_id: int | None


def explain(
    session: Session, vault: Vault, email: str, *, actor: str, now: datetime, limit: int = 50
) -> Explanation:
    """Tell why the customers of an address get mail or do not, and what became of each mailing.

    Writes the look at each of them to the ledger. Raises AddressInvalid.
    """
    persons = people.find_by_email(session, vault, email)
    address_id = people.address_id_of(session, vault, email, create=False)
    for person_id in persons:
        ledger.record(session, "support.look", at=now, actor=actor, person_id=person_id)
    return Explanation(
        customers=tuple(story_of(session, each, now=now, limit=limit) for each in persons),
        address_known=address_id is not None,
        suppressions=_suppressions(session, address_id),
    )


def story_of(session: Session, person_id: PersonId, *, now: datetime, limit: int = 50) -> Story:
    """Tell one customer's story. The caller writes the look to the ledger. Raises PersonGone."""
    address_id = people.address_of(session, person_id)
    standing = permission.standing_of(session, person_id)
    return Story(
        person_id=person_id,
        now=tuple(_topic_now(session, person_id, topic, standing, now) for topic in _KINDS),
        suppressions=_suppressions(session, address_id),
        messages=messages_told(session, person_id, limit=limit, now=now),
    )


def messages_told(
    session: Session,
    person_id: PersonId,
    *,
    limit: int,
    before: int | None = None,
    now: datetime,
) -> tuple[Told, ...]:
    """Tell what became of each mailing for one customer and why, the newest first.

    `before` is the mailing of the last one of the page before.
    """
    page = {} if before is None else {"before": before}
    messages = delivery.messages_of(session, person_id, limit=limit, **page)
    standing = permission.standing_of(session, person_id)
    return _all_told(session, messages, lambda _: standing, now)


def roll_told(
    session: Session, mailing_id: MailingId, *, after: PersonId, limit: int, now: datetime
) -> tuple[Told, ...]:
    """Tell what became of each person of a mailing and why, by their numbers, from after one on."""
    messages = delivery.messages_of_mailing(session, mailing_id, after=after, limit=limit)
    return _all_told(session, messages, partial(permission.standing_of, session), now)


def _all_told(
    session: Session,
    messages: Sequence[MessageRecord],
    standing_of: Callable[[PersonId], Standing | None],
    now: datetime,
) -> tuple[Told, ...]:
    mailings = {each.mailing_id for each in messages}
    causes = orders.causes_of(session, mailings)
    ahead = {each: _ahead(session, each, messages, now) for each in mailings}
    return tuple(
        _told(
            each,
            standing_of(each.person_id),
            causes.get(each.mailing_id),
            ahead[each.mailing_id].get(each.person_id),
        )
        for each in messages
    )


def _ahead(
    session: Session, mailing_id: MailingId, messages: Sequence[MessageRecord], now: datetime
) -> dict[PersonId, Verdict]:
    persons = [
        each.person_id
        for each in messages
        if each.mailing_id == mailing_id and each.outcome is Outcome.TO_GO
    ]
    return delivery.verdicts_ahead(session, mailing_id, persons, now=now) if persons else {}


def remove(
    database: Database,
    vault: Vault,
    opt_outs: OptOuts,
    email: str,
    removal: Removal,
    *,
    by: Remover,
) -> Removed:
    """Remove an address by the same opt-out as every other door, and answer when it is in force.

    Every customer who has the address or ever had it gets an acknowledgement (C08), and gets no
    mail at any other either. An address without a customer is suppressed, and so is one that is
    to get no mail at all. Raises AddressInvalid, and what
    OptOuts.change raises when it is not certain that the wish is kept.
    """
    with database.reading() as session:
        persons = people.find_by_any_email(session, vault, email)
    suppression_id = None
    if removal.scope is Scope.ALL or not persons:
        with database.transaction() as session:
            address_id = people.address_id_of(session, vault, email, create=True)
        new = _suppression(address_id, removal, by)
        suppression_id, _ = opt_outs.suppress(new, persons=persons)
    acknowledged = tuple(
        (each, opt_outs.change(each, _change(removal, by.door))) for each in persons
    )
    with database.transaction() as session:
        for person_id in persons:
            _note_removal(session, person_id, removal, by)
    return Removed(acknowledged, suppression_id)


def _suppression(
    address_id: AddressId | None, removal: Removal, by: Remover
) -> permission.NewSuppression:
    wholly = removal.scope is Scope.ALL
    return permission.NewSuppression(
        scope=removal.scope,
        reason=SuppressionReason.MANUAL if wholly else SuppressionReason.OPT_OUT,
        door=by.door,
        address_id=address_id,
        topic=removal.topic,
    )


def _change(removal: Removal, door: Door) -> Change:
    return Change(
        door=door,
        policy_version=policy.CURRENT.version,
        stop_all=removal.topic is None,
        topics_off=frozenset({removal.topic} if removal.topic else ()),
    )


def _note_removal(session: Session, person_id: PersonId, removal: Removal, by: Remover) -> None:
    detail = {"scope": removal.scope.value, "topic": removal.topic}
    ledger.record(
        session, "support.removal", at=by.now, actor=by.actor, person_id=person_id, detail=detail
    )


def _suppressions(session: Session, address_id: AddressId | None) -> tuple[SuppressionRecord, ...]:
    if address_id is None:
        return ()
    return tuple(permission.suppressions_page(session, address_ids=[address_id]))


_KINDS: tuple[Topic | None, ...] = (None, *Topic)


def _topic_now(
    session: Session,
    person_id: PersonId,
    topic: Topic | None,
    standing: Standing | None,
    now: datetime,
) -> TopicNow:
    """Ask the sender's own decision about one person, as a dry run of an audience of one."""
    ran = delivery.dry_run(
        session,
        stream=Stream.PROMOTIONAL if topic else Stream.ORDER_UPDATE,
        topic=topic,
        audience=people.audience_of(people.AudienceFilter(person_ids=frozenset({person_id}))),
        now=now,
    )
    if ran.allowed and topic is None:
        return TopicNow(None, True, Reason.SENT_ORDER, "Mail about their own orders is sent.")  # noqa: FBT003
    reason = Reason.SENT_TOPIC if ran.allowed else next(iter(ran.refused), Reason.NOT_GONE)
    words = sentence(reason, **_standing_words(topic, standing, reason))
    return TopicNow(topic, bool(ran.allowed), reason, words)


def _told(
    message: MessageRecord,
    standing: Standing | None,
    cause: Cause | None,
    ahead: Verdict | None,
) -> Told:
    if ahead is not None:
        message = _as_things_stand(message, ahead)
    words = _sentence_of(message, standing, cause)
    return Told(
        mailing_id=message.mailing_id,
        person_id=message.person_id,
        letter=message.letter,
        subject=_subject_of(message, cause),
        stream=message.stream,
        topic=message.topic,
        outcome=message.outcome,
        reason=message.reason,
        at=message.at,
        sentence=_turn(ahead, words) if message.outcome is Outcome.TO_GO else words,
        heard=message.heard,
    )


def _as_things_stand(message: MessageRecord, ahead: Verdict) -> MessageRecord:
    """Put the decision of this moment in place of the one that is still to come."""
    if isinstance(ahead, Allowed):
        return replace(message, reason=ahead.because)
    if isinstance(ahead, Held):
        return replace(message, reason=ahead.reason, since=ahead.until)
    return replace(message, reason=ahead.reason, since=ahead.since)


def _turn(ahead: Verdict | None, words: str) -> str:
    if ahead is None:
        return "It is being handed over to the mail provider at this moment."
    if isinstance(ahead, Allowed):
        return f"Its turn has not come; as things stand it would leave. {words}"
    if isinstance(ahead, Held):
        return f"Its turn has not come. {words}"
    return f"Its turn has not come; as things stand it would not leave: {words}"


def _subject_of(message: MessageRecord, cause: Cause | None) -> str:
    if message.subject:
        return letters.subject_for_anybody(message.subject)
    return letters.subject_of_kind(message.letter, cause.number if cause else "")


def _sentence_of(message: MessageRecord, standing: Standing | None, cause: Cause | None) -> str:
    words = _standing_words(message.topic, standing, message.reason)
    if message.since is not None:
        words |= {"time": _moment(message.since), "date": _day(message.since)}
    elif message.reason is not Reason.SENT_TOPIC and message.at is not None:
        words |= {"time": _moment(message.at)}
    if message.detail:
        words["detail"] = message.detail
    if cause is None or message.reason is not Reason.SENT_ORDER:
        return sentence(message.reason, **words)
    return _because_of(cause)


def _because_of(cause: Cause) -> str:
    happened = {"event": EVENT_WORDS[cause.kind], "date": _day(cause.occurred_at)}
    if cause.number:
        return sentence(Reason.SENT_ORDER, number=cause.number, **happened)
    return sentence(Reason.SENT_FEE, event=PLAN_WORDS[cause.kind], date=happened["date"])


def _standing_words(
    topic: Topic | None, standing: Standing | None, reason: Reason
) -> dict[str, str]:
    """Gather what the catalogue's sentence may name about a customer's wishes."""
    words = {"topic": topic.label} if topic else {}
    if standing is None:
        return words
    words["frequency"] = FREQUENCY_WORDS[standing.frequency]
    if standing.paused_until is not None:
        words["until"] = _moment(standing.paused_until)
    answer = standing.topics.get(topic) if topic else None
    if answer is not None and answer.since is not None:
        words |= {"date": _day(answer.since), "time": _moment(answer.since)}
    if answer is not None and answer.door is not None:
        words |= {"door": DOORS[answer.door], **({"words": answer.words} if answer.words else {})}
    # The moment and door of a stop explain what it refused, not what had been sent before it.
    if reason is Reason.NOT_ALL and standing.stopped_since and standing.stopped_door:
        words |= {"time": _moment(standing.stopped_since), "door": DOORS[standing.stopped_door]}
    return words


FREQUENCY_WORDS: Mapping[Frequency, str] = {
    Frequency.AS_IT_COMES: "as it comes",
    Frequency.WEEKLY: "one a week",
    Frequency.MONTHLY: "one a month",
}


def _moment(at: datetime) -> str:
    return f"{_day(at)} at {at:%H:%M:%S} UTC"


def _day(at: datetime) -> str:
    return f"{at.day} {at:%B %Y}"
