"""``scimbridge operator token``: several tokens of an operator, one for each program."""

from __future__ import annotations

from typing import Annotated

import typer

from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, By, ConfigPath, Log, LogLevel, Reason, new_group, operator
from scimbridge.cli.output import note, say, say_json, say_table
from scimbridge.cli.token import NEVER, lifetime_of, lifetime_text
from scimbridge.dashboard.times import moment
from scimbridge.domain.times import iso

app = new_group("token", "Tokens of operators: one for each program.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The operator, as it stands in the history.")]


@app.command()
def create(
    name: Name,
    purpose: Annotated[str, typer.Argument(metavar="PURPOSE", help="What it is for, in your own words.")],
    expires: Annotated[
        str,
        typer.Option("--expires", metavar="DURATION", callback=lifetime_text, help='How long it is good, or "never".'),
    ] = "365d",
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Make another token for an operator.

    It may do what the operator's role may. It is shown only now, alone on the last line of the standard output.
    """
    with opened(config, log_level) as bridge:
        now = bridge.clock()
        lifetime = None if expires == NEVER else lifetime_of(expires)
        token = bridge.operator_tokens.create(name, purpose, by=operator(by), now=now, lifetime=lifetime)
        until = f"expires on {moment(now + lifetime)}" if lifetime else "never expires"
        note(f"Token of {name} for {purpose}, which {until}; send it as the bearer token to /api/v1:")
    say(token)


@app.command("list")
def list_tokens(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One operator's; else all of them.")] = None,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """List tokens, revoked and expired ones too."""
    with opened(config, log_level) as bridge:
        rows = bridge.operator_tokens.all(name)
    times = ("created_at", "expires_at", "revoked_at")
    if as_json:
        names = ("id", "operator", "name", "hint")
        say_json([{**{key: row[key] for key in names}, **{key: iso(row[key]) for key in times}} for row in rows])
    elif not rows:
        say("No tokens match.")
    else:
        say_table(
            ("ID", "OPERATOR", "FOR", "TOKEN", "SINCE", "EXPIRES", "REVOKED"),
            [
                (
                    row["id"],
                    row["operator"],
                    row["name"] or "-",
                    row["hint"],
                    moment(row["created_at"]),
                    moment(row["expires_at"]) if row["expires_at"] else NEVER,
                    moment(row["revoked_at"]) if row["revoked_at"] else "-",
                )
                for row in rows
            ],
        )


@app.command()
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As `scimbridge operator token list` shows it.")],
    reason: Reason,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Revoke a token at once and for good."""
    with opened(config, log_level) as bridge:
        name = bridge.operator_tokens.revoke(token_id, reason=reason, by=operator(by), now=bridge.clock())
    say(f"Revoked a token of {name}.")
