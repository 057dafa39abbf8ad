"""Targets are asked whether they can be used, and what was found is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from scimbridge.sdk import Expiry, RetryableError
from scimbridge.services.preflight import About, Preflight, Verdict
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import Bench


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock)


def preflight(bench: Bench) -> Preflight:
    return Preflight(bench.database, bench.fleet, None)


def test_what_was_found_is_kept_for_whoever_looks_later(
    bench: Bench, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector: Any = bench.fleet.connector("crm")
    soon, late = clock() + timedelta(days=9), clock() + timedelta(days=900)
    monkeypatch.setattr(connector, "expiries", lambda: [Expiry("its secret", soon), Expiry("its key", late)])
    monkeypatch.setattr(connector, "missing_permissions", lambda: ["groups.write"])
    assert preflight(bench).kept() == {}

    found = preflight(bench).check_one("crm", clock())
    preflight(bench).keep("crm", found, clock())
    clock.advance("1d")
    kept = preflight(bench).kept()["crm"]

    assert (kept.findings, kept.at, kept.worst) == (tuple(found), clock() - timedelta(days=1), Verdict.WARNING)
    assert [each.message for each in kept.of(About.PERMISSION)] == ["not granted: groups.write"]
    assert [each.verdict for each in kept.of(About.EXPIRY)] == [Verdict.WARNING, Verdict.OK]
    assert kept.ends_at == soon


def test_a_target_that_does_not_answer_is_asked_nothing_more(bench: Bench, clock: FakeClock) -> None:
    class Away:
        def check(self) -> str:
            raise RetryableError("connection refused")

        def close(self) -> None:
            pass

    bench.fleet._connectors["crm"] = Away()  # type: ignore[assignment]
    checking = preflight(bench)

    checking.keep("crm", checking.check_one("crm", clock()), clock())
    (found,) = checking.kept()["crm"].findings

    assert (found.about, found.verdict, found.message) == (About.REACH, Verdict.FAILED, "connection refused")
    assert checking.kept()["crm"].worst is Verdict.FAILED
