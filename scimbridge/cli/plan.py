"""``scimbridge plan``: what would happen to whom and when. Touches nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from scimbridge.cli.lines import file_of_leavers, is_file
from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, ConfigPath, Log, LogLevel
from scimbridge.cli.output import note
from scimbridge.domain.duration import parse_duration
from scimbridge.domain.trigger import Trigger

PROGRESS_EVERY = 250


def plan(
    who: Annotated[
        str | None, typer.Argument(metavar="[USERNAME|FILE.csv]", help="A userName, any source; or a file of leavers.")
    ] = None,
    trigger: Annotated[
        Trigger, typer.Option("--trigger", help="What the source would say, or the target.")
    ] = Trigger.DEACTIVATED,
    rules: Annotated[
        Path | None,
        typer.Option(
            "--rules",
            metavar="FILE",
            help="Rules, exclusions, guard, freezes and deadlines of this file instead; what it lacks stays, "
            "unless it is a whole configuration.",
        ),
    ] = None,
    replay: Annotated[
        str | None,
        typer.Option("--replay", metavar="SPAN", help="With --rules: judge the facts of this time again, like 90d."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="With --replay: list facts without a difference, too.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the plan as one HTML file; it names people.")
    ] = None,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Show what would happen to whom, and when.

    It is planned as if the person, or everybody in a file of leavers, left now. With --rules and --replay, it shows
    what other rules would have done in the past.
    Touches nothing.
    """
    span = _span(who, rules, replay)
    with opened(config, log_level) as bridge:
        from scimbridge.cli.plan_output import Output
        from scimbridge.config import load

        now = bridge.clock()
        output = Output(now=now, html=html, as_json=as_json)
        settings = bridge.settings if rules is None else load(config, rules=rules)
        rehearsing = bridge.rehearsing if rules is None else bridge.rehearsing_by(settings)
        if span is not None:
            replayed = bridge.rehearsing.replay(settings.ruleset, span, now, note_progress)
            output.show_replay(replayed, everything=everything)
        elif who is not None and is_file(who):
            output.show_file(rehearsing.rehearse_file(file_of_leavers(who), trigger, now, note_progress))
        elif who is not None:
            output.show_people(rehearsing.rehearse(who, trigger, now))


def _span(who: str | None, rules: Path | None, replay: str | None) -> timedelta | None:
    """Return how much of the past to replay, if any; and see that the options go together."""
    if replay is None and who is None:
        raise typer.BadParameter("name a person or a file of leavers, or give --rules FILE --replay 90d")
    if replay is None:
        return None
    if who is not None or rules is None:
        raise typer.BadParameter("--replay is about everybody, by the rules of --rules FILE")
    try:
        return parse_duration(replay)
    except ValueError as error:
        raise typer.BadParameter(f"--replay: {error}") from error


def note_progress(done: int, total: int) -> None:
    """Say how far a rehearsal is that takes a while."""
    if total > PROGRESS_EVERY and (done % PROGRESS_EVERY == 0 or done == total):
        note(f"{done} of {total}")
