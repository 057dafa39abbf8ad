"""Units of work that PostgreSQL undid because they waited for each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.exc import OperationalError

from scimbridge.errors import StoreBusyError
from scimbridge.store.database import Database
from scimbridge.store.writer import _TRIES, Writer


class Unlucky:
    """A unit that is undone for a deadlock some times."""

    def __init__(self, database: Database, times: int) -> None:
        self._database = database
        self.times = times

    def work(self) -> str:
        with self._database.write():
            if self.times:
                self.times -= 1
                raise OperationalError("SELECT", {}, Exception("deadlock detected"))
        return "done"


@pytest.fixture
def database(postgresql_url: str) -> Iterator[Database]:
    database = Database(postgresql_url)
    yield database
    database.close()


def test_a_unit_that_was_undone_for_a_deadlock_is_done_again(database: Database) -> None:
    assert Writer(database).run(Unlucky(database, _TRIES - 1).work) == "done"


def test_a_deadlock_without_end_is_an_error(database: Database) -> None:
    with pytest.raises(StoreBusyError):
        Writer(database).run(Unlucky(database, _TRIES).work)
