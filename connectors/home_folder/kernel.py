"""Calls of the kernel that Python leaves out.

When a folder was made, and which mount it is in: https://man7.org/linux/man-pages/man2/statx.2.html
A new name that takes nobody's: https://man7.org/linux/man-pages/man2/rename.2.html
"""

from __future__ import annotations

import ctypes
import os
import struct
from dataclasses import dataclass
from typing import NoReturn

from scimbridge.sdk import TargetUnusableError

_AT_EMPTY_PATH = 0x1000
_BTIME = 0x800
_MNT_ID = 0x1000
_WANTED = 0x7FF | _BTIME | _MNT_ID
_SIZE = 256
_NOREPLACE = 1

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is: the device, and the mount, by which also a folder that is mounted a second time is told."""

    device: int
    mount: int


def place_of(fd: int) -> Place:
    """Return where an open file or folder is.

    Raises:
        TargetUnusableError: The kernel does not tell.
    """
    found = _statx(fd)
    if not _mask(found) & _MNT_ID:
        raise TargetUnusableError("this kernel does not tell mounts apart; Linux 5.8 and later do")
    return Place(os.fstat(fd).st_dev, int(struct.unpack_from("=Q", found, 144)[0]))


def made_at(fd: int) -> int:
    """Return when an open folder was made, in nanoseconds since 1970.

    Raises:
        TargetUnusableError: Its file system does not tell.
    """
    found = _statx(fd)
    if not _mask(found) & _BTIME:
        raise TargetUnusableError(
            "the file system does not tell when a folder was made, so that a new one could not be told from an old one "
            "of the same name; run the bridge where the disk is (ext4, XFS, Btrfs, ZFS)"
        )
    seconds, nanoseconds = struct.unpack_from("=qI", found, 80)
    return int(seconds) * 10**9 + int(nanoseconds)


def rename_new(name: str, source: int, destination: int) -> None:
    """Move something from one open folder into another under its name.

    Raises:
        FileExistsError: Something has that name there; it is as it was.
    """
    octets = os.fsencode(name)
    if _libc.renameat2(source, octets, destination, octets, _NOREPLACE) != 0:
        _raise(name)


def _raise(name: str | None = None) -> NoReturn:
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number), name)


def _mask(found: bytes) -> int:
    return int(struct.unpack_from("=I", found, 0)[0])


def _statx(fd: int) -> bytes:
    buffer = ctypes.create_string_buffer(_SIZE)
    if _libc.statx(fd, b"", _AT_EMPTY_PATH, _WANTED, buffer) != 0:
        _raise()
    return buffer.raw
