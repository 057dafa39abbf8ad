"""The processes: ``up``, ``serve``, ``worker``, ``sweeper`` and ``demo``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from scimbridge.cli.opening import is_embedded, read_settings, set_up_logging
from scimbridge.cli.options import ConfigPath, Log, LogLevel, operator
from scimbridge.cli.output import say
from scimbridge.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from scimbridge.bridge import Bridge
    from scimbridge.config import Settings


def up(config: ConfigPath = None, log_level: Log = LogLevel.INFO) -> None:
    """Run everything in one go.

    Embedded Redis (where the configuration asks for it), web, worker and sweeper; Ctrl-C stops all of it cleanly.
    """
    from scimbridge import lifetime, supervisor

    settings = read_settings(config)
    # Before logging is set up, because that imports the metrics, which bind themselves to the folder.
    lifetime.metrics_directory(settings.data_dir / "metrics")
    set_up_logging(log_level)
    supervisor.up(settings, on_ready=lambda: _announce(settings))


def serve(config: ConfigPath = None, log_level: Log = LogLevel.INFO) -> None:
    """Run the web process alone.

    It answers SCIM, the page, health and metrics.
    """
    bridge = _process(config, log_level)
    from scimbridge import asgi

    asgi.run(bridge)


def worker(config: ConfigPath = None, log_level: Log = LogLevel.INFO) -> None:
    """Run a worker alone.

    It does what is due at the targets.
    """
    bridge = _process(config, log_level)
    from scimbridge import worker as process

    process.run(bridge)


def sweeper(config: ConfigPath = None, log_level: Log = LogLevel.INFO) -> None:
    """Run a sweeper alone.

    It releases what becomes due, and rescues what got lost.
    """
    bridge = _process(config, log_level)
    from scimbridge import sweeper as process

    process.run(bridge)


def demo(
    once: Annotated[bool, typer.Option("--once", help="End when the story has ended, instead of staying up.")] = False,
) -> None:
    """Watch leavers go through sample targets.

    It runs everything, with an identity provider's traffic, and needs no configuration.
    """
    from scimbridge.demo import story

    raise typer.Exit(story.run(once=once))


def _process(config: ConfigPath, log_level: LogLevel) -> Bridge:
    settings = read_settings(config)
    if is_embedded(settings):
        raise ConfigurationError(
            [Problem("queue.url", '"embedded" is for `scimbridge up`; separate processes share a redis://HOST:PORT')]
        )
    set_up_logging(log_level)
    from scimbridge.bridge import Bridge

    return Bridge(settings)


def _announce(settings: Settings) -> None:
    here = f"http://{settings.server.listen}"
    say(
        "scimbridge is up; Ctrl-C stops it.",
        f"  pages    {_way_in(settings)}",
        f"  SCIM     {settings.server.public_url}/scim/v2 (tokens: `scimbridge token create SOURCE`)",
        f"  metrics  {here}/metrics",
    )


def _way_in(settings: Settings) -> str:
    """Return how to get into the pages: where there is no operator yet, whoever starts the bridge becomes the first."""
    from scimbridge.bridge import Bridge
    from scimbridge.notices.links import sign_in_link

    url, name = settings.server.public_url, operator(None)
    bridge = Bridge(settings)
    try:
        now = bridge.clock()
        if not bridge.operators.add_first(name, now=now):
            return f"{url}/ (`scimbridge operator sign-in NAME` makes a link to sign in by once)"
        return sign_in_link(url, bridge.signing_in.make_link(name, by=name, now=now)) + f" (once, as the admin {name})"
    finally:
        bridge.close()
