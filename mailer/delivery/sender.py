"""The main road of a batch, from due to done; each step is a line of `deliver_one`."""

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

import structlog
from sqlalchemy import text

from mailer.database import CommitInDoubt, Database, DatabaseAway, rows_changed
from mailer.delivery.batches import (
    claim,
    decided_in,
    finish_empty,
    give_back,
    held_as,
    hold,
    hold_back,
    refuse,
)
from mailer.delivery.claimed import Claimed
from mailer.delivery.clearance import CLEARED, Clearance
from mailer.delivery.clocks import SenderClock
from mailer.delivery.deciding import decide_all
from mailer.delivery.following import follow_readers
from mailer.delivery.gate import Gate, Passed, Prepared
from mailer.delivery.lines import line_of_batch
from mailer.delivery.pace import Pace
from mailer.delivery.places import take_places
from mailer.delivery.printing import LetterUnprintable, Press
from mailer.delivery.recalling import recall_heard
from mailer.delivery.settle import (
    SOON,
    NotOurs,
    Result,
    is_tests_own,
    settle,
    sort_answers,
    stop_lane,
)
from mailer.delivery.slowing import go_slower, pace_now
from mailer.delivery.throttle import who_asks
from mailer.delivery.turns import Turn, cut_to_a_slice, keep_pace, return_turns, take_turn
from mailer.delivery.window import Window
from mailer.failpoints import Failpoint, reached
from mailer.journal import Journal, JournalUnwritable
from mailer.permission import NO_CAP, Cap
from mailer.providers import AboutUs, Accepted, HandOver, NotBegun
from mailer.vocabulary import Held, Lane, PersonId, Reason, Refused

UNPRINTABLE_WAIT = timedelta(minutes=5)
"""When a batch is tried again whose letter could not be made."""
UNPRINTABLE_FOR = timedelta(days=1)
"""How long after its mailing was made such a batch is tried; then its people are refused."""

log = structlog.get_logger()


class Taken(Enum):
    """What came of taking a batch in hand (S2)."""

    YES = "yes"
    NO = "no"
    IN_DOUBT = "in doubt"


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """How long a claim lasts and how fast mail may leave."""

    lease: timedelta
    pace: Pace
    cap: Cap = NO_CAP


