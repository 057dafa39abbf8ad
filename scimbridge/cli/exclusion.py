"""``scimbridge exclusion``: who and what is never touched."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from scimbridge.cli import completing
from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, By, ConfigPath, Log, LogLevel, Reason, new_group, operator
from scimbridge.cli.output import note, say, say_json, say_table
from scimbridge.cli.until import Until, require_ahead, until_of
from scimbridge.dashboard.times import moment
from scimbridge.domain.number import number_of

app = new_group("exclusion", "Exclusions: who and what is never touched.")


@app.command()
def add(
    reason: Reason,
    match: Annotated[
        str | None, typer.Argument(metavar="[FILTER]", help="""Whom, e.g. 'userName eq "ada@example.com"'.""")
    ] = None,
    identity: Annotated[str | None, typer.Option("--identity", metavar="ID|USERNAME", help="One person.")] = None,
    members: Annotated[
        str | None, typer.Option("--members", metavar="GROUP", help="Everybody in a SCIM group of this name.")
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", metavar="ID|NAME", help="One account, at --target or at any.")
    ] = None,
    group: Annotated[
        str | None,
        typer.Option("--group", metavar="NAME", help="Take nobody out of this group, at --target or at any."),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            metavar="NAME",
            autocompletion=completing.targets,
            help="A whole target, or where the account or group is.",
        ),
    ] = None,
    until: Until = None,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Spare people, an account, a group or a target.

    A filter is a SCIM filter (RFC 7644 §3.4.2.2) over identities. It counts from now on, for open cases, too.
    """
    from scimbridge.cli.excluding import chosen
    from scimbridge.domain.exclusion import Spared

    wanted = chosen(
        reason,
        match=match,
        identity=identity,
        members=members,
        account=account,
        group=group,
        target=target,
        until=until_of(until),
    )
    with opened(config, log_level) as bridge:
        now = bridge.clock()
        require_ahead(wanted.until, now)
        if wanted.spared is Spared.IDENTITY:
            wanted = replace(wanted, subject=bridge.holding.identity_named(wanted.subject, now))
        count = bridge.holding.reach(wanted)
        exclusion_id = bridge.holding.exclude(wanted, by=operator(by), now=now)
    if count == 0:
        note("warning: no active identity matches right now; check the spelling")
    elif count is not None:
        note(f"It spares {number_of(count, 'active identity', 'active identities')} right now.")
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
    """List all exclusions, also those of the configuration."""
    with opened(config, log_level) as bridge:
        from scimbridge.cli.excluding import ending
        from scimbridge.documents import exclusion_document

        now = bridge.clock()
        made = bridge.holding.exclusions()
        written = bridge.settings.ruleset.exclusions
    if as_json:
        say_json(
            [
                *(exclusion_document(exclusion, row) for exclusion, row in made),
                *(exclusion_document(exclusion) for exclusion in written),
            ]
        )
    elif not made and not written:
        say("There are no exclusions.")
    else:
        rows = [
            (row["id"], each.in_words, ending(each, now), moment(row["placed_at"]), row["placed_by"], each.reason)
            for each, row in made
        ]
        rows += [("configuration", each.in_words, ending(each, now), "-", "-", each.reason) for each in written]
        say_table(("ID", "OF", "UNTIL", "SINCE", "BY", "REASON"), rows)
