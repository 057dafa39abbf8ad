"""``scimbridge cases restore``: access is given back by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from scimbridge.cli.opening import opened
from scimbridge.cli.options import By, ConfigPath, Log, LogLevel, Reason, operator
from scimbridge.cli.output import say


def restore(
    case_id: Annotated[str, typer.Argument(metavar="ID", help="The case that has taken it.")],
    reason: Reason,
    target: Annotated[
        list[str] | None,
        typer.Option("--target", help="Only at this target; may be given several times. By default everywhere."),
    ] = None,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Give back what a case has taken.

    This works even while the source still says that the person is gone: your decision stands until the source says
    something new. An open case is canceled first. Roles and groups that give power over others are not given back.
    """
    with opened(config, log_level) as bridge:
        for name in target or ():
            bridge.fleet[name]
        given = bridge.giving_back.restore(
            case_id, reason=reason, by=operator(by), now=bridge.clock(), targets=target or None
        )
    say(f"Case {given.case.id} gives back:")
    say(*(f"  {task.action} at {task.target}" for task in given.tasks))
    if given.lost:
        say("Not given back:", *(f"  {sentence} ({at})" for at, sentence in given.lost))
    say(f"`scimbridge cases show {given.case.id}` tells how far it is, and what could not be given back.")
