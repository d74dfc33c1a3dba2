"""What is heard back about mails enters here, by one function, from whichever provider."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as insert_or_keep
from sqlmodel import Session, SQLModel

from mailer import permission
from mailer.delivery.brake import Tally
from mailer.delivery.recalling import recall_copy
from mailer.delivery.silencing import NOBODY, Silenced, hold_who_they_are, silence, silenced_before
from mailer.delivery.tally import NOTHING, count_in
from mailer.delivery.whereabouts import Mail, Whereabouts, whereabouts
from mailer.permission import NewSuppression
from mailer.providers import without_addresses
from mailer.vocabulary import (
    AddressId,
    Door,
    Heard,
    MailingId,
    PersonId,
    Scope,
    SuppressionReason,
)

_heard = SQLModel.metadata.tables["delivery_heard"]

_HARD = frozenset({"5.1.0", "5.1.1", "5.1.3", "5.1.6", "5.1.10"})
_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")


@dataclass(frozen=True, slots=True)
class News:
    """One thing that was heard about one person's mail."""

    mailing_id: MailingId
    person_id: PersonId
    heard: Heard
    at: datetime
    code: int = 0
    detail: str = ""


def is_hard(code: int, detail: str) -> bool:
    """Say whether a refusal means that the mailbox does not exist (RFC 3463 X.1.x).

    A policy refusal, a full mailbox or a reputation block is no reason to suppress a person.
    """
    enhanced = _ENHANCED.search(detail)
    return enhanced is not None and 500 <= code < 600 and enhanced.group(1) in _HARD


def hear(session: Session, *news: News, now: datetime) -> list[Silenced]:
    """Write down what was heard, each thing once, and draw the consequences.

    A hard bounce suppresses the address for all mail; a complaint stops all promotional mail for
    the person, whoever they were merged into, and every address they ever had (C08); a delivery
    lifts nothing. Evidence of arrival settles what was unknown, and recalls an order update's
    copy. Bounces and complaints past a limit stop the mailing in the same commit. News may come
    late, twice and in any order; what is about nobody whom a mailing was sent to is passed over.

    Of the words of a bounce no address is kept. Returns the nos that this wrote, and those that
    stand since the same was heard before, for the journal: it may have failed then. `OptOuts.hear`
    writes both.
    """
    in_order = sorted(dict.fromkeys(news), key=_in_one_order)
    places = whereabouts(session, dict.fromkeys(map(_mail, in_order)))
    found = [
        (each, places[_mail(each)], _is_new(session, each))
        for each in in_order
        if _mail(each) in places
    ]
    by_mailing = defaultdict(list)
    for each, place, is_new in found:
        if is_new:
            by_mailing[each.mailing_id].append((each, place))
    for mailing_id, some in by_mailing.items():
        _hold_doubts(session, mailing_id, [place.reader for _, place in some])
        change = sum((_counted(session, *each) for each in some), start=NOTHING)
        count_in(session, mailing_id, change, now=now)
    noes = [each.person_id for each, _, is_new in found if is_new and _is_a_no(each)]
    hold_who_they_are(session, noes)
    found.sort(key=lambda one: one[1].survivor)
    written = [
        _consequence(session, each, place, now) if is_new else _standing(session, each, place)
        for each, place, is_new in found
    ]
    return [each for each in written if each is not None]


def _is_a_no(news: News) -> bool:
    return news.heard is Heard.COMPLAINED


def _mail(news: News) -> Mail:
    return news.mailing_id, news.person_id


def _in_one_order(news: News) -> tuple[MailingId, PersonId, Heard]:
    """Two hearers of the same news wait for each other, and never in a ring."""
    return news.mailing_id, news.person_id, news.heard


def _counted(session: Session, news: News, place: Whereabouts) -> Tally:
    """Settle the doubt that there was, and return what changes in the figures of the mailing.

    Whom a restore left in doubt the brake does not count, whatever is heard of them later.
    """
    settled = _settle_doubt(session, news, place)
    recalled = recall_copy(session, news.mailing_id, place.reader, at=news.at)
    if place.behind_backup:
        return NOTHING
    change = Tally(accepted=settled + recalled, unknown=-settled)
    match news.heard:
        case Heard.DELIVERED:
            return change
        case Heard.BOUNCED:
            hard = is_hard(news.code, news.detail)
            refused = not hard and 500 <= news.code < 600
            return change + Tally(hard_bounces=int(hard), refused_later=int(refused))
        case Heard.COMPLAINED:
            return change + Tally(complaints=1)
        case _:
            assert_never(news.heard)


def _consequence(
    session: Session, news: News, place: Whereabouts, now: datetime
) -> Silenced | None:
    match news.heard:
        case Heard.DELIVERED:
            return None
        case Heard.BOUNCED:
            has_none = _has_no_mailbox(news, place)
            return _suppress_mailbox(session, place.address_id, now) if has_none else None
        case Heard.COMPLAINED:
            return silence(session, COMPLAINT, news.person_id, now=now)
        case _:
            assert_never(news.heard)


