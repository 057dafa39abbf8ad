"""The processes: ``up``, ``serve``, ``worker``, ``sweeper``, ``demo`` and ``drill``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from scimbridge.cli.opening import is_embedded, read_settings, set_up_logging
from scimbridge.cli.options import AsJson, ConfigPath, Log, LogLevel, operator
from scimbridge.cli.output import say, say_json
from scimbridge.errors import BridgeError, ConfigurationError, Problem

if TYPE_CHECKING:
    from scimbridge.bridge import Bridge
    from scimbridge.config import Settings


def up(config: ConfigPath = None, log_level: Log = LogLevel.INFO) -> None:
    """Run everything in one go.

    That is the web process, a worker, a sweeper and, where the configuration asks for it, an embedded Redis. Ctrl-C
    stops all of it cleanly.
    """
    from scimbridge import lifetime, supervisor

    settings = read_settings(config)
    # Before logging is set up, because that imports the metrics, which bind themselves to the folder.
    lifetime.metrics_directory(settings.data_dir / "metrics")
    set_up_logging(log_level)
    supervisor.up(settings, on_ready=lambda: _announce(settings))


def serve(config: ConfigPath = None, log_level: Log = LogLevel.INFO) -> None:
    """Run the web process alone.

    It answers SCIM, the pages, the API, health and metrics.
    """
    bridge = _process(config, log_level)
    from scimbridge import asgi

    asgi.run(bridge, takes_file=True)


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
    once: Annotated[bool, typer.Option("--once", help="End after the story, instead of staying up.")] = False,
) -> None:
    """Watch leavers go through sample targets.

    It runs everything and plays the identity provider; it needs no configuration.
    """
    _need_sample_targets()
    from scimbridge.demo import story

    raise typer.Exit(story.run(once=once))


def drill(
    people: Annotated[int, typer.Option("--people", min=28, max=2000, help="How many take part.")] = 40,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Repeat an earlier drill: who leaves when, and how hard each blow is.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Break a separate bridge on purpose, and see what survives.

    While people leave, it kills a worker, has a target answer 429 again and again, flushes Redis and stops a
    directory. Then it checks at the targets what came of it. It needs no configuration, touches none, and takes a
    minute. Exit code 1 if a promise was broken.
    """
    from secrets import randbelow

    _need_sample_targets()
    set_up_logging(LogLevel.ERROR)
    from scimbridge.drill.run import run

    chosen = randbelow(1_000_000) if seed is None else seed
    raise typer.Exit(run(people=people, seed=chosen, print_json=say_json if as_json else None))


def _need_sample_targets() -> None:
    from importlib.util import find_spec

    if any(find_spec(name) is None for name in ("scim2_server", "ldap3")):
        raise BridgeError("the sample targets are not installed; `pip install 'scimbridge[demo]'` brings them")


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
