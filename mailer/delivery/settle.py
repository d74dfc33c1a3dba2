"""S5: what became of a batch, written down in one commit."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import assert_never

from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session, SQLModel

from mailer import permission
from mailer.database import rows_changed
from mailer.delivery.batches import Note, move_to_child, note
from mailer.delivery.brake import Tally
from mailer.delivery.claimed import Claimed
from mailer.delivery.heard import is_hard
from mailer.delivery.heard_before import heard_of, needs_no_copy
from mailer.delivery.mailings import TEST
from mailer.delivery.places import leave_places
from mailer.delivery.retry import may_try_unknown_again, next_try
from mailer.delivery.tally import count_in
from mailer.providers import (
    AboutUs,
    Accepted,
    Answer,
    Later,
    NotBegun,
    Rejected,
    Unknown,
    without_addresses,
)
from mailer.vocabulary import (
    Door,
    Outcome,
    PersonId,
    Reason,
    Scope,
    SuppressionReason,
)

_batch = SQLModel.metadata.tables["delivery_batch"]

SOON = timedelta(seconds=1)
"""When somebody who was merely not begun in time, or whose facts changed, is due again."""
UNKNOWN_WAIT = timedelta(seconds=30)
"""When an order update of unknown fate is handed over again, under the same Message-ID."""
LANE_STOP = timedelta(seconds=10)
"""How long a lane stands still after an answer that was about us and not about a person."""


class NotOurs(Exception):
    """The batch is no longer in hand under this token; nothing was written."""


@dataclass(frozen=True, slots=True)
class Again:
    """When, and as which try, people go again."""

    attempt: int
    not_before: datetime
    in_doubt: bool = False
    """Whether nobody knows what came of the try before it."""


@dataclass(slots=True)
class Result:
    """Everybody of a batch sorted by what became of them."""

    accepted: list[PersonId] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    hard_bounces: list[PersonId] = field(default_factory=list)
    again: dict[Again, list[PersonId]] = field(default_factory=lambda: defaultdict(list))
    """Who goes into a child."""

    def count(self, outcome: Outcome) -> int:
        """Return how many have this outcome among the noted."""
        return sum(each.outcome is outcome for each in self.notes)

    def copied(self, *, is_copy: bool) -> list[PersonId]:
        """Return who goes again although nobody knows whether the provider took their mail.

        Whoever goes again from a copy is in doubt since the try before it.
        """
        return [
            each
            for due, persons in self.again.items()
            if is_copy or due.in_doubt
            for each in persons
        ]

    @property
    def unknown(self) -> list[PersonId]:
        """Who goes no more, and of whom nobody knows whether the provider took their mail."""
        return [each.person_id for each in self.notes if each.outcome is Outcome.UNKNOWN]

    @property
    def people(self) -> int:
        """How many it is about."""
        return len(self.accepted) + len(self.notes) + sum(map(len, self.again.values()))

    def tally(self) -> Tally:
        """Return what it adds to the figures of its mailing."""
        return Tally(
            accepted=len(self.accepted),
            rejected=self.count(Outcome.REJECTED),
            unknown=self.count(Outcome.UNKNOWN),
            hard_bounces=len(self.hard_bounces),
        )

    def less(self, decided: set[PersonId]) -> "Result":
        """Return the result without people who are accounted for already."""
        left = {
            due: [person for person in persons if person not in decided]
            for due, persons in self.again.items()
        }
        return replace(self, again={due: persons for due, persons in left.items() if persons})

    def after_hearing(self, heard: set[PersonId]) -> "Result":
        """Return the result with those accepted of whom something was heard meanwhile."""
        rest = self.less(heard)
        return replace(
            rest,
            accepted=[*rest.accepted, *sorted(heard - set(rest.accepted))],
            notes=[each for each in rest.notes if each.person_id not in heard],
        )


def sort_answers(
    batch: Claimed,
    answers: Mapping[PersonId, Answer],
    waiting: Sequence[PersonId],
    *,
    now: datetime,
) -> Result:
    """Sort everybody: done, noted with a reason, or due again. Pure."""
    result = Result()
    for person in waiting:
        result.again[Again(batch.attempt, now + SOON)].append(person)
    for person, answer in answers.items():
        _sort_answer(batch, person, answer, result, now)
    return result


def _sort_answer(
    batch: Claimed, person: PersonId, answer: Answer, result: Result, now: datetime
) -> None:
    match answer:
        case Accepted():
            result.accepted.append(person)
        case NotBegun():
            result.again[Again(batch.attempt, now)].append(person)
        case Rejected():
            _sort_rejected(person, answer, result)
        case Later():
            _sort_later(batch, person, answer, result, now)
        case Unknown():
            _sort_unknown(batch, person, answer, result, now)
        case _:
            assert_never(answer)


def _sort_rejected(person: PersonId, answer: Rejected, result: Result) -> None:
    result.notes.append(
        Note(person, Outcome.REJECTED, Reason.NOT_REFUSED, f"{answer.code} {answer.text}")
    )
    if answer.about_person and is_hard(answer.code, answer.text):
        result.hard_bounces.append(person)


def _sort_later(
    batch: Claimed, person: PersonId, answer: Later, result: Result, now: datetime
) -> None:
    due = next_try(batch.attempt - batch.doubts, use_by=batch.mailing.use_by, now=now)
    if due is None:
        detail = f"{answer.code} {answer.text}"
        result.notes.append(Note(person, Outcome.REJECTED, Reason.NOT_REFUSED, detail))
    else:
        result.again[Again(batch.attempt + 1, due)].append(person)


def _sort_unknown(
    batch: Claimed, person: PersonId, answer: Unknown, result: Result, now: datetime
) -> None:
    if may_try_unknown_again(batch.mailing.stream, batch.doubts):
        due = Again(batch.attempt + 1, now + UNKNOWN_WAIT, in_doubt=True)
        result.again[due].append(person)
    else:
        result.notes.append(Note(person, Outcome.UNKNOWN, Reason.UNKNOWN, answer.text))


_SETTLE = text(
    """
    UPDATE delivery_batch
    SET state = 'settled', settled_at = :now, lease_until = NULL,
        accepted = :accepted, rejected = :rejected, unknown = :unknown
    WHERE id = :batch_id AND token = :token AND state IN ('handing', 'unknown')
      AND size >= refused + :accepted + :rejected + :unknown
    """
)


def settle(session: Session, batch: Claimed, result: Result, *, now: datetime) -> None:
    """Write the batch's counts, its exceptions and its children, all in the caller's one commit.

    Also takes a batch that the reaper has given up as unknown meanwhile: the sender's own late
    word is evidence. Raises NotOurs where it is neither, or where a copy is on its way already.
    """
    counted = Tally()
    # What the reaper is writing at this moment is waited for, and seen by every statement below.
    if session.execute(_LOCK, {"batch_id": batch.id, "token": batch.token}).first() is None:
        raise NotOurs(f"batch {batch.id}")
    _take_back(session, batch)
    reopened = session.execute(_REOPEN, {"batch_id": batch.id, "token": batch.token}).one_or_none()
    if reopened is not None:
        result = result.after_hearing(_heard_of(session, batch))
        if result.people > reopened.room:
            raise NotOurs(f"a copy of batch {batch.id} is on its way")
        counted = Tally(accepted=reopened.accepted, unknown=reopened.unknown)
    result = result.after_hearing(
        needs_no_copy(session, batch, result.copied(is_copy=batch.doubts > 0))
        | heard_of(session, batch, result.unknown)
    )
    # Once: with those who were given up beside those of whom the word has come, it would stop.
    count_in(session, batch.mailing.id, result.tally() - counted, now=now)
    for due, persons in result.again.items():
        move_to_child(
            session,
            batch,
            persons,
            attempt=due.attempt,
            not_before=due.not_before,
            in_doubt=due.in_doubt,
        )
    _write_down(session, batch, result, now)


def _write_down(session: Session, batch: Claimed, result: Result, now: datetime) -> None:
    """Write who was accepted, who was not and why; raise NotOurs where that is no longer ours to do."""
    settled = rows_changed(
        session,
        _SETTLE,
        {
            "batch_id": batch.id,
            "token": batch.token,
            "now": now,
            "accepted": len(result.accepted),
            "rejected": result.count(Outcome.REJECTED),
            "unknown": result.count(Outcome.UNKNOWN),
        },
    )
    if not settled:
        raise NotOurs(f"batch {batch.id}")
    note(session, batch.id, result.notes, now=now)
    leave_places(
        session,
        batch,
        [each.person_id for each in result.notes if each.outcome is Outcome.REJECTED],
    )
    for person in result.hard_bounces:
        _suppress_bounced(session, batch, person, now)


_LOCK = text(
    "SELECT 1 FROM delivery_batch"
    " WHERE id = :batch_id AND token = :token AND state IN ('handing', 'unknown') FOR UPDATE"
)
_REOPEN = text(
    """
    UPDATE delivery_batch b SET unknown = 0, accepted = 0
    FROM (
        SELECT id, accepted, unknown, size - refused AS room FROM delivery_batch
        WHERE id = :batch_id AND token = :token AND state = 'unknown' FOR UPDATE
    ) AS before
    WHERE b.id = before.id
    RETURNING before.accepted, before.unknown, before.room
    """
)


def _heard_of(session: Session, batch: Claimed) -> set[PersonId]:
    """Return who was proved to have been accepted while the batch counted as unknown."""
    heard = session.execute(
        text(
            "DELETE FROM delivery_exception WHERE batch_id = :batch_id AND outcome = 'accepted'"
            " RETURNING person_id"
        ),
        {"batch_id": batch.id},
    )
    return {PersonId(person) for person in heard.scalars()}


_TAKE_BACK = text(
    """
    WITH parent AS (
        SELECT id, root_id, attempt FROM delivery_batch
        WHERE id = :batch_id AND token = :token AND state = 'unknown' AND size = 0 FOR UPDATE
    ), recalled AS (
        UPDATE delivery_batch c SET state = 'cancelled', size = 0 FROM parent p
        WHERE c.root_id = p.root_id AND c.id <> p.id AND c.attempt = p.attempt + 1
          AND c.state = 'prepared'
          AND NOT c.tried_elsewhere  -- its place has followed the reader, and stays with it
        RETURNING c.id, p.id AS parent_id
    ), emptied AS (
        UPDATE delivery_roster r SET persons = '{}', addresses = '{}' FROM recalled
        WHERE r.batch_id = recalled.id
    ), refilled AS (
        UPDATE delivery_roster r SET persons = :persons, addresses = :addresses FROM recalled
        WHERE r.batch_id = recalled.parent_id
    ), places AS (
        UPDATE delivery_place p SET batch_id = recalled.parent_id FROM recalled
        WHERE p.address_id = ANY(:addresses) AND p.mailing_id = :mailing_id
          AND p.batch_id = recalled.id
    )
    UPDATE delivery_batch b SET size = :size FROM recalled WHERE b.id = recalled.parent_id
    """
).bindparams(
    bindparam("persons", type_=ARRAY(BigInteger)), bindparam("addresses", type_=ARRAY(BigInteger))
)


def _take_back(session: Session, batch: Claimed) -> None:
    """Recall the copy that the reaper put in line, when the sender's word comes late after all."""
    session.execute(
        _TAKE_BACK,
        {
            "batch_id": batch.id,
            "token": batch.token,
            "mailing_id": batch.mailing.id,
            "persons": list(batch.people),
            "addresses": list(batch.people.values()),
            "size": len(batch.people),
        },
    )


