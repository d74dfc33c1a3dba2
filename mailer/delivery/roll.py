"""Everybody of one mailing with what became of them: the roll behind its books."""

from sqlalchemy import text
from sqlmodel import Session

from mailer.delivery.books import MessageRecord, message_from
from mailer.vocabulary import MailingId, PersonId


def messages_of_mailing(
    session: Session, mailing_id: MailingId, *, after: PersonId, limit: int
) -> list[MessageRecord]:
    """Return what became of the people of a mailing, by their numbers, from after one on.

    A person whose mail moved on to a child batch is told once, from that child.
    """
    rows = session.execute(_ROLL, {"mailing_id": mailing_id, "after": after, "limit": limit}).all()
    return [message_from(row) for row in rows]


_ROLL = text(
    """
    SELECT m.id AS mailing_id, p.person_id, b.id AS batch_id, m.letter, m.stream, m.topic,
           coalesce(m.variants -> (nullif(b.variant, 0) - 1) -> 'content' ->> 'subject',
                    m.content ->> 'subject', '') AS subject,
           m.content -> 'held_back' AS held_back, b.variant,
           b.state, b.behind_backup, e.outcome, e.reason, coalesce(e.detail, '') AS detail, e.since,
           coalesce(e.at, b.settled_at, b.handing_at) AS at,
           (SELECT jsonb_object_agg(h.heard, h.at) FROM delivery_heard h
            WHERE h.mailing_id = m.id AND h.person_id = p.person_id) AS heard
    FROM delivery_mailing m
    JOIN delivery_batch b ON b.mailing_id = m.id
    JOIN delivery_roster r ON r.batch_id = b.id
    CROSS JOIN LATERAL unnest(r.persons) AS p(person_id)
    LEFT JOIN delivery_exception e ON e.batch_id = b.id AND e.person_id = p.person_id
    WHERE m.id = :mailing_id AND p.person_id > :after
    ORDER BY p.person_id LIMIT :limit
    """
)
