"""From what the system says to what the engine does next."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from scimbridge.sdk import ConnectorError, RejectedError, RetryableError, TargetUnusableError

ERRORS: dict[int, type[ConnectorError]] = {
    errno.ENOENT: RetryableError,
    errno.EIO: RetryableError,
    errno.ESTALE: RetryableError,
    errno.ETIMEDOUT: RetryableError,
    errno.EAGAIN: RetryableError,
    errno.EMFILE: RetryableError,
    errno.ENFILE: RetryableError,
    errno.ENOMEM: RetryableError,
    errno.EBUSY: RetryableError,
    errno.ENOTEMPTY: RetryableError,
    errno.EEXIST: RetryableError,
    errno.EACCES: RejectedError,
    errno.EPERM: RejectedError,
    errno.ELOOP: RejectedError,
    errno.ENOTDIR: RejectedError,
    errno.ENAMETOOLONG: RejectedError,
    errno.EROFS: TargetUnusableError,
}
"""What an error of the system means; one that is not here is refused."""

_FULL = (errno.ENOSPC, errno.EDQUOT)


class AskError(Exception):
    """Only a person can go on; the message says what to do."""


class ChangedError(RetryableError):
    """Something in the folder is not what it was a moment ago."""


class DamagedError(RetryableError):
    """An archive does not read back as its manifest says, or that cannot be read."""


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn errors of the system into errors of a connector.

    Args:
        what: What was being done, as the beginning of a sentence.

    Raises:
        AskError: There is no room left.
        ConnectorError: By the table.
    """
    try:
        yield
    except OSError as error:
        said = f"{what}: {_about(error)}"
        if error.errno in _FULL:
            raise AskError(f"{said}; make room, and retry the task") from error
        raise ERRORS.get(error.errno or 0, RejectedError)(said) from error


def _about(error: OSError) -> str:
    said = os.strerror(error.errno) if error.errno else str(error)
    return f"{printable(str(error.filename))}: {said}" if error.filename else said


def printable(name: str) -> str:
    """Return a name of the file system as it can be shown and stored, whatever octets it has."""
    shown = os.fsencode(name).decode(errors="backslashreplace")
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in shown)
