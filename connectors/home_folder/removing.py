"""Removing a folder, each thing only if it is what the archive holds."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator

from connectors.home_folder.errors import ChangedError, printable
from connectors.home_folder.folders import Folder
from connectors.home_folder.kernel import Place
from connectors.home_folder.manifest import Line, key_of
from connectors.home_folder.places import below
from connectors.home_folder.walking import joined, require_not_too_deep
from scimbridge.sdk import Permit

AT_ONCE = 500
"""So many things are removed before it is asked again whether that may go on."""


class OutOfTimeError(Exception):
    """The rest is for the next attempt."""


class Removing:
    """Removes what is in a folder that has been set aside.

    Args:
        folder: The folder.
        lines: What its archive holds.
        permit: Asked now and then.
        until: When to stop, on the clock.
        monotonic: A clock, in seconds.
    """

    def __init__(
        self,
        folder: Folder,
        lines: Iterator[Line],
        permit: Permit,
        until: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._lines = lines
        self._permit = permit
        self._until = until
        self._monotonic = monotonic
        self._removed = 0

    def run(self) -> bool:
        """Remove the folder with all that is in it; False where time has not allowed it.

        Raises:
            ChangedError: Something in it is not in the archive; that and what follows stays.
        """
        try:
            self._empty(self._folder.fd, self._folder.place, "", 1)
            self._ask()
        except OutOfTimeError:
            return False
        os.rmdir(self._folder.name, dir_fd=self._folder.parent)
        os.fsync(self._folder.parent)
        return True

    def _empty(self, fd: int, place: Place, path: str, depth: int) -> None:
        require_not_too_deep(path, depth)
        for name in sorted(os.listdir(fd)):
            inner = joined(path, name)
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            self._require_archived(inner, status)
            if stat.S_ISDIR(status.st_mode):
                with below(name, fd, place, status) as found:
                    self._empty(found, place, inner, depth + 1)
                os.rmdir(name, dir_fd=fd)
            else:
                self._ask()
                os.unlink(name, dir_fd=fd)

    def _require_archived(self, path: str, status: os.stat_result) -> None:
        """Look for a path in the archive; what comes before it there was removed by an earlier attempt."""
        key = key_of(path)
        line = next((line for line in self._lines if line.key >= key), None)
        if line is None or line.key != key or line.differs_from(status, is_emptied=True):
            raise ChangedError(f"{printable(path)} is not what the archive holds")

    def _ask(self) -> None:
        if self._removed % AT_ONCE == 0:
            if self._removed and self._monotonic() >= self._until:
                raise OutOfTimeError
            self._permit(writes=True)
        self._removed += 1
