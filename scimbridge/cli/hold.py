"""``scimbridge hold``: dated facts that stop work until they are lifted, or their date has come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from scimbridge.cli import completing
from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, By, ConfigPath, Log, LogLevel, Reason, new_group, operator
from scimbridge.cli.output import note, say, say_json, say_table
from scimbridge.cli.until import Until, require_ahead, until_of
from scimbridge.dashboard.times import moment
from scimbridge.domain.hold import Hold, Scope

if TYPE_CHECKING:
    from scimbridge.services.flooding import FloodSummary

app = new_group("hold", "Holds: they stop work until they are lifted, or until a date.")


@app.command()
def place(
    reason: Reason,
    everything: Annotated[bool, typer.Option("--everything", help="Stop all work.")] = False,
    source: Annotated[
        str | None,
        typer.Option("--source", metavar="NAME", autocompletion=completing.sources, help="Stop work of a source."),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--target", metavar="NAME", autocompletion=completing.targets, help="Stop work at a target."),
    ] = None,
    identity: Annotated[
        str | None, typer.Option("--identity", metavar="ID|USERNAME", help="Stop work on a person.")
    ] = None,
    case: Annotated[str | None, typer.Option("--case", metavar="ID", help="Stop one case.")] = None,
    legal: Annotated[
        bool,
        typer.Option(
            "--legal", help="A legal hold: it ends only when it is lifted by its id, with a reason, or on its date."
        ),
    ] = False,
    until: Until = None,
    as_json: AsJson = False,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Place a hold.

    Once it is placed, nothing within its scope is released or started. Requests that had already left are listed.
    """
    named = {Scope.SOURCE: source, Scope.TARGET: target, Scope.IDENTITY: identity, Scope.CASE: case}
    scope, subject = _scope(named, everything=everything)
    end = until_of(until)
    with opened(config, log_level) as bridge:
        from scimbridge.documents import hold_document

        now = bridge.clock()
        require_ahead(end, now)
        if scope is Scope.IDENTITY:
            subject = bridge.holding.identity_named(subject, now)
        placed = bridge.holding.place(
            scope, subject, reason=reason, by=operator(by), now=now, is_legal=legal, until=end
        )
    late = [{"attempt": one.id, "task_id": one.task_id, "target": one.target} for one in placed.too_late_for]
    if as_json:
        say_json({**hold_document(placed.hold), "too_late_for": late})
        return
    for attempt in late:
        note(f"Too late for task {attempt['task_id']} at {attempt['target']}: its request may have left already.")
    said = f", until {moment(end)}" if end is not None else ""
    say(f"Placed hold {placed.hold.id} on {_spell(placed.hold)}{said}.")


@app.command()
def lift(
    hold_id: Annotated[str, typer.Argument(metavar="ID", help="As `scimbridge hold list` shows it.")],
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why it may be lifted; a legal hold needs one.")
    ] = "",
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Lift a hold.

    What became due meanwhile is released by the next sweep.
    """
    with opened(config, log_level) as bridge:
        hold = bridge.holding.lift(hold_id, by=operator(by), now=bridge.clock(), reason=reason.strip())
    say(f"Lifted the hold on {_spell(hold)}.")


@app.command("list")
def list_holds(as_json: AsJson = False, config: ConfigPath = None, log_level: Log = LogLevel.ERROR) -> None:
    """List the holds in force.

    The holds of the guard are one line for each flood.
    """
    with opened(config, log_level) as bridge:
        from scimbridge.documents import flood_hold_document, hold_document

        holds = bridge.holding.standing()
        floods = bridge.flooding.standing()
    if as_json:
        say_json([*(hold_document(hold) for hold in holds), *(flood_hold_document(one.flood) for one in floods)])
    elif not holds and not floods:
        say("No hold is in force.")
    else:
        say_table(
            ("ID", "ON", "SINCE", "UNTIL", "BY", "KIND", "REASON"),
            [*(_row(hold) for hold in holds), *(_flood_row(summary) for summary in floods)],
        )


def _row(hold: Hold) -> tuple[str, ...]:
    kind = "legal" if hold.is_legal else "-"
    until = moment(hold.until) if hold.until is not None else "-"
    return (hold.id, _spell(hold), moment(hold.placed_at), until, hold.placed_by, kind, hold.reason)


def _flood_row(summary: FloodSummary) -> tuple[str, ...]:
    flood, held = summary.flood, summary.extent.held
    return (flood.id, f"a flood: {held} cases", moment(flood.opened_at), "-", "the guard", "guard", flood.reason)


def _scope(named: Mapping[Scope, str | None], *, everything: bool) -> tuple[Scope, str]:
    chosen = [(scope, subject) for scope, subject in named.items() if subject is not None]
    chosen += [(Scope.EVERYTHING, "")] if everything else []
    if len(chosen) != 1:
        raise typer.BadParameter("name one of --everything, --source, --target, --identity and --case")
    return chosen[0]


def _spell(hold: Hold) -> str:
    return "everything" if hold.scope is Scope.EVERYTHING else f"{hold.scope} {hold.subject}"
