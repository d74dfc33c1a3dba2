"""The first decision of a batch, when it is claimed: who is allowed, refused or held (S1)."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from mailer.delivery.claimed import Claimed
from mailer.delivery.facts import facts_of, limits_of
from mailer.delivery.same_facts import SameFacts
from mailer.permission import Cap
from mailer.vocabulary import Held, PersonId, Reason, Refused


def facts_at_claim(session: Session, batch: Claimed, cap: Cap, now: datetime) -> list[SameFacts]:
    """Return everybody's facts, as the mailing asks for them."""
    return facts_of(
        session,
        batch.people,
        batch.mailing.id,
        zoned=batch.mailing.quiet_hours is not None,
        limits=limits_of(batch.mailing, cap),
        cap=cap,
        now=now,
    )


def decide_all(
    batch: Claimed, facts: Sequence[SameFacts], cap: Cap, now: datetime
) -> tuple[list[PersonId], dict[PersonId, Refused], dict[PersonId, Held]]:
    """Decide once for all of whom the same is known; everybody is in one of the three."""
    allowed: list[PersonId] = []
    held: dict[PersonId, Held] = {}
    # Whoever the statement does not name is not there, whatever the reason.
    refused = dict.fromkeys(batch.people, Refused(Reason.NOT_GONE))
    late = batch.mailing.use_by is not None and batch.mailing.use_by < now
    curfew = batch.mailing.curfew(now)
    for same in facts:
        verdict = batch.verdict_on(same.facts, curfew=curfew, cap=cap, now=now)
        if late:
            refused |= dict.fromkeys(same.versions, Refused(Reason.NOT_LATE, batch.mailing.use_by))
        elif isinstance(verdict, Refused):
            refused |= dict.fromkeys(same.versions, verdict)
        elif isinstance(verdict, Held):
            held |= dict.fromkeys(same.versions, verdict)
        else:
            allowed += same.versions
    for person in (*allowed, *held):
        del refused[person]
    return allowed, refused, held
