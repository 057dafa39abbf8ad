"""``scimbridge drill``: on a machine without any configuration, leaving nothing behind."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

from scimbridge.lifetime import Stop
from scimbridge.queue.embedded import find_server

KEPT, BROKEN, INTERRUPTED = 0, 1, 130


def run(*, people: int, seed: int, print_json: Callable[[Any], None] | None = None) -> int:
    """Break a bridge that was started for it, and say what survived.

    Args:
        people: How many take part; at least 28.
        seed: Decides who leaves when, and how hard each blow is.
        print_json: Prints the outcome as a document; what happens then goes to standard error.

    Returns:
        The exit code: 0 where all promises were kept, 1 where not, 130 where it was interrupted before.

    Raises:
        QueueError: There is no Redis server on this machine.
    """
    find_server()
    stop = Stop()
    stop.install()
    signal.signal(signal.SIGHUP, lambda *_: stop.set())  # the terminal was closed
    # This late, because the imports take a moment, and a Ctrl-C during them is one like any other.
    from rich.console import Console

    from scimbridge.demo.display import Display
    from scimbridge.demo.installation import Installation
    from scimbridge.demo.starting import InstallationError
    from scimbridge.demo.telling import TROUBLE, StoppedError
    from scimbridge.drill import report
    from scimbridge.drill.exercise import Exercise
    from scimbridge.drill.people import RULES

    with Display(Console(highlight=False, stderr=print_json is not None)) as display:
        display.say(
            f"scimbridge drill: {people} people, seed {seed}; nothing that is installed is touched", style="bold"
        )
        installation = Installation(RULES, lambda: not stop.is_set())
        try:
            with installation, closing(Exercise(installation, display, stop, people=people, seed=seed)) as exercise:
                outcome = exercise.run()
        except StoppedError:
            return INTERRUPTED
        except (*TROUBLE, InstallationError) as error:
            if stop.is_set():  # a Ctrl-C reaches the sample directory, too, and what talks to it breaks
                return INTERRUPTED
            display.say(f"THE DRILL BROKE OFF: {error}", style="bold red")
            return BROKEN
        report.show(display, outcome)
        if print_json is not None:
            sys.stderr.flush()
            print_json(report.document(outcome))
    return KEPT if outcome.is_kept else BROKEN
