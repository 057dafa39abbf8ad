"""``scimbridge cases``: the life of cases."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, By, ConfigPath, Log, LogLevel, Reason, new_group, operator
from scimbridge.cli.output import note, say, say_json, say_table
from scimbridge.cli.reporting import ExitCode
from scimbridge.dashboard.times import distance, moment
from scimbridge.domain.case import CaseState

if TYPE_CHECKING:
    from scimbridge.domain.task import Task
    from scimbridge.services.overview import CaseSummary

app = new_group("cases", "The life of cases.")

CaseArgument = Annotated[str, typer.Argument(metavar="ID", help="As `scimbridge cases list` shows it.")]


class Wanted(StrEnum):
    """Which cases to list."""

    OPEN = "open"
    COMPLETED = "completed"
    CANCELED = "canceled"
    ALL = "all"


@app.command("list")
def list_cases(
    state: Annotated[Wanted, typer.Option("--state", help="Which cases.")] = Wanted.OPEN,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most this many, the newest.")] = 100,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """List cases, the newest first."""
    with opened(config, log_level) as bridge:
        from scimbridge.cli.documents import case_document

        now = bridge.clock()
        wanted = None if state is Wanted.ALL else CaseState(state)
        found = bridge.overview.list_cases(now, state=wanted, limit=limit)
    if as_json:
        say_json([case_document(summary) for summary in found])
    elif not found:
        say("No cases." if state is Wanted.ALL else f"No {state} cases.")
    else:
        say_table(("ID", "PERSON", "SITUATION", "NEXT"), [_row(summary, now) for summary in found])
    if len(found) == limit:
        note(f"There may be more: these are the newest {limit}; --limit shows more.")


@app.command()
def show(
    case_id: CaseArgument, as_json: AsJson = False, config: ConfigPath = None, log_level: Log = LogLevel.ERROR
) -> None:
    """Tell a case, and why it is not further.

    Exit code 3 if it needs a person.
    """
    with opened(config, log_level) as bridge:
        from scimbridge.cli.documents import story_document
        from scimbridge.cli.story import Surroundings, tell, waiting_for

        now = bridge.clock()
        story = bridge.overview.story(case_id, now)
        targets = {status.name: status for status in bridge.overview.targets(now)}
        around = Surroundings(holds=bridge.holding.standing(), targets=targets, now=now)
    if as_json:
        say_json(story_document(story, list(waiting_for(story, around))))
    else:
        say(*tell(story, around))
    is_asked = any(task.needs_person for task in story.tasks) or any(s.waits_for_approval(now) for s in story.stages)
    if story.summary.case.state is CaseState.OPEN and is_asked:
        raise typer.Exit(ExitCode.NEEDS_PERSON)


@app.command()
def cancel(
    case_id: CaseArgument,
    reason: Reason,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; there is no undo.")] = False,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Call a case off for good.

    What it has done already stays done.
    """
    confirm(f"Cancel case {case_id}? There is no undo.", yes=yes)
    with opened(config, log_level) as bridge:
        bridge.operating.cancel(case_id, reason=reason, by=operator(by), now=bridge.clock())
    say(f"Canceled case {case_id}. What it has done already stays done.")


@app.command()
def retry(
    case_id: CaseArgument,
    observed: Annotated[
        bool, typer.Option("--observed", help="Do what was only observed, where the target acts by now.")
    ] = False,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Try again what failed or waits.

    Everything in the case that failed, or waits, has another series of attempts.
    """
    with opened(config, log_level) as bridge:
        now = bridge.clock()
        if observed:
            _say_planned(bridge.operating.do_observed(case_id, by=operator(by), now=now))
            return
        retried = bridge.operating.retry(case_id, by=operator(by), now=now)
    if not retried:
        say("Nothing to retry: none of its tasks has failed or waits.")
    for task in retried:
        say(f"{task.action} at {task.target} is tried again.")


def _say_planned(planned: Sequence[Task]) -> None:
    if not planned:
        say("Nothing to do: none of its tasks was only observed.")
    for task in planned:
        say(f"{task.action} at {task.target} is planned again; the next sweep releases it unless something holds it.")


def _row(summary: CaseSummary, now: datetime) -> tuple[str, str, str, str]:
    next_due_at = summary.next_due_at if summary.case.state is CaseState.OPEN else None
    when = f"{distance(next_due_at, now)}, {moment(next_due_at)}" if next_due_at else "-"
    return (summary.case.id, summary.user_name, summary.situation, when)


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is done, and end the command where the answer is no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter("there is nobody to ask here; give --yes if you are sure")
    if not typer.confirm(question, err=True):
        note("Nothing was changed.")
        raise typer.Exit(ExitCode.FAILED)
