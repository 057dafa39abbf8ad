"""How attempts end where something else has happened meanwhile, and what that leads to."""

from __future__ import annotations

import pytest

from scimbridge.domain.task import TaskState
from scimbridge.notices.channels import Channels
from scimbridge.notices.payload import Format
from scimbridge.notices.webhook import Webhook
from scimbridge.sdk import Done, TargetUnusableError
from scimbridge.services.recording import LATE, Result
from scimbridge.store import schema
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import Bench
from tests.services.kept import rows
from tests.services.test_last_look import claimed
from tests.services.test_leases import a_linked_leaver, let_the_lease_run_out

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock)


def test_an_attempt_that_comes_back_while_the_next_one_runs_ends_nothing_and_has_that_one_look_again(
    bench: Bench,
) -> None:
    ada = a_linked_leaver(bench)
    first, seen = claimed(bench, ada)
    let_the_lease_run_out(bench)
    second, _ = claimed(bench, ada)
    bench.claiming.accept_read(second, seen, bench.clock())

    late = bench.recording.record(first, Result(outcome=Done(changed=True), before=seen, after=seen), bench.clock())
    assert late.state is TaskState.RUNNING

    ended = bench.recording.record(second, Result(outcome=Done(changed=True), before=seen, after=seen), bench.clock())
    assert (ended.state, ended.reason) == (TaskState.READY, f"{LATE}; looking again")
    assert bench.events(bench.case(ada))[-2:] == ["late attempt", "task ready again"]


def test_operators_are_told_which_target_is_paused_and_why(database: Database, clock: FakeClock) -> None:
    webhook = Webhook(url="https://hooks.example.com/", format=Format.PLAIN)
    bench = Bench(database, clock, channels=Channels(public_url="https://bridge.example.com", webhook=webhook))
    a_linked_leaver(bench)
    bench.fail(TargetUnusableError("the token was revoked"))

    bench.work()

    (notice,) = rows(bench, schema.notices)
    assert notice["subject"] == f"crm {clock().isoformat()} webhook"
    assert notice["details"] == {"target": "crm", "reason": "the token was revoked", "route": "webhook"}
