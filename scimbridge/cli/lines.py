"""Files of leavers and of groups, as commands are given them, and what became of their lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from scimbridge.cli.output import note
from scimbridge.cli.reporting import ExitCode

if TYPE_CHECKING:
    from scimbridge.domain.leavers import LeaversFile
    from scimbridge.domain.request import LineReport

T = TypeVar("T")


def is_file(said: str) -> bool:
    """Whether a file is meant, and not a person or a group."""
    return said.lower().endswith(".csv")


def file_of_leavers(path: str) -> LeaversFile:
    """Return what a file of leavers says.

    Raises:
        BadParameter: It cannot be read, or is no such file.
    """
    from scimbridge.domain.leavers import read_leavers

    return read_file(path, read_leavers)


def read_file(path: str, read: Callable[[bytes], T]) -> T:
    """Return what a file says.

    Args:
        path: Where it is.
        read: Turns its content into lines, or raises ``TableError``.

    Raises:
        BadParameter: It cannot be read, or is no such file.
    """
    from scimbridge.domain.table import TableError

    try:
        return read(Path(path).read_bytes())
    except TableError as error:
        raise typer.BadParameter(f"{path}: {error}") from error
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}") from error


def note_ignored(columns: Sequence[str]) -> None:
    """Name the columns of a file that mean nothing to the command."""
    if columns:
        note(f"note: ignored columns: {', '.join(columns)}")


def note_undone(report: LineReport[Any], *, dry_run: bool) -> None:
    """Say how much was not done, and what to do about it."""
    undone = f"{len(report.failed)} of {len(report.findings)} lines"
    if dry_run:
        note("Nothing was done; this is what would happen.")
    elif not report.is_done:
        note(f"Nothing was done: {undone} cannot be done. Correct them, or use --partial to do the others.")
    elif report.failed:
        note(f"{undone} were not done.")


def exit_after(report: LineReport[Any]) -> None:
    """End with the exit code for lines that are not done, if there are any.

    Raises:
        Exit: With 1 if nothing was done because of them, with 3 if the others were.
    """
    if report.failed:
        raise typer.Exit(ExitCode.NEEDS_PERSON if report.is_done else ExitCode.FAILED)
