"""``scimbridge cases request``: people leave because an operator asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from scimbridge.cli import completing
from scimbridge.cli.lines import exit_after, file_of_leavers, is_file, note_ignored, note_undone
from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, By, ConfigPath, Log, LogLevel, Reason, operator
from scimbridge.cli.output import progress, say, say_json, say_table
from scimbridge.dashboard.times import moment
from scimbridge.domain.times import iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scimbridge.domain.leavers import Leaver
    from scimbridge.domain.request import Finding, Report


def request(
    who: Annotated[str, typer.Argument(metavar="USERNAME|FILE.csv", help="A userName, or a file of them.")],
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; for lines of a file that give no reason.")
    ] = "",
    source: Annotated[
        str,
        typer.Option(
            "--source",
            metavar="NAME",
            autocompletion=completing.sources,
            help="The source of the people, where a line does not name it.",
        ),
    ] = "",
    at: Annotated[
        str,
        typer.Option("--at", metavar="TIME", help="When, like 2026-12-31 or 2026-12-31T18:00; by default now."),
    ] = "",
    partial: Annotated[
        bool, typer.Option("--partial", help="Do what can be done. Without it, one bad line stops all of them.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Also people who have already left by a complete case.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen to each line.")] = False,
    as_json: AsJson = False,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Have somebody leave, or everybody in a file.

    A rule with "requested" in when says what happens. A file is CSV: its first line names the columns userName,
    externalId, email or id, and optionally source, reason and date. Asking twice does nothing twice. Exit code 1 if
    nothing was done because of a line, 3 if some lines were not done.
    """
    leavers = _leavers(who)
    from scimbridge.domain.request import Asked

    asked = Asked(by=operator(by), reason=reason.strip(), date=at.strip(), source=source.strip(), again=again)
    with opened(config, log_level) as bridge:
        now = bridge.clock()
        if dry_run:
            report = bridge.requesting.look(leavers, asked, now)
        else:
            with progress(len(leavers)) as advance:
                report = bridge.requesting.request(leavers, asked, now, partial=partial, progress=advance)
    _say(report, as_json=as_json, dry_run=dry_run)
    exit_after(report)


def requested(as_json: AsJson = False, config: ConfigPath = None, log_level: Log = LogLevel.ERROR) -> None:
    """List people who are to leave on a later date."""
    with opened(config, log_level) as bridge:
        rows = bridge.requesting.standing()
    names = ("id", "user_name", "source", "reason", "requested_by")
    if as_json:
        say_json(
            [
                {
                    **{name: row[name] for name in names},
                    "identity_id": row["identity_id"],
                    "due_at": iso(row["due_at"]),
                    "requested_at": iso(row["requested_at"]),
                }
                for row in rows
            ]
        )
    elif not rows:
        say("Nobody is to leave on a later date.")
    else:
        say_table(
            ("ID", "PERSON", "SOURCE", "WHEN", "BY", "REASON"),
            [
                (row["id"], row["user_name"], row["source"], moment(row["due_at"]), row["requested_by"], row["reason"])
                for row in rows
            ],
        )


def withdraw(
    request_id: Annotated[str, typer.Argument(metavar="ID", help="As `scimbridge cases requested` shows it.")],
    reason: Reason,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Withdraw a request that somebody leaves on a later date."""
    with opened(config, log_level) as bridge:
        bridge.requesting.withdraw(request_id, reason=reason, by=operator(by), now=bridge.clock())
    say(f"Withdrew request {request_id}.")


def _leavers(who: str) -> Sequence[Leaver]:
    from scimbridge.domain.leavers import Leaver

    if not is_file(who):
        return [Leaver(line=1, user_name=who)]
    file = file_of_leavers(who)
    note_ignored(file.ignored)
    return file.leavers


def _say(report: Report, *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        from scimbridge.documents import finding_document

        lines = [finding_document(finding) for finding in report.findings]
        say_json({"done": report.is_done, "dry_run": dry_run, "lines": lines})
        return
    say_table(("LINE", "PERSON", "SOURCE", "OUTCOME", "CASE", "WHY"), [_row(finding) for finding in report.findings])
    note_undone(report, dry_run=dry_run)


def _row(finding: Finding) -> tuple[object, ...]:
    why = finding.why if finding.due_at is None else f"{finding.why or 'begins'} at {moment(finding.due_at)}"
    return (
        finding.leaver.line,
        finding.user_name or finding.leaver.person,
        finding.source or "-",
        finding.outcome,
        finding.case_id or "-",
        why,
    )
