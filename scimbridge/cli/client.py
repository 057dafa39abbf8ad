"""``scimbridge client``: OAuth clients, for sources that get their access tokens from the bridge."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from scimbridge.cli import completing
from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, By, ConfigPath, Log, LogLevel, new_group, operator
from scimbridge.cli.output import note, say, say_json, say_table
from scimbridge.cli.token import note_unconfigured, source_name
from scimbridge.dashboard.times import moment

app = new_group("client", "OAuth clients, with which sources fetch access tokens.")


@app.command()
def create(
    source: Annotated[
        str,
        typer.Argument(
            callback=source_name, autocompletion=completing.sources, help="The identity provider, e.g. okta."
        ),
    ],
    public_key: Annotated[
        Path | None,
        typer.Option(
            "--public-key", metavar="FILE", exists=True, dir_okay=False, help="The client's public key, in PEM."
        ),
    ] = None,
    jwks: Annotated[
        Path | None,
        typer.Option(
            "--jwks", metavar="FILE", exists=True, dir_okay=False, help="The client's public keys, as a JWK Set."
        ),
    ] = None,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Make an OAuth client for a source.

    Its id is on the first line of the standard output. Its secret is shown only now, alone on the last line. With a
    public key or a JWK Set there is no secret: the client signs (private_key_jwt).
    """
    if public_key and jwks:
        raise typer.BadParameter("give one of --public-key and --jwks")
    chosen = public_key or jwks
    keys = chosen.read_bytes() if chosen else None
    with opened(config, log_level, makes_store=True) as bridge:
        note_unconfigured(bridge, source)
        client = bridge.clients.create(source, by=operator(by), now=bridge.clock(), keys=keys)
        what = "id" if client.secret is None else "id, and below it its secret"
        note(f"Client of {source}; the token endpoint is {bridge.settings.server.public_url}/oauth/token. Its {what}:")
    say(client.client_id, *([client.secret] if client.secret else []))


@app.command("list")
def list_clients(as_json: AsJson = False, config: ConfigPath = None, log_level: Log = LogLevel.ERROR) -> None:
    """List all OAuth clients, revoked ones too.

    Secrets are not shown.
    """
    with opened(config, log_level) as bridge:
        rows = bridge.clients.all()
    if as_json:
        from scimbridge.documents import client_document

        say_json([client_document(row) for row in rows])
    elif not rows:
        say("No clients yet: `scimbridge client create SOURCE` makes one.")
    else:
        say_table(
            ("ID", "SOURCE", "SHOWS", "LAST USED", "STATE"),
            [
                (
                    row["id"],
                    row["source"],
                    _shows(row),
                    moment(row["last_used_at"]) if row["last_used_at"] else "never",
                    f"revoked {moment(row['revoked_at'])}" if row["revoked_at"] else "live",
                )
                for row in rows
            ],
        )


@app.command()
def revoke(
    client_id: Annotated[str, typer.Argument(metavar="ID", help="As `scimbridge client list` shows it.")],
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Revoke a client and its access tokens, for good."""
    with opened(config, log_level) as bridge:
        source = bridge.clients.revoke(client_id, by=operator(by), now=bridge.clock())
    say(f"Revoked a client of {source}.")


def _shows(row: Mapping[Any, Any]) -> str:
    return "a signature" if row["has_keys"] else "a secret"
