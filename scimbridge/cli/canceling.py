"""``scimbridge cases cancel``: one case, or all that a query finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from scimbridge.cli.asking import confirm
from scimbridge.cli.case_filters import with_case_filters
from scimbridge.cli.case_list import say_cases
from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, By, ConfigPath, Log, LogLevel, Reason, operator
from scimbridge.cli.output import note, say, say_json
from scimbridge.domain.intent import CaseAction, Intent
from scimbridge.domain.number import number_of
from scimbridge.domain.situation import CaseQuery
from scimbridge.domain.times import moment

if TYPE_CHECKING:
    from scimbridge.bridge import Bridge

PROGRESS_EVERY = 100


@with_case_filters
def cancel(
    *,
    reason: Reason,
    case_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="As `scimbridge cases list` shows it; or --query.")
    ] = None,
    by_query: Annotated[
        bool, typer.Option("--query", help="Cancel all cases that match the options; give at least one.")
    ] = False,
    query: CaseQuery,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; there is no undo.")] = False,
    as_json: AsJson = False,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Cancel a case for good, or many.

    What they have already done stays done. With --query, it cancels every open case that takes access away and matches
    all of the options: it shows how many, and whose, and asks.
    """
    if by_query == (case_id is not None) or query.narrows != by_query:
        raise typer.BadParameter("name one case, or give --query and at least one option that says which cases")
    if case_id is None:
        with opened(config, log_level) as bridge:
            _cancel_many(bridge, query, reason=reason, by=operator(by), yes=yes, as_json=as_json)
        return
    confirm(f"Cancel case {case_id}? There is no undo.", yes=yes)
    with opened(config, log_level) as bridge:
        bridge.operating.cancel(case_id, reason=reason, by=operator(by), now=bridge.clock())
    if as_json:
        say_json({"canceled": [case_id]})
    else:
        say(f"Canceled case {case_id}. What it has done already stays done.")


def _cancel_many(bridge: Bridge, query: CaseQuery, *, reason: str, by: str, yes: bool, as_json: bool) -> None:
    now = bridge.clock()
    preview = bridge.acting.preview(Intent(action=CaseAction.CANCEL), query, now, everybody=True)
    if preview.count and not as_json:
        opened_since = f" of those opened since {moment(query.since)}" if query.since else ""
        how_many = f"{preview.count} open cases" if preview.count > 1 else "One open case"
        say(f"{how_many}{opened_since} fit{'; the newest' if preview.count > 1 else 's'}:")
        say_cases(preview.first, now, "", as_json=False)
    if preview.count:
        confirm(f"Cancel {number_of(preview.count, 'case')}? There is no undo.", yes=yes)
    canceled = []
    for acted in bridge.acting.act(preview, reason=reason, by=by, now=now) if preview.count else ():
        if acted.is_done:
            canceled.append(acted.case_id)
        if canceled and len(canceled) % PROGRESS_EVERY == 0:
            note(f"{len(canceled)} of {preview.count} canceled")
    if as_json:
        say_json({"found": preview.count, "canceled": canceled})
    elif preview.count:
        say(f"Canceled {len(canceled)} of {number_of(preview.count, 'case')}. What they have done already stays done.")
    else:
        say("No open case matches.")
