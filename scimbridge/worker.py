"""The worker process: threads that work on accounts, and the upkeep of their leases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import structlog

from scimbridge.bridge import Bridge
from scimbridge.lifetime import Stop, beside
from scimbridge.queue import job
from scimbridge.services.following import FOLLOW_EVERY
from scimbridge.store.clock import MEASURE_EVERY

PATIENCE = 25.0
"""Seconds that attempts under way have at shutdown; their leases cover what is cut off."""

log = structlog.get_logger("scimbridge.worker")


def run(bridge: Bridge, *, ready: Callable[[], None] = lambda: None) -> None:
    """Work until SIGTERM or SIGINT.

    Args:
        bridge: The parts; closed at the end.
        ready: Called once the worker takes work.
    """
    stop = Stop()
    stop.install()
    bridge.prepare_store(may_upgrade=False)
    _wait_for_a_good_clock(bridge, stop)
    bridge.pausing.run(bridge.clock())
    job.bind(bridge.crew.work, bridge.crew.reconcile)
    crew = threading.Thread(target=bridge.crew.run, name="crew", daemon=True)
    with (
        _upkeep_of_leases(bridge, stop),
        beside("clock", lambda: _watch_clock(bridge), MEASURE_EVERY.total_seconds(), stop),
        beside("rules", lambda: bridge.following.keep(bridge.clock()), FOLLOW_EVERY, stop),
    ):
        crew.start()
        ready()
        while not stop.wait(0.5):
            if not crew.is_alive():
                crew = threading.Thread(target=bridge.crew.run, name="crew", daemon=True)
                crew.start()
        bridge.halt.is_stopped = True
        # Leases are renewed until the attempts have ended.
        if not _renewing(bridge, lambda: bridge.crew.stop(PATIENCE)):
            log.warning("attempts cut off; they are worked again when their leases end", action="worker.stop")
    bridge.close()


def _renewing(bridge: Bridge, until: Callable[[], bool]) -> bool:
    stop = Stop()
    with _upkeep_of_leases(bridge, stop):
        return until()


def _upkeep_of_leases(bridge: Bridge, stop: Stop) -> AbstractContextManager[None]:
    every = bridge.leases.terms.renew_every.total_seconds()
    return beside("leases", lambda: bridge.leases.renew(bridge.clock()), every, stop)


def _wait_for_a_good_clock(bridge: Bridge, stop: Stop) -> None:
    while not stop.is_set() and not _watch_clock(bridge):
        stop.wait(5)


def _watch_clock(bridge: Bridge) -> bool:
    """Compare clocks; while they differ too much, no work is taken. Returns whether they agree."""
    agrees = bridge.store_clock.measure()
    bridge.halt.is_paused = not agrees
    if not agrees:
        log.error(
            "this machine's clock is too far from the database's; taking no work until it is set right",
            action="clock.off",
            seconds=round(bridge.store_clock.offset.total_seconds(), 1),
        )
    return agrees
