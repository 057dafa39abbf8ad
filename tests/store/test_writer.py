"""The writer: what waits for a commit shares it, and nobody hears of anything before it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from scimbridge.errors import DuplicateError, StoreBusyError, StoreUnavailableError
from scimbridge.store import identities
from scimbridge.store.database import Database
from scimbridge.store.inbox import Inbox
from scimbridge.store.schema import identities as identity_table
from scimbridge.store.writer import TRIES, Writer
from tests.databases import before_commits
from tests.store.crowd import Crowd
from tests.store.test_rows import SOURCE

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def writer(database: Database) -> Iterator[Writer]:
    with database.write() as tx:
        tx.exec_driver_sql(f"INSERT INTO sources (name, created_at) VALUES ('{SOURCE}', '2026-01-01 00:00:00')")
    writer = Writer(database)
    yield writer
    writer.close()


def storing(database: Database, name: str, then: Callable[[], object] = lambda: None) -> Callable[[], str]:
    def unit() -> str:
        with database.write() as tx:
            identities.insert_user(tx, SOURCE, {"userName": name}, NOW)
            then()
        return name

    return unit


def raising(error: Exception) -> Callable[[], object]:
    def fail() -> None:
        raise error

    return fail


def names(database: Database) -> set[str]:
    with database.read() as tx:
        return set(tx.execute(select(identity_table.c.user_name)).scalars())


@pytest.fixture
def commits(database: Database) -> Iterator[list[int]]:
    """Grows by one with each commit."""
    seen: list[int] = []
    with before_commits(database, lambda: seen.append(1)):
        yield seen


def test_a_unit_returns_what_it_returned_once_that_is_stored(writer: Writer) -> None:
    assert writer.run(storing(writer.database, "ada")) == "ada"

    assert names(writer.database) == {"ada"}


def test_units_that_wait_together_share_a_commit_on_sqlite(writer: Writer, commits: list[int]) -> None:
    outcomes = Crowd(writer).run(*(storing(writer.database, f"user{number}") for number in range(8)))

    assert outcomes == [f"user{number}" for number in range(8)]
    assert len(commits) == (2 if writer.database.is_sqlite else 8)


def test_a_unit_that_fails_undoes_itself_only(writer: Writer) -> None:
    wrong = storing(writer.database, "eve", raising(ValueError("no")))

    first, second, third = Crowd(writer).run(storing(writer.database, "ada"), wrong, storing(writer.database, "bob"))

    assert (first, third) == ("ada", "bob")
    assert isinstance(second, ValueError)
    assert names(writer.database) == {"ada", "bob"}


def test_of_two_with_the_same_name_one_is_told(writer: Writer) -> None:
    outcomes = Crowd(writer).run(storing(writer.database, "ada"), storing(writer.database, "ADA"))

    assert {type(outcome) for outcome in outcomes} == {str, DuplicateError}
    assert len(names(writer.database)) == 1


def test_trouble_with_the_store_is_told_to_whom_it_happens(writer: Writer) -> None:
    broken = storing(writer.database, "eve", raising(StoreUnavailableError("disk full")))

    first, second, third = Crowd(writer).run(storing(writer.database, "ada"), broken, storing(writer.database, "bob"))

    assert (first, third) == ("ada", "bob")
    assert isinstance(second, StoreUnavailableError)
    assert names(writer.database) == {"ada", "bob"}


def test_what_sqlite_undid_by_itself_is_not_taken_for_stored(writer: Writer) -> None:
    """A full disk, or an I/O error, ends the whole transaction behind the program's back."""
    if not writer.database.is_sqlite:
        return
    tries: list[str] = []

    def lose_everything() -> None:
        tries.append("eve")
        with writer.database.write() as tx:
            tx.exec_driver_sql("ROLLBACK")
            raise StoreUnavailableError("disk full")

    outcomes = Crowd(writer).run(storing(writer.database, "ada"), lose_everything, storing(writer.database, "bob"))

    assert isinstance(outcomes[1], StoreUnavailableError)
    assert names(writer.database) == {name for name in outcomes if isinstance(name, str)}
    assert writer.run(storing(writer.database, "joe")) == "joe"


def test_within_a_unit_another_one_runs_with_it(writer: Writer) -> None:
    def unit() -> str:
        with writer.database.write() as tx:
            inner = writer.run(storing(writer.database, "ada"))
            raise ValueError(inner, tx)

    with pytest.raises(ValueError, match="ada"):
        writer.run(unit)

    assert names(writer.database) == set()


def test_a_task_of_an_event_loop_can_wait_for_a_unit(writer: Writer) -> None:
    async def write_two() -> list[str]:
        units = [storing(writer.database, name) for name in ("ada", "bob")]
        return await asyncio.gather(*(writer.submit(unit) for unit in units))

    assert asyncio.run(write_two()) == ["ada", "bob"]
    assert names(writer.database) == {"ada", "bob"}


def test_a_task_hears_of_what_failed(writer: Writer) -> None:
    async def write() -> None:
        await writer.submit(storing(writer.database, "eve", raising(ValueError("no"))))

    with pytest.raises(ValueError, match="no"):
        asyncio.run(write())

    assert names(writer.database) == set()


def test_what_is_made_of_a_value_is_made_while_the_commit_is_under_way(writer: Writer) -> None:
    if not writer.database.is_sqlite:
        return
    is_made, made = threading.Event(), []

    def greet(name: str) -> str:
        made.append(name)
        is_made.set()
        return f"hello {name}"

    async def write() -> str:
        return await writer.submit(storing(writer.database, "ada"), then=greet)

    def wait() -> None:
        assert is_made.wait(60)

    with before_commits(writer.database, wait):
        assert asyncio.run(write()) == "hello ada"

    assert made == ["ada"]


