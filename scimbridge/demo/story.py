"""``scimbridge demo``: leavers on their way out of two sample targets, told as it happens, and verified."""

from __future__ import annotations

import signal

from scimbridge.lifetime import Stop


def run(once: bool) -> int:
    """Tell the story on a machine without any configuration, and leave nothing behind.

    Args:
        once: End when the story has ended; otherwise stay up until Ctrl-C.

    Returns:
        The exit code: 0 where everything came out as told, 1 where not, 130 where it was interrupted before.
    """
    stop = Stop()
    stop.install()
    signal.signal(signal.SIGHUP, lambda *_: stop.set())  # the terminal was closed
    # This late, because the imports take a moment, and a Ctrl-C during them is one like any other.
    from scimbridge.demo.telling import tell

    return tell(once=once, stop=stop)
