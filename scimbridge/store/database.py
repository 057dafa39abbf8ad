"""Connections and transactions on SQLite and PostgreSQL."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from scimbridge.errors import StoreBusyError, StoreUnavailableError, TornError
from scimbridge.store.batch import batch_of, require_no_batch
from scimbridge.store.functions import register
from scimbridge.store.prepared import driver_of, execute
from scimbridge.store.values import as_json

BUSY_TIMEOUT = timedelta(seconds=5)
"""How long a writer waits for another process before it gives up with ``StoreBusyError``."""

_A_MOMENT = 0.0003
"""Seconds after which a writer of SQLite looks again whether it is its turn.

SQLite itself would sleep for up to a tenth of a second, and seldom wake while another process is between two
transactions: a busy one would make all others wait.
"""

_DEAD_PEER = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}
"""When a connection to PostgreSQL counts as lost: each side asks the other after 15 seconds of silence."""

_SESSION = {
    "lock_timeout": "5s",
    "timezone": "UTC",
    # To compile a filter of fifty conditions takes it seconds, in which nothing can end it: longer than to answer it.
    "jit": "off",
    # Locks of a process that is dead, or stands still within a transaction, do not outlast it by much: a machine that
    # loses its power ends no connection, and by most systems' own defaults that is noticed after two hours.
    "tcp_keepalives_idle": 15,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "idle_in_transaction_session_timeout": "5min",
}

_BEGINS_ITSELF = "begins_itself"
"""The execution option of a connection whose transactions SQLAlchemy does not know of."""


@dataclass(slots=True)
class _Transaction:
    """A write transaction of a thread.

    Attributes:
        on_commit: What to call once it is committed.
        depth: How many savepoints are open in it.
        is_in_one_piece: Whether writes within it are undone with it, and not alone.
    """

    tx: Connection
    on_commit: list[Callable[[], None]] = field(default_factory=list)
    depth: int = 0
    is_in_one_piece: bool = False

    def require_standing(self) -> None:
        """Make sure that the transaction is still there.

        SQLite undoes one by itself where the disk is full or fails. A savepoint that came after that would be
        a transaction of its own, and stored without what came before it.

        Raises:
            StoreUnavailableError: It was undone; nothing of it is stored.
        """
        if self.tx.dialect.name == "sqlite" and not driver_of(self.tx).in_transaction:
            raise StoreUnavailableError("the database has undone the transaction; nothing of it was stored")


class _Here(threading.local):
    """What a thread is doing."""

    transaction: _Transaction | None = None


class Database:
    """Hands out transactions.

    SQLite: write transactions are BEGIN IMMEDIATE, one at a time in a process, and
    readers have connections of their own. PostgreSQL: READ COMMITTED; what must not
    happen twice is kept apart by unique indexes and guarded updates.

    Raises:
        StoreBusyError: Another process holds the database for too long.
        StoreUnavailableError: It cannot be reached, read or written.
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self._writer = _sqlite_engine(self.url.database or "", writes=True)
            self._reader = _sqlite_engine(self.url.database or "", writes=False)
        else:
            self._writer = self._reader = _postgresql_engine(url)
        self._turn = threading.Lock()
        self._kept: Connection | None = None
        self._here = _Here()

    @property
    def engine(self) -> Engine:
        """The engine that writes."""
        return self._writer

    def write(self) -> AbstractContextManager[Connection]:
        """Return a transaction that commits at the end, or leaves no trace.

        Within another one of the same thread it is a savepoint of that one: what fails undoes
        itself only, and what succeeds is committed with the rest.
        """
        current = self._current
        if current is None:
            return self._outermost()
        return _Piece(current) if current.is_in_one_piece else _Savepoint(current)

    @contextmanager
    def in_one_piece(self) -> Iterator[Connection]:
        """Yield a transaction as ``write`` does, in which no write is undone alone.

        On SQLite, a savepoint for each of many writes takes as long as a third of what they write: all that
        it changes is copied first.

        Raises:
            TornError: One of them has failed; nothing of any of them is left.
        """
        with self.write() as tx:
            current = self._current
            assert current is not None  # noqa: S101 - it has just begun
            before, current.is_in_one_piece = current.is_in_one_piece, True
            try:
                yield tx
            finally:
                current.is_in_one_piece = before

    @contextmanager
    def _outermost(self) -> Iterator[Connection]:
        with _translated(), self._begun() as tx:
            self._here.transaction = current = _Transaction(tx)
            try:
                yield tx
            finally:
                self._here.transaction = None
        for callback in current.on_commit:
            callback()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Return a consistent view; it cannot write. Within a write transaction, that is what it shows."""
        if self._current is not None:
            with _translated():
                yield self._current.tx
            return
        with _translated(), self._reader.begin() as tx:
            yield tx

    @contextmanager
    def view(self) -> Iterator[Connection]:
        """Yield the store as it is at one moment, for as long as it takes. The store itself refuses to write in it.

        For what must touch nothing, and reads a lot. It has a connection of its own, whatever this thread writes.
        """
        with _translated(), self._reader.connect() as connection:
            if not self.is_sqlite:  # there, every reader is like this
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Call something once what this thread has written is committed; at once if it is already.

        Args:
            callback: Must not raise. It is dropped where the transaction, or its savepoint, is undone.
        """
        if self._current is None:
            callback()
        else:
            self._current.on_commit.append(callback)

    @property
    def is_writing(self) -> bool:
        """Whether this thread has a write transaction open."""
        return self._current is not None

    @property
    def _current(self) -> _Transaction | None:
        return self._here.transaction

    @contextmanager
    def _begun(self) -> Iterator[Connection]:
        if not self.is_sqlite:
            with self._writer.begin() as tx:
                yield tx
            return
        with self._turn:
            try:
                tx = self._kept_connection()
                _begin_to_write(tx)
                yield tx
                execute(tx, "COMMIT")
            except BaseException:
                # Whatever state it is in, the next one begins with another.
                self._let_go()
                raise

    def _kept_connection(self) -> Connection:
        """Return the one connection that writes; taking it from the pool each time takes longer than a transaction.

        For SQLAlchemy it is in one transaction for good: its own way of beginning and ending takes three times as long
        as SQLite's.
        """
        if self._kept is None:
            self._kept = self._writer.connect().execution_options(**{_BEGINS_ITSELF: True})
            self._kept.begin()
        return self._kept

    def _let_go(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    def clock(self) -> datetime:
        """Return the store's own time (UTC): PostgreSQL's clock; SQLite lives by this machine's."""
        with self.read() as tx:
            if self.is_sqlite:
                return datetime.now(UTC)
            found: datetime = tx.execute(select(func.clock_timestamp())).scalar_one()
        return found.astimezone(UTC)

    def close(self) -> None:
        """Close all connections."""
        with self._turn:
            self._let_go()
        self._writer.dispose()
        self._reader.dispose()


class _Savepoint:
    """A transaction within another one; a class, because there is one in every request.

    In a batch nothing is written yet: what is undone there is forgotten.
    """

    __slots__ = ("_batch", "_callbacks", "_current", "_length", "_name")

    def __init__(self, current: _Transaction) -> None:
        self._current = current
        self._callbacks = len(current.on_commit)
        self._batch = batch_of(current.tx)
        self._length = self._batch.length if self._batch is not None else 0
        self._name = ""

    def __enter__(self) -> Connection:
        if self._batch is not None:
            return self._current.tx
        self._name = f"inner_{self._current.depth}"
        self._current.require_standing()
        execute(self._current.tx, f"SAVEPOINT {self._name}")
        self._current.depth += 1
        return self._current.tx

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        current = self._current
        if self._batch is not None:
            if error is not None:
                del current.on_commit[self._callbacks :]
                self._batch.undo(self._length)
            return
        current.depth -= 1
        if error is None:
            execute(current.tx, f"RELEASE SAVEPOINT {self._name}")
            return
        del current.on_commit[self._callbacks :]
        # Where the connection is lost, so is the whole transaction; the first error is the one to tell.
        with suppress(SQLAlchemyError):
            execute(current.tx, f"ROLLBACK TO SAVEPOINT {self._name}")
            execute(current.tx, f"RELEASE SAVEPOINT {self._name}")
        if isinstance(error, SQLAlchemyError):
            with _translated():
                raise error


class _Piece:
    """A write within a transaction that cannot be undone alone: where it fails, so does all of it."""

    __slots__ = ("_current",)

    def __init__(self, current: _Transaction) -> None:
        self._current = current

    def __enter__(self) -> Connection:
        self._current.require_standing()
        return self._current.tx

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, _OF_ALL):
            raise TornError("a write has failed that is undone only together with others") from error


