"""Options that several commands share, each with its one spelling and help text."""

from __future__ import annotations

import getpass
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class LogLevel(StrEnum):
    """The least severe events that are logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def _not_blank(value: str | None) -> str | None:
    if value is not None and not value.strip():
        raise typer.BadParameter("must not be empty")
    return value


ConfigPath = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar="SCIMBRIDGE_CONFIG",
        metavar="FILE",
        help="The configuration; by default scimbridge.toml in the current folder.",
        show_default=False,
    ),
]
Log = Annotated[LogLevel, typer.Option("--log-level", help="What to log; debug also shows where an error came from.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON; times are ISO 8601 in UTC.")]
By = Annotated[
    str | None,
    typer.Option(
        "--by", metavar="NAME", callback=_not_blank, help="Who does this, for the history; by default your login name."
    ),
]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", callback=_not_blank, help="Why; it is shown in the history.")
]


def operator(by: str | None) -> str:
    """Return the name for the history: the one that was given, or the login name."""
    if by is not None:
        return by
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # containers run under ids that have no name
        return f"uid {os.getuid()}"


def new_group(name: str, summary: str) -> typer.Typer:
    """Return a group of commands that looks like the others."""
    return typer.Typer(name=name, help=summary, no_args_is_help=True, rich_markup_mode=None)
