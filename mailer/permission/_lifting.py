"""A yes that ends a person's own nos."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session

from mailer import people
from mailer.vocabulary import AddressId, PersonId, Scope, Topic


def lift(
    session: Session,
    person_id: PersonId,
    scope: Scope,
    topic: Topic | None,
    *,
    but_for: Collection[Topic] = (),
    reference: str,
    now: datetime,
) -> bool:
    """End the person's own opt-outs of this scope, and of their address where they live alone.

    Nobody else's, and no other reason's: an opt-out that another customer spoke at this address
    before they left it keeps holding for them wherever else it stands. `but_for` names what the
    no goes on to be about: it stays at each of its addresses, for whoever comes there next.
    """
    lifted = session.execute(
        _LIFT,
        {
            "person": person_id,
            "alone_at": _alone_at(session, person_id),
            "scope": scope.value,
            "topic": topic.value if topic else None,
            "but_for": sorted(each.value for each in but_for),
            "now": now,
            "why": f"their own yes, {reference}",
        },
    )
    return bool(lifted.scalar_one())


def _alone_at(session: Session, person_id: PersonId) -> AddressId | None:
    """Return a person's address, where no other customer has it now."""
    try:
        address_id = people.address_of(session, person_id)
    except people.PersonGone:
        return None
    return address_id if people.persons_at(session, address_id) == [person_id] else None


_LIFT = text(
    """
    WITH lifted AS (
        UPDATE permission_suppression n SET lifted_at = :now, lifted_why = :why
        WHERE n.lifted_at IS NULL AND n.reason = 'opt_out' AND n.scope = :scope
          AND n.topic IS NOT DISTINCT FROM CAST(:topic AS text)
          AND (n.person_id = :person
               OR n.address_id = CAST(:alone_at AS bigint)
                  AND (n.person_id IS NULL
                       OR EXISTS (
                           SELECT FROM permission_suppression o
                           WHERE o.person_id = n.person_id AND o.address_id <> n.address_id
                             AND o.scope = n.scope AND o.topic IS NOT DISTINCT FROM n.topic
                             AND o.reason = n.reason AND o.until IS NULL
                             AND o.lifted_at IS NULL)))
        RETURNING n.person_id, n.address_id, n.door, n.since, n.until
    ), narrowed AS (
        INSERT INTO permission_suppression
            (person_id, address_id, scope, topic, reason, door, since, until)
        SELECT l.person_id, l.address_id, 'topic', still.topic, 'opt_out', l.door, l.since, l.until
        FROM lifted l CROSS JOIN unnest(CAST(:but_for AS text[])) AS still(topic)
        WHERE NOT EXISTS (
            SELECT FROM permission_suppression o
            WHERE o.person_id IS NOT DISTINCT FROM l.person_id AND o.address_id = l.address_id
              AND o.scope = 'topic' AND o.topic = still.topic AND o.reason = 'opt_out'
              AND o.until IS NULL AND o.lifted_at IS NULL)
    )
    SELECT count(*) FROM lifted
    """
)