_OF_ALL = (TornError, StoreBusyError, StoreUnavailableError)
"""Errors that are about the whole transaction already."""

_BUSY = ("locked", "busy", "deadlock detected", "lock timeout")
"""What SQLite and PostgreSQL say when somebody else is in the way, and another try may succeed."""


def is_deadlock(error: StoreBusyError) -> bool:
    """Whether transactions waited for each other, and the database chose this one to be undone."""
    return "deadlock" in str(getattr(error.__cause__, "orig", ""))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        if any(word in str(error.orig) for word in _BUSY):
            raise StoreBusyError("the database is busy; try again in a moment") from error
        raise StoreUnavailableError(_plain(error)) from error
    except DBAPIError as error:
        if type(error) is DatabaseError or error.connection_invalidated or "readonly" in str(error.orig):
            raise StoreUnavailableError(_plain(error)) from error
        raise
    except SQLAlchemyError as error:
        if type(error).__name__ == "TimeoutError":  # the pool is exhausted
            raise StoreBusyError("all database connections are in use; try again in a moment") from error
        raise


def _plain(error: DBAPIError) -> str:
    """Say what the driver said, without the statement and its parameters: those are personal data."""
    return f"the database cannot be used: {str(error.orig).strip().splitlines()[0]}"


def _sqlite_engine(path: str, *, writes: bool) -> Engine:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        f"sqlite:///{path}",
        hide_parameters=True,  # they are personal, and errors are logged
        json_serializer=as_json,
        json_deserializer=orjson.loads,
        connect_args={"check_same_thread": False, "timeout": 0 if writes else BUSY_TIMEOUT.total_seconds()},
        pool_size=1 if writes else 16,
        # Beside the connection that is kept, whoever takes the engine itself gets one.
        max_overflow=1 if writes else 32,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
        # The driver's own transaction handling is switched off; begin() below decides.
        connection.isolation_level = None
        register(connection)
        for pragma in ("foreign_keys=ON", "synchronous=FULL", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        if writes:
            _retry_locked(lambda: connection.execute("PRAGMA journal_mode=WAL"))
            # A checkpoint waits for the disk twice more: one in 16 MB instead of one in 4. Writing over a log of that
            # size takes less than letting it grow further.
            connection.execute("PRAGMA wal_autocheckpoint=4000")
            connection.execute("PRAGMA cache_size=-16000")
        else:
            connection.execute("PRAGMA query_only=ON")
            connection.execute("PRAGMA cache_size=-2000")

    if writes:
        # What SQLAlchemy itself executes is not part of a batch.
        event.listen(engine, "before_cursor_execute", lambda tx, *_: require_no_batch(tx))

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get(_BEGINS_ITSELF):
            return
        if writes:
            _begin_to_write(connection)
        else:
            execute(connection, "BEGIN")

    return engine


def _begin_to_write(tx: Connection) -> None:
    """Begin a transaction of SQLite as soon as no other process is in one."""
    until = time.monotonic() + BUSY_TIMEOUT.total_seconds()
    while True:
        try:
            execute(tx, "BEGIN IMMEDIATE")
        except OperationalError as error:
            if not _is_busy(error) or time.monotonic() >= until:
                raise
            time.sleep(_A_MOMENT)
        else:
            return


def _is_busy(error: OperationalError) -> bool:
    return isinstance(error.orig, sqlite3.Error) and error.orig.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _retry_locked(statement: Any) -> None:
    # Switching to WAL needs the file for itself, and waits for nobody.
    for delay in (0.05, 0.1, 0.2, 0.4, 0.8, None):
        try:
            statement()
        except sqlite3.OperationalError:
            if delay is None:
                raise
            time.sleep(delay)
        else:
            return


def _postgresql_engine(url: str) -> Engine:
    return create_engine(
        url,
        hide_parameters=True,  # they are personal, and errors are logged
        json_serializer=as_json,
        json_deserializer=orjson.loads,
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=20,
        pool_timeout=BUSY_TIMEOUT.total_seconds(),
        connect_args={
            "connect_timeout": 5,
            **_DEAD_PEER,
            "options": " ".join(f"-c {name}={value}" for name, value in _SESSION.items()),
        },
    )
