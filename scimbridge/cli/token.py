"""``scimbridge token``: how sources show who they are."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, By, ConfigPath, Log, LogLevel, new_group, operator
from scimbridge.cli.output import iso, note, say, say_json, say_table
from scimbridge.dashboard.times import moment

app = new_group("token", "How sources show who they are.")


def _source_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", value):
        raise typer.BadParameter('write a name of letters, digits, ".", "_" and "-", at most 64 characters')
    return value


@app.command()
def create(
    source: Annotated[str, typer.Argument(callback=_source_name, help="The identity provider, e.g. okta.")],
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Make a token for a source.

    It is shown this once, alone on the last line of the standard output.
    """
    with opened(config, log_level, makes_store=True) as bridge:
        known = bridge.settings.sources
        if known and source not in known:
            note(f"note: the configuration has no [sources.{source}], so that its defaults apply")
        token = bridge.tokens.create(source, by=operator(by), now=bridge.clock())
        note(f"Token for {source}; enter it as the bearer token for {bridge.settings.server.public_url}/scim/v2:")
    say(token)


@app.command("list")
def list_tokens(as_json: AsJson = False, config: ConfigPath = None, log_level: Log = LogLevel.ERROR) -> None:
    """List all tokens, revoked ones too.

    What could be used to sign in is not shown; it is not even kept.
    """
    with opened(config, log_level) as bridge:
        rows = bridge.tokens.all()
    if as_json:
        say_json(
            [
                {
                    "id": row["id"],
                    "source": row["source"],
                    "hint": row["hint"],
                    "created_at": iso(row["created_at"]),
                    "last_used_at": iso(row["last_used_at"]),
                    "revoked_at": iso(row["revoked_at"]),
                }
                for row in rows
            ]
        )
    elif not rows:
        say("No tokens yet: `scimbridge token create SOURCE` makes one.")
    else:
        say_table(
            ("ID", "SOURCE", "TOKEN", "LAST USED", "STATE"),
            [
                (
                    row["id"],
                    row["source"],
                    row["hint"],
                    moment(row["last_used_at"]) if row["last_used_at"] else "never",
                    f"revoked {moment(row['revoked_at'])}" if row["revoked_at"] else "live",
                )
                for row in rows
            ],
        )


@app.command()
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As `scimbridge token list` shows it.")],
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Revoke a token at once and for good."""
    with opened(config, log_level) as bridge:
        source = bridge.tokens.revoke(token_id, by=operator(by), now=bridge.clock())
    say(f"Revoked a token of {source}.")
