"""The services against a plain model, in any order of events (see ``machine``).

Several small machines: each plays one theme with what everybody meets (crashes, lost messages, holds, returns), so
that its few steps come to where the theme's promises are kept or broken. The long profile plays all themes at once,
too.

``SCIMBRIDGE_MACHINE=long`` plays for a long time, on both stores; ``make soak`` does that.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.services.machine import Deletions, Everything, Floods, Leavers, Machine, Operations, Reasons
from tests.services.machine.faults import CrashingDatabase

LONG = os.environ.get("SCIMBRIDGE_MACHINE") == "long"
# Shrinking takes minutes; a failure is printed with its steps either way.
SHRINK = [Phase.shrink] if LONG or os.environ.get("SCIMBRIDGE_MACHINE") == "shrink" else []
STORES = {"sqlite": 8, "postgresql": 2} if LONG else {"sqlite": 1}
"""How many times as many plays each store gets."""

EXAMPLES: dict[type[Machine], int] = {Leavers: 34, Floods: 14, Deletions: 12, Reasons: 16, Operations: 26}
if LONG:
    EXAMPLES[Everything] = 40  # each of its plays is about something rare: a few of them would say nothing


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: bytes) -> Iterator[CrashingDatabase]:
    """An empty store, which all plays of a test share: a second one would compile every statement again."""
    if request.param == "sqlite":
        path = tmp_path / "bridge.db"
        path.write_bytes(sqlite_template)
        url = f"sqlite:///{path}"
    else:
        url = request.getfixturevalue("postgresql_url")
    database = CrashingDatabase(url)
    yield database
    database.close()


@pytest.mark.drawn
@pytest.mark.timeout(0 if LONG else 300)
@pytest.mark.parametrize("machine", EXAMPLES, ids=lambda machine: machine.__name__)
def test_the_services_keep_their_promises_whatever_happens(machine: type[Machine], store: CrashingDatabase) -> None:
    with structlog.testing.capture_logs():
        run_state_machine_as_test(
            lambda: machine(store),  # type: ignore[arg-type]  # it asks for a class, and takes what makes an instance
            settings=settings(
                max_examples=EXAMPLES[machine] * STORES["sqlite" if store.is_sqlite else "postgresql"],
                stateful_step_count=80 if LONG else 40,
                deadline=None,
                derandomize=not LONG,
                print_blob=True,
                phases=(Phase.explicit, Phase.generate, *SHRINK),
                suppress_health_check=list(HealthCheck),
                database=None,
            ),
        )
