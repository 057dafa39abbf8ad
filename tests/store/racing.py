"""Running functions at the same moment in threads of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any


def race(functions: Sequence[Callable[[], Any]]) -> list[Any]:
    """Start all functions together; return what each returned, or the exception that it raised."""
    results: list[Any] = [None] * len(functions)
    start = threading.Barrier(len(functions))

    def run(number: int, function: Callable[[], Any]) -> None:
        start.wait()
        try:
            results[number] = function()
        except Exception as error:  # noqa: BLE001  # the test looks at it
            results[number] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
