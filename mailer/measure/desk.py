"""The desk where clicks and opens are taken in: verified, sent on, and recorded in groups.

It belongs to one event loop, which waits for nothing: lines to the database answer it as visitors
do, and threads of its own open them, look up where links lead and write to the disk.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Select
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from mailer.database import CommitInDoubt, Database, DatabaseAway
from mailer.links import LinkForged, Links, Purpose
from mailer.measure.events import TYPES, Event, Taken, columns_of, ids_of, named, statement
from mailer.measure.line import Lines
from mailer.measure.machines import Kind
from mailer.measure.spool import Spool, read_spooled
from mailer.measure.targets import Locations, TargetShelf
from mailer.vocabulary import MailingId, PersonId

T = TypeVar("T")
TargetsOf = Callable[[Session, MailingId], tuple[str, ...] | None]
"""Returns where the links of a mailing lead, in order, or None for no such mailing."""
FAILURES = (TimeoutError, DatabaseAway, CommitInDoubt, SQLAlchemyError)
ABREAST = 2
"""Groups that are written at a time: while one waits for the disk, the database reads the other."""
SLICE = 1000
"""Spooled events recorded in one transaction, so that live clicks wait for little."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """Send the browser on to this place, one of the mailing's own."""

    location: bytes


@dataclass(frozen=True, slots=True)
class NoSuchLink:
    """The token is not ours, or the mailing has no such link: nothing can be reached by it."""


@dataclass(frozen=True, slots=True)
class MailingGone:
    """The token is ours, but its mailing is no longer known."""


@dataclass(frozen=True, slots=True)
class TryLater:
    """The link is good, but where it leads cannot be looked up just now."""

    seconds: int


Answer = Redirect | NoSuchLink | MailingGone | TryLater


@dataclass(frozen=True, slots=True)
class Manners:
    """How the desk weighs speed against rest, in seconds and counts."""

    gather: float = 0.001
    """The time between the beginnings of two groups, unless enough wait; an idle desk writes at once."""
    enough: int = 32
    """So many begin a group without more ado: what a group costs by itself is little for each."""
    patience: float = 1.0
    """How long a click waits for the database before it goes to disk instead."""
    retry: float = 1.0
    """The time between two looks whether the database is back."""
    waiting: int = 10_000
    """Events that may wait to be written; more are sent on unrecorded."""


@dataclass(slots=True)
class Figures:
    """What became of the events since the desk was opened."""

    recorded: int = 0
    spooled: int = 0
    replayed: int = 0
    lost: int = 0


@dataclass(slots=True)
class _Group:
    taken: list[Taken] = field(default_factory=list)
    then: list[Callable[[], object]] = field(default_factory=list)
    """What is to be called once they are stored, one for each."""


