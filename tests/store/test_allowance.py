"""What the searches of a request may cost: more is refused, and the connection is as before."""

from __future__ import annotations

from contextlib import ExitStack, nullcontext

import pytest
from scim2_models import TooManyException
from sqlalchemy import Connection, TextClause, select, text

from scimbridge.errors import StoreBusyError, StoreUnavailableError
from scimbridge.store import allowance
from scimbridge.store.allowance import Allowance, Expected
from scimbridge.store.database import Database
from scimbridge.store.schema import sources


@pytest.fixture(autouse=True)
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a search cost next to nothing, so that nobody waits for it."""
    for name in ("MOST_CPU", "MOST_TIME"):
        monkeypatch.setattr(allowance, name, 0.02)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let PostgreSQL take its time, which on a busy machine says nothing about a search."""
    monkeypatch.setattr(allowance, "MOST_TIME", 600)


def counting_to(number: int) -> TextClause:
    """Return a query that costs by the number, in both databases."""
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {number})"
    return text(f"{numbers} SELECT count(*) FROM n")


ENDLESS = counting_to(10**9)
MUCH = counting_to(300_000)
"""Several times what is allowed."""


@pytest.mark.usefixtures("patient")
def test_what_costs_little_is_answered(database: Database) -> None:
    with database.read() as tx:
        assert Allowance(tx).rows(counting_to(10)) == [(10,)]


def test_what_costs_too_much_is_refused(database: Database) -> None:
    said = r"userName, externalId, id, emails\.value and meta\.lastModified"
    with pytest.raises(TooManyException, match=said), database.read() as tx:
        Allowance(tx).rows(ENDLESS)


def test_the_searches_of_a_request_share_what_they_may_cost(database: Database) -> None:
    def search_for_ever(shared: Allowance) -> None:
        for _ in range(10_000):
            shared.rows(counting_to(1000))

    with pytest.raises(TooManyException), database.read() as tx:
        search_for_ever(Allowance(tx))


def test_what_comes_after_a_refusal_on_the_same_connection_may_take_its_time(database: Database) -> None:
    asked = []

    def search_for_ever() -> None:
        with database.read() as tx:
            asked.append(driver_of(tx))
            Allowance(tx).rows(ENDLESS)

    with pytest.raises(TooManyException):
        search_for_ever()

    with ExitStack() as others:  # the pool may lend some of these before it
        while driver_of(tx := others.enter_context(database.read())) is not asked[0]:
            pass
        assert_unlimited(tx)


@pytest.mark.usefixtures("patient")
def test_what_comes_after_a_search_in_the_same_transaction_may_take_its_time(database: Database) -> None:
    with database.read() as tx:
        Allowance(tx).rows(counting_to(10))

        assert_unlimited(tx)


def test_a_refusal_leaves_what_was_written_before_it_in_the_transaction(database: Database) -> None:
    with database.write() as tx:
        tx.execute(sources.insert().values(name="okta", created_at=database.clock()))
        with pytest.raises(TooManyException), database.write() as inner:
            Allowance(inner).rows(ENDLESS)
        assert_unlimited(tx)

    with database.read() as tx:
        assert tx.execute(select(sources.c.name)).scalars().all() == ["okta"]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)  # of SQLite it is known that it has worked
def test_what_takes_long_to_find_few_has_waited_and_is_to_be_tried_again(database: Database) -> None:
    with pytest.raises(StoreBusyError, match="try again"), database.read() as tx:
        Allowance(tx, Expected.FEW).rows(ENDLESS)


def test_what_an_index_answers_is_not_ended_by_postgresql(database: Database) -> None:
    """There it costs a tenth of a look-up to say so; on SQLite nothing."""
    is_sqlite = database.is_sqlite
    with pytest.raises(TooManyException) if is_sqlite else nullcontext(), database.read() as tx:
        Allowance(tx, Expected.LITTLE).rows(MUCH)


def test_another_mistake_is_no_refusal(database: Database) -> None:
    breaks = {"sqlite": "SELECT nothing()", "postgresql": "SELECT pg_terminate_backend(pg_backend_pid())"}

    with pytest.raises(StoreUnavailableError), database.read() as tx:
        Allowance(tx).rows(text(breaks[tx.dialect.name]))


def assert_unlimited(tx: Connection) -> None:
    """Check that a query of a transaction may take as long as it likes."""
    assert tx.execute(MUCH).scalar_one() == 300_000
    if tx.dialect.name == "postgresql":
        assert tx.exec_driver_sql("SHOW statement_timeout").scalar_one() == "0"


def driver_of(tx: Connection) -> object:
    """Return the connection of the driver itself."""
    return tx.connection.driver_connection