def _suppress_bounced(session: Session, batch: Claimed, person: PersonId, now: datetime) -> None:
    permission.suppress(
        session,
        permission.NewSuppression(
            scope=Scope.ALL,
            reason=SuppressionReason.HARD_BOUNCE,
            door=Door.BOUNCE,
            address_id=batch.people[person],
        ),
        now=now,
    )


_STOP_LANE = text(
    """
    INSERT INTO delivery_lane (lane, stopped_until, why) VALUES (:lane, :until, :why)
    ON CONFLICT (lane) DO UPDATE
    SET stopped_until = greatest(delivery_lane.stopped_until, :until), why = :why
    """
)


def stop_lane(session: Session, batch: Claimed, about: AboutUs, *, now: datetime) -> None:
    """Let a lane stand still for a while: the provider's answer was about us, not about a person."""
    session.execute(
        _STOP_LANE,
        {
            "lane": batch.lane.value,
            "until": now + LANE_STOP,
            "why": without_addresses(f"{about.code} {about.text}")[:300],
        },
    )


def is_tests_own(batch: Claimed, result: Result) -> bool:
    """Say whether an answer about us is about a test's From alone: order updates go on beside it.

    A test waits out its own next try then; where it was not even begun, the lane stands.
    """
    return batch.mailing.letter == TEST and all(due.attempt > batch.attempt for due in result.again)
