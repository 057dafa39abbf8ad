"""If-Match: the version that a client expects (RFC 7644 §3.14)."""

from __future__ import annotations

from scimbridge.errors import PreconditionError


def require_version(stored: int, wanted: int | None) -> None:
    """Make sure that the stored version is the one that is wanted, if one is.

    Raises:
        PreconditionError: It is another one.
    """
    if wanted is not None and wanted != stored:
        raise PreconditionError
