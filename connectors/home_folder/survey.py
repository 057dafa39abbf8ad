"""A look at a folder before anything is done: how large it is, and what cannot be archived."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.home_folder.errors import AskError, printable
from connectors.home_folder.folders import Folder
from connectors.home_folder.manifest import Kind, kind_of
from connectors.home_folder.walking import walk

SHOWN = 5
"""So many paths are named."""


def survey(folder: Folder) -> int:
    """Return the size of all files in a folder, in bytes.

    Raises:
        AskError: There is something that cannot be archived.
    """
    size = 0
    others: list[str] = []
    for entry in walk(folder):
        kind = kind_of(entry.status)
        if kind is Kind.FILE:
            size += entry.status.st_size
        elif kind is None:
            others.append(entry.path)
    if others:
        raise AskError(special(others))
    return size


def special(paths: Sequence[str]) -> str:
    """Return what a person is told about devices, sockets and pipes."""
    named = ", ".join(printable(path) for path in paths[:SHOWN])
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return (
        f"no archive can hold devices, sockets and pipes, and here are: {named}{more}; remove them, and retry the task"
    )


def amount(size: int) -> str:
    """Return a number of bytes as people read it."""
    value = float(size)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"
