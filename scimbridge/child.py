"""Child processes that never outlive their parent (Linux; elsewhere they may)."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # prctl(2)

# Looked up once, at import: a child between fork and exec does as little as possible.
_prctl = getattr(ctypes.CDLL(None), "prctl", None)


def die_with_parent(parent: int | None = None) -> None:
    """Have the kernel end this process when its parent ends, however that happens.

    The parent must have started it from its main thread, because the kernel watches the thread.

    Args:
        parent: The parent's process id as the parent knew it: if that has ended already, so do we.
    """
    if _prctl is None:
        return
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def dying_with_parent() -> Callable[[], None]:
    """Return the same for ``preexec_fn`` of ``subprocess.Popen``; called in the parent."""
    parent = os.getpid()
    return lambda: die_with_parent(parent)
