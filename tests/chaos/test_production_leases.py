"""The production lease: how long an account waits for a worker that was killed in the middle of a call."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from scimbridge.services.leases import TERMS
from scimbridge.sweeper import SWEEP_EVERY
from tests.chaos import ledger
from tests.processes.crash_points import Role
from tests.processes.installation import installed
from tests.processes.provider import IdentityProvider
from tests.processes.rules import AT_ONCE
from tests.processes.targets import APP, Targets, configuration
from tests.processes.waiting import eventually

ADA = "ada@example.com"
START_AND_CLAIM = timedelta(seconds=10)
"""For a queue message, a claim and a busy machine; the promise itself is a minute in all."""


@pytest.mark.journey
@pytest.mark.chaos
def test_an_account_is_worked_again_within_a_lease_and_a_sweep_after_its_worker_was_killed(
    folder: Path, targets: Targets
) -> None:
    targets.add(ADA)
    config = configuration(targets.app.base_url, targets.directory, AT_ONCE)
    with (
        installed(folder, config, terms=TERMS) as installation,
        IdentityProvider(installation.base_url, installation.token) as provider,
    ):
        database = installation.bridge.database
        processes = installation.start_all()
        user_id = provider.create(ADA)
        targets.app.faults(delay_ms=2000)

        provider.disable(user_id)
        eventually(lambda: ledger.reads_committed(database, APP), 30, what="the change under way")
        processes[Role.WORKER].kill()
        targets.app.faults(delay_ms=0)
        installation.start(Role.WORKER)
        eventually(lambda: ledger.open_cases(database) == 0, 90, what="the case completed")

        first, second = ledger.attempts_at(database, APP)
        assert first.outcome == "lapsed"
        assert first.lease_until <= second.started_at
        assert second.started_at - first.lease_until <= timedelta(seconds=SWEEP_EVERY) + START_AND_CLAIM
        assert second.started_at - (first.lease_until - TERMS.length) <= timedelta(seconds=60)
        assert targets.log().app_effective[ADA] == 1
        assert targets.is_suspended(ADA)
