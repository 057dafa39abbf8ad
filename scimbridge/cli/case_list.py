"""``scimbridge cases list`` and ``find``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from scimbridge.cli.case_filters import with_case_filters
from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, ConfigPath, Log, LogLevel
from scimbridge.cli.output import note, say, say_json, say_table
from scimbridge.dashboard.times import distance, moment
from scimbridge.domain.case import CaseState
from scimbridge.domain.situation import CaseQuery

if TYPE_CHECKING:
    from scimbridge.services.summing_up import CaseSummary

Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most this many, the newest.")]


class Wanted(StrEnum):
    """Which cases to list."""

    OPEN = "open"
    COMPLETED = "completed"
    CANCELED = "canceled"
    ALL = "all"


@with_case_filters
def list_cases(
    *,
    state: Annotated[Wanted, typer.Option("--state", help="Which cases.")] = Wanted.OPEN,
    query: CaseQuery,
    limit: Limit = 100,
    after: Annotated[
        str | None,
        typer.Option("--after", metavar="ID", help="Continue after this case, the last one of the previous list."),
    ] = None,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """List cases, the newest first.

    Only those that match all of the options.
    """
    query = replace(query, state=None if state is Wanted.ALL else CaseState(state))
    with opened(config, log_level) as bridge:
        now = bridge.clock()
        found = bridge.overview.list_cases(query, now, limit=limit, after=after)
    say_cases(found, now, "No cases." if state is Wanted.ALL else f"No {state} cases.", as_json=as_json)
    if len(found) == limit:
        note(f"There may be more: --limit shows more at once, and --after {found[-1].case.id} those that follow.")


def find(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="A part of the userName, in any case.")],
    limit: Limit = 100,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Find a person's cases, ended ones too."""
    with opened(config, log_level) as bridge:
        now = bridge.clock()
        found = bridge.overview.list_cases(CaseQuery(search=text), now, limit=limit)
    say_cases(found, now, f"No case of anybody with {text!r} in the userName.", as_json=as_json)


def say_cases(found: Sequence[CaseSummary], now: datetime, otherwise: str, *, as_json: bool) -> None:
    """Print cases as a table or JSON, or a sentence where there are none."""
    if as_json:
        from scimbridge.documents import case_document

        say_json([case_document(summary) for summary in found])
    elif not found:
        say(otherwise)
    else:
        say_table(("ID", "PERSON", "SITUATION", "NEXT"), [_row(summary, now) for summary in found])


def _row(summary: CaseSummary, now: datetime) -> tuple[str, str, str, str]:
    next_due_at = summary.next_due_at if summary.case.state is CaseState.OPEN else None
    when = f"{distance(next_due_at, now)}, {moment(next_due_at)}" if next_due_at else "-"
    if summary.is_held_back:
        when = "once it is not held"
    return (summary.case.id, summary.user_name, summary.situation, when)
