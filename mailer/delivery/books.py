"""The books: everybody of an audience accounted for; gauges; dry runs; one person's mail."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session

from mailer import people
from mailer.delivery.clearance import halts
from mailer.delivery.facts import Limits, asked_about, counts_select, facts_from
from mailer.delivery.pace import IN_TURN
from mailer.delivery.slowing import slow_scopes
from mailer.delivery.variants import chosen, topics_of
from mailer.permission import NO_CAP, Cap, Curfew, decide, decide_for_all
from mailer.vocabulary import (
    Allowed,
    BatchId,
    Held,
    MailingId,
    Outcome,
    PersonId,
    Reason,
    Stream,
    Topic,
    Verdict,
)

NO_MAILING = MailingId(0)
"""Older than all: what a dry run asks about has not been made yet, and nothing waits for it."""


@dataclass(frozen=True, slots=True)
class Books:
    """audience = accepted + refused + rejected + unknown + cancelled + to_go, always."""

    audience: int
    accepted: int
    refused: Mapping[Reason, int]
    rejected: int
    unknown: int
    cancelled: int
    to_go: int

    @property
    def refused_in_all(self) -> int:
        """The refused of every reason."""
        return sum(self.refused.values())

    @property
    def balance(self) -> bool:
        """Say whether everybody is accounted for exactly once."""
        parts = self.accepted + self.rejected + self.unknown + self.cancelled + self.to_go
        return self.audience == parts + self.refused_in_all


@dataclass(frozen=True, slots=True)
class Gauges:
    """How delivery stands now, for /metrics."""

    due: Mapping[str, int]
    """People in batches that may be claimed now, by lane."""
    in_hand: int
    unknown: int
    oldest_due_seconds: Mapping[str, float]
    refusals: Mapping[Reason, int]
    accepted: int
    stopped_lanes: Sequence[str]
    slowed: Mapping[str, float] = field(default_factory=dict)
    """Messages a second where a provider asked for less: a domain, or `*` for all promotional mail."""
    refusing_journals: int = 0
    """Journals on account of which promotional mail is refused."""


@dataclass(frozen=True, slots=True)
class DryRun:
    """What would become of an audience if its mail left now."""

    audience: int
    allowed: int
    refused: Mapping[Reason, int] = field(default_factory=dict)
    held: int = 0
    """Asleep at this moment: they would get it when they may be woken."""

    def plus(self, more: "DryRun") -> "DryRun":
        """Return both together, or this one as `more` corrects it."""
        return DryRun(
            self.audience + more.audience,
            self.allowed + more.allowed,
            dict(Counter(self.refused) + Counter(more.refused)),
            self.held + more.held,
        )


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """One person's part in one mailing: what became of it and why."""

    mailing_id: MailingId
    person_id: PersonId
    batch_id: BatchId
    letter: str
    subject: str
    stream: Stream
    topic: Topic | None
    outcome: Outcome
    reason: Reason
    detail: str
    since: datetime | None
    at: datetime | None
    heard: Mapping[str, datetime]
    topics: tuple[Topic, ...] = ()
    """Those of a digest's set beside its own."""


_COUNTS = text(
    """
    SELECT m.audience,
           coalesce(sum(b.accepted), 0) AS accepted,
           coalesce(sum(b.rejected), 0) AS rejected,
           coalesce(sum(b.unknown), 0) AS unknown,
           coalesce(sum(b.size - b.refused) FILTER (WHERE b.state = 'cancelled'), 0) AS cancelled,
           coalesce(sum(b.size - b.refused)
                    FILTER (WHERE b.state IN ('prepared', 'claimed', 'handing')), 0) AS to_go
    FROM delivery_mailing m LEFT JOIN delivery_batch b ON b.mailing_id = m.id
    WHERE m.id = :mailing_id GROUP BY m.id
    """
)
_REFUSALS = text(
    """
    SELECT e.reason, count(*) FROM delivery_exception e JOIN delivery_batch b ON b.id = e.batch_id
    WHERE b.mailing_id = :mailing_id AND e.outcome = 'refused' GROUP BY e.reason
    """
)


def books(session: Session, mailing_id: MailingId) -> Books:
    """Count what became of a mailing's audience. Zero of everything for no such mailing."""
    row = session.execute(_COUNTS, {"mailing_id": mailing_id}).one_or_none()
    if row is None:
        return Books(0, 0, {}, 0, 0, 0, 0)
    refusals = session.execute(_REFUSALS, {"mailing_id": mailing_id}).all()
    return Books(
        audience=row.audience,
        accepted=row.accepted,
        refused={Reason(reason): count for reason, count in refusals},
        rejected=row.rejected,
        unknown=row.unknown,
        cancelled=row.cancelled,
        to_go=row.to_go,
    )


