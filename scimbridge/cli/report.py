"""``scimbridge report``: where everything stands, and how the last days went, for a mail or a meeting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from scimbridge.cli.case_filters import moment_of
from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, ConfigPath, Log, LogLevel, new_group
from scimbridge.cli.output import say, say_json, say_table
from scimbridge.domain.duration import format_duration
from scimbridge.domain.situation import CaseQuery, Column
from scimbridge.domain.times import moment

if TYPE_CHECKING:
    from scimbridge.services.charting import TimeToRevoke
    from scimbridge.services.leaver_report import LeaverLine

app = new_group("report", "How far all cases are, and how the last days went.")

DAYS_AHEAD = 90
USUAL = timedelta(days=30)


@app.command()
def status(
    days: Annotated[
        int, typer.Option("--days", min=1, max=366, help="This many days back, today included (UTC).")
    ] = 30,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Show how far cases are, how long revoking took, what is ahead.

    The same numbers as the dashboard's board and charts.
    """
    with opened(config, log_level) as bridge:
        now = bridge.clock()
        bridge.tallying.run(now)
        board = bridge.board.counts(now)
        charts = bridge.charting.charts(days, now)
        ahead = bridge.charting.ahead(DAYS_AHEAD, now)
    if as_json:
        from scimbridge.documents import report_document

        say_json(report_document(board, charts, ahead))
        return
    say(f"Cases as of {moment(now)}:")
    say_table(("WHERE", "CASES"), [(column, str(board[column])) for column in Column])
    say("", f"The last {days} days:")
    say(*_sentences("people began to leave", charts.leavers), *_sentences("attempts ended", charts.attempts))
    say(*_sentences("times a target asked for fewer calls", charts.throttled))
    if charts.times:
        say("", "How long taking access away took, from when it was due:")
        say_table(
            ("TARGET", "ACTION", "DONE", "HALF WITHIN", "95 % WITHIN", "DEADLINE", "LATE"), map(_row, charts.times)
        )
    irreversible = sum(load.irreversible for _, load in ahead.days)
    due = sum(load.tasks for _, load in ahead.days)
    say("", f"The coming {DAYS_AHEAD} days: {due} tasks fall due; {irreversible} of them cannot be undone.")
    say(f"Due already, and waiting: {ahead.due.tasks} tasks.")


@app.command()
def leavers(
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="TIME", help="People who began to leave then or later; by default 30 days ago."
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="People who began to leave then or earlier.")
    ] = None,
    source: Annotated[str | None, typer.Option("--source", metavar="NAME", help="Of this source.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print a file for a spreadsheet.")] = False,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Show who left in a period, how far each is, how long it took.

    The time to revoke is that of the slowest task, from when it was due to when it was read back.
    """
    from scimbridge.documents import leaver_document
    from scimbridge.documents.leavers import LEAVERS

    with opened(config, log_level) as bridge:
        now = bridge.clock()
        query = CaseQuery(
            since=moment_of(since, now) if since is not None else now - USUAL,
            until=moment_of(until, now) if until is not None else None,
            source=source,
        )
        found = bridge.leaver_report.all(query, now)
        if as_csv:
            for part in LEAVERS.text(found):
                typer.echo(part, nl=False)
        elif as_json:
            say_json([leaver_document(line) for line in found])
        else:
            say_table(_OF_LEAVER, map(_leaver, found))


_OF_LEAVER = ("PERSON", "SOURCE", "TRIGGER", "LEFT AT", "STAGES", "REVOKED WITHIN", "LATE", "STATE")


def _leaver(line: LeaverLine) -> tuple[str, ...]:
    case = line.summary.case
    finished = sum(stage.finished_at is not None for stage in line.stages)
    return (
        line.summary.user_name,
        case.source,
        case.trigger or "-",
        moment(case.trigger_at),
        f"{finished} of {len(line.stages)}",
        _rounded(line.time_to_revoke) if line.time_to_revoke is not None else "-",
        str(line.late),
        line.summary.situation,
    )


def _sentences(what: str, series: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    totals = {name: sum(by_day.values()) for name, by_day in series.items()}
    if total := sum(totals.values()):
        yield f"{total} {what}: {', '.join(f'{count} {name}' for name, count in sorted(totals.items()))}."
    else:
        yield f"0 {what}."


def _row(times: TimeToRevoke) -> tuple[str, ...]:
    late = f"{times.late} of {times.with_deadline}" if times.with_deadline else "-"
    deadline = format_duration(times.deadline) if times.deadline is not None else "-"
    spans = (_rounded(times.median), _rounded(times.most))
    return (times.target, times.action, str(times.count), *spans, deadline, late)


def _rounded(span: timedelta) -> str:
    return format_duration(timedelta(seconds=max(round(span.total_seconds()), 1)))
