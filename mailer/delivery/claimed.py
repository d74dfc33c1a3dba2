"""A batch in the hands of one sender."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from mailer.delivery.mailings import TEST, Mailing
from mailer.delivery.variants import unless_held_out
from mailer.permission import Cap, Curfew, Facts
from mailer.vocabulary import AddressId, BatchId, Lane, PersonId, Reason, Stream, Verdict


@dataclass(frozen=True, slots=True)
class Claimed:
    """A batch that is ours until its lease ends, with its people in order."""

    id: BatchId
    root_id: BatchId
    attempt: int
    doubts: int
    lane: Lane
    token: uuid.UUID
    mailing: Mailing
    due: datetime
    people: Mapping[PersonId, AddressId]
    variant: int | None = None
    """For which of the mailing's letters its people were drawn; of a digest, their set."""

    def follows(self, reason: Reason) -> bool:
        """Whether its people are followed where this reason tells of, rather than refused for it.

        An order update's are, where they moved or were merged: it is about what they ordered, and
        leaves at least once (C05). Promotional mail is about an address that had a yes.
        """
        is_order_update = self.mailing.stream is Stream.ORDER_UPDATE and self.mailing.letter != TEST
        return is_order_update and reason in {Reason.NOT_GONE, Reason.NOT_MOVED}

    def verdict_on(
        self, facts: Facts, *, curfew: Curfew | None, cap: Cap, now: datetime
    ) -> Verdict:
        """Decide about one of its people; the held-out are refused where they would be mailed."""
        verdict = self.mailing.verdict_on(
            facts, variant=self.variant, curfew=curfew, cap=cap, now=now
        )
        return unless_held_out(verdict, self.variant)

    def without(self, persons: Iterable[PersonId]) -> "Claimed":
        """Return the batch less some people, who went to a child."""
        gone = set(persons)
        return self.of({who: at for who, at in self.people.items() if who not in gone})

    def of(self, readers: Mapping[PersonId, AddressId]) -> "Claimed":
        """Return the batch with these people in it, each at an address."""
        return replace(self, people=readers)
