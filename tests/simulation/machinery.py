"""What stands in for the machine: a database that may go, who waits for its locks, a kernel's timer."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import event
from sqlmodel import Session

from mailer.database import CommitInDoubt, Database, DatabaseAway
from mailer.delivery.window import Window
from tests.simulation.scheduler import Actor, Scheduler


class UnsteadyDatabase(Database):
    """The real one, which now and then is away, or lost with the answer to a COMMIT."""

    scheduler: Scheduler | None = None
    unsteady = 0.0

    def __init__(self, url: str) -> None:
        super().__init__(url)
        event.listen(self.engine, "before_cursor_execute", self._before_statement)
        event.listen(self.engine, "after_cursor_execute", self._after_statement)

    def _before_statement(self, connection: Any, *more: object) -> None:
        if self.scheduler is not None:
            driver: psycopg.Connection[Any] = connection.connection.driver_connection
            self.scheduler.before_statement(driver.info.backend_pid)

    def _after_statement(self, *all_of_it: object) -> None:
        if self.scheduler is not None:
            self.scheduler.after_statement()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        self._may_be_away()
        with super().transaction() as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        self._may_be_away()
        with super().reading() as session:
            yield session

    @contextmanager
    def glance(self) -> Iterator[Session]:
        self._may_be_away()
        with super().glance() as session:
            yield session

    def _may_be_away(self) -> None:
        if self._happens("the database was away", self.unsteady):
            raise DatabaseAway("simulated")

    def _commit(self, session: Session) -> None:
        if self._happens("COMMIT lost before it was done", self.unsteady):
            session.rollback()
            raise CommitInDoubt("simulated: not done")
        super()._commit(session)
        if self._happens("COMMIT done and its answer lost", self.unsteady):
            raise CommitInDoubt("simulated: done")

    def _happens(self, what: str, how_likely: float) -> bool:
        scheduler = self.scheduler
        if scheduler is None or scheduler.me is None or scheduler.is_calm or not how_likely:
            return False
        happens = scheduler.chance.random() < how_likely
        if happens:
            scheduler.note(what)
        return happens


class ServersLocks:
    """Asks the server on a connection of its own who waits for whom."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)

    def is_waiting(self, backend: int) -> bool:
        """Ask the server now."""
        row = self._connection.execute(
            "SELECT cardinality(pg_blocking_pids(%s)) > 0", (backend,)
        ).fetchone()
        return bool(row and row[0])

    def close(self) -> None:
        """Leave the server."""
        self._connection.close()


class SimulatedWindow(Window):
    """A start window by the scheduler's clock, whose kernel is the scheduler."""

    def __init__(self, scheduler: Scheduler, actor: Actor) -> None:
        super().__init__(scheduler.monotonic)
        self._scheduler, self._actor = scheduler, actor

    def _end_in(self, seconds: float) -> None:
        self._scheduler.rest("arming")
        self._actor.ends_at = self._scheduler.seconds + seconds
        self._scheduler.rest("armed")

    def disarm(self) -> None:
        self._actor.ends_at = None

    @classmethod
    @contextmanager
    def opened(cls, scheduler: Scheduler) -> Iterator[Window]:
        """Open a window for the actor who plays, and disarm it on the way out at the latest."""
        window = cls(scheduler, scheduler.actor)
        try:
            yield window
        finally:
            window.disarm()
