"""The sweeper process: what has to happen by the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import structlog

from scimbridge import telemetry
from scimbridge.bridge import Bridge
from scimbridge.lifetime import Stop, beside, repeat
from scimbridge.services.following import FOLLOW_EVERY
from scimbridge.store.clock import MEASURE_EVERY

SWEEP_EVERY = 1.0
FORGET_EVERY = 3600.0
FINISH_EVERY = 5.0
COUNT_EVERY = 600.0
"""Oftener than the guard keeps a number, so that none is late; each time costs nothing until one is due."""
TALLY_EVERY = 60.0
DELIVER_EVERY = 5.0
ASK_EVERY = 1.0
SEAL_EVERY = 60.0
RETAIN_EVERY = 2.0
"""While there is something to remove: others have the database in between. Otherwise it asks for nothing."""
RECONCILE_EVERY = 15.0
CATCH_UP_EVERY = 1.0
BREATH = 0.1
"""Between a few people who came back and the next ones: others have the database meanwhile."""

log = structlog.get_logger("scimbridge.sweeper")


def run(bridge: Bridge, *, ready: Callable[[], None] = lambda: None) -> None:
    """Sweep until SIGTERM or SIGINT.

    Args:
        bridge: The parts; closed at the end.
        ready: Called once the first pass is due.
    """
    stop = Stop()
    stop.install()
    bridge.prepare_store(may_upgrade=False)
    bridge.store_clock.measure()
    with (
        beside("clock", bridge.store_clock.measure, MEASURE_EVERY.total_seconds(), stop),
        beside("rules", lambda: bridge.following.keep(bridge.clock()), FOLLOW_EVERY, stop),
        beside("finish", lambda: bridge.flooding.finish(bridge.clock()), FINISH_EVERY, stop),
        beside("count", lambda: bridge.census.run(bridge.clock()), COUNT_EVERY, stop),
        beside("tally", lambda: bridge.tallying.run(bridge.clock()), TALLY_EVERY, stop),
        beside("hooks", lambda: _ask(bridge), ASK_EVERY, stop),
        beside("return", lambda: _catch_up(bridge, stop), CATCH_UP_EVERY, stop),
        beside("notices", bridge.deliver, DELIVER_EVERY, stop),
        beside("seal", lambda: bridge.sealing.run(bridge.clock()), SEAL_EVERY, stop),
        beside("retain", lambda: bridge.retaining.run(bridge.clock()), RETAIN_EVERY, stop),
        beside("reconcile", lambda: _reconcile(bridge), RECONCILE_EVERY, stop),
        beside("forget", lambda: bridge.forgetting.run(bridge.clock()), FORGET_EVERY, stop),
    ):
        ready()
        repeat("sweep", lambda: _sweep(bridge), SWEEP_EVERY, stop)
    bridge.close()


def _ask(bridge: Bridge) -> None:
    while bridge.store_clock.is_near and bridge.hooking.run(bridge.clock()):
        pass


def _catch_up(bridge: Bridge, stop: Stop) -> None:
    while bridge.store_clock.is_near and bridge.catching_up.run(bridge.clock()) and not stop.wait(BREATH):
        pass


def _reconcile(bridge: Bridge) -> None:
    bridge.reconciliation_runs.run(bridge.clock())
    if bridge.store_clock.is_near:
        bridge.stale_accounts.run(bridge.clock())


def _sweep(bridge: Bridge) -> None:
    if not bridge.store_clock.is_near:
        log.error("this machine's clock is too far from the database's; not sweeping", action="clock.off")
        return
    with telemetry.SWEEP_DURATION.time():
        bridge.arming.end(bridge.clock())
        bridge.deadlines.run(bridge.clock())
        swept = bridge.sweeping.run(bridge.clock())
    if swept.released or swept.rescued or swept.ended:
        log.info("swept", action="sweep", **asdict(swept))
