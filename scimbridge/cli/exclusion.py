"""``scimbridge exclusion``: who is never touched."""

from __future__ import annotations

from typing import Annotated

import typer

from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, By, ConfigPath, Log, LogLevel, Reason, new_group, operator
from scimbridge.cli.output import say, say_json, say_table
from scimbridge.dashboard.times import moment

app = new_group("exclusion", "Exclusions: who is never touched.")


@app.command()
def add(
    match: Annotated[str, typer.Argument(metavar="FILTER", help="""Whom, e.g. 'userName eq "ada@example.com"'.""")],
    reason: Reason,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Spare everybody who matches a filter.

    It is a SCIM filter (RFC 7644 §3.4.2.2) over identities, and counts from now on.
    """
    from scimbridge.domain.exclusion import Exclusion
    from scimbridge.domain.filter import IdentityFilter

    try:
        wanted = Exclusion(match=IdentityFilter(match), reason=reason)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    with opened(config, log_level) as bridge:
        exclusion_id = bridge.holding.exclude(wanted, by=operator(by), now=bridge.clock())
    say(f"Added exclusion {exclusion_id}.")


@app.command()
def end(
    exclusion_id: Annotated[str, typer.Argument(metavar="ID", help="As `scimbridge exclusion list` shows it.")],
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """End an exclusion that was made at run time."""
    with opened(config, log_level) as bridge:
        bridge.holding.end_exclusion(exclusion_id, by=operator(by), now=bridge.clock())
    say(f"Ended exclusion {exclusion_id}.")


@app.command("list")
def list_exclusions(as_json: AsJson = False, config: ConfigPath = None, log_level: Log = LogLevel.ERROR) -> None:
    """List the exclusions made at run time.

    The configuration has its own.
    """
    with opened(config, log_level) as bridge:
        from scimbridge.cli.documents import exclusion_document

        rows = bridge.holding.exclusions()
    if as_json:
        say_json([exclusion_document(row) for row in rows])
    elif not rows:
        say("No exclusions were made at run time.")
    else:
        say_table(
            ("ID", "MATCH", "SINCE", "BY", "REASON"),
            [(row["id"], row["match"], moment(row["placed_at"]), row["placed_by"], row["reason"]) for row in rows],
        )
