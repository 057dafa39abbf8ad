"""``scimbridge operator``: who may use the API."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, By, ConfigPath, Log, LogLevel, new_group
from scimbridge.cli.options import operator as who
from scimbridge.cli.output import iso, note, say, say_json, say_table
from scimbridge.cli.token import NEVER, lifetime_of, lifetime_text
from scimbridge.dashboard.times import moment
from scimbridge.domain.operator import Role

app = new_group("operator", "Operators: who may use the API.")


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}", value):
        raise typer.BadParameter('write a name of letters, digits, ".", "_", "@", "+" and "-", at most 100 characters')
    return value


NameArgument = Annotated[str, typer.Argument(metavar="NAME", callback=_name, help="As it stands in the history.")]


@app.command()
def create(
    name: NameArgument,
    role: Annotated[Role, typer.Option("--role", help="What the operator may do.")],
    expires: Annotated[
        str,
        typer.Option(
            "--expires", metavar="DURATION", callback=lifetime_text, help='How long the token is good, or "never".'
        ),
    ] = "365d",
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Let an operator use the API.

    The token is shown this once, alone on the last line of the standard output.
    """
    with opened(config, log_level) as bridge:
        now = bridge.clock()
        lifetime = None if expires == NEVER else lifetime_of(expires)
        token = bridge.operators.create(name, role, by=who(by), now=now, lifetime=lifetime)
        until = f"expires on {moment(now + lifetime)}" if lifetime else "never expires"
        note(f"Token of {role} {name}, which {until}; send it as the bearer token to /api/v1:")
    say(token)


@app.command()
def revoke(name: NameArgument, by: By = None, config: ConfigPath = None, log_level: Log = LogLevel.ERROR) -> None:
    """Let an operator in no more, at once."""
    with opened(config, log_level) as bridge:
        bridge.operators.revoke(name, by=who(by), now=bridge.clock())
    say(f"Revoked {name}.")


@app.command("list")
def list_operators(as_json: AsJson = False, config: ConfigPath = None, log_level: Log = LogLevel.ERROR) -> None:
    """List the operators, revoked ones too."""
    with opened(config, log_level) as bridge:
        rows = bridge.operators.all()
    times = ("created_at", "expires_at", "revoked_at")
    if as_json:
        say_json(
            [
                {**{key: row[key] for key in ("name", "role", "hint")}, **{key: iso(row[key]) for key in times}}
                for row in rows
                if row["token_revoked_at"] == row["revoked_at"]
            ]
        )
    elif not rows:
        say("There are no operators.")
    else:
        say_table(
            ("NAME", "ROLE", "TOKEN", "SINCE", "EXPIRES", "REVOKED"),
            [
                (
                    row["name"],
                    row["role"],
                    row["hint"],
                    moment(row["created_at"]),
                    moment(row["expires_at"]) if row["expires_at"] else NEVER,
                    moment(row["revoked_at"]) if row["revoked_at"] else "-",
                )
                for row in rows
                if row["token_revoked_at"] == row["revoked_at"]
            ],
        )
