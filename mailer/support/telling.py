"""What became of a mail for one person, in words: the outcome, the reason, the sentence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from types import MappingProxyType

from sqlmodel import Session

from mailer import campaigns, delivery, letters, orders, permission
from mailer.delivery import MessageRecord
from mailer.orders import EVENT_WORDS, PLAN_WORDS, Cause
from mailer.permission import DOORS, NO_CAP, Cap, Standing, sentence
from mailer.vocabulary import (
    Allowed,
    Frequency,
    Held,
    MailingId,
    Outcome,
    PersonId,
    Reason,
    Refused,
    Stream,
    Topic,
    Verdict,
)

NO_FIELDS: Mapping[str, str] = MappingProxyType({})
"""Of whoever asks and may not know whom it went to: subjects read as for anybody."""


@dataclass(frozen=True, slots=True)
class Told:
    """One mailing of one person: what became of it, and why in words.

    Of a mail that is still to go, reason and sentence tell the decision as things stand now.
    """

    mailing_id: MailingId
    person_id: PersonId
    letter: str
    subject: str
    """Filled with the merge fields that were given; of an order update, its kind and order."""
    stream: Stream
    topic: Topic | None
    outcome: Outcome
    reason: Reason
    at: datetime | None
    sentence: str
    heard: Mapping[str, datetime]


def messages_told(
    session: Session,
    person_id: PersonId,
    *,
    limit: int,
    before: int | None = None,
    fields: Mapping[str, str] = NO_FIELDS,
    cap: Cap = NO_CAP,
    now: datetime,
) -> tuple[Told, ...]:
    """Tell what became of each mailing for one customer and why, the newest first.

    `before` is the mailing of the last one of the page before. Subjects are filled with `fields`,
    which only who may know the customer's name gives; else with fallbacks.
    """
    page = {} if before is None else {"before": before}
    messages = delivery.messages_of(session, person_id, limit=limit, **page)
    standing = permission.standing_of(session, person_id)
    return _all_told(session, _filled(messages, fields), lambda _: standing, cap, now)


def roll_told(
    session: Session,
    mailing_id: MailingId,
    *,
    after: PersonId,
    limit: int,
    cap: Cap = NO_CAP,
    now: datetime,
) -> tuple[Told, ...]:
    """Tell what became of each person of a mailing and why, by their numbers, from after one on."""
    messages = delivery.messages_of_mailing(session, mailing_id, after=after, limit=limit)
    messages = _filled(messages, NO_FIELDS)
    return _all_told(session, messages, partial(permission.standing_of, session), cap, now)


def _filled(messages: Sequence[MessageRecord], fields: Mapping[str, str]) -> list[MessageRecord]:
    return [replace(each, subject=letters.subject_for(each.subject, fields)) for each in messages]


def _all_told(
    session: Session,
    messages: Sequence[MessageRecord],
    standing_of: Callable[[PersonId], Standing | None],
    cap: Cap,
    now: datetime,
) -> tuple[Told, ...]:
    mailings = {each.mailing_id for each in messages}
    causes = orders.causes_of(session, mailings)
    ahead = {each: _ahead(session, each, messages, cap, now) for each in mailings}
    ended = campaigns.cancelled_at(session, mailings)
    return tuple(
        _told(
            _as_it_ended(each, ended.get(each.mailing_id)),
            _as_it_was(session, standing_of(each.person_id), each),
            causes.get(each.mailing_id),
            ahead[each.mailing_id].get(each.person_id),
        )
        for each in messages
    )


def _ahead(
    session: Session,
    mailing_id: MailingId,
    messages: Sequence[MessageRecord],
    cap: Cap,
    now: datetime,
) -> dict[PersonId, Verdict]:
    persons = [
        each.person_id
        for each in messages
        if each.mailing_id == mailing_id and each.outcome is Outcome.TO_GO
    ]
    if not persons:
        return {}
    return delivery.verdicts_ahead(session, mailing_id, persons, cap=cap, now=now)


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


def _as_it_ended(message: MessageRecord, at: datetime | None) -> MessageRecord:
    """Add to what was cancelled when that was, which the batches do not keep."""
    return replace(message, since=at) if message.reason is Reason.NOT_CANCELLED else message


def _as_it_was(
    session: Session, standing: Standing | None, message: MessageRecord
) -> Standing | None:
    """Put the yes under which a mail left in place of what was answered after it."""
    if standing is None or message.topic is None or message.at is None:
        return standing
    if message.reason is not Reason.SENT_TOPIC:
        return standing
    last = standing.topics[message.topic]
    if last.on and (last.since is None or last.since <= message.at):
        return standing
    yes = permission.yes_before(session, message.person_id, message.topic, at=message.at)
    return replace(standing, topics={**standing.topics, message.topic: yes})


def _as_things_stand(message: MessageRecord, ahead: Verdict) -> MessageRecord:
    """Put the decision of this moment in place of the one that is still to come."""
    if isinstance(ahead, Allowed):
        return replace(message, reason=ahead.because)
    if isinstance(ahead, Held):
        return replace(message, reason=ahead.reason, since=ahead.until)
    return replace(message, reason=ahead.reason, since=ahead.since)


def reason_of(verdict: Verdict) -> Reason:
    """Name the reason of a verdict, whichever it is."""
    return verdict.because if isinstance(verdict, Allowed) else verdict.reason


def since_words(verdict: Verdict) -> dict[str, str]:
    """Gather what a refusal's sentence may name of the moment that it rests on."""
    if isinstance(verdict, Refused) and verdict.since is not None:
        return _since(verdict.since)
    return {}


def _since(at: datetime) -> dict[str, str]:
    return {"time": _moment(at), "date": _day(at)}


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
        return message.subject
    return letters.subject_of_kind(message.letter, cause.number if cause else "")


def _sentence_of(message: MessageRecord, standing: Standing | None, cause: Cause | None) -> str:
    words = standing_words(_topic_of(message, standing), standing, message.reason)
    if message.since is not None:
        words |= _since(message.since)
    elif message.reason is not Reason.SENT_TOPIC and message.at is not None:
        words |= {"time": _moment(message.at)}
    if message.detail:
        words["detail"] = message.detail
    if cause is None or message.reason is not Reason.SENT_ORDER:
        return sentence(message.reason, **words)
    return _because_of(cause)


def _topic_of(message: MessageRecord, standing: Standing | None) -> Topic | None:
    """Return the topic that a sentence is about: of a digest that was refused, one that is off."""
    if standing is None or message.reason not in {Reason.NOT_TOPIC, Reason.NOT_NEVER}:
        return message.topic
    off = (each for each in message.topics if each not in standing.topics_on)
    own_is_on = message.topic in standing.topics_on
    return next(off, message.topic) if own_is_on else message.topic


def _because_of(cause: Cause) -> str:
    happened = {"event": EVENT_WORDS[cause.kind], "date": _day(cause.occurred_at)}
    if cause.number:
        return sentence(Reason.SENT_ORDER, number=cause.number, **happened)
    return sentence(Reason.SENT_FEE, event=PLAN_WORDS[cause.kind], date=happened["date"])


def standing_words(
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
    if reason in (Reason.NOT_OFTEN, Reason.NOT_CAP):
        words.pop("date", None)  # it would name when the topic was answered, not the last mail
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
