"""The gate: the last decision before the hand-over, in the only function that reaches a provider.

Why it holds: an opt-out commits (O1) and then looks which batches are in hand (O2). Either it does
not see this batch in `handing`; then the commit of S2, and so the statement here, came after O1,
and the person is dropped. Or it does see it; then its answer waits until this batch is settled or
nothing of it can begin any more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from mailer.database import Database
from mailer.delivery.batches import hold_in_hand, refuse
from mailer.delivery.claimed import Claimed
from mailer.delivery.facts import asked_about, gate_select, limits_of
from mailer.delivery.same_facts import InHand, SameFacts, read_gate
from mailer.delivery.states import MailingState
from mailer.delivery.still_told import still_told
from mailer.delivery.window import Window
from mailer.failpoints import Failpoint, reached
from mailer.permission import NO_CAP, Cap, Curfew, gives_way
from mailer.providers import AboutUs, HandOver, NotBegun, Outgoing, Provider
from mailer.vocabulary import Held, PersonId, Reason, Refused


class Prepared(NamedTuple):
    """A message that is ready, and the facts that are printed in it."""

    outgoing: Outgoing
    version: int
    tracking: bool


@dataclass(slots=True)
class Passed:
    """What the gate let through, dropped or sent back to wait."""

    messages: list[Outgoing] = field(default_factory=list)
    refused: dict[PersonId, Refused] = field(default_factory=dict)
    waiting: list[PersonId] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Moment:
    """What the decision asks beside the facts."""

    now: datetime
    curfew: Curfew | None
    cap: Cap


class Gate:
    """Holds the provider, so that nothing is handed over but through `hand_over`."""

    def __init__(self, database: Database, provider: Provider, *, cap: Cap = NO_CAP) -> None:
        self._database = database
        self._cap = cap
        self._provider = provider

    def make_ready(self, messages: int) -> AboutUs | None:
        """Open connections for so many messages; answer what stands in the way, if anything."""
        return self._provider.make_ready(messages)

    def hand_over(
        self,
        batch: Claimed,
        prepared: Mapping[PersonId, Prepared],
        window: Window,
        *,
        now: datetime,
    ) -> tuple[Passed, HandOver]:
        """Decide once more on the primary, commit the refusals, and hand over the rest (S3, S4).

        Nobody is handed over unless the batch is in hand under its token at this moment, and
        nobody is begun when the decision came too late for the window, or so late that the batch
        was given up meanwhile: then everybody waits. People come in the order of their numbers.
        Raises DatabaseAway or CommitInDoubt before anything was handed over.
        """
        passed = self._decide_again(batch, prepared, now)
        reached(Failpoint.GATE_DECIDED)
        if passed.refused and not self._refuse(batch, passed.refused, now):
            return Passed(waiting=list(prepared)), HandOver({})
        reached(Failpoint.GATE_REFUSED)
        if not window.arm():
            return passed, HandOver({each.person_id: NotBegun() for each in passed.messages})
        reached(Failpoint.GATE_ARMED)
        answer = self._provider.hand_over(
            passed.messages, begin_before=window.begin_before, all_begun=window.disarm
        )
        return passed, answer

    def close(self) -> None:
        """Say goodbye to the provider."""
        self._provider.close()

    def _refuse(self, batch: Claimed, refused: Mapping[PersonId, Refused], now: datetime) -> bool:
        """Commit refusals; False where the batch was given up, and they are counted already."""
        with self._database.transaction() as session:
            is_ours = hold_in_hand(session, batch)
            if is_ours:
                refuse(session, batch, refused, now=now)
        return is_ours

    def _decide_again(
        self, batch: Claimed, prepared: Mapping[PersonId, Prepared], now: datetime
    ) -> Passed:
        with self._database.glance() as session:
            if still_told(session, batch.mailing, batch.variant, now=now) != batch.variant:
                return Passed(waiting=list(prepared))  # printed anew, without what has ended
            rows = session.execute(
                gate_select(
                    zoned=batch.mailing.quiet_hours is not None,
                    limits=limits_of(batch.mailing, self._cap),
                ),
                {
                    "batch_id": batch.id,
                    "token": batch.token,
                    **asked_about(batch.mailing.id, now, self._cap),
                },
            ).all()
        passed = Passed()
        moment = _Moment(now, batch.mailing.curfew(now), self._cap)
        in_hand = read_gate(rows)
        if in_hand is None:
            return Passed(waiting=list(prepared))
        told: set[PersonId] = set()
        for same in in_hand.same:
            told.update(same.versions)
            _sort(batch, same, prepared, in_hand, passed, moment)
        # Whoever the gate's statement did not name is not handed over, whatever the reason.
        passed.waiting += [person for person in prepared if person not in told]
        # The groups come in the order of the roster: what leaves keeps that of people's numbers.
        passed.messages.sort(key=lambda message: message.person_id)
        return passed


def _sort(
    batch: Claimed,
    same: SameFacts,
    prepared: Mapping[PersonId, Prepared],
    in_hand: InHand,
    passed: Passed,
    moment: _Moment,
) -> None:
    """Decide once for all of whom the same is known: they wait, are refused, or pass."""
    ready = [who for who in same.versions if who in prepared]
    if in_hand.mailing_state is not MailingState.SENDING:
        passed.waiting += ready
        return
    if in_hand.use_by is not None and in_hand.use_by < moment.now:
        passed.refused |= dict.fromkeys(ready, Refused(Reason.NOT_LATE, in_hand.use_by))
        return
    verdict = batch.verdict_on(same.facts, curfew=moment.curfew, cap=moment.cap, now=moment.now)
    if isinstance(verdict, Refused) and not batch.follows(verdict.reason):
        passed.refused |= dict.fromkeys(ready, verdict)
    # Their evening began meanwhile, and the next claim says till when; or they moved or were merged,
    # and the next claim of an order update goes along with them.
    elif isinstance(verdict, Refused | Held) or _gives_way(batch, same, moment):
        passed.waiting += ready
    else:
        _let_through(ready, same, prepared, passed)


def _gives_way(batch: Claimed, same: SameFacts, moment: _Moment) -> bool:
    return batch.mailing.has_rhythm and gives_way(same.facts, cap=moment.cap, now=moment.now)


def _let_through(
    ready: Sequence[PersonId],
    same: SameFacts,
    prepared: Mapping[PersonId, Prepared],
    passed: Passed,
) -> None:
    """Pass who may be mailed, but for those whose message is outdated: they are printed anew."""
    for who in ready:
        message = prepared[who]
        if message.version != same.versions[who] or message.tracking != same.tracking:
            passed.waiting.append(who)
        else:
            passed.messages.append(message.outgoing)