_DUE = text(
    f"""
    SELECT b.lane, sum(b.size - b.refused) AS people,
           extract(epoch FROM :now - min(b.not_before)) AS oldest
    FROM delivery_batch b JOIN delivery_mailing m ON m.id = b.mailing_id
    WHERE b.state IN ('prepared', 'claimed') AND b.not_before <= :now AND m.state = 'sending'
      AND {IN_TURN}
    GROUP BY b.lane
    """
)
_TOTALS = text(
    """
    SELECT coalesce(sum(size - refused) FILTER (WHERE state = 'handing'), 0) AS in_hand,
           coalesce(sum(unknown), 0) AS unknown, coalesce(sum(accepted), 0) AS accepted
    FROM delivery_batch
    """
)


def gauges(session: Session, *, now: datetime) -> Gauges:
    """Measure how delivery stands: due, in hand, unknown, oldest due, refusals by reason."""
    due = session.execute(_DUE, {"now": now}).all()
    totals = session.execute(_TOTALS).one()
    refusals = session.execute(
        text("SELECT reason, count(*) FROM delivery_exception WHERE outcome = 'refused' GROUP BY 1")
    ).all()
    stopped = session.execute(
        text(
            "SELECT lane FROM delivery_lane WHERE stopped_until > :now"
            " UNION SELECT 'promotional' WHERE EXISTS (SELECT FROM delivery_halt)"
        ),
        {"now": now},
    )
    return Gauges(
        due={row.lane: int(row.people) for row in due},
        in_hand=totals.in_hand,
        unknown=totals.unknown,
        oldest_due_seconds={row.lane: float(row.oldest) for row in due},
        refusals={Reason(reason): count for reason, count in refusals},
        accepted=totals.accepted,
        stopped_lanes=list(stopped.scalars()),
        slowed=slow_scopes(session, now=now),
        refusing_journals=len(halts(session)),
    )


def dry_run(
    session: Session,
    *,
    stream: Stream,
    topic: Topic | None,
    told: Sequence[Topic] = (),
    audience: Select[Any],
    curfew: Curfew | None = None,
    cap: Cap = NO_CAP,
    now: datetime,
) -> DryRun:
    """Decide for everybody of an audience as the sender would; nothing is written.

    `told` are the topics of the letters that a digest tells of, whose audience (`collected`) says
    by bits which. One statement counts those of whom the same is known, and each such group is
    decided on once.
    """
    counts: Counter[Reason] = Counter()
    allowed = held = 0
    who = audience.order_by(None).cte("who")
    limits = Limits.asked_for(stream, cap)
    statement = counts_select(who, zoned=curfew is not None, limits=limits, in_sets=bool(told))
    for row in session.execute(statement, asked_about(NO_MAILING, now, cap)):
        verdict = _verdict_on(row, stream, topic, told, curfew=curfew, cap=cap, now=now)
        if isinstance(verdict, Allowed):
            allowed += row.people
        elif isinstance(verdict, Held):
            held += row.people
        else:
            counts[verdict.reason] += row.people
    total = allowed + held + counts.total()
    return DryRun(audience=total, allowed=allowed, refused=dict(counts), held=held)


def _verdict_on(
    row: Any,
    stream: Stream,
    topic: Topic | None,
    told: Sequence[Topic],
    *,
    curfew: Curfew | None,
    cap: Cap,
    now: datetime,
) -> Verdict:
    if topic is None or not told:
        return decide(stream, topic, facts_from(row), curfew=curfew, cap=cap, now=now)
    topics = (topic, *chosen(told, row.bits))
    return decide_for_all(stream, topics, facts_from(row), curfew=curfew, cap=cap, now=now)


_MESSAGES = text(
    """
    WITH parts AS (
        SELECT p.mailing_id, p.person_id, p.batch_id FROM delivery_place p
        WHERE p.address_id = ANY(:addresses) AND p.person_id = ANY(:persons)
        UNION
        SELECT b.mailing_id, e.person_id, b.id
        FROM delivery_exception e JOIN delivery_batch b ON b.id = e.batch_id
        WHERE e.person_id = ANY(:persons)
        UNION
        SELECT b.mailing_id, u.person_id, b.id
        FROM delivery_batch b JOIN delivery_roster r ON r.batch_id = b.id
        CROSS JOIN LATERAL unnest(r.persons) AS u(person_id)
        WHERE b.state IN ('prepared', 'claimed', 'handing', 'cancelled')
          AND r.persons && :persons AND u.person_id = ANY(:persons)
    )
    SELECT p.mailing_id, p.person_id, b.id AS batch_id, m.letter, m.stream, m.topic,
           coalesce(m.variants -> (nullif(b.variant, 0) - 1) -> 'content' ->> 'subject',
                    m.content ->> 'subject', '') AS subject,
           m.content -> 'held_back' AS held_back, b.variant,
           b.state, b.behind_backup, e.outcome, e.reason, coalesce(e.detail, '') AS detail, e.since,
           coalesce(e.at, b.settled_at, b.handing_at) AS at,
           (SELECT jsonb_object_agg(h.heard, h.at) FROM delivery_heard h
            WHERE h.mailing_id = p.mailing_id AND h.person_id = p.person_id) AS heard
    FROM parts p
    JOIN delivery_mailing m ON m.id = p.mailing_id
    JOIN delivery_batch b ON b.id = p.batch_id
    LEFT JOIN delivery_exception e ON e.batch_id = b.id AND e.person_id = p.person_id
    WHERE p.mailing_id < :before
    ORDER BY p.mailing_id DESC, p.person_id
    LIMIT :limit
    """
).bindparams(
    bindparam("persons", type_=ARRAY(BigInteger)), bindparam("addresses", type_=ARRAY(BigInteger))
)


