"""The engine, and `transaction()`: the only commit in the house."""

import select
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import psycopg
from sqlalchemy import (
    CursorResult,
    Engine,
    Executable,
    FromClause,
    Select,
    create_engine,
    event,
    text,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlmodel import Session, SQLModel

from mailer import packed
from mailer.clock import HouseClock

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


# The isolation is said twice: each transaction begins with it, and what stands for itself has it.
_OPTIONS = " ".join(
    f"-c {name}"
    for name in (
        "TimeZone=UTC",
        "synchronous_commit=on",
        r"default_transaction_isolation=read\ committed",
        "default_transaction_read_only=off",
        "jit=off",
    )
)
RESTED_SECONDS = 30.0
"""A connection that nobody used for so long is asked whether it still stands, before it is used."""


class Table(SQLModel):
    """What every table is made of; importing it sets how constraints and indexes are named."""


class DatabaseAway(Exception):
    """The database cannot be reached, went away before a COMMIT, or has no connection free."""


class CommitInDoubt(Exception):
    """The connection broke during COMMIT, or COMMIT came back with a warning.

    What was written may or may not last: read it again by a key of your own before acting on it.
    """


@dataclass(frozen=True, slots=True)
class Held:
    """A connection that its holder keeps for long."""

    connection: psycopg.Connection[Any]
    notices: list[str]
    """What the server warned of on it; cleared by whoever reads it."""


class Database:
    """Sessions on one PostgreSQL primary (15 to 18), READ COMMITTED, never a read replica.

    At most `pool_size + pool_overflow` connections beside those that are `held`; who wants one more
    waits for it at most `pool_seconds`, so short that a mailbox which posts an opt-out is still
    listening then. A `clock` is told the server's time of day now and then, before a connection is used.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        pool_overflow: int = 10,
        pool_seconds: float = 4.0,
        application: str = "fpmail",
        clock: HouseClock | None = None,
    ) -> None:
        self.url = url
        self.engine: Engine = create_engine(
            url.replace("postgresql://", "postgresql+psycopg://", 1),
            pool_size=pool_size,
            max_overflow=pool_overflow,
            pool_timeout=pool_seconds,
            hide_parameters=True,  # an error's text must not carry what a statement was given
            isolation_level="READ COMMITTED",
            connect_args={
                "application_name": application,
                "connect_timeout": 5,
                # A server that vanished without a word is given up after ten seconds.
                "tcp_user_timeout": 10_000,
                "keepalives_idle": 10,
                "options": _OPTIONS,
            },
        )
        event.listen(self.engine, "connect", _keep_notices)
        event.listen(self.engine, "checkin", _note_return)
        event.listen(self.engine, "checkout", _refuse_a_dead_one)
        if clock is not None:
            event.listen(self.engine, "checkout", _telling(clock))
        self._each_alone = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Yield a session and commit it on leaving, or roll it back on any error.

        Raises DatabaseAway when the connection is lost before the COMMIT or none comes free, and
        CommitInDoubt when it is lost during it or PostgreSQL warns that it may not be durable.
        """
        with Session(self.engine, expire_on_commit=False) as session:
            try:
                yield session
                session.flush()
            except (DBAPIError, PoolExhausted) as error:
                _roll_back(session)
                raise _away(error) from error
            except BaseException:
                _roll_back(session)
                raise
            self._commit(session)

    def _commit(self, session: Session) -> None:
        if not session.in_transaction():
            return
        notices: list[str] = session.connection().info.setdefault("notices", [])
        notices.clear()
        try:
            session.commit()
        except DBAPIError as error:
            raise CommitInDoubt("the connection broke during COMMIT") from error
        if notices:
            raise CommitInDoubt("COMMIT came back with a warning")

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session for looking only: whatever was changed in it is rolled back.

        Raises DatabaseAway when the connection is lost or none comes free.
        """
        with Session(self.engine) as session:
            try:
                yield session
            except (DBAPIError, PoolExhausted) as error:
                raise _away(error) from error
            finally:
                if session.is_active:
                    _roll_back(session)

    @contextmanager
    def glance(self) -> Iterator[Session]:
        """Yield a session for looking only in which each statement stands for itself.

        It saves the way to the server for BEGIN and ROLLBACK; two statements see what was committed
        before each of them, as in READ COMMITTED anyway. Raises DatabaseAway as `reading` does.
        """
        with Session(self._each_alone) as session:
            try:
                yield session
            except (DBAPIError, PoolExhausted) as error:
                raise _away(error) from error

    def held(self, prepare: str) -> "Held":
        """Return a connection outside the pool, with a statement prepared on it by `prepare`.

        Each statement on it stands for itself; its holder closes it. Raises DatabaseAway where no
        connection is to be had, and DBAPIError for a statement that PostgreSQL refuses.
        """
        try:
            taken = self.engine.raw_connection()
        except (psycopg.OperationalError, PoolExhausted) as error:
            raise DatabaseAway(type(error).__name__) from error
        held = Held(
            cast("psycopg.Connection[Any]", taken.driver_connection),
            taken.info.setdefault("notices", []),
        )
        taken.detach()
        try:
            held.connection.autocommit = True
            held.connection.execute(prepare.encode())
        except psycopg.Error as error:
            held.connection.close()
            if isinstance(error, psycopg.OperationalError):
                raise DatabaseAway(type(error).__name__) from error
            raise DBAPIError("a statement to be prepared", None, error) from None
        return held

    def close(self) -> None:
        """Close every pooled connection; call it before a fork and at the end."""
        self.engine.dispose()

    def is_ready(self) -> bool:
        """Say whether one statement can be run now."""
        try:
            with self.reading() as session:
                return bool(session.scalar(text("SELECT 1")))
        except (DatabaseAway, DBAPIError):
            return False


def looked_up(rows: Select[*tuple[Any, ...]], name: str) -> FromClause:
    """Return a SELECT to be joined LATERAL that is run by its index for each row before it.

    Fenced with OFFSET 0, so that the planner cannot turn a few hundred look-ups into a walk over
    the whole table: it would right after an import, when it knows nothing of the new rows yet.
    """
    return rows.offset(0).lateral(name)


def may_be_lost(session: Session) -> None:
    """Let this transaction's COMMIT return before it is on the disk.

    Only for work that goes on by itself where the database says that it stopped: a crash of the
    server may take back the last commits, in order and never half of one. Whatever is committed
    durably afterwards takes these along.
    """
    session.execute(text("SET LOCAL synchronous_commit = off"))


def copy_rows(
    session: Session, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """Write `rows` into `table` by COPY, in the session's own transaction: the way for sets.

    Rows are taken one by one, so that they may be a generator. `table` and `columns` are names of
    ours, never input. Raises IntegrityError or OperationalError as an INSERT would.
    """
    with _copying(session, f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def copy_packed(
    session: Session, table: str, columns: Sequence[str], rows: Iterable[bytes]
) -> None:
    """Do as `copy_rows` for rows that are packed already (`mailer.packed`): nothing is left to do."""
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT binary)"
    with _copying(session, statement) as copy:
        copy.write(packed.rows_of(rows))


@contextmanager
def _copying(session: Session, statement: str) -> Iterator[psycopg.Copy]:
    connection: Any = session.connection().connection.driver_connection
    try:
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            yield copy
    except psycopg.IntegrityError as error:
        raise IntegrityError(statement, None, error) from None
    except psycopg.OperationalError as error:
        raise OperationalError(statement, None, error) from None


def _roll_back(session: Session) -> None:
    """Undo what was done, as a server that has gone has done already."""
    with suppress(DBAPIError):
        session.rollback()


def _away(error: DBAPIError | PoolExhausted) -> Exception:
    if isinstance(error, PoolExhausted):
        return DatabaseAway("no connection came free")
    if error.connection_invalidated or isinstance(error.orig, psycopg.OperationalError):
        return DatabaseAway(type(error.orig).__name__)
    return error


def _keep_notices(connection: psycopg.Connection[Any], record: Any) -> None:
    """Note each WARNING of the server: a COMMIT that waited in vain for a standby says so there."""
    notices: list[str] = record.info.setdefault("notices", [])

    def keep(diagnostic: psycopg.errors.Diagnostic) -> None:
        if diagnostic.severity_nonlocalized == "WARNING":
            notices.append(diagnostic.message_primary or "")

    connection.add_notice_handler(keep)


def _note_return(connection: psycopg.Connection[Any] | None, record: Any) -> None:
    del connection
    record.info["returned"] = time.monotonic()


def _refuse_a_dead_one(connection: psycopg.Connection[Any], record: Any, proxy: Any) -> None:
    """Have a pooled connection that broke while it rested replaced, with all that are as old.

    A server that goes says so on the socket, which is looked at without a way to the server and
    back: for who opts out while a campaign is being sent, each way costs milliseconds.
    """
    del proxy
    returned = record.info.get("returned")
    if returned is None:
        return
    try:
        if time.monotonic() - returned > RESTED_SECONDS:
            _ask(connection)
        while _has_news(connection):  # a farewell is read first, and its end behind it
            connection.pgconn.consume_input()
    except psycopg.OperationalError:
        raise InvalidatePoolError from None
    if connection.pgconn.status != psycopg.pq.ConnStatus.OK:
        raise InvalidatePoolError


def _telling(clock: HouseClock) -> Callable[[psycopg.Connection[Any], Any, Any], None]:
    """Return what tells the clock the server's time of day by a connection about to be used."""

    def tell(connection: psycopg.Connection[Any], record: Any, proxy: Any) -> None:
        del record, proxy
        with suppress(psycopg.OperationalError):  # whoever wants the connection will meet it
            clock.hear(lambda: _ask(connection))

    return tell


def _ask(connection: psycopg.Connection[Any]) -> datetime:
    """Ask for the server's time of day, in a statement that stands for itself."""
    connection.autocommit = True
    try:
        return cast("datetime", connection.execute("SELECT clock_timestamp()").fetchall()[0][0])
    finally:
        if not connection.closed:
            connection.autocommit = False


def _has_news(connection: psycopg.Connection[Any]) -> bool:
    """Say whether the server sent something unasked: a notice, or its farewell."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def rows_changed(
    session: Session, statement: Executable, parameters: Mapping[str, Any] | None = None
) -> int:
    """Run a write and return how many rows it changed: the answer of a compare-and-set."""
    result = cast("CursorResult[Any]", session.execute(statement, dict(parameters or {})))
    return result.rowcount
