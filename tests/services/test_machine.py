"""The services against a plain model, in any order of events (see ``machine``).

``SCIMBRIDGE_MACHINE=long`` plays for a long time; ``make soak`` does that.
"""

from __future__ import annotations

import os

import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.services.machine import Machine

LONG = os.environ.get("SCIMBRIDGE_MACHINE") == "long"
# Shrinking takes minutes; a failure is printed with its steps either way.
SHRINK = [Phase.shrink] if LONG or os.environ.get("SCIMBRIDGE_MACHINE") == "shrink" else []


@pytest.mark.timeout(0 if LONG else 300)
def test_the_services_keep_the_three_promises_whatever_happens() -> None:
    with structlog.testing.capture_logs():
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=20_000 if LONG else 80,
                stateful_step_count=80 if LONG else 40,
                deadline=None,
                derandomize=not LONG,
                print_blob=True,
                phases=(Phase.explicit, Phase.generate, *SHRINK),
                suppress_health_check=list(HealthCheck),
                database=None,
            ),
        )
