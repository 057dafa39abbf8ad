"""How long an account waits for a worker that was killed in the middle of a call."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from scimbridge.services.leases import TERMS
from scimbridge.sweeper import SWEEP_EVERY
from tests.chaos import ledger
from tests.processes.crash_points import Role
from tests.processes.installation import QUICK, installed
from tests.processes.provider import IdentityProvider
from tests.processes.rules import AT_ONCE
from tests.processes.targets import APP, Targets, configuration
from tests.processes.waiting import eventually

ADA = "ada@example.com"
PATIENCE = 200.0


def test_a_lease_and_a_sweep_are_far_less_than_a_minute() -> None:
    assert TERMS.length + timedelta(seconds=SWEEP_EVERY) <= timedelta(seconds=40)


@pytest.mark.journey
@pytest.mark.chaos
def test_an_account_is_worked_again_once_the_lease_of_the_worker_that_was_killed_has_run_out(
    folder: Path, targets: Targets
) -> None:
    targets.add(ADA)
    config = configuration(targets.app.base_url, targets.directory, AT_ONCE)
    with (
        installed(folder, config, terms=QUICK) as installation,
        IdentityProvider(installation.base_url, installation.token) as provider,
    ):
        database = installation.bridge.database
        processes = installation.start_all()
        user_id = provider.create(ADA)
        targets.app.faults(holding=True)

        provider.disable(user_id)
        eventually(lambda: ledger.reads_committed(database, APP), PATIENCE, what="the change under way")
        processes[Role.WORKER].kill()
        targets.app.recover()
        installation.start(Role.WORKER)
        eventually(lambda: ledger.open_cases(database) == 0, PATIENCE, what="the case completed")

        first, second = ledger.attempts_at(database, APP)
        assert first.outcome == "lapsed"
        assert first.lease_until <= second.started_at
        assert targets.log().app_effective[ADA] == 1
        assert targets.is_suspended(ADA)
