"""Passwords of operators: which are good enough, and how they are kept. The one place that knows the library."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from scimbridge.domain.names import fold
from scimbridge.errors import WeakPasswordError

SHORTEST = 12
LONGEST = 256

# OWASP's Password Storage Cheat Sheet, first choice of Argon2id: 19 MiB, two passes, one lane.
_MEMORY = 19 * 1024
_PASSES = 2


class Passwords:
    """Hashes and checks with Argon2id (RFC 9106); each takes some 20 ms and 19 MiB.

    Args:
        memory: In KiB.
        passes: Over the memory.
    """

    def __init__(self, *, memory: int = _MEMORY, passes: int = _PASSES) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory, parallelism=1)
        self._nobodys = self._hasher.hash("")

    def hash(self, password: str) -> str:
        """Return what is kept of a password."""
        return self._hasher.hash(password)

    def is_right(self, kept: str | None, password: str) -> bool:
        """Whether a password is the one that was hashed; it takes as long where there is none."""
        try:
            self._hasher.verify(kept or self._nobodys, password[:LONGEST])
        except (VerificationError, InvalidHashError):
            return False
        return kept is not None


def require_good(password: str, name: str) -> None:
    """Make sure that a password can be chosen: length is what counts (NIST SP 800-63B §3.1.1.2).

    Raises:
        WeakPasswordError: It cannot; the message says why.
    """
    if len(password) < SHORTEST:
        raise WeakPasswordError(f"take {SHORTEST} characters or more; several words will do")
    if len(password) > LONGEST:
        raise WeakPasswordError(f"take {LONGEST} characters at most")
    if len(set(password)) < 5 or fold(name) in fold(password):
        raise WeakPasswordError("take something that cannot be guessed from your name, with more different characters")
