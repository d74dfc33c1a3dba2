"""An order update goes along with its reader: to the address they have, and to whoever they are by now."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session

from mailer import people
from mailer.delivery.claimed import Claimed
from mailer.delivery.deciding import facts_at_claim
from mailer.delivery.same_facts import SameFacts
from mailer.permission import Cap
from mailer.vocabulary import AddressId, PersonId, Reason


def follow_readers(
    session: Session, batch: Claimed, cap: Cap, now: datetime
) -> tuple[Claimed, list[SameFacts]]:
    """Let an order update go along with its readers; return it as it is then, and their facts."""
    facts = facts_at_claim(session, batch, cap, now)
    left = _who_left(batch, facts)
    if not left:
        return batch, facts
    followed = _follow(session, batch, left)
    return followed, facts_at_claim(session, followed, cap, now)


def _who_left(batch: Claimed, facts: Sequence[SameFacts]) -> list[PersonId]:
    """Return who of an order update's readers moved or was merged since it was put in line."""
    return [
        who
        for same in facts
        if (same.facts.gone and batch.follows(Reason.NOT_GONE))
        or (same.facts.moved and batch.follows(Reason.NOT_MOVED))
        for who in same.versions
    ]


def _follow(session: Session, batch: Claimed, left: Sequence[PersonId]) -> Claimed:
    """Let a claimed batch go along with readers who left; return it as it is then.

    Its roster and the mailing's places follow in the caller's commit, and where an earlier try may
    have arrived at the old place, the batch is marked. Who was erased stays where they are; so does
    whoever is merged into another reader of the batch.
    """
    followed = dict(batch.people)
    for who, (survivor, address) in people.reached_now(session, left).items():
        if survivor != who and survivor in followed:
            continue
        session.execute(
            _FOLLOW,
            {
                "batch_id": batch.id,
                "mailing_id": batch.mailing.id,
                "who": who,
                "before": batch.people[who],
                "survivor": survivor,
                "address": address,
            },
        )
        followed = _in_place(followed, who, survivor, address)
    return batch.of(followed)


def _in_place(
    readers: dict[PersonId, AddressId], who: PersonId, survivor: PersonId, address: AddressId
) -> dict[PersonId, AddressId]:
    """Put one reader in another's place: the order of a roster is that of its arrays."""
    return dict((survivor, address) if each == who else (each, at) for each, at in readers.items())


_FOLLOW = text(
    """
    WITH place AS (
        UPDATE delivery_place p SET address_id = :address, person_id = :survivor
        WHERE p.mailing_id = :mailing_id AND p.address_id = :before AND p.person_id = :who
          AND (p.address_id = :address OR NOT EXISTS (
              SELECT FROM delivery_place o
              WHERE o.mailing_id = :mailing_id AND o.address_id = :address))
    ), marked AS (
        UPDATE delivery_batch SET tried_elsewhere = true WHERE id = :batch_id AND doubts > 0
    )
    UPDATE delivery_roster r
    SET addresses[array_position(r.persons, CAST(:who AS bigint))] = :address,
        persons[array_position(r.persons, CAST(:who AS bigint))] = :survivor
    WHERE r.batch_id = :batch_id
    """
)