class Sender:
    """Takes due batches of a lane one by one; one batch in hand per process."""

    def __init__(
        self,
        database: Database,
        gate: Gate,
        press: Press,
        journal: Journal,
        clock: SenderClock,
        settings: SenderSettings,
        clearance: Clearance | None = None,
    ) -> None:
        self._clearance = clearance
        self._cleared: uuid.UUID | None = None
        self._database = database
        self._gate = gate
        self._press = press
        self._journal = journal
        self._clock = clock
        self._settings = settings
        self._begun_per_second = 500.0
        self._pace = settings.pace

    def deliver_one(self, lane: Lane, *, when_claimed: Callable[[], None] = lambda: None) -> bool:
        """Take one due batch of a lane all the way; False when none is due.

        `when_claimed` is called before anything is printed: another may be due beside this one.
        Order updates go at least once, promotional mail at most once (the delivery classes of
        design section 3). Raises DatabaseAway before anything was handed over.
        """
        claimed = self._claim(lane)
        if claimed is None:
            return False
        batch, untracked = claimed
        when_claimed()
        reached(Failpoint.CLAIMED)
        batch, prepared = self._print(batch, untracked)
        reached(Failpoint.PRINTED)
        batch, prepared = keep_pace(self._database, self._pace, batch, prepared, clock=self._clock)
        if not prepared or not self._is_provider_ready(batch, prepared):
            return True
        reached(Failpoint.READY)
        turn = take_turn(self._database, self._pace, batch, prepared, now=self._clock.now())
        if not turn.prepared:
            return True
        batch = turn.batch
        reached(Failpoint.TURN_TAKEN)
        with self._clock.window() as window:
            reached(Failpoint.WINDOW_OPEN)
            taken = self._take_in_hand(turn)
            if taken is Taken.YES:
                reached(Failpoint.IN_HAND)
                passed, answer = self._through_the_gate(batch, turn.prepared, window)
        if taken is Taken.IN_DOUBT:
            self._resolve_doubt(batch)
        elif taken is Taken.YES:
            reached(Failpoint.HANDED_OVER)
            self._settle(batch, passed, answer)
            reached(Failpoint.SETTLED)
            begun = sum(not isinstance(each, NotBegun) for each in answer.answers.values())
            return_turns(self._database, turn, begun, now=self._clock.now())
        return True

    def close(self) -> None:
        """Say goodbye to the provider."""
        self._gate.close()

    # S1

    def _claim(self, lane: Lane) -> tuple[Claimed, set[PersonId]] | None:
        if not self.is_cleared(lane):
            return None
        now = self._clock.now()
        with self._database.transaction() as session:
            batch = claim(
                session,
                lane=lane,
                token=uuid.uuid4(),
                lease=self._settings.lease,
                clearance=self._cleared,
                now=now,
            )
            if batch is None:
                return None
            speed = max(1, int(self._begun_per_second))
            self._pace = pace_now(session, self._settings.pace, lane, now=now)
            batch = cut_to_a_slice(session, batch, self._pace, per_second=speed, now=now)
            if not batch.people:
                return batch, set()
            cap = self._settings.cap
            batch, facts = follow_readers(session, batch, cap, now)
            allowed, refused, held = decide_all(batch, facts, cap, now)
            batch = hold_back(session, batch, held)
            placed = take_places(session, batch, allowed, now=now)
            refused |= {
                person: Refused(Reason.NOT_SAME) for person in allowed if person not in placed
            }
            refuse(session, batch, refused, now=now)
            if not placed:
                finish_empty(session, batch, now=now)
        log.info("batch.claimed", batch=batch.id, size=len(batch.people), refused=len(refused))
        untracked = {who for same in facts if not same.tracking for who in same.versions}
        return recall_heard(self._database, batch.without(refused), at=now), untracked

    def is_cleared(self, lane: Lane) -> bool:
        """Say whether a lane may be claimed from; a restored database has to be looked at first.

        Raises DatabaseAway and CommitInDoubt.
        """
        if lane is not Lane.PROMOTIONAL or self._clearance is None:
            return True
        self._cleared = self._clearance.token()
        return self._cleared is not None

    def _print(
        self, batch: Claimed, untracked: Collection[PersonId]
    ) -> tuple[Claimed, Mapping[PersonId, Prepared]]:
        """Print everybody's message, no transaction open; who cannot be reached is refused."""
        if not batch.people:
            return batch, {}
        try:
            printed = self._press.print_messages(batch, untracked=untracked, now=self._clock.now())
        except DatabaseAway:
            raise
        except LetterUnprintable as error:
            self._put_aside(batch, str(error))
            return batch, {}
        except Exception as error:  # a fault in one letter must not hold up the lane behind it
            self._put_aside(batch, type(error).__name__)
            return batch, {}
        prepared = {who: each for who, each in printed.items() if isinstance(each, Prepared)}
        reasons = {who: each for who, each in printed.items() if isinstance(each, Reason)}
        if reasons:
            batch = self._take_out(batch, reasons, now=self._clock.now())
        return batch, {who: each for who, each in prepared.items() if who in batch.people}

    def _take_out(
        self, batch: Claimed, reasons: Mapping[PersonId, Reason], *, now: datetime
    ) -> Claimed:
        """Refuse who cannot be reached, or let them wait for a claim that goes along with them."""
        follows = batch.follows
        refused = {who: Refused(each) for who, each in reasons.items() if not follows(each)}
        soon = {who: Held(each, now + SOON) for who, each in reasons.items() if follows(each)}
        with self._database.transaction() as session:
            if not hold(session, batch):
                return batch.of({})
            refuse(session, batch, refused, now=now)
            finish_empty(session, batch, now=now)
            return hold_back(session, batch.without(refused), soon)

    def _put_aside(self, batch: Claimed, why: str) -> None:
        """Let a batch wait whose letter cannot be made, and account for everybody after a day."""
        log.error("letter.unprintable", batch=batch.id, mailing=batch.mailing.id, why=why)
        now = self._clock.now()
        with self._database.transaction() as session:
            if now < batch.mailing.created_at + UNPRINTABLE_FOR:
                give_back(session, batch, not_before=now + UNPRINTABLE_WAIT)
            elif hold(session, batch):
                refused = {who: Refused(Reason.NOT_DATA) for who in batch.people}
                refuse(session, batch, refused, now=now)
                finish_empty(session, batch, now=now)

    def _is_provider_ready(self, batch: Claimed, prepared: Mapping[PersonId, Prepared]) -> bool:
        """Open connections before the window opens; else stop the lane and put all back."""
        about_us = self._gate.make_ready(len(prepared))
        if about_us is None:
            return True
        now = self._clock.now()
        with self._database.transaction() as session:
            stop_lane(session, batch, about_us, now=now)
            if batch.lane is Lane.PROMOTIONAL:
                slice_of = [each.outgoing for each in prepared.values()]
                asked = who_asks(
                    slice_of, HandOver({}, about_us), known=self._settings.pace.known_domains
                )
                go_slower(session, asked, now=now)
            give_back(session, batch, not_before=now + SOON)
        log.warning("lane.stopped", lane=batch.lane, code=about_us.code)
        return False

    # S2

    def _take_in_hand(self, turn: Turn) -> "Taken":
        """Commit `claimed → handing`; NO when the batch is not ours any more, or its turn is over.

        The window is open by now, so that nothing begins more than its second after the turn. A
        batch that came too late is claimed again when its lease is over.
        """
        batch, now = turn.batch, self._clock.now()
        if turn.is_over(now):
            return Taken.NO
        try:
            with self._database.transaction() as session:
                given = {"batch_id": batch.id, "token": batch.token, "clearance": self._cleared}
                taken = rows_changed(session, _TAKE_IN_HAND, {**given, "now": now})
            return Taken.YES if taken else Taken.NO
        except CommitInDoubt:
            return Taken.IN_DOUBT

    def _resolve_doubt(self, batch: Claimed) -> None:
        """Find out by the token what became of S2; nobody was handed over, so nobody is lost.

        The window is over and time no matter: the server may still be away, or still be
        committing, so `claimed` is believed only when it stands after a pause. Where it was away for
        so long that the reaper came first, this is the late word about everybody.
        """
        pause = 0.2
        while True:
            self._clock.sleep(pause)
            pause = min(pause * 2, 2.0)
            try:
                with self._database.transaction() as session:
                    if give_back(session, batch, not_before=self._clock.now()):
                        return
                    state = held_as(session, batch)
                break
            except (DatabaseAway, CommitInDoubt):
                continue
        if state in ("handing", "unknown"):
            self._settle(batch, Passed(waiting=list(batch.people)), HandOver({}, None))

    # S3 and S4

    def _through_the_gate(
        self, batch: Claimed, prepared: Mapping[PersonId, Prepared], window: Window
    ) -> tuple[Passed, HandOver]:
        """Pass the gate and hand over; whatever fails before the hand-over hands over nobody."""
        begun = self._clock.monotonic()
        try:
            self._journal.write("handing", at=self._clock.now(), **line_of_batch(batch))
            reached(Failpoint.IN_HAND_JOURNALED)
            passed, answer = self._gate.hand_over(batch, prepared, window, now=self._clock.now())
        except (JournalUnwritable, DatabaseAway, CommitInDoubt) as error:
            log.warning("batch.held", batch=batch.id, why=type(error).__name__)
            return Passed(waiting=list(prepared)), HandOver(answers={}, about_us=None)
        self._learn_speed(answer, self._clock.monotonic() - begun)
        return passed, answer

    def _learn_speed(self, answer: HandOver, seconds: float) -> None:
        """Remember how many messages begin in a second, so that the next slice fits its window."""
        begun = sum(not isinstance(each, NotBegun) for each in answer.answers.values())
        left_over = len(answer.answers) - begun
        speed = begun / max(seconds, 0.05)
        if left_over or begun >= 20:
            self._begun_per_second = max(
                1.0, min(500.0, 0.5 * self._begun_per_second + 0.5 * speed)
            )
        else:
            self._begun_per_second = min(500.0, self._begun_per_second * 1.5)

    # S5

    def _settle(
        self,
        batch: Claimed,
        passed: Passed,
        answer: HandOver,
    ) -> None:
        """Write down what became of everybody, again and again while the database is away."""
        rest = batch.without(passed.refused)
        asked = who_asks(passed.messages, answer, known=self._settings.pace.known_domains)
        pause = 0.1
        while True:
            now = self._clock.now()
            result = sort_answers(rest, answer.answers, passed.waiting, now=now)
            try:
                self._settle_once(rest, result, answer.about_us, asked, now)
            except (DatabaseAway, CommitInDoubt):
                if self._is_settled(batch):
                    break
                self._clock.sleep(pause)
                pause = min(pause * 2, 2.0)
            except NotOurs:
                log.warning("batch.lost", batch=batch.id)
                return
            else:
                break
        log.info(
            "batch.settled",
            batch=batch.id,
            mailing=batch.mailing.id,
            accepted=sum(isinstance(each, Accepted) for each in answer.answers.values()),
            refused=len(passed.refused),
            waiting=len(passed.waiting),
        )

    def _settle_once(
        self,
        batch: Claimed,
        result: Result,
        about_us: AboutUs | None,
        asked: Mapping[str, int],
        now: datetime,
    ) -> None:
        with self._database.transaction() as session:
            if result.accepted or result.notes:
                settle(session, batch, result, now=now)
            else:  # nobody left: whether the gate's own refusals were committed is asked anew
                settle(session, batch, result.less(decided_in(session, batch)), now=now)
            if about_us is not None and not is_tests_own(batch, result):
                stop_lane(session, batch, about_us, now=now)
            if batch.lane is Lane.PROMOTIONAL:
                go_slower(session, asked, now=now)
            reached(Failpoint.SETTLING)

    def _is_settled(self, batch: Claimed) -> bool:
        try:
            with self._database.reading() as session:
                return held_as(session, batch) == "settled"
        except DatabaseAway:
            return False


_TAKE_IN_HAND = text(
    f"""
    UPDATE delivery_batch SET state = 'handing', handing_at = :now
    WHERE id = :batch_id AND state = 'claimed' AND token = :token
      AND (lane <> 'promotional' OR {CLEARED})
    """
)
