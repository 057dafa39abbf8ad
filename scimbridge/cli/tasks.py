"""``scimbridge tasks``: what a person has to do."""

from __future__ import annotations

from typing import Annotated

import typer

from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, By, ConfigPath, Log, LogLevel, Reason, new_group, operator
from scimbridge.cli.output import note, say, say_json, say_table
from scimbridge.cli.reporting import ExitCode

app = new_group("tasks", "Tasks that need a person.")


@app.command()
def done(
    task_id: Annotated[str, typer.Argument(metavar="TASK", help="As `scimbridge cases show` names it.")],
    reason: Reason,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Say that a person has done what a task needed.

    This is for tasks that need a person. Nothing is read back: the task counts as skipped, on your word, and the case
    goes on.
    """
    with opened(config, log_level) as bridge:
        task = bridge.operating.done_by_hand(task_id, reason=reason, by=operator(by), now=bridge.clock())
    say(f"{task.action} at {task.target} was done by hand. The case goes on.")


@app.command()
def link(
    task_id: Annotated[str, typer.Argument(metavar="TASK", help="As `scimbridge cases show` names it.")],
    account: Annotated[
        str | None, typer.Argument(metavar="[ACCOUNT]", help="The id of the right account; else they are listed.")
    ] = None,
    as_json: AsJson = False,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Choose among accounts that matched.

    Without ACCOUNT, it lists the accounts to choose from, and ends with exit code 3.
    """
    with opened(config, log_level) as bridge:
        if account is not None:
            task = bridge.operating.link(task_id, account, by=operator(by), now=bridge.clock())
            say(f"{task.action} at {task.target} goes on with this account.")
            return
        candidates = bridge.overview.candidates(task_id)
    if as_json:
        say_json(list(candidates))
    elif candidates:
        say_table(("ACCOUNT", "NAME"), [(one["id"], one["name"]) for one in candidates])
        note(f"Choose with `scimbridge tasks link {task_id} ACCOUNT`.")
    if not candidates:
        note("There is nothing to choose from: this task did not find several accounts.")
        raise typer.Exit(ExitCode.FAILED)
    raise typer.Exit(ExitCode.NEEDS_PERSON)
