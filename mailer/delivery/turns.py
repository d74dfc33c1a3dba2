"""The turn of a batch in the budgets that all workers share; who is beyond it waits in line.

By the second a worker sleeps until its turn; by the minute, hour and day it takes what there is
room for, and the mailing is left alone until its next turn: no worker is held, and no other
mailing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlmodel import Session

from mailer.database import CommitInDoubt, Database, DatabaseAway
from mailer.delivery.batches import finish_empty, give_back, hold, move_to_child
from mailer.delivery.budgets import Budget, return_room, room_for, take_room
from mailer.delivery.claimed import Claimed
from mailer.delivery.clocks import SenderClock
from mailer.delivery.gate import Prepared
from mailer.delivery.limits import TURN_LASTS
from mailer.delivery.pace import ALL_MAIL, Pace, reserve, waiting
from mailer.vocabulary import Lane, PersonId

LONGEST_WAIT = 5.0
"""Seconds that a worker holds a batch for its turn; a longer wait is put back in line."""

STILL_THEIR_MINUTE = timedelta(minutes=1)
"""After which the turns of who never began are not given back any more."""

LONGEST_LINE = timedelta(minutes=10)
"""After which whoever waits for a slow domain comes back to see."""

Ready = Mapping[PersonId, Prepared]

log = structlog.get_logger()


def cut_to_a_slice(
    session: Session, batch: Claimed, pace: Pace, *, per_second: int, now: datetime
) -> Claimed:
    """Leave no more people in the batch than can begin in a second, and may by every limit.

    The others keep their place in line, so that an older campaign goes on before a younger one.
    """
    size = min(pace.slice_of(per_second), room_for(session, batch, pace, now=now))
    if not size:
        give_back(session, batch, not_before=batch.due)
        return batch.without(batch.people)
    rest = list(batch.people)[size:]
    move_to_child(session, batch, rest, attempt=batch.attempt, not_before=batch.due)
    return batch.without(rest)


@dataclass(frozen=True, slots=True)
class Turn:
    """Who of a batch may begin by minute, hour and day, and until when they must have begun to."""

    batch: Claimed
    prepared: Ready
    at: datetime | None = None
    """When it was taken, where anything is limited."""
    taken_of: Sequence[Budget] = ()

    def is_over(self, now: datetime) -> bool:
        """Say whether the turn came to nothing: what begins later would count in a later window."""
        return self.at is not None and now > self.at + timedelta(seconds=TURN_LASTS)


def take_turn(
    database: Database, pace: Pace, batch: Claimed, prepared: Ready, *, now: datetime
) -> Turn:
    """Take the batch's turn by minute, hour and day; who is beyond it goes back in line."""
    if batch.mailing.pace is None and not pace.has_windows:
        return Turn(batch, prepared)
    with database.transaction() as session:
        if not hold(session, batch):
            return Turn(batch, {})
        taken, budgets = take_room(session, batch, pace, wanted=len(prepared), now=now)
        if not taken:
            give_back(session, batch, not_before=batch.due)
            return Turn(batch, {})
        rest = list(batch.people)[taken:]
        move_to_child(session, batch, rest, attempt=batch.attempt, not_before=batch.due)
    batch = batch.without(rest)
    return Turn(batch, {who: prepared[who] for who in batch.people}, now, budgets)


def return_turns(database: Database, turn: Turn, begun: int, *, now: datetime) -> None:
    """Give back the turns of those who never began: the gate stopped them, or the window shut.

    Once, and only as long as the minute lasts for which they were taken; with the database away
    they are wasted.
    """
    unused = len(turn.prepared) - begun
    if turn.at is None or not unused or now - turn.at > STILL_THEIR_MINUTE:
        return
    try:
        with database.transaction() as session:
            return_room(session, turn.taken_of, unused, turn=turn.at, now=now)
    except (DatabaseAway, CommitInDoubt) as error:
        log.warning("turns.wasted", batch=turn.batch.id, why=type(error).__name__)


