"""What the searches of a request may cost the database: how much a filter asks for is not known before it is asked."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from enum import Enum, auto
from typing import Any

from scim2_models import TooManyException
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError
from sqlalchemy.sql import Executable

from scimbridge.errors import StoreBusyError
from scimbridge.store.prepared import driver_of, execute

MOST_CPU = 0.7
"""Seconds of CPU of a request's searches, on SQLite. A request is to take one at the most, and what is around them, as
reading a large filter and writing a page of a thousand Users, takes up to 0.2. One condition without an index over
100,000 Users takes 0.1 to 0.5."""

MOST_TIME = 2.0
"""Seconds that a request's searches may take on PostgreSQL. It works beside the web process, which goes on meanwhile;
and other work on its machine is in them. One condition without an index over 100,000 Users takes 0.1 to 0.8."""

_STEPS_BETWEEN_LOOKS = 500
"""Steps of SQLite's machine after which it is looked at what was spent. They take some 20 µs, and a look takes 1; where
each step reads a document of a megabyte, it is still a part of a second."""

_STATEMENT_CANCELED = "57014"
"""PostgreSQL's code of what ``statement_timeout`` ends."""

_TOO_MUCH = (
    "the search takes more work than one request may ask for; ask by an attribute with an index, which are userName, "
    "externalId, id, emails.value and meta.lastModified, or with fewer conditions"
)


class Expected(Enum):
    """What is known of a search before it is asked."""

    NOTHING = auto()
    """It may read everything."""

    FEW = auto()
    """An index leads to few resources, whatever else is asked of them. If it takes long, it has waited."""

    LITTLE = auto()
    """An index answers all of it. PostgreSQL is not told when to end it: that takes a tenth as long as a look-up."""


class Allowance:
    """What is left of the work that a request may ask of the database, for one search after the other.

    On SQLite, work is the CPU of this thread, for it is there that the database works: the answer is the same however
    busy the machine is. PostgreSQL does not tell what a statement has cost, so that there it is the time that it took.

    Args:
        tx: Any transaction.
        expected: What is known of the searches.
    """

    def __init__(self, tx: Connection, expected: Expected = Expected.NOTHING) -> None:
        self._tx = tx
        self._expected = expected
        self._left = MOST_CPU if tx.dialect.name == "sqlite" else MOST_TIME

    def rows(self, query: Executable) -> Sequence[Any]:
        """Return what a query finds.

        Raises:
            TooManyException: It takes more work than is left (RFC 7644 §3.12).
            StoreBusyError: PostgreSQL takes too long for few; it is busy with something else.
        """
        if self._tx.dialect.name == "sqlite":
            return self._on_sqlite(query)
        if self._expected is Expected.LITTLE:
            return self._tx.execute(query).all()
        return self._on_postgresql(query)

    def _on_sqlite(self, query: Executable) -> Sequence[Any]:
        connection: sqlite3.Connection = driver_of(self._tx)
        until = time.thread_time() + self._left
        connection.set_progress_handler(lambda: time.thread_time() > until, _STEPS_BETWEEN_LOOKS)
        try:
            return self._tx.execute(query).all()
        except OperationalError as error:
            # A query that is ended like this leaves the transaction as it was, of a writer, too.
            if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
                raise TooManyException(detail=_TOO_MUCH) from error
            raise
        finally:
            connection.set_progress_handler(None, 0)
            self._left = until - time.thread_time()

    def _on_postgresql(self, query: Executable) -> Sequence[Any]:
        milliseconds = int(self._left * 1000)
        if milliseconds < 1:  # 0 would be no limit
            raise self._refusal()
        execute(self._tx, f"SET LOCAL statement_timeout = {milliseconds}")
        started = time.monotonic()
        try:
            found = self._tx.execute(query).all()
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) == _STATEMENT_CANCELED:
                raise self._refusal() from error
            raise
        self._left -= time.monotonic() - started
        execute(self._tx, "SET LOCAL statement_timeout TO DEFAULT")
        return found

    def _refusal(self) -> Exception:
        if self._expected is Expected.FEW:
            return StoreBusyError("the database is busy; try again in a moment")
        return TooManyException(detail=_TOO_MUCH)
