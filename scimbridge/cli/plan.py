"""``scimbridge plan``: what would happen to whom and when. Touches nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, ConfigPath, Log, LogLevel
from scimbridge.cli.output import say, say_json, say_table
from scimbridge.dashboard.times import distance, moment
from scimbridge.domain.trigger import Trigger

if TYPE_CHECKING:
    from scimbridge.domain.plan import PlannedStage
    from scimbridge.services.rehearsal import Rehearsal

Row = tuple[str, str, str, str]

NO_RETURN = "-- point of no return --"


def _user_name(value: str) -> str:
    if value.lower().endswith(".csv"):
        raise typer.BadParameter("plans for a file of leavers come in a later version; name one person")
    return value


def plan(
    user_name: Annotated[str, typer.Argument(metavar="USERNAME", callback=_user_name, help="A userName, any source.")],
    trigger: Annotated[Trigger, typer.Option("--trigger", help="What the source would say.")] = Trigger.DEACTIVATED,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Show what would happen to whom, and when.

    As if the person left now. Touches nothing.
    """
    with opened(config, log_level) as bridge:
        from scimbridge.cli.documents import rehearsal_document

        now = bridge.clock()
        rehearsals = bridge.rehearsing.rehearse(user_name, trigger, now)
    if as_json:
        say_json([rehearsal_document(rehearsal) for rehearsal in rehearsals])
        return
    for rehearsal in rehearsals:
        _say(rehearsal, now)


def _say(rehearsal: Rehearsal, now: datetime) -> None:
    identity = rehearsal.identity
    already = ", inactive already" if identity.is_gone else ""
    say(f"{identity.user_name} (source {identity.source}{already}), {rehearsal.trigger} now:")
    if rehearsal.rule is None:
        say("  rule      none matches; the fact is kept, and nothing happens", "")
        return
    say(f"  rule      {rehearsal.rule}")
    if rehearsal.excluded is not None:
        say(f"  excluded  yes: {rehearsal.excluded}; nothing is touched", "")
        return
    say("  excluded  no", "")
    say_table(("WHEN", "ACTION", "TARGET", "ACCOUNT"), _rows(rehearsal, now))
    if rehearsal.observing & {task.target for stage in rehearsal.stages for task in stage.tasks}:
        say("", "Targets in observe mode are read, never written: there it is only reported.")
    say()


def _rows(rehearsal: Rehearsal, now: datetime) -> Iterator[Row]:
    """Yield a row for each task, and one that draws the line before what cannot be taken back."""
    is_drawn = False
    for stage in rehearsal.stages:
        if not stage.tasks:
            yield (_when(stage, now), "nothing: no target can do this", "", "")
        for task in stage.tasks:
            if task.action.is_irreversible and not is_drawn:
                yield (NO_RETURN, "", "", "")
                is_drawn = True
            observed = " (observe)" if task.target in rehearsal.observing else ""
            account = rehearsal.accounts.get(task.target, "not linked yet")
            yield (_when(stage, now), task.action, f"{task.target}{observed}", account)


def _when(stage: PlannedStage, now: datetime) -> str:
    return f"{moment(stage.due_at)} ({distance(stage.due_at, now)})"
