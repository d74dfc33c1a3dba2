"""What one worker process does when a doorbell rings: deliver, tick, sweep."""

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import structlog

from mailer import access, campaigns, delivery, measure
from mailer.campaigns import CampaignId
from mailer.database import CommitInDoubt, DatabaseAway
from mailer.delivery import Reaper, Sender
from mailer.failpoints import Failpoint, reached
from mailer.journal import JournalUnwritable
from mailer.vocabulary import Lane
from mailer.wiring import Parts
from workers.seats import Seats

STINT = 5.0
"""Seconds that one doorbell works at a lane before it rings again: a deploy drains within it."""

JUDGING = 0.5
"""Seconds that one round of judging takes at most: an order update waits no longer for a process."""

MOVING = 0.5
"""Seconds after which a sweep begins to settle no further move."""

log = structlog.get_logger()


class Shift:
    """The parts of one worker process, opened after the fork."""

    def __init__(
        self, parts: Parts, sender: Sender, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._parts = parts
        self._sender = sender
        self._monotonic = monotonic
        self._reaper = Reaper(monotonic)

    def deliver(self, lane: Lane) -> None:
        """Deliver due batches of a lane for a stint; rings again where more is due."""
        if self._deliver_for_a_stint(lane):
            self._parts.ring(lane)

    def deliver_campaigns(self, seats: Seats) -> None:
        """Start and decide what is due and deliver promotional mail for a stint, where a seat is free.

        Rings for a second process once a batch is claimed, where there is a seat for one; and for
        the next stint when its own seat is free again, not before: whoever hears it must find one.
        """
        with seats.one() as is_free:
            if is_free:
                self.start_campaigns()
                self.decide_campaigns()
            is_more_due = is_free and self._deliver_for_a_stint(
                Lane.PROMOTIONAL, calls_for_help=seats.count > 1
            )
        if is_more_due:
            self._parts.ring(Lane.PROMOTIONAL)

    def _deliver_for_a_stint(self, lane: Lane, *, calls_for_help: bool = False) -> bool:
        """Deliver until the stint is over or nothing is due; say whether more may be."""
        end = self._monotonic() + STINT
        ring = partial(self._parts.ring, lane) if calls_for_help else _ring_for_nobody
        try:
            while self._sender.deliver_one(lane, when_claimed=ring):
                ring = _ring_for_nobody
                if self._monotonic() >= end:
                    return True
        except (DatabaseAway, CommitInDoubt) as error:
            log.warning("lane.waiting", lane=lane, why=type(error).__name__)
        return False

    def start_campaigns(self) -> None:
        """Start the campaigns whose moment has come, each in a transaction of its own.

        Under a promotional seat: cutting a large audience never takes the process that order
        updates need.
        """
        try:
            if not self._sender.is_cleared(Lane.PROMOTIONAL):
                return  # what is due here may have begun before the database was restored
            with self._parts.database.reading() as session:
                due = campaigns.starts_due(session, now=self._parts.clock())
            for each in due:
                self._start_one_campaign(each)
        except (DatabaseAway, CommitInDoubt) as error:
            log.warning("campaigns.waiting", why=type(error).__name__)

    def _start_one_campaign(self, campaign_id: CampaignId) -> None:
        """Start a campaign, or pass it over in this round where that fails.

        Raises DatabaseAway and CommitInDoubt where the database itself is the cause.
        """
        parts = self._parts
        try:
            with parts.database.transaction() as session:
                campaigns.start_due(
                    session,
                    brand=parts.brand,
                    rules=parts.rules,
                    now=parts.clock(),
                    only=campaign_id,
                )
        except CommitInDoubt:
            raise
        except Exception as error:  # a fault in one campaign must not hold up the others
            # A statement that PostgreSQL refuses for its time or size looks like a lost connection.
            if isinstance(error, DatabaseAway) and not parts.database.is_ready():
                raise
            why = str(error) if isinstance(error, DatabaseAway) else type(error).__name__
            log.error("campaign.unstarted", campaign=campaign_id, why=why)
            return
        reached(Failpoint.STARTED)

    def decide_campaigns(self) -> None:
        """Look at the samples whose wait is over, and let the remainder go on with what did best.

        Clicks are counted with no transaction open; one short one per campaign decides.
        """
        try:
            with self._parts.database.reading() as session:
                due = campaigns.looks_due(session, now=self._parts.clock())
        except (DatabaseAway, CommitInDoubt) as error:
            log.warning("campaigns.waiting", why=type(error).__name__)
            return
        for each in due:
            try:
                self._decide_one_campaign(each)
            except (DatabaseAway, CommitInDoubt) as error:
                log.warning("campaign.undecided", campaign=each, why=type(error).__name__)
            except Exception as error:  # a fault in one campaign must not hold up the others
                log.error("campaign.undecided", campaign=each, why=type(error).__name__)

    def _decide_one_campaign(self, campaign_id: CampaignId) -> None:
        database, now = self._parts.database, self._parts.clock()
        with database.reading() as session:
            look = campaigns.look_at(session, self._parts.vault, campaign_id, now=now)
        with database.transaction() as session:
            campaigns.decide(session, look, now=now)

    def tick(self) -> None:
        """Ring where something is due, pause what was braked, close what is done; twice without harm."""
        try:
            now = self._parts.clock()
            with self._parts.database.reading() as session:
                self._reaper.look(session)  # so that whichever process sweeps has seen it in time
                lanes = {Lane(lane) for lane in delivery.due_lanes(session, now=now)}
                if campaigns.is_any_due(session, now=now):
                    lanes.add(Lane.PROMOTIONAL)
            for lane in sorted(lanes):
                self._parts.ring(lane)
            with self._parts.database.transaction() as session:
                campaigns.brake_stopped(session, now=now)
                campaigns.finish_done(session, now=now)
        except (DatabaseAway, CommitInDoubt) as error:
            log.warning("tick.waiting", why=type(error).__name__)

    def sweep(self) -> None:
        """Give up batches whose sender died, settle what was left; forget what is over."""
        self._give_up_and_forget()
        self._settle_left_moves()

    def _give_up_and_forget(self) -> None:
        """Batches of dead senders are given up; keys, addresses, budgets that are over go."""
        timeout = timedelta(seconds=self._parts.settings.reply_timeout)
        try:
            now = self._parts.clock()
            with self._parts.database.transaction() as session:
                given_up = self._reaper.reap(session, reply_timeout=timeout, now=now)
                delivery.forget_recovered(session, now=now)
                delivery.forget_ended(session)
                access.sweep_idempotency(session, now=now)
                campaigns.forget_tests(session, self._parts.vault, now=now)
        except (DatabaseAway, CommitInDoubt) as error:
            log.warning("sweep.waiting", why=type(error).__name__)
            return
        if given_up:
            log.warning("batches.unknown", count=given_up)

    def _settle_left_moves(self) -> None:
        """Write moves to the journal whose doors died before they had."""
        try:
            settled = self._parts.opt_outs.settle_left_moves(seconds=MOVING)
        except (DatabaseAway, CommitInDoubt, JournalUnwritable) as error:
            log.warning("moves.waiting", why=type(error).__name__)
            return
        if settled:
            log.warning("moves.settled", count=settled)

    def judge(self) -> None:
        """Judge who clicked and opened since, in small steps, each in a transaction of its own.

        Twice at once does no harm: the second finds the first at it.
        """
        end = self._monotonic() + JUDGING
        try:
            while self._judge_some() and self._monotonic() < end:
                pass
        except (DatabaseAway, CommitInDoubt) as error:
            log.warning("judging.waiting", why=type(error).__name__)

    def _judge_some(self) -> bool:
        with self._parts.database.transaction() as session:
            return measure.judge_fresh(session) > 0

    def close(self) -> None:
        """Say goodbye to the provider and the database."""
        self._sender.close()
        self._parts.close()


def _ring_for_nobody() -> None:
    """What a process does that has called for help already."""
