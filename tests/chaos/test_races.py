"""Moments between two transactions of two processes, one at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scimbridge.sdk import AccountRef
from scimbridge.services.claiming import LookUp
from scimbridge.store import attempts
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import Bench

pytestmark = pytest.mark.chaos


def test_no_second_attempt_begins_on_an_account_that_was_linked_after_the_second_worker_had_read_it(
    database: Database, clock: FakeClock
) -> None:
    bench = Bench(database, clock)
    account = bench.account(bench.join("ada"))
    first = bench.claiming.claim(account.id, clock())
    assert isinstance(first, LookUp)

    assert bench.claiming.link(first, AccountRef("native-ada", "ada"), clock())
    with database.write() as tx:
        second = attempts.begin(
            tx, account, task_id=None, worker="other", now=clock(), lease_until=clock() + timedelta(seconds=30)
        )

    assert second is None
    with database.read() as tx:
        assert attempts.live_count(tx, "crm") == 1
