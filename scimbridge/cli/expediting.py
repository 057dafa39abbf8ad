"""``scimbridge cases expedite``: work that skips its grace."""

from __future__ import annotations

from typing import Annotated

import typer

from scimbridge.cli.asking import confirm
from scimbridge.cli.cases import CaseArgument
from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, By, ConfigPath, Log, LogLevel, Reason, operator
from scimbridge.cli.output import note, say, say_json


def expedite(
    case_id: CaseArgument,
    reason: Reason,
    stage: Annotated[
        int | None, typer.Option("--stage", min=1, help="Which stage; by default the first that is not released yet.")
    ] = None,
    task: Annotated[str | None, typer.Option("--task", metavar="ID", help="One task alone.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    by: By = None,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Let planned work skip its grace.

    It becomes due now. Approvals, holds, exclusions, freezes, schedules, the guard and the order still count. The
    command asks if something cannot be undone.
    """
    if stage is not None and task is not None:
        raise typer.BadParameter("give --stage or --task, not both")
    with opened(config, log_level) as bridge:
        meant = bridge.expediting.look(case_id, number=stage, task_id=task)
        final = [each for each in meant if each.action.is_irreversible]
        if final:
            note(*(f"{each.action} at {each.target} -- cannot be undone" for each in final))
            confirm("Skip the grace of these?", yes=yes)
        came = bridge.expediting.expedite(
            case_id, number=stage, task_id=task, reason=reason, by=operator(by), now=bridge.clock()
        )
    if as_json:
        say_json(
            {
                "case_id": case_id,
                "tasks": [{"id": each.id, "action": each.action, "target": each.target} for each in came.tasks],
                "still": list(came.still),
            }
        )
        return
    if not came.tasks:
        say("Nothing to expedite: none of this waits for its grace.")
    for each in came.tasks:
        say(f"{each.action} at {each.target} is due now.")
    for sentence in came.still:
        say(f"But {sentence}.")
