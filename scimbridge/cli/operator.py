"""``scimbridge operator``: who may use the pages and the API."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from scimbridge.cli import operator_token
from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, By, ConfigPath, Log, LogLevel, Reason, new_group
from scimbridge.cli.options import operator as who
from scimbridge.cli.output import note, say, say_json, say_table
from scimbridge.cli.token import NEVER, lifetime_of, lifetime_text
from scimbridge.dashboard.times import moment
from scimbridge.domain.operator import Role, is_operator_name
from scimbridge.domain.times import iso
from scimbridge.notices.links import sign_in_link

if TYPE_CHECKING:
    from scimbridge.bridge import Bridge

app = new_group("operator", "Operators: who may use the pages and the API.")
app.add_typer(operator_token.app)


def _name(value: str) -> str:
    if not is_operator_name(value):
        raise typer.BadParameter('write a name of letters, digits, ".", "_", "@", "+" and "-", at most 100 characters')
    return value


NameArgument = Annotated[str, typer.Argument(metavar="NAME", callback=_name, help="As it stands in the history.")]


KnownArgument = Annotated[str, typer.Argument(metavar="NAME", help="As it stands in the history.")]


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
    """Let an operator use the pages and the API.

    A link that signs in once goes to the standard error. A token for the API is shown only now, alone on the last line
    of the standard output.
    """
    with opened(config, log_level) as bridge:
        now = bridge.clock()
        lifetime = None if expires == NEVER else lifetime_of(expires)
        token = bridge.operators.create(name, role, by=who(by), now=now, lifetime=lifetime)
        link = _link(bridge, bridge.signing_in.make_link(name, by=who(by), now=now))
        note(f"To sign in to the pages once, until {moment(now + _link_lifetime())}: {link}")
        until = f"expires on {moment(now + lifetime)}" if lifetime else "never expires"
        note(f"Token of {role} {name}, which {until}; send it as the bearer token to /api/v1:")
    say(token)


@app.command("sign-in")
def sign_in(name: KnownArgument, by: By = None, config: ConfigPath = None, log_level: Log = LogLevel.ERROR) -> None:
    """Make a link that signs an operator in to the pages, once.

    It is good for an hour, works even if the operator is locked out or has lost their phone, and is alone on the last
    line of the standard output.
    """
    with opened(config, log_level) as bridge:
        now = bridge.clock()
        link = _link(bridge, bridge.signing_in.make_link(name, by=who(by), now=now))
        note(f"{name} signs in by this link once, until {moment(now + _link_lifetime())}:")
    say(link)


@app.command()
def password(name: KnownArgument, by: By = None, config: ConfigPath = None, log_level: Log = LogLevel.ERROR) -> None:
    """Set an operator's password.

    The command asks for it, or reads it from the standard input. The operator's sessions end.
    """
    new = _ask_password()
    with opened(config, log_level) as bridge:
        bridge.own_access.set_password(name, new, by=who(by), now=bridge.clock())
    say(f"{name} has the new password; their sessions have ended.")


@app.command()
def role(
    name: KnownArgument,
    new: Annotated[Role, typer.Argument(metavar="ROLE", help="What the operator may do from now on.")],
    reason: Reason,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Give an operator another role.

    It counts at once, and the operator's sessions end.
    """
    with opened(config, log_level) as bridge:
        bridge.operators.change_role(name, new, reason=reason, by=who(by), now=bridge.clock())
    say(f"{name} is {new} now.")


@app.command()
def readmit(
    name: KnownArgument,
    reason: Reason,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Let somebody in again who was revoked here.

    This is for people who sign in through an identity provider; create others anew.
    """
    with opened(config, log_level) as bridge:
        bridge.operators.let_in_again(name, reason=reason, by=who(by), now=bridge.clock())
    say(f"{name} may sign in again.")


@app.command()
def revoke(
    name: KnownArgument,
    reason: Reason,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Shut an operator out, at once."""
    with opened(config, log_level) as bridge:
        bridge.operators.revoke(name, reason=reason, by=who(by), now=bridge.clock())
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
                    row["hint"] or "-",
                    moment(row["created_at"]),
                    moment(row["expires_at"]) if row["expires_at"] else (NEVER if row["hint"] else "-"),
                    moment(row["revoked_at"]) if row["revoked_at"] else "-",
                )
                for row in rows
            ],
        )


def _link(bridge: Bridge, secret: str) -> str:
    return sign_in_link(bridge.settings.server.public_url, secret)


def _link_lifetime() -> timedelta:
    from scimbridge.services.signing_in import LINK_LIFETIME

    return LINK_LIFETIME


def _ask_password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("New password", hide_input=True, confirmation_prompt=True)).strip()
    return sys.stdin.readline().strip()