def messages_of(
    session: Session, person_id: PersonId, *, before: int = 2**62, limit: int = 100
) -> list[MessageRecord]:
    """Return what became of each mailing for this person and all merged into them, newest first."""
    identity = people.identity_of(session, person_id)
    rows = session.execute(
        _MESSAGES,
        {
            "persons": sorted(identity.persons),
            "addresses": sorted(identity.addresses),
            "before": before,
            "limit": limit,
        },
    ).all()
    return [message_from(row) for row in rows]


def message_from(row: Any) -> MessageRecord:
    """Read a row of one person's part in one mailing."""
    outcome, reason = _outcome_of(row)
    return MessageRecord(
        mailing_id=MailingId(row.mailing_id),
        person_id=PersonId(row.person_id),
        batch_id=BatchId(row.batch_id),
        letter=row.letter,
        subject=row.subject,
        stream=Stream(row.stream),
        topic=Topic(row.topic) if row.topic else None,
        outcome=outcome,
        reason=reason,
        detail=row.detail,
        since=row.since,
        at=row.at,
        heard={heard: datetime.fromisoformat(at) for heard, at in (row.heard or {}).items()},
        topics=topics_of({"held_back": row.held_back or ()}, row.variant),
    )


def _outcome_of(row: Any) -> tuple[Outcome, Reason]:
    """Read an outcome from the exception, else from the batch's state."""
    if row.outcome is not None:
        return Outcome(row.outcome), Reason(row.reason)
    promotional = row.stream == Stream.PROMOTIONAL
    sent = Reason.SENT_TOPIC if promotional else Reason.SENT_ORDER
    match row.state:
        case "settled":
            return Outcome.ACCEPTED, sent
        case "unknown":
            lost = Reason.UNKNOWN_RESTORED if row.behind_backup else Reason.UNKNOWN
            return Outcome.UNKNOWN, lost
        case "cancelled":
            return Outcome.CANCELLED, Reason.NOT_CANCELLED
        case _:
            return Outcome.TO_GO, sent


def unfinished(session: Session, mailing_id: MailingId) -> bool:
    """Say whether anybody of a mailing is still to go."""
    return bool(
        session.execute(
            text(
                "SELECT EXISTS (SELECT 1 FROM delivery_batch WHERE mailing_id = :mailing_id"
                " AND state IN ('prepared', 'claimed', 'handing'))"
            ),
            {"mailing_id": mailing_id},
        ).scalar_one()
    )


def finished_among(session: Session, mailings: Collection[MailingId]) -> frozenset[MailingId]:
    """Return which of these mailings nobody is still to go of."""
    still = session.execute(_STILL_TO_GO, {"mailings": list(mailings)}).scalars()
    return frozenset(mailings) - frozenset(map(MailingId, still))


_STILL_TO_GO = text(
    """
    SELECT wanted.id FROM unnest(:mailings) AS wanted(id)
    WHERE EXISTS (SELECT FROM delivery_batch b WHERE b.mailing_id = wanted.id
                  AND b.state IN ('prepared', 'claimed', 'handing'))
    """
).bindparams(bindparam("mailings", type_=ARRAY(BigInteger)))


def due_lanes(session: Session, *, now: datetime) -> list[str]:
    """Return the lanes in which a batch may be claimed now: what a tick of the clock must ring."""
    rows = session.execute(
        text(
            "SELECT DISTINCT b.lane FROM delivery_batch b"
            " JOIN delivery_mailing m ON m.id = b.mailing_id"
            " WHERE b.state IN ('prepared', 'claimed') AND b.not_before <= :now"
            " AND (b.state = 'prepared' OR b.lease_until <= :now) AND m.state = 'sending'"
            f" AND {IN_TURN}"
        ),
        {"now": now},
    )
    return [str(lane) for lane in rows.scalars()]
