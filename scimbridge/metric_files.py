"""The files in which processes count their metrics together. A full disk must not end a process because it counts."""

from __future__ import annotations

import os
from pathlib import Path

import structlog
from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

ROOM = 1 << 20
"""Bytes of a file: some ten thousand counters of one kind in one process."""

log = structlog.get_logger("scimbridge.metrics")


def have_room() -> None:
    """Have the metrics library use files with room; to be called before metrics are made."""
    values.MmapedDict = RoomyDict  # type: ignore[attr-defined]  # this is where the library looks it up


class RoomyDict(MmapedDict):
    """Counters in a file that has its blocks on the disk before it is mapped.

    The library maps a file with holes: a process that counts something while the disk is full is ended
    by the kernel then (SIGBUS), however well it would bear the full disk otherwise.
    """

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        super().__init__(filename if read_mode else _with_room(Path(filename)), read_mode)  # type: ignore[no-untyped-call]


def _with_room(path: Path) -> str:
    """Return the file, or where the disk has no room, one in memory: this process's metrics are not shown then."""
    if not hasattr(os, "posix_fallocate"):
        return str(path)
    try:
        with path.open("ab") as file:
            os.posix_fallocate(file.fileno(), 0, ROOM)
    except OSError as error:
        path.unlink(missing_ok=True)
        log.warning("no room for metrics; they are not shown", action="metrics.hidden", reason=error.strerror)
        memory = os.memfd_create(path.name)
        os.truncate(memory, ROOM)
        return f"/proc/self/fd/{memory}"
    return str(path)
