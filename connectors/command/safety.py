"""Whose program it is: whoever can change it has the rights of the bridge."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def refuse_unsafe(path: Path) -> None:
    """Make sure that nobody but root and the bridge's own user can change a program, or put another in its place.

    Raises:
        ValueError: Somebody can, or there is no such program; the message says what to change.
    """
    try:
        found = [(each, each.lstat()) for each in (path, *path.parents, *path.resolve().parents)]
    except OSError as error:
        raise ValueError(f"there is no {path} ({error.strerror})") from None
    program = found[0][1]
    if not stat.S_ISREG(program.st_mode) or not program.st_mode & 0o111:
        raise ValueError(f"{path} is not an executable file; write the file itself, and not a link to it")
    for each, status in found:
        is_sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
        is_shared = status.st_mode & 0o022 and not stat.S_ISLNK(status.st_mode) and not is_sticky
        if status.st_uid not in {0, os.geteuid()} or is_shared:
            raise ValueError(f"others can change {each}: it has to belong to root or the bridge, writable by no others")
