"""``scimbridge exclusion``: who and what is never touched."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, By, ConfigPath, Log, LogLevel, Reason, new_group, operator
from scimbridge.cli.output import note, say, say_json, say_table
from scimbridge.dashboard.times import moment
from scimbridge.domain.exclusion import Exclusion, Spared
from scimbridge.domain.filter import IdentityFilter

app = new_group("exclusion", "Exclusions: who and what is never touched.")

OPTIONS = "a filter, --identity, --members, --target, --account and --group"


@app.command()
def add(
    reason: Reason,
    match: Annotated[
        str | None, typer.Argument(metavar="[FILTER]", help="""Whom, e.g. 'userName eq "ada@example.com"'.""")
    ] = None,
    identity: Annotated[str | None, typer.Option("--identity", metavar="ID", help="One person, by SCIM id.")] = None,
    members: Annotated[
        str | None, typer.Option("--members", metavar="GROUP", help="Whoever is in a SCIM group of this name.")
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", metavar="ID|NAME", help="One account, at --target or any.")
    ] = None,
    group: Annotated[
        str | None, typer.Option("--group", metavar="NAME", help="Take nobody out of a group, at --target or any.")
    ] = None,
    target: Annotated[str | None, typer.Option("--target", metavar="NAME", help="A whole target, or where.")] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="When it ends; a date ends with its day, in UTC.")
    ] = None,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Spare people, an account, a group or a target.

    A filter is a SCIM filter (RFC 7644 §3.4.2.2) over identities. It counts from now on, for cases that are open, too.
    """
    spared, subject = _chosen(match, identity, members, account, group, target)
    wanted = Exclusion(
        reason=reason,
        spared=spared,
        match=_filter(subject) if spared is Spared.MATCH else None,
        subject=subject if spared is not Spared.MATCH else "",
        target=(target or "") if spared in (Spared.ACCOUNT, Spared.GROUP) else "",
        until=_until(until),
    )
    with opened(config, log_level) as bridge:
        now = bridge.clock()
        if not wanted.stands(now):
            raise typer.BadParameter("--until has passed")
        count = bridge.holding.reach(wanted)
        exclusion_id = bridge.holding.exclude(wanted, by=operator(by), now=now)
    if count == 0:
        note("warning: no active identity matches just now; see to its spelling")
    elif count is not None:
        note(f"It spares {count} active {'identity' if count == 1 else 'identities'} just now.")
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
    """List all exclusions: those made at run time, and those of the configuration."""
    with opened(config, log_level) as bridge:
        from scimbridge.cli.documents import exclusion_document

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
            (row["id"], spell(each), _ending(each, now), moment(row["placed_at"]), row["placed_by"], each.reason)
            for each, row in made
        ]
        rows += [("configuration", spell(each), _ending(each, now), "-", "-", each.reason) for each in written]
        say_table(("ID", "OF", "UNTIL", "SINCE", "BY", "REASON"), rows)


def spell(exclusion: Exclusion) -> str:
    """Return whom or what an exclusion spares, in words."""
    where = f" at {exclusion.target}" if exclusion.target else ""
    match exclusion.spared:
        case Spared.MATCH:
            return exclusion.match.text if exclusion.match is not None else "nobody"
        case Spared.IDENTITY | Spared.TARGET:
            return f"{exclusion.spared} {exclusion.subject}"
        case Spared.MEMBERS:
            return f"members of {exclusion.subject}"
        case Spared.ACCOUNT | Spared.GROUP:
            return f"{exclusion.spared} {exclusion.subject}{where}"


def _chosen(
    match: str | None,
    identity: str | None,
    members: str | None,
    account: str | None,
    group: str | None,
    target: str | None,
) -> tuple[Spared, str]:
    said = {
        Spared.MATCH: match,
        Spared.IDENTITY: identity,
        Spared.MEMBERS: members,
        Spared.ACCOUNT: account,
        Spared.GROUP: group,
    }
    named = [(spared, text) for spared, text in said.items() if text is not None]
    if target is not None and not named:
        named = [(Spared.TARGET, target)]
    elif target is not None and named[0][0] not in (Spared.ACCOUNT, Spared.GROUP):
        raise typer.BadParameter("--target goes with --account and --group, or stands alone")
    if len(named) != 1 or not named[0][1].strip():
        raise typer.BadParameter(f"name one of {OPTIONS}")
    return named[0]


def _filter(text: str) -> IdentityFilter:
    try:
        return IdentityFilter(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _until(text: str | None) -> datetime | None:
    if text is None:
        return None
    from scimbridge.domain.lifecycle import read_end

    at = read_end(text, UTC).at
    if at is None:
        raise typer.BadParameter("write a date like 2026-12-31, or a time like 2026-12-31T18:00")
    return at


def _ending(exclusion: Exclusion, now: datetime) -> str:
    if exclusion.until is None:
        return "-"
    return moment(exclusion.until) if exclusion.stands(now) else f"{moment(exclusion.until)} (over)"