def _has_no_mailbox(news: News, place: Whereabouts) -> bool:
    """Say whether a mail came back because there is no such mailbox, and it is known which one.

    Of an order update that may have gone to two of them both bear the same Message-ID.
    """
    return is_hard(news.code, news.detail) and place.is_surely_there


def _standing(session: Session, news: News, place: Whereabouts) -> Silenced | None:
    """Return the no that the same news wrote before, where nothing has ended it since."""
    if news.heard is Heard.BOUNCED and _has_no_mailbox(news, place):
        whose = Silenced(BOUNCE, NOBODY, frozenset({place.address_id}), version=0)
    elif news.heard is Heard.COMPLAINED:
        whose = silenced_before(session, COMPLAINT, news.person_id)
    else:
        return None
    standing = permission.suppressions_page(session, address_ids=sorted(whose.addresses))
    return whose if any(_is_the_same(each, whose.no) for each in standing) else None


def _is_the_same(record: permission.SuppressionRecord, no: NewSuppression) -> bool:
    """Say whether it is this no; staff may give another one the same reason."""
    same = record.reason is no.reason and record.scope is no.scope
    return same and record.until == no.until


def _is_new(session: Session, news: News) -> bool:
    written = session.execute(
        insert_or_keep(_heard)
        .values(
            mailing_id=news.mailing_id,
            person_id=news.person_id,
            heard=news.heard.value,
            at=news.at,
            detail=without_addresses(news.detail)[:300],
        )
        .on_conflict_do_nothing()
        .returning(_heard.c.mailing_id)  # an INSERT's count of rows is not to be relied on
    )
    return written.first() is not None


_HOLD_DOUBTS = text(
    """
    SELECT 1 FROM delivery_batch b
    JOIN delivery_roster r ON r.batch_id = b.id AND r.persons && :persons
    WHERE b.mailing_id = :mailing_id AND b.unknown > 0 AND b.state IN ('unknown', 'settled')
    ORDER BY b.id FOR UPDATE OF b
    """
).bindparams(bindparam("persons", type_=ARRAY(BigInteger)))


def _hold_doubts(session: Session, mailing_id: MailingId, readers: Sequence[PersonId]) -> None:
    """Lock the batches in which these may be in doubt, by number: several hearers never ring."""
    if len(readers) > 1:
        session.execute(_HOLD_DOUBTS, {"mailing_id": mailing_id, "persons": sorted(readers)})


_SETTLE_DOUBT = text(
    """
    WITH doubtful AS (
        SELECT b.id, b.state, e.person_id IS NOT NULL AS noted,
               CASE m.stream WHEN 'promotional' THEN 'sent.topic' ELSE 'sent.order' END AS reason
        FROM delivery_batch b
        JOIN delivery_mailing m ON m.id = b.mailing_id
        JOIN delivery_roster r ON r.batch_id = b.id AND :person_id = ANY(r.persons)
        LEFT JOIN delivery_exception e ON e.batch_id = b.id AND e.person_id = :person_id
        WHERE b.mailing_id = :mailing_id AND b.unknown > 0 AND NOT b.tried_elsewhere
          AND (b.state = 'unknown' AND e.person_id IS NULL OR e.outcome = 'unknown')
        FOR UPDATE OF b
    ), cleared AS (
        DELETE FROM delivery_exception e USING doubtful d
        WHERE d.noted AND e.batch_id = d.id AND e.person_id = :person_id
    ), marked AS (
        INSERT INTO delivery_exception (batch_id, person_id, outcome, reason, detail, at)
        SELECT d.id, :person_id, 'accepted', d.reason, 'heard of later', :at
        FROM doubtful d WHERE NOT d.noted
    )
    UPDATE delivery_batch b
    SET accepted = b.accepted + 1, unknown = b.unknown - 1,
        state = CASE WHEN b.state = 'unknown' AND b.unknown = 1 THEN 'settled' ELSE b.state END
    FROM doubtful d WHERE b.id = d.id
    RETURNING b.behind_backup
    """
)


def _settle_doubt(session: Session, news: News, place: Whereabouts) -> int:
    """Whatever is heard of a mail proves that the provider had taken it; end the doubt about it.

    Return how many of the doubts that the brake had counted this ends.
    """
    whose = {"mailing_id": news.mailing_id, "person_id": place.reader, "at": news.at}
    ended = session.execute(_SETTLE_DOUBT, whose).scalars()
    return sum(not behind_backup for behind_backup in ended)


def _suppress_mailbox(session: Session, address_id: AddressId, now: datetime) -> Silenced:
    permission.suppress(session, replace(BOUNCE, address_id=address_id), now=now)
    return Silenced(BOUNCE, NOBODY, frozenset({address_id}), version=0)


BOUNCE = NewSuppression(Scope.ALL, SuppressionReason.HARD_BOUNCE, Door.BOUNCE)
COMPLAINT = NewSuppression(Scope.PROMOTIONAL, SuppressionReason.COMPLAINT, Door.COMPLAINT)
