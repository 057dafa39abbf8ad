"""``scimbridge sources``: who writes to the bridge, how, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scimbridge.cli import completing
from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, ConfigPath, Log, LogLevel, new_group
from scimbridge.cli.output import say, say_json, say_table
from scimbridge.dashboard.times import moment

if TYPE_CHECKING:
    from scimbridge.services.sources import SourceView

app = new_group("sources", "Sources: what identity providers send, and what came of it.")

Name = Annotated[
    str,
    typer.Argument(metavar="NAME", autocompletion=completing.sources, help="As `scimbridge sources list` shows it."),
]


@app.command("list")
def list_sources(as_json: AsJson = False, config: ConfigPath = None, log_level: Log = LogLevel.ERROR) -> None:
    """List the sources: size, last write, errors.

    Errors are writes of the last 24 hours that were refused.
    """
    with opened(config, log_level) as bridge:
        views = bridge.sources.all(bridge.clock())
    if as_json:
        from scimbridge.documents import source_document

        say_json([source_document(view) for view in views])
    elif not views:
        say("No sources yet: `scimbridge token create SOURCE` makes one.")
    else:
        say_table(
            ("SOURCE", "USERS", "ACTIVE", "GROUPS", "TOKENS", "LAST WRITE", "REFUSED", "QUIRKS"),
            [
                (
                    view.name,
                    view.counts["users"],
                    view.counts["active_users"],
                    view.counts["groups"],
                    len(view.tokens),
                    _when(view.last_request_at),
                    sum(view.refused.values()),
                    len(view.quirks),
                )
                for view in views
            ],
        )


@app.command()
def show(name: Name, as_json: AsJson = False, config: ConfigPath = None, log_level: Log = LogLevel.ERROR) -> None:
    """Show a source: its tokens, its quirks, its errors.

    Quirks are where it departs from RFC 7643 and RFC 7644; the bridge understands it all the same.
    """
    with opened(config, log_level) as bridge:
        view = bridge.sources.one(name, bridge.clock())
    if as_json:
        from scimbridge.documents import source_document

        say_json(source_document(view))
        return
    users, active, groups = (view.counts[key] for key in ("users", "active_users", "groups"))
    say(f"{view.name}: Users: {users}, of them active: {active}. Groups: {groups}.")
    say(f"Last write: {_when(view.last_request_at)}.")
    if not view.is_configured:
        say(f"The configuration has no [sources.{view.name}]; its defaults apply.")
    _say_tokens(view)
    refused = ", ".join(f"{status}: {count}" for status, count in view.refused.items())
    say(f"Refused in the last 24 hours: {refused or 'nothing'}.")
    _say_quirks(view)


@app.command("requests")
def list_requests(
    name: Name,
    user: Annotated[
        str | None, typer.Option("--user", metavar="USER", help="Only about this userName, id or externalId.")
    ] = None,
    refused: Annotated[bool, typer.Option("--refused", help="Only what was answered with an error.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, metavar="N", help="How many, newest first.")] = 20,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Show what a source has sent, and what came of it.

    With `--user` it tells why somebody is active, or is not.
    """
    with opened(config, log_level) as bridge:
        bridge.sources.one(name, bridge.clock())
        view = bridge.sources.requests(name, user=user, only_refused=refused, limit=limit)
    if as_json:
        from scimbridge.documents import received_document, user_document

        say_json(
            {
                "users": [user_document(row) for row in view.users],
                "requests": [received_document(row) for row in view.requests],
            }
        )
        return
    for row in view.users:
        say(f"{row['user_name']} ({row['id']}) is {_state(row)}.")
    if not view.requests:
        say("No requests match.")
        return
    say_table(
        ("AT", "REQUEST", "STATUS", "UNDERSTOOD", "APPLIED"),
        [
            (moment(row["at"]), f"{row['method']} {row['path']}", row["status"], row["understood"], row["applied"])
            for row in view.requests
        ],
    )


def _say_tokens(view: SourceView) -> None:
    if not view.tokens:
        say(f"No live token: `scimbridge token create {view.name}` makes one.")
        return
    say_table(
        ("TOKEN", "CREATED", "LAST USED", "EXPIRES"),
        [
            (row["hint"], moment(row["created_at"]), _when(row["last_used_at"]), _when(row["expires_at"]))
            for row in view.tokens
        ],
    )


def _say_quirks(view: SourceView) -> None:
    if not view.quirks:
        say("No quirks seen.")
        return
    say_table(
        ("QUIRK", "REQUESTS", "LAST SEEN"), [(r["name"], r["seen"], moment(r["last_seen_at"])) for r in view.quirks]
    )


def _state(row: Mapping[str, Any]) -> str:
    if row["deleted_at"] is not None:
        return "deleted"
    return "active" if row["active"] else "inactive"


def _when(at: datetime | None) -> str:
    return moment(at) if at is not None else "never"
