"""``scimbridge check``: whether everything is there that the bridge depends on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scimbridge.cli.opening import bridge_of, set_up_logging
from scimbridge.cli.options import AsJson, ConfigPath, Log, LogLevel

if TYPE_CHECKING:
    from scimbridge.bridge import Bridge
    from scimbridge.services.preflight import Finding


def check(as_json: AsJson = False, config: ConfigPath = None, log_level: Log = LogLevel.ERROR) -> None:
    """Check configuration, store, queue, targets.

    It reaches each of them with its credentials, and says what to do about anything that is wrong. It also names
    actions that rules plan and targets cannot do, schedules, freezes and the guard's limits. Exit code 1 if something
    failed.
    """
    from scimbridge.cli.checks import conclude
    from scimbridge.config import load

    settings = load(config)
    set_up_logging(log_level)
    bridge = bridge_of(settings)
    try:
        conclude(_findings(bridge), as_json=as_json)
    finally:
        bridge.close()


def _findings(bridge: Bridge) -> Iterator[Finding]:
    from scimbridge.cli import checks
    from scimbridge.cli.preflight import check_plans
    from scimbridge.services.preflight import Verdict

    yield from checks.check_configuration(bridge.settings)
    store = checks.check_store(bridge)
    yield store
    yield checks.check_queue(bridge)
    yield from checks.check_issuers(bridge)
    yield from checks.check_targets(bridge, [target.name for target in bridge.fleet])
    yield from check_plans(bridge.settings, bridge.rulebook.rules.rules, datetime.now(UTC))
    if store.verdict is Verdict.OK:
        yield from checks.check_rules(bridge)
        yield from checks.check_tokens(bridge)
        yield from checks.check_pauses(bridge)
