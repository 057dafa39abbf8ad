"""``scimbridge token``: how sources show who they are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scimbridge.cli import completing
from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, By, ConfigPath, Log, LogLevel, new_group, operator
from scimbridge.cli.output import note, say, say_json, say_table
from scimbridge.dashboard.times import distance, moment
from scimbridge.domain.source import SOURCE_NAME_RULE, is_source_name

if TYPE_CHECKING:
    from scimbridge.bridge import Bridge
    from scimbridge.config.document import SourceSection

NEVER = "never"

app = new_group("token", "Tokens, with which sources sign in.")


def source_name(value: str) -> str:
    """Return a source's name, if it can be one."""
    if not is_source_name(value):
        raise typer.BadParameter(f"no source can have this name; write {SOURCE_NAME_RULE}")
    return value


def note_unconfigured(bridge: Bridge, source: str) -> None:
    """Say so where the configuration does not name a source, although it names others."""
    known = bridge.settings.sources
    if known and source not in known:
        note(f"note: the configuration has no [sources.{source}], so that its defaults apply")


def expiry_warning(row: Mapping[Any, Any], now: datetime) -> str | None:
    """Return what to do about a token that expires soon, or ``None`` where nothing has to be done."""
    from scimbridge.services.tokens import EXPIRES_SOON

    expires_at = row["expires_at"]
    if row["revoked_at"] is not None or expires_at is None or not now < expires_at <= now + EXPIRES_SOON:
        return None
    return (
        f"token {row['hint']} of {row['source']} expires {distance(expires_at, now)}: make another one, enter it at "
        "the identity provider, then revoke this one"
    )


def lifetime_text(value: str | None) -> str | None:
    """Return a lifetime as it is written, if it is one."""
    if value not in {None, NEVER}:
        lifetime_of(value or "")
    return value


def lifetime_of(text: str) -> timedelta:
    """Return a lifetime."""
    from scimbridge.domain.duration import parse_duration

    try:
        lifetime = parse_duration(text)
        datetime.now(UTC) + lifetime
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter('write a duration like 90d, 36h or P90D, or "never"') from error
    if lifetime <= timedelta():
        raise typer.BadParameter("must be longer than zero")
    return lifetime


def _lifetime(expires: str | None, section: SourceSection | None) -> timedelta | None:
    if expires is not None:
        return None if expires == NEVER else lifetime_of(expires)
    return section.token_lifetime if section is not None else None


def _state(row: Mapping[Any, Any], now: datetime) -> str:
    if row["revoked_at"] is not None:
        return f"revoked {moment(row['revoked_at'])}"
    return "expired" if _has_expired(row, now) else "live"


def _has_expired(row: Mapping[Any, Any], now: datetime) -> bool:
    return row["expires_at"] is not None and row["expires_at"] <= now


@app.command()
def create(
    source: Annotated[
        str,
        typer.Argument(
            callback=source_name, autocompletion=completing.sources, help="The identity provider, e.g. okta."
        ),
    ],
    expires: Annotated[
        str | None,
        typer.Option(
            "--expires",
            metavar="DURATION",
            callback=lifetime_text,
            help='How long it lets the source in, like 90d, or "never"; else token_lifetime of the source.',
        ),
    ] = None,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Make a token for a source, which may have two at once.

    It is shown only now, alone on the last line of the standard output.
    """
    with opened(config, log_level, makes_store=True) as bridge:
        note_unconfigured(bridge, source)
        lifetime = _lifetime(expires, bridge.settings.sources.get(source))
        now = bridge.clock()
        token = bridge.tokens.create(source, by=operator(by), now=now, lifetime=lifetime)
        until = f", which expires on {moment(now + lifetime)}" if lifetime else ", which never expires"
        url = bridge.settings.server.public_url
        note(f"Token for {source}{until}; enter it as the bearer token for {url}/scim/v2:")
    say(token)


@app.command("list")
def list_tokens(as_json: AsJson = False, config: ConfigPath = None, log_level: Log = LogLevel.ERROR) -> None:
    """List all tokens, revoked and expired ones too.

    The tokens themselves are not shown; the bridge does not even keep them.
    """
    with opened(config, log_level) as bridge:
        rows = bridge.tokens.all()
        now = bridge.clock()
    if as_json:
        from scimbridge.documents import token_document

        say_json([token_document(row, now) for row in rows])
        return
    if not rows:
        say("No tokens yet: `scimbridge token create SOURCE` makes one.")
        return
    say_table(
        ("ID", "SOURCE", "TOKEN", "LAST USED", "EXPIRES", "STATE"),
        [
            (
                row["id"],
                row["source"],
                row["hint"],
                moment(row["last_used_at"]) if row["last_used_at"] else "never",
                moment(row["expires_at"]) if row["expires_at"] else "never",
                _state(row, now),
            )
            for row in rows
        ],
    )
    note(*(f"warning: {warning}" for warning in (expiry_warning(row, now) for row in rows) if warning))


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
