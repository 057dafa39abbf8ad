"""Whether a folder is what its archive holds."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest

from connectors.home_folder.errors import ChangedError, printable
from connectors.home_folder.folders import Folder
from connectors.home_folder.manifest import Line
from connectors.home_folder.walking import walk


def compared(folder: Folder, lines: Iterable[Line]) -> None:
    """Hold a folder against a manifest, by the times at which the system notes changes.

    Raises:
        ChangedError: Something was changed, removed or added; it names the first.
    """
    for entry, line in zip_longest(walk(folder), lines):
        if entry is None:
            raise ChangedError(f"{printable(line.path)} is in the archive, and not in the folder any more")
        if line is None or entry.path != line.path or line.differs_from(entry.status):
            raise ChangedError(f"{printable(entry.path)} was changed since it was archived")
