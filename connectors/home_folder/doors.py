"""A folder that nobody but root and the bridge gets into."""

from __future__ import annotations

import os
import stat

from scimbridge.sdk import AccountState

CLOSED = 0o000


def is_closed(status: os.stat_result) -> bool:
    """Whether nobody may enter, and nobody but the bridge can change that."""
    return stat.S_IMODE(status.st_mode) == CLOSED and status.st_uid == os.geteuid()


def close(fd: int) -> None:
    """Close a folder. Access lists stay; without a right for the group, none of their entries counts (acl(5))."""
    os.fchown(fd, os.geteuid(), -1)  # first: its owner could open it again
    os.fchmod(fd, CLOSED)
    os.fsync(fd)


def reopen(fd: int, original: AccountState) -> None:
    """Give a folder the owner and the mode that it had."""
    os.fchown(fd, int(original.attributes["uid"][0]), -1)
    os.fchmod(fd, int(original.attributes["mode"][0], 8))
    os.fsync(fd)


def is_half_open(account: AccountState) -> bool:
    """Whether a process died when a folder had its owner back, and not yet its mode."""
    closed, original = (f"{CLOSED:04o}",), account.original
    return (
        not account.suspended
        and original is not None
        and account.attributes["mode"] == closed != original.attributes["mode"]
    )


def told(status: os.stat_result) -> dict[str, tuple[str, ...]]:
    """Return what ``reopen`` works from."""
    return {"mode": (f"{stat.S_IMODE(status.st_mode):04o}",), "uid": (str(status.st_uid),)}
