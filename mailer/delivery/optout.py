"""How a no becomes silence: written, made sure of, and only then acknowledged (O1 to O4)."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session

from mailer import people, permission
from mailer.database import CommitInDoubt, Database, DatabaseAway
from mailer.delivery.acknowledgement import Acknowledgement, Left
from mailer.delivery.heard import News, hear
from mailer.delivery.lines import handfuls, line_of, line_of_no, only_gives
from mailer.delivery.silencing import NOBODY, Silenced, hold_who_they_are, silence, silence_address
from mailer.delivery.window import BARRIER
from mailer.failpoints import Failpoint, reached
from mailer.journal import Journal
from mailer.permission import Applied, Change, Move, NewSuppression, NotAdmitted
from mailer.vault import Vault
from mailer.vocabulary import AddressId, BatchId, MailingId, PersonId

Marks = Mapping[AddressId, str]
"""By what addresses are known again in a database that was restored."""
POLL = 0.01
"""Seconds between two looks at the batches that an opt-out waits for."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clock that stamps and the monotonic one that waits, with how to sleep."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class OptOuts:
    """Writes a person's wishes and answers only when the answer is true."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        journal: Journal,
        clocks: Clocks,
        new_reference: Callable[[], str],
    ) -> None:
        self._database = database
        self._vault = vault
        self._journal = journal
        self._clocks = clocks
        self._new_reference = new_reference

    def change(
        self, person_id: PersonId, change: Change, *, address_id: AddressId | None = None
    ) -> Acknowledgement:
        """Apply a wish, wait until nothing of it can be broken any more, and acknowledge.

        `address_id` is the address whose link was used; its nos reach every address that the
        person ever had. Commits on its own. Raises NotAdmitted; DatabaseAway, CommitInDoubt or
        JournalUnwritable when it is not certain that the wish is kept: then nothing may be said
        to be saved.
        """
        survivor, addresses, applied, marks = self._write(person_id, change, address_id)
        reached(Failpoint.WISH_WRITTEN)
        kind, line = "yes" if only_gives(applied) else "no", line_of(survivor, applied)
        self._journal_line(kind, applied.at, addresses, line, marks)
        reached(Failpoint.WISH_JOURNALED)
        return self._acknowledge(survivor, addresses, applied)

    def suppress(
        self, new: NewSuppression, *, persons: Sequence[PersonId] = ()
    ) -> tuple[int, Acknowledgement]:
        """Write a no for an address, known as a customer's or not, and acknowledge it likewise.

        It holds for `persons` too, at every address that each ever had. Returns the number of the
        address's suppression; an equal one that stands is kept.
        """
        now = self._clocks.now()
        silenced = []
        with self._database.transaction() as session:
            number = permission.suppress(session, new, now=now)
            hold_who_they_are(session, persons)
            for person_id in sorted(persons):
                silenced.append(silence(session, new, person_id, now=now))
        reached(Failpoint.ADDRESS_SILENCED)
        silenced.append(Silenced(new, new.person_id or NOBODY, _set_of(new.address_id), 0))
        applied = Applied(version=0, reference=self._new_reference(), at=now)
        for each in silenced:
            self._journal_no(each, applied)
        addresses = frozenset().union(*(each.addresses for each in silenced))
        return number, self._acknowledge(new.person_id or NOBODY, addresses, applied)

    def hear(self, *news: News) -> None:
        """Write down what was heard of mails, and the nos that follow in the journal too.

        Raises as `change` does.
        """
        now = self._clocks.now()
        with self._database.transaction() as session:
            written = hear(session, *news, now=now)
        reached(Failpoint.NEWS_WRITTEN)
        for silenced in written:
            applied = Applied(silenced.version, self._new_reference(), now)
            self._journal_no(silenced, applied)

    def _write(
        self, person_id: PersonId, change: Change, address_id: AddressId | None
    ) -> tuple[PersonId, frozenset[AddressId], Applied, Marks]:
        """O1, under the lock of whoever answers for this person at that moment."""
        while True:
            with self._database.transaction() as session:
                try:
                    held = permission.lock(session, person_id)
                except NotAdmitted:
                    if address_id is None:
                        raise
                    reference, now = self._new_reference(), self._clocks.now()
                    applied = silence_address(session, change, address_id, reference, now=now)
                    return NOBODY, frozenset({address_id}), applied, {}
                # Read under the lock: a merge or a change of address takes the same one.
                identity = people.identity_of(session, person_id)
                addresses = identity.addresses | _set_of(address_id)
                if identity.survivor == person_id:
                    applied = permission.apply(
                        session,
                        person_id=person_id,
                        address_ids=addresses,
                        change=change,
                        reference=self._new_reference(),
                        held=held,
                        now=self._clocks.now(),
                    )
                    reached(Failpoint.WISH_WRITING)
                    return person_id, addresses, applied, identity.marks
            person_id = identity.survivor

    def merge(
        self,
        *,
        survivor: PersonId,
        merged: PersonId,
        also: Callable[[Session], None] | None = None,
    ) -> Acknowledgement:
        """Make one customer of two; every no of either holds for both from the answer on.

        `also` carries over what other rooms have of them, in the merge's own transaction. Raises
        people's own errors for a merge that cannot be, and NotAdmitted.
        """
        now = self._clocks.now()
        with self._database.transaction() as session:
            version = permission.merge(session, survivor=survivor, merged=merged, now=now)
            people.merge(session, survivor=survivor, merged=merged, now=now)
            if also is not None:
                also(session)
        reached(Failpoint.MERGED)
        applied = Applied(version=version, reference=self._new_reference(), at=now)
        what: Mapping[str, int | str] = {"acts": "merge", "merged": merged}
        identity = self._journal_joining(survivor, applied, what)
        return self._acknowledge(identity.survivor, identity.addresses, applied)

    def change_address(self, person_id: PersonId, email: str) -> Acknowledgement:
        """Move a customer to another address; every no of theirs moves along.

        Raises people.AddressInvalid, people.PersonGone and NotAdmitted.
        """
        now = self._clocks.now()
        with self._database.transaction() as session:
            # The customer before the standing, as an upsert that moves them locks both.
            address_id = people.change_address(
                session, self._vault, person_id, email=email, now=now
            )
            move = permission.move(session, person_id=person_id, address_id=address_id, now=now)
        return self._settle(move)

    def settle_move(self, person_id: PersonId, address_id: AddressId) -> Acknowledgement:
        """Make sure of a move that another door has committed: journal it, wait, acknowledge.

        To be done again does no harm. Raises as `change` does.
        """
        with self._database.reading() as session:
            move = permission.move_to(session, person_id, address_id)
        return self._settle(move)

    def settle_left_moves(self, *, seconds: float) -> int:
        """Journal moves that a door committed and left, since it died or could not go on.

        No answer hangs on it, so it waits for no mail in hand: it takes the mark away where there
        is none, and else leaves it to a later sweep, which writes the line again. What was in hand
        at the move ends in seconds and a mark is taken a minute old, but by clocks that may be
        apart; so it looks. Begins none after so many seconds. Returns how many. Raises as `change`
        does.
        """
        end, done = self._clocks.monotonic() + seconds, 0
        while self._clocks.monotonic() < end:
            with self._database.transaction() as session:
                move = permission.take_left_move(session, now=self._clocks.now())
            if move is None:
                break
            identity, _ = self._journal_move(move)
            if not self._in_hand(identity.survivor, identity.addresses):
                self._forget(move)
            done += 1
        return done

    def _settle(self, move: Move) -> Acknowledgement:
        """The mark goes last: who asks again after a crash is answered after a wait, too."""
        reached(Failpoint.MOVED)
        identity, applied = self._journal_move(move)
        said = self._acknowledge(identity.survivor, identity.addresses, applied)
        self._forget(move)
        return said

    def _journal_move(self, move: Move) -> tuple[people.Identity, Applied]:
        applied = Applied(move.version, self._new_reference(), self._clocks.now())
        what: Mapping[str, int | str] = {"acts": "move", "address": move.address_id}
        return self._journal_joining(move.person_id, applied, what), applied

    def _forget(self, move: Move) -> None:
        # What is true may be answered; a mark that stays only means one more line of the same.
        with suppress(DatabaseAway, CommitInDoubt), self._database.transaction() as session:
            permission.forget_move(session, move)

    def _journal_joining(
        self, person_id: PersonId, applied: Applied, what: Mapping[str, int | str]
    ) -> people.Identity:
        with self._database.reading() as session:
            identity = people.identity_of(session, person_id)
        line = {**line_of(identity.survivor, applied), **what}
        self._journal_line("no", applied.at, identity.addresses, line, identity.marks)
        return identity

    def _journal_no(self, silenced: Silenced, applied: Applied) -> None:
        line = line_of_no(silenced, applied)
        self._journal_line("no", applied.at, silenced.addresses, line)

    def _journal_line(
        self,
        kind: str,
        at: datetime,
        addresses: Collection[AddressId],
        line: Mapping[str, int | str],
        known: Marks = MappingProxyType({}),
    ) -> None:
        lacking = [each for each in addresses if each not in known]
        marks = {**known, **self._marks_of(lacking)}
        for some in handfuls(sorted(addresses)):
            told = {"addresses": ",".join(str(each) for each in some)}
            if marks:
                told["marks"] = ",".join(marks.get(each, "") for each in some)
            self._journal.write(kind, at=at, **line, **told)

    def _marks_of(self, addresses: Collection[AddressId]) -> Marks:
        """Look up by what addresses are known again; a line without it is better than no line."""
        if not addresses:
            return {}
        try:
            with self._database.glance() as session:
                return people.marks_of(session, addresses)
        except DatabaseAway:
            return {}

    def _acknowledge(
        self, person_id: PersonId, addresses: Collection[AddressId], applied: Applied
    ) -> Acknowledgement:
        waiting = {} if only_gives(applied) else self._in_hand(person_id, addresses)
        reached(Failpoint.WISH_LOOKED)
        left, unsure = self._wait_for(waiting, person_id, addresses)
        reached(Failpoint.WISH_WAITED)
        return Acknowledgement(
            reference=applied.reference,
            at=self._clocks.now(),
            version=applied.version,
            acts=applied.acts,
            left=tuple(left),
            unsure=tuple(unsure),
            stale=applied.stale,
            stale_manners=applied.stale_manners,
            already_since=applied.already_since,
        )

    def _in_hand(
        self, person_id: PersonId, addresses: Collection[AddressId]
    ) -> dict[BatchId, Left]:
        """O2: one statement, after the commit, on the primary; who is the same is asked in it."""
        whose = {"person": person_id, "addresses": sorted(addresses)}
        with self._database.glance() as session:
            rows = session.execute(_IN_HAND, whose).all()
        return {BatchId(row.id): Left(MailingId(row.mailing_id), row.handing_at) for row in rows}

    def _wait_for(
        self,
        waiting: dict[BatchId, Left],
        person_id: PersonId,
        addresses: Collection[AddressId],
    ) -> tuple[list[Left], list[Left]]:
        """O3: until each batch is settled, or nothing can begin any more; no connection is held."""
        end = self._clocks.monotonic() + BARRIER
        open_batches = set(waiting)
        while open_batches and self._clocks.monotonic() < end:
            self._clocks.sleep(POLL)
            open_batches = self._still_open(open_batches)
        settled = [batch for batch in waiting if batch not in open_batches]
        left, doubtful = self._what_left(settled, person_id, addresses)
        return (
            [waiting[batch] for batch in left],
            [waiting[batch] for batch in sorted({*open_batches, *doubtful})],
        )

    def _still_open(self, batches: Iterable[BatchId]) -> set[BatchId]:
        try:
            with self._database.glance() as session:
                rows = session.execute(_STILL_OPEN, {"batches": sorted(batches)})
                return {BatchId(each) for each in rows.scalars()}
        except DatabaseAway:  # the no is written; what is left to find out counts as unsure
            return set(batches)

    def _what_left(
        self, batches: list[BatchId], person_id: PersonId, addresses: Collection[AddressId]
    ) -> tuple[list[BatchId], list[BatchId]]:
        if not batches:
            return [], []
        try:
            with self._database.reading() as session:
                identity = people.identity_of(session, person_id)
                whose = {
                    "persons": sorted(identity.persons),
                    "addresses": sorted(identity.addresses | set(addresses)),
                }
                rows = session.execute(_WHAT_LEFT, {"batches": batches, **whose}).all()
        except DatabaseAway:
            return [], batches
        left = [BatchId(row.id) for row in rows if row.accepted]
        doubtful = [BatchId(row.id) for row in rows if row.unknown]
        return left, doubtful


def _set_of(address_id: AddressId | None) -> frozenset[AddressId]:
    return frozenset() if address_id is None else frozenset({address_id})


_ARRAYS = (
    bindparam("persons", type_=ARRAY(BigInteger)),
    bindparam("addresses", type_=ARRAY(BigInteger)),
)
_IN_HAND = text(
    f"""
    WITH who AS MATERIALIZED ({people.IDENTITY_OF_PERSON})
    SELECT b.id, b.mailing_id, b.handing_at
    FROM delivery_batch b
    JOIN delivery_roster r ON r.batch_id = b.id
    JOIN delivery_mailing m ON m.id = b.mailing_id
    WHERE b.state = 'handing' AND m.stream = 'promotional'
      AND (r.persons && (SELECT persons FROM who)
           OR r.addresses && (SELECT addresses || CAST(:addresses AS bigint[]) FROM who))
    """
).bindparams(_ARRAYS[1])
_STILL_OPEN = text(
    "SELECT id FROM delivery_batch WHERE id = ANY(:batches) AND state = 'handing'"
).bindparams(bindparam("batches", type_=ARRAY(BigInteger)))
_WHAT_LEFT = text(
    """
    SELECT b.id,
           bool_or(b.state = 'settled' AND e.person_id IS NULL) AS accepted,
           bool_or(b.state = 'unknown' AND e.person_id IS NULL OR e.outcome = 'unknown') AS unknown
    FROM delivery_batch b
    JOIN delivery_roster r ON r.batch_id = b.id
    CROSS JOIN LATERAL unnest(r.persons, r.addresses) AS p(person_id, address_id)
    LEFT JOIN delivery_exception e ON e.batch_id = b.id AND e.person_id = p.person_id
    WHERE b.id = ANY(:batches)
      AND (p.person_id = ANY(:persons) OR p.address_id = ANY(:addresses))
    GROUP BY b.id
    """
).bindparams(bindparam("batches", type_=ARRAY(BigInteger)), *_ARRAYS)
