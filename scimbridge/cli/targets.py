"""``scimbridge targets``: the systems to act on."""

from __future__ import annotations

from typing import Annotated

import typer

from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, By, ConfigPath, Log, LogLevel, Reason, new_group, operator
from scimbridge.cli.output import say, say_json, say_table

app = new_group("targets", "The systems to act on.")

TargetArgument = Annotated[str, typer.Argument(metavar="NAME", help="As the configuration names it.")]


@app.command("list")
def list_targets(as_json: AsJson = False, config: ConfigPath = None, log_level: Log = LogLevel.ERROR) -> None:
    """List the targets and what goes on at each."""
    with opened(config, log_level) as bridge:
        from scimbridge.cli.documents import target_document

        found = bridge.overview.targets(bridge.clock())
    if as_json:
        say_json([target_document(status) for status in found])
    elif not found:
        say("The configuration has no targets.")
    else:
        say_table(
            ("TARGET", "CONNECTOR", "MODE", "RUNNABLE", "LIVE", "NEEDS A PERSON", "PAUSED"),
            [
                (one.name, one.kind, one.mode, one.runnable, one.live, one.needs_person, one.pause or "-")
                for one in found
            ],
        )


@app.command()
def check(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One target; else all of them.")] = None,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Reach the targets with their credentials.

    Exit code 1 if one cannot be used.
    """
    with opened(config, log_level) as bridge:
        from scimbridge.cli.checks import check_targets, conclude

        names = [bridge.fleet[name].name] if name is not None else [target.name for target in bridge.fleet]
        bridge.prepare_store(may_upgrade=False)
        conclude(check_targets(bridge, names), as_json=as_json)


@app.command()
def pause(
    name: TargetArgument, reason: Reason, by: By = None, config: ConfigPath = None, log_level: Log = LogLevel.ERROR
) -> None:
    """Pause a target: its tasks wait and burn no attempts."""
    with opened(config, log_level) as bridge:
        paused = bridge.operating.pause(name, reason=reason, by=operator(by), now=bridge.clock())
    say(
        f"Paused {name}; `scimbridge targets resume {name}` lets it go on." if paused else f"{name} was paused already."
    )


@app.command()
def resume(name: TargetArgument, by: By = None, config: ConfigPath = None, log_level: Log = LogLevel.ERROR) -> None:
    """Let a paused target go on."""
    with opened(config, log_level) as bridge:
        resumed = bridge.operating.resume(name, by=operator(by), now=bridge.clock())
    say(f"{name} goes on." if resumed else f"{name} was not paused.")
