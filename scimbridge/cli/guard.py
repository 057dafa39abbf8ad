"""``scimbridge guard``: floods that are held until a person decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from scimbridge.cli.asking import confirm
from scimbridge.cli.flood_story import beside, tell
from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, By, ConfigPath, Log, LogLevel, Reason, new_group, operator
from scimbridge.cli.output import note, say, say_json, say_table
from scimbridge.cli.reporting import ExitCode
from scimbridge.dashboard.times import moment
from scimbridge.domain.number import number_of

if TYPE_CHECKING:
    from scimbridge.bridge import Bridge
    from scimbridge.domain.flood import Flood
    from scimbridge.services.flooding import FloodSummary

app = new_group("guard", "The guard: it holds a flood until somebody decides.")

FloodArgument = Annotated[str, typer.Argument(metavar="ID", help="As `scimbridge guard list` shows it.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command("list")
def list_floods(
    decided: Annotated[
        bool, typer.Option("--decided", help="List the floods that somebody has already decided about.")
    ] = False,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """List the floods that wait for a decision.

    Exit code 3 if there is one.
    """
    with opened(config, log_level) as bridge:
        from scimbridge.documents import flood_document

        found = bridge.flooding.closed() if decided else bridge.flooding.standing()
    if as_json:
        say_json([flood_document(summary) for summary in found])
    elif not found:
        say("Nobody has decided about a flood yet." if decided else "The guard holds nothing.")
    else:
        headings = ("ID", "AT", "SINCE", "CASES", "HELD", "STARTED", "DECISION" if decided else "REASON")
        say_table(headings, [_row(summary) for summary in found])
    if found and not decided:
        raise typer.Exit(ExitCode.NEEDS_PERSON)


@app.command()
def show(
    flood_id: FloodArgument, as_json: AsJson = False, config: ConfigPath = None, log_level: Log = LogLevel.ERROR
) -> None:
    """Show a flood: why, whom it holds, and what had started before.

    Exit code 3 if it waits for a decision.
    """
    with opened(config, log_level) as bridge:
        from scimbridge.documents import flood_story_document

        story = bridge.flooding.story(flood_id)
    if as_json:
        say_json(flood_story_document(story))
    else:
        say(*tell(story))
    if story.flood.stands:
        raise typer.Exit(ExitCode.NEEDS_PERSON)


@app.command()
def release(
    flood_id: FloodArgument,
    reason: Reason,
    yes: Yes = False,
    as_json: AsJson = False,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Let a flood go on: it was meant.

    Counting starts again from zero. Other holds stay, legal ones among them. You may stop the command and run it
    again.
    """
    with opened(config, log_level) as bridge:
        extent = bridge.flooding.story(flood_id).extent
        confirm(f"Let the {number_of(extent.held, 'case')} that flood {flood_id} holds go on?", yes=yes)
        flood = bridge.flooding.release(flood_id, reason=reason, by=operator(by), now=bridge.clock(), seen=extent.cases)
        _carry_out(bridge, flood, as_json=as_json)
    if not as_json:
        say(f"Released flood {flood_id}: {number_of(extent.held, 'case')}. What is due is let go by the next sweep.")


@app.command()
def cancel(
    flood_id: FloodArgument,
    reason: Reason,
    restore: Annotated[
        bool, typer.Option("--restore", help="Give back what was taken, although the source still says that they left.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; there is no undo.")] = False,
    as_json: AsJson = False,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Cancel a flood: it was a mistake.

    Its open cases are canceled. With --restore, what had been taken is given back, until the source says again that
    somebody leaves. You may stop the command and run it again.
    """
    with opened(config, log_level) as bridge:
        extent = bridge.flooding.story(flood_id).extent
        gives_back = f", and give back what {number_of(extent.started, 'case')} had taken" if restore else ""
        confirm(
            f"Cancel the open ones of the {number_of(extent.cases, 'case')} of flood {flood_id}{gives_back}?", yes=yes
        )
        flood = bridge.flooding.cancel(flood_id, gives_back=restore, reason=reason, by=operator(by), now=bridge.clock())
        _carry_out(bridge, flood, as_json=as_json)
    if as_json:
        return
    say(f"Canceled flood {flood_id}.")
    if restore:
        say("What it had taken is being given back.")
    elif extent.started:
        say(f"What {number_of(extent.started, 'case')} had begun stays as it is.")


def _carry_out(bridge: Bridge, flood: Flood, *, as_json: bool) -> None:
    from scimbridge.documents import flood_story_document

    for left in bridge.flooding.carry_out(flood.id, bridge.clock()):
        if left:
            note(f"{number_of(left, 'case')} left")
    story = bridge.flooding.story(flood.id)
    if as_json:
        say_json(flood_story_document(story))
    note(*beside(story.beside))


def _row(summary: FloodSummary) -> tuple[object, ...]:
    flood, extent = summary.flood, summary.extent
    last = flood.reason
    if flood.decision is not None:
        last = f"{flood.decision} by {flood.closed_by}: {flood.closing_reason}"
    return (flood.id, flood.where, moment(flood.opened_at), extent.cases, extent.held, extent.started, last)