def test_what_was_made_of_a_value_that_is_not_committed_is_not_handed_over(writer: Writer) -> None:
    if not writer.database.is_sqlite:
        return
    is_made, tries = threading.Event(), []

    def once_more() -> tuple[int]:
        tries.append(1)
        with writer.database.write():
            return (len(tries),)

    def first(numbers: tuple[int]) -> int:
        is_made.set()
        return numbers[0]

    def fail_once() -> None:
        if len(tries) == 1:
            assert is_made.wait(60)
            raise StoreUnavailableError("the disk is full")

    async def write() -> tuple[int, str]:
        number, name = await asyncio.gather(
            writer.submit(once_more, then=first), writer.submit(storing(writer.database, "ada"))
        )
        return number, name

    async def write_after(busy: threading.Event) -> tuple[int, str]:
        writing = asyncio.ensure_future(write())
        await asyncio.sleep(0)
        busy.set()
        return await writing

    is_busy, go_on = threading.Event(), threading.Event()

    def occupy() -> None:
        is_busy.set()
        assert go_on.wait(60)

    occupied = threading.Thread(target=writer.run, args=(occupy,))
    occupied.start()
    assert is_busy.wait(60), "the others would share its commit"
    with before_commits(writer.database, fail_once):
        assert asyncio.run(write_after(go_on)) == (2, "ada")
    occupied.join()


def test_who_makes_nothing_of_a_value_is_told_and_nobody_else(writer: Writer) -> None:
    async def write() -> list[object]:
        units = [storing(writer.database, name) for name in ("ada", "0")]
        made = [writer.submit(unit, then=int) for unit in units]
        return [*await asyncio.gather(*made, return_exceptions=True)]

    wrong, right = asyncio.run(write())

    assert (type(wrong), right) == (ValueError, 0)
    assert names(writer.database) == {"ada", "0"}


def test_who_waits_no_longer_keeps_nobody_else_waiting(writer: Writer) -> None:
    async def write() -> str:
        gone = asyncio.ensure_future(writer.submit(storing(writer.database, "ada")))
        gone.cancel()
        return await writer.submit(storing(writer.database, "bob"))

    assert asyncio.run(write()) == "bob"
    assert "bob" in names(writer.database)


def test_what_was_submitted_before_the_end_is_stored(writer: Writer) -> None:
    if not writer.database.is_sqlite:
        return
    go_on, busy = threading.Event(), threading.Event()

    def wait() -> None:
        busy.set()
        go_on.wait()

    waiting = [threading.Thread(target=writer.run, args=(wait,))]
    waiting[0].start()
    busy.wait()
    waiting.append(threading.Thread(target=writer.run, args=(storing(writer.database, "ada"),)))
    waiting[1].start()
    while not writer.waiting:
        pass
    closing = threading.Thread(target=writer.close)
    closing.start()
    go_on.set()
    for thread in (*waiting, closing):
        thread.join()

    assert names(writer.database) == {"ada"}


def test_two_units_write_at_the_same_time_on_postgresql(writer: Writer) -> None:
    if writer.database.is_sqlite:
        return
    both = threading.Barrier(2)
    outcomes: list[str] = []

    def write(name: str) -> None:
        outcomes.append(writer.run(storing(writer.database, name, both.wait)))

    threads = [threading.Thread(target=write, args=(name,)) for name in ("ada", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(outcomes) == {"ada", "bob"}


class Unlucky:
    """A unit that PostgreSQL undoes some times, because it and another one waited for each other."""

    def __init__(self, database: Database, times: int) -> None:
        self._database = database
        self.times = times

    def work(self) -> str:
        with self._database.write():
            if self.times:
                self.times -= 1
                raise OperationalError("SELECT", {}, Exception("deadlock detected"))
        return "done"


def test_what_postgresql_undid_for_a_deadlock_is_done_again(writer: Writer) -> None:
    if writer.database.is_sqlite:
        return
    assert writer.run(Unlucky(writer.database, TRIES - 1).work) == "done"


def test_a_deadlock_without_end_is_an_error(writer: Writer) -> None:
    with pytest.raises(StoreBusyError):
        writer.run(Unlucky(writer.database, TRIES).work)


def test_within_another_transaction_nothing_is_done_again(writer: Writer) -> None:
    unlucky = Unlucky(writer.database, 1)

    with pytest.raises(StoreBusyError), writer.database.write():
        writer.run(unlucky.work)

    assert unlucky.times == 0


def test_the_connection_that_writes_is_kept_until_there_is_trouble(database: Database) -> None:
    if not database.is_sqlite:
        return
    used = []
    for is_trouble in (False, True, False):
        with suppress(ZeroDivisionError), database.write() as tx:
            used.append(tx)
            if is_trouble:
                raise ZeroDivisionError

    assert used[0] is used[1]
    assert used[2] is not used[1]
    assert used[1].closed


def test_who_has_asked_meanwhile_is_expected_beside_those_who_were_answered(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not writer.database.is_sqlite:
        return
    expected: list[int] = []
    expect = Inbox.expect

    def seen(inbox: Inbox, number: int) -> None:
        expected.append(number)
        expect(inbox, number)

    monkeypatch.setattr(Inbox, "expect", seen)

    Crowd(writer).run(*(storing(writer.database, f"user{number}") for number in range(3)))

    assert expected[0] == 1 + 3
