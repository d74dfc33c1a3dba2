"""Lines to the database that run one statement for an event loop, without a thread in between.

A thread that waits for PostgreSQL and the loop take the interpreter from each other twice a group;
here the loop itself hears when the answer has come.
"""

import asyncio
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import psycopg
from psycopg.pq import ConnStatus, ExecStatus, Format
from sqlalchemy.exc import DBAPIError

from mailer.database import CommitInDoubt, Database, Held

NAME = b"measure_record"


class Refused(DBAPIError):
    """PostgreSQL would not run the statement; nothing of it was written."""


class Line:
    """One connection, held for as long as it stands; the statement on it is a transaction by itself.

    It belongs to the loop that runs when it is made. One set at a time.
    """

    def __init__(self, held: Held) -> None:
        self._end = weakref.finalize(self, held.connection.close)
        self._notices = held.notices
        self._pg = held.connection.pgconn
        self.server = self._pg.backend_pid
        self._socket = self._pg.socket
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._hear)
        self._answer: asyncio.Future[None] | None = None
        self._refused: str | None = None
        self.is_closed = False

    async def run(self, values: Sequence[bytes]) -> None:
        """Run the statement; it is committed when this returns.

        Raises CommitInDoubt where the line broke meanwhile or PostgreSQL warns, and Refused. Who
        gives up waiting closes the line: nobody knows what becomes of the statement.
        """
        self._notices.clear()
        self._refused = None
        self._answer = self._loop.create_future()
        try:
            self._pg.send_query_prepared(NAME, values, [Format.BINARY] * len(values))
            self._push()
            await self._answer
        except BaseException as error:
            self.close()
            if isinstance(error, psycopg.OperationalError):
                raise CommitInDoubt("the connection broke during a statement") from error
            raise
        finally:
            self._answer = None
        if self._refused is not None:
            raise Refused(self._refused, None, Exception())
        if self._notices:
            raise CommitInDoubt("COMMIT came back with a warning")

    def close(self) -> None:
        """End the connection, whatever is under way on it."""
        if not self.is_closed:
            self.is_closed = True
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._end()

    def _push(self) -> None:
        """Send what waits to be sent, as the socket takes it."""
        if self._pg.flush():
            self._loop.add_writer(self._socket, self._push_on)

    def _push_on(self) -> None:
        self._loop.remove_writer(self._socket)
        try:
            self._push()
        except psycopg.OperationalError as error:
            self._break(error)

    def _hear(self) -> None:
        """Take in what the server says: an answer, or unasked, that it goes."""
        try:
            self._pg.consume_input()
            while self._answer is not None and not self._pg.is_busy():
                self._take_in()
            if self._pg.status != ConnStatus.OK:
                raise psycopg.OperationalError("the server went")
        except psycopg.OperationalError as error:
            self._break(error)

    def _take_in(self) -> None:
        """Note one result. None comes behind the last, once the server has committed."""
        result = self._pg.get_result()
        if result is not None:
            if result.status != ExecStatus.COMMAND_OK and self._refused is None:
                self._refused = ExecStatus(result.status).name
            return
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(None)

    def _break(self, error: psycopg.OperationalError) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
        else:
            self.close()


class Lines:
    """The lines of one loop, each opened by a thread when it is first needed."""

    def __init__(
        self, database: Database, statement: str, types: Sequence[str], threads: ThreadPoolExecutor
    ) -> None:
        self._database = database
        self._prepare = f"PREPARE {NAME.decode()} ({', '.join(types)}) AS {statement}"
        self._threads = threads
        self._free: list[Line] = []

    async def run(self, values: Sequence[bytes]) -> None:
        """Run the statement on a line of its own; it is committed when this returns.

        Raises as `Line.run` and `Database.held` do.
        """
        line = self._standing() or await self._another()
        try:
            await line.run(values)
        finally:
            if not line.is_closed:
                self._free.append(line)

    def close(self) -> None:
        """Close the lines that nothing is under way on."""
        for line in self._free:
            line.close()
        self._free.clear()

    def _standing(self) -> Line | None:
        while self._free:
            line = self._free.pop()
            if not line.is_closed:
                return line
        return None

    async def _another(self) -> Line:
        opening = asyncio.get_running_loop().run_in_executor(self._threads, self._open)
        try:
            await asyncio.wait((opening,))
        except asyncio.CancelledError:
            opening.add_done_callback(self._keep)
            raise
        return Line(opening.result())

    def _open(self) -> Held:
        return self._database.held(self._prepare)

    def _keep(self, opening: "asyncio.Future[Held]") -> None:
        """Put away a line that was open when nobody waited for it any more."""
        if not opening.cancelled() and opening.exception() is None:
            self._free.append(Line(opening.result()))
