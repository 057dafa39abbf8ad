"""``scimbridge groups``: groups at targets that nobody needs are found, given up, and followed."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from scimbridge.cli import completing
from scimbridge.cli.group_text import (
    finding_row,
    stale_row,
    status_row,
)
from scimbridge.cli.lines import exit_after, is_file, note_ignored, note_undone, read_file
from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, By, ConfigPath, Log, LogLevel, new_group, operator
from scimbridge.cli.output import note, plain, progress, say, say_json, say_table
from scimbridge.domain.duration import parse_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scimbridge.domain.retirement import GroupReport, NamedGroup
    from scimbridge.services.stale_groups import StaleGroup

app = new_group("groups", "Give up groups at targets that nobody needs.")

Target = Annotated[
    str, typer.Argument(metavar="TARGET", autocompletion=completing.targets, help="The target, as configured.")
]


@app.command()
def stale(
    target: Target,
    unchanged_for: Annotated[
        str, typer.Option("--unchanged-for", metavar="SPAN", help="How long nobody must have changed a group.")
    ] = "365d",
    ownerless: Annotated[
        bool, typer.Option("--ownerless", help="Also groups without an owner, or whose owner has left.")
    ] = False,
    as_csv: Annotated[
        bool,
        typer.Option("--csv", help="Print a file for `groups stamp`, from which you strike out what is still needed."),
    ] = False,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """List groups that seem unused, with the reason.

    They are empty, or nobody has changed them for a long time, as far as the target tells; what it does not tell is
    never a reason. Touches nothing.
    """
    span = _span(unchanged_for)
    with opened(config, log_level) as bridge:
        found = bridge.stale_groups.at(target, bridge.clock(), unchanged_for=span, ownerless=ownerless)
    if as_csv:
        _say_csv(found)
    elif as_json:
        from scimbridge.documents import stale_document

        say_json([stale_document(each) for each in found])
    elif not found:
        say(f"No group at {target} is empty, or unchanged for {unchanged_for}.")
    else:
        say_table(("ID", "GROUP", "MEMBERS", "WHY"), [stale_row(each) for each in found])


@app.command()
def stamp(
    target: Target,
    which: Annotated[str, typer.Argument(metavar="GROUP|FILE.csv", help="A group's name or id, or a file of them.")],
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; for lines of a file that give no reason.")
    ] = "",
    partial: Annotated[
        bool, typer.Option("--partial", help="Do what can be done. Without it, one bad line stops all of them.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Also groups whose case is complete.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen to each line.")] = False,
    as_json: AsJson = False,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Have a group given up, or all groups in a file.

    A rule with actions for groups says what happens; usually a stamp comes first. A file is CSV: its first line names
    the columns group (a name or an id) and, optionally, reason. Asking twice does nothing twice. Exit code 1 if
    nothing was done because of a line, 3 if some lines were not done.
    """
    named = _named(which)
    from scimbridge.domain.request import Asked

    asked = Asked(by=operator(by), reason=reason.strip(), again=again)
    with opened(config, log_level) as bridge:
        now = bridge.clock()
        if dry_run:
            report = bridge.retiring.look(target, named, asked, now)
        else:
            with progress(len(named)) as advance:
                report = bridge.retiring.request(target, named, asked, now, partial=partial, progress=advance)
    _say(report, as_json=as_json, dry_run=dry_run)
    exit_after(report)


@app.command()
def status(
    target: Annotated[
        str | None, typer.Argument(metavar="[TARGET]", help="Only groups at this target; by default at all.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Ended cases, too.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most this many, the newest.")] = 100,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Show how far groups are that are being given up.

    It shows what was done, what comes next, and when. `scimbridge cases` cancels, approves, retries and restores them.
    """
    with opened(config, log_level) as bridge:
        now = bridge.clock()
        found = bridge.group_statuses.list(now, target=target, is_open=not everything, limit=limit)
    if as_json:
        from scimbridge.documents import status_document

        say_json([status_document(each) for each in found])
    elif not found:
        say("No group is being given up.")
    else:
        say_table(("ID", "GROUP", "TARGET", "SITUATION", "DONE", "NEXT"), [status_row(each, now) for each in found])
    if len(found) == limit:
        note("There may be more: --limit shows more at once.")


def _span(said: str) -> timedelta:
    try:
        return parse_duration(said)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"--unchanged-for: {error}") from error


def _named(which: str) -> Sequence[NamedGroup]:
    from scimbridge.domain.retirement import NamedGroup, read_groups

    if not is_file(which):
        return [NamedGroup(line=1, said=which)]
    file = read_file(which, read_groups)
    note_ignored(file.ignored)
    return file.groups


def _say(report: GroupReport, *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        from scimbridge.documents import group_finding_document

        lines = [group_finding_document(finding) for finding in report.findings]
        say_json({"done": report.is_done, "dry_run": dry_run, "lines": lines})
        return
    say_table(
        ("LINE", "GROUP", "MEMBERS", "OPENS", "OUTCOME", "CASE", "WHY"),
        [finding_row(finding) for finding in report.findings],
    )
    note_undone(report, dry_run=dry_run)


def _cell(name: str) -> str:
    """Return a name that a spreadsheet takes for a text, and a terminal, too."""
    return plain(f"'{name}" if name[:1] in tuple("=+-@") else name)


def _say_csv(found: Sequence[StaleGroup]) -> None:
    """Print what ``groups stamp`` takes: the id says which group, the rest is for who reads it."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("group", "name", "members", "reason"))
    for each in found:
        size = each.group.size if each.group.size is not None else ""
        table.writerow((each.group.id, _cell(each.group.name), size, ", ".join(each.reasons)))
    typer.echo(text.getvalue(), nl=False)
