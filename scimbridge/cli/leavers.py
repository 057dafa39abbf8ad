"""Files of leavers, as commands are given them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from scimbridge.domain.leavers import LeaversFile


def is_file(who: str) -> bool:
    """Whether a file of leavers is meant, and not a person."""
    return who.lower().endswith(".csv")


def file_of_leavers(path: str) -> LeaversFile:
    """Return what a file says.

    Raises:
        BadParameter: It cannot be read, or is no such file.
    """
    from scimbridge.domain.leavers import read_leavers
    from scimbridge.domain.table import TableError

    try:
        return read_leavers(Path(path).read_bytes())
    except TableError as error:
        raise typer.BadParameter(f"{path}: {error}") from error
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}") from error
