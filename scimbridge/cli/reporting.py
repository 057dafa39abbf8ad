"""How errors reach the operator: sentences on standard error, and an exit code."""

from __future__ import annotations

import errno
import logging
import traceback
from enum import IntEnum
from typing import Any

import typer
from typer.core import TyperGroup

from scimbridge.cli.output import note
from scimbridge.domain.number import number_of
from scimbridge.errors import (
    BridgeError,
    ConfigurationError,
    FloodClosedError,
    FloodGrownError,
    LegalHoldError,
    NoSealKeyError,
    NotFoundError,
    StillObservesError,
    StoreUnavailableError,
    TooManyTokensError,
)


class ExitCode(IntEnum):
    """What a command's end means to a script."""

    DONE = 0
    FAILED = 1
    WRONG_USAGE = 2
    NEEDS_PERSON = 3


class Reporting(TyperGroup):
    """Turns what the bridge raises into plain sentences, for all commands in one place."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except BridgeError as error:
            raise typer.Exit(_report(error)) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of our output has seen enough
                raise
            note(f"Error: {_spell(error)}")
            raise typer.Exit(ExitCode.FAILED) from error


_LISTED_BY = {
    "case": "cases find TEXT",
    "flood": "guard list",
    "live client": "client list",
    "open inquiry": "inquiries list",
    "operator": "operator list",
    "request that waits for its date": "cases requested",
    "source": "sources list",
    "standing exclusion": "exclusion list",
    "standing hold": "hold list",
    "target": "targets list",
    "task": "cases show CASE",
    "version of the rules": "rules list",
}
"""What shows the things that somebody may have meant."""


def _report(error: BridgeError) -> ExitCode:
    if logging.getLogger().isEnabledFor(logging.DEBUG):
        note(*traceback.format_exception(error))
    if isinstance(error, ConfigurationError):
        note(*(str(problem) for problem in error.problems))
        note(f"{number_of(len(error.problems), 'problem')}; nothing was started")
        return ExitCode.WRONG_USAGE
    note(f"Error: {error}{_hint(error)}")
    return ExitCode.FAILED


def _hint(error: BridgeError) -> str:
    """Return the next step as a command: what is raised says what is wrong, and the API and the pages say it, too."""
    match error:
        case StoreUnavailableError() if "`" not in str(error):
            return " (`scimbridge check` shows what is wrong)"
        case NotFoundError(kind=kind) if kind in _LISTED_BY:
            return f" (`scimbridge {_LISTED_BY[kind]}` shows what there is)"
        case TooManyTokensError():
            return " (`scimbridge token list`, then `scimbridge token revoke ID`)"
        case LegalHoldError():
            return " (with --reason)"
        case FloodClosedError(flood_id=flood_id) | FloodGrownError(flood_id=flood_id):
            return f" (`scimbridge guard show {flood_id}` tells it)"
        case StillObservesError(target=target):
            return f" (`scimbridge targets arm {target} --for 4h --reason …` lets it act)"
        case NoSealKeyError():
            return " (`scimbridge evidence key` prints the right one)"
        case _:
            return ""


def _spell(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"