def keep_pace(
    database: Database, pace: Pace, batch: Claimed, prepared: Ready, *, clock: SenderClock
) -> tuple[Claimed, Ready]:
    """Take the batch's turn and sleep until it comes; return who may begin then.

    Nobody is returned when the turn is far off: the batch is put back in line, or, where only
    a domain is slow, the people there are. No transaction is open while it sleeps.
    """
    if not prepared or not (pace.per_second or pace.per_domain):
        return batch, prepared
    now = clock.now()
    with database.transaction() as session:
        if not hold(session, batch):
            return batch, {}
        turn = _Turn(session, pace, now)
        batch, wait = turn.in_domains(batch, prepared)
        prepared = {who: prepared[who] for who in batch.people}
        if not prepared:
            finish_empty(session, batch, now=now)
            return batch, {}
        wait = max(wait, turn.in_all_mail(batch, len(prepared)))
        if wait.total_seconds() > LONGEST_WAIT:
            give_back(session, batch, not_before=now + wait)
            return batch, {}
    clock.sleep(wait.total_seconds())
    return batch, prepared


@dataclass(frozen=True, slots=True)
class _Turn:
    session: Session
    pace: Pace
    now: datetime

    def in_all_mail(self, batch: Claimed, messages: int) -> timedelta:
        """Take a turn in the budget of all mail; order updates are counted and never wait."""
        rate = self.pace.per_second
        if not rate:
            return timedelta(0)
        if batch.lane is Lane.ORDERS:
            return self._count(ALL_MAIL, messages, rate)
        return self._take(ALL_MAIL, messages, rate)

    def in_domains(self, batch: Claimed, prepared: Ready) -> tuple[Claimed, timedelta]:
        """Take a turn with each slow domain of the batch, and send away who must wait for it.

        Order updates are counted there, too, and stay: campaigns to that domain go slower instead.
        """
        longest = timedelta(0)
        for domain, rate in sorted(self.pace.per_domain.items()):
            there = [who for who in batch.people if _domain_of(prepared[who]) == domain]
            if there and batch.lane is Lane.ORDERS:
                self._count(domain, len(there), rate)
            elif there:
                batch, wait = self._in_domain(batch, there, domain, rate)
                longest = max(longest, wait)
        return batch, longest

    def _in_domain(
        self, batch: Claimed, there: list[PersonId], domain: str, rate: float
    ) -> tuple[Claimed, timedelta]:
        """Keep a second's worth for a slow domain, or nobody while its turn is far off."""
        worth = max(1, int(rate))
        wait = self._take(domain, min(worth, len(there)), rate)
        far_off = wait.total_seconds() > LONGEST_WAIT
        rest = there if far_off else there[worth:]
        later = self._later(domain, len(rest), rate) if far_off else timedelta(seconds=worth / rate)
        due = self.now + max(wait, later)
        move_to_child(self.session, batch, rest, attempt=batch.attempt, not_before=due)
        return batch.without(rest), timedelta(0) if far_off else wait

    def _later(self, domain: str, messages: int, rate: float) -> timedelta:
        """Space out who waits for a slow domain: thousands that come back at once would spin.

        Nobody waits longer than it takes the domain's rate to recover, should it be a slowed one.
        """
        line = f"line:{domain}"
        wait = waiting(self.session, budget=line, now=self.now)
        if wait < LONGEST_LINE:
            reserve(self.session, budget=line, messages=messages, per_second=rate, now=self.now)
        return min(wait, LONGEST_LINE)

    def _count(self, budget: str, messages: int, rate: float) -> timedelta:
        """Reserve room however far off it is, for what does not wait for it; return that it waits 0."""
        reserve(self.session, budget=budget, messages=messages, per_second=rate, now=self.now)
        return timedelta(0)

    def _take(self, budget: str, messages: int, rate: float) -> timedelta:
        """Return the wait for a turn, and take it if it is near enough to be waited for."""
        wait = waiting(self.session, budget=budget, now=self.now)
        if wait.total_seconds() > LONGEST_WAIT:
            return wait
        return reserve(
            self.session, budget=budget, messages=messages, per_second=rate, now=self.now
        )


def _domain_of(prepared: Prepared) -> str:
    return prepared.outgoing.recipient.rpartition("@")[2].casefold()