class ClickDesk:
    """Takes in clicks and opens; each is answered once its record lasts.

    Many are written in one transaction. When the database does not answer, they go to a spool
    on disk and are recorded later, each exactly once. Reaching the destination outranks being
    counted: where an event can be kept nowhere, it is counted as lost and the browser is sent on.
    """

    def __init__(
        self,
        database: Database,
        links: Links,
        data_dir: Path,
        *,
        targets_of: TargetsOf,
        measurable: Select[*tuple[Any, ...]],
        clock: Callable[[], datetime],
        process: str = "web",
        manners: Manners = Manners(),
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._database = database
        self._links = links
        self._targets_of = targets_of
        self._clock = clock
        self._manners = manners
        self._random = random
        self._shelf = TargetShelf(data_dir / "targets")
        self._spool = Spool(data_dir / "spool", process=process)
        self._opener = ThreadPoolExecutor(ABREAST, "clicks-opener")
        self._lines = Lines(database, statement(database, measurable), TYPES, self._opener)
        self._reader = ThreadPoolExecutor(1, "clicks-reader")
        self._disk = ThreadPoolExecutor(1, "clicks-disk")
        self._group = _Group()
        self._writing: asyncio.Task[None] | None = None
        self._enough = asyncio.Event()
        """So many wait that a group is worth its while."""
        self._under_way: set[asyncio.Task[None]] = set()
        self._returning: asyncio.Task[None] | None = None
        self._lookups: dict[MailingId, asyncio.Task[Locations | None]] = {}
        self.away = False
        """The database did not answer when it was last asked."""
        self.figures = Figures()

    async def open(self) -> None:
        """Begin, and record what an earlier process left on disk. Needs no database to be there."""
        if self._spool.files():
            self._begin_returning()

    async def close(self) -> None:
        """Write what waits, to the database or to disk, and stop looking for the database.

        A click that comes later still is kept: a server may answer some after it began to stop.
        """
        while waiting := {*self._under_way, *filter(None, (self._writing,))}:
            await asyncio.wait(waiting)
        if self._returning is not None:
            self._returning.cancel()
            await asyncio.wait({self._returning})
        self._lines.close()
        self._spool.close()

    async def click(self, token: str, n: int, kind: Kind) -> Answer:
        """Say where link number `n` of this token's mail leads, once the click is kept."""
        try:
            mailing_id, person_id = self._read(Purpose.CLICK, token)
            locations = await self._locations_of(mailing_id)
        except LinkForged:
            return NoSuchLink()
        except FAILURES:
            return TryLater(30)
        if locations is None:
            return MailingGone()
        location = locations[n] if 0 <= n < len(locations) else None
        if location is None:
            return NoSuchLink()
        await self._keep(mailing_id, person_id, n, kind)
        return Redirect(location)

    def click_at_hand(
        self, token: str, n: int, kind: Kind, then: Callable[[bytes], object]
    ) -> bool:
        """Take a click whose target is in memory; `then` is called with it once the click is kept.

        The short way of `click`, without a task. Returns False, nothing done, for any other click.
        """
        try:
            mailing_id, person_id = self._read(Purpose.CLICK, token)
        except LinkForged:
            return False
        locations = self._shelf.at_hand(mailing_id)
        location = locations[n] if locations is not None and 0 <= n < len(locations) else None
        if location is None:
            return False
        self._take(mailing_id, person_id, n, kind, partial(then, location))
        return True

    async def see(self, token: str, kind: Kind) -> None:
        """Keep the open of this token's mail; a token that is not ours is passed over."""
        with suppress(LinkForged):
            mailing_id, person_id = self._read(Purpose.OPEN, token)
            await self._keep(mailing_id, person_id, None, kind)

    def _read(self, purpose: Purpose, token: str) -> tuple[MailingId, PersonId]:
        mailing_id, person_id = self._links.read(purpose, token)
        return MailingId(mailing_id), PersonId(person_id)

    # where links lead

    async def _locations_of(self, mailing_id: MailingId) -> Locations | None:
        known = self._shelf.known(mailing_id)
        if known is not None:
            return known
        if self.away:
            raise DatabaseAway("and these targets are not at hand")
        lookup = self._lookups.get(mailing_id)
        if lookup is None:
            lookup = asyncio.create_task(self._look_up(mailing_id))
            self._lookups[mailing_id] = lookup
            lookup.add_done_callback(self._looked_up)
        return await asyncio.shield(lookup)

    def _looked_up(self, lookup: asyncio.Task[Locations | None]) -> None:
        self._lookups = {key: task for key, task in self._lookups.items() if task is not lookup}
        if not lookup.cancelled():
            lookup.exception()  # seen, though everybody who asked may have gone

    async def _look_up(self, mailing_id: MailingId) -> Locations | None:
        asking = self._in(self._reader, partial(self._ask_for_targets, mailing_id))
        targets = await asyncio.wait_for(asking, self._manners.patience)
        return None if targets is None else self._shelf.remember(mailing_id, targets)

    def _ask_for_targets(self, mailing_id: MailingId) -> tuple[str, ...] | None:
        with self._database.reading() as session:
            targets = self._targets_of(session, mailing_id)
        if targets is not None:
            self._shelf.write(mailing_id, targets)
        return targets

    # keeping events

    async def _keep(
        self, mailing_id: MailingId, person_id: PersonId, n: int | None, kind: Kind
    ) -> None:
        """Return when the event is committed, or on disk, or given up."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._take(mailing_id, person_id, n, kind, partial(_tell, kept))
        await kept

    def _take(
        self,
        mailing_id: MailingId,
        person_id: PersonId,
        n: int | None,
        kind: Kind,
        then: Callable[[], object],
    ) -> None:
        """Put an event to the group that gathers; `then` is called when it is kept, or given up."""
        group = self._group
        if len(group.taken) >= self._manners.waiting:
            self.figures.lost += 1
            then()
            return
        group.taken.append((mailing_id, person_id, n, kind, self._clock()))
        group.then.append(then)
        if len(group.taken) == self._manners.enough:
            self._enough.set()
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_groups())

    async def _write_groups(self) -> None:
        """Write group after group, each made of what came while those before it were written."""
        try:
            while self._group.taken:
                while len(self._under_way) >= ABREAST:
                    await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
                group, self._group = self._group, _Group()
                self._enough.clear()
                writing = asyncio.create_task(self._write_group(group))
                self._under_way.add(writing)
                writing.add_done_callback(self._under_way.discard)
                await self._gather()
        finally:
            self._writing = None

    async def _gather(self) -> None:
        """Wait for others to come, no longer than manners allow."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._manners.gather):
                await self._enough.wait()

    async def _write_group(self, group: _Group) -> None:
        try:
            await self._store(group.taken, self._random(10))
        finally:
            for then in group.then:
                _call(then)

    async def _store(self, taken: Sequence[Taken], random: bytes) -> None:
        """Keep a set, whose ids are what `random` makes of them, wherever it comes to lie."""
        if not self.away:
            ids = ids_of([each[4] for each in taken], random)
            try:
                async with asyncio.timeout(self._manners.patience):
                    await self._lines.run(columns_of(ids, taken))
            except FAILURES:
                self.away = True
            else:
                self.figures.recorded += len(taken)
                return
        await self._store_on_disk(named(taken, random))

    async def _store_on_disk(self, events: Sequence[Event]) -> None:
        try:
            await self._in(self._disk, partial(self._spool.append, events))
            self.figures.spooled += len(events)
        except OSError:
            self.figures.lost += len(events)
        self._begin_returning()

    # the way back from the spool

    def _begin_returning(self) -> None:
        if self._returning is None:
            self._returning = asyncio.create_task(self._return())

    async def _return(self) -> None:
        """Look for the database until it is back and the spool is empty."""
        try:
            while self.away or self._spool.files():
                await asyncio.sleep(self._manners.retry)
                if await self._in(self._opener, self._database.is_ready):
                    self.away = False
                    await self._replay()
        finally:
            self._returning = None

    async def _replay(self) -> None:
        """Record what lies in the spool; what cannot be recorded yet stays there."""
        self._spool.close()
        for path in self._spool.files():
            with self._spool.taken(path) as ours, suppress(*FAILURES):
                if ours:
                    await self._replay_file(path)

    async def _replay_file(self, path: Path) -> None:
        events = await self._in(self._disk, lambda: list(read_spooled(path)))
        for begin in range(0, len(events), SLICE):
            part = events[begin : begin + SLICE]
            ids, taken = [each.id.bytes for each in part], [each.taken for each in part]
            await self._lines.run(columns_of(ids, taken))
            self.figures.replayed += len(part)
        path.unlink()

    async def _in(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, work)


def _call(then: Callable[[], object]) -> None:
    """Tell one visitor; what goes wrong with that keeps nothing from the others."""
    try:
        then()
    except Exception as error:
        told = {"message": "A click could not be answered", "exception": error}
        asyncio.get_running_loop().call_exception_handler(told)


def _tell(kept: asyncio.Future[None]) -> None:
    """Wake who waits for an event to be kept, unless they hung up."""
    if not kept.done():
        kept.set_result(None)
