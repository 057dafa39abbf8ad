"""``scimbridge cases``: the life of cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from scimbridge.cli import canceling, case_list, giving_back, request
from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, By, ConfigPath, Log, LogLevel, new_group, operator
from scimbridge.cli.output import say, say_json
from scimbridge.cli.reporting import ExitCode
from scimbridge.cli.snapshot_text import snapshot_lines
from scimbridge.domain.case import CaseState

if TYPE_CHECKING:
    from scimbridge.domain.task import Task
    from scimbridge.store.snapshots import Taken

app = new_group("cases", "Cases: list, show, approve, cancel, give back.")
app.command("list")(case_list.list_cases)
app.command()(case_list.find)

CaseArgument = Annotated[str, typer.Argument(metavar="ID", help="As `scimbridge cases list` shows it.")]


@app.command()
def show(
    case: Annotated[str, typer.Argument(metavar="ID|USERNAME", help="A case, or a person's newest one.")],
    snapshot: Annotated[
        bool,
        typer.Option("--snapshot", help="Show its accounts as they were before, to give something back by hand."),
    ] = False,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Tell a case, and why it is not further.

    Exit code 3 if it needs a person.
    """
    with opened(config, log_level) as bridge:
        if snapshot:
            _say_snapshots(bridge.overview.snapshots(bridge.overview.case_named(case)), as_json=as_json)
            return
        from scimbridge.documents import story_document
        from scimbridge.services.story import tell

        story = bridge.stories.of(bridge.overview.case_named(case), bridge.clock())
    if as_json:
        say_json(story_document(story))
    else:
        say(*tell(story))
    is_asked = any(task.needs_person for task in story.tasks) or any(
        s.waits_for_approval(story.now) for s in story.stages
    )
    if story.summary.case.state is CaseState.OPEN and is_asked:
        raise typer.Exit(ExitCode.NEEDS_PERSON)


app.command()(canceling.cancel)
app.command()(giving_back.restore)
app.command()(request.request)
app.command()(request.requested)
app.command()(request.withdraw)


@app.command()
def retry(
    case_id: CaseArgument,
    observed: Annotated[
        bool, typer.Option("--observed", help="Do what was only observed, if the target acts by now.")
    ] = False,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Try again what failed or waits.

    Everything in the case that failed or waits gets another series of attempts.
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


def _say_snapshots(found: Sequence[Taken], *, as_json: bool) -> None:
    if as_json:
        from scimbridge.documents import snapshot_document

        say_json([snapshot_document(taken) for taken in found])
        return
    if not found:
        say("There is no snapshot: the bridge has touched none of its accounts.")
    for taken in found:
        say(*snapshot_lines(taken))


def _say_planned(planned: Sequence[Task]) -> None:
    if not planned:
        say("Nothing to do: none of its tasks was only observed.")
    for task in planned:
        say(f"{task.action} at {task.target} is planned again; the next sweep releases it unless something holds it.")
