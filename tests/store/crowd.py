"""Many who want to write at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from itertools import zip_longest

from scimbridge.store.writer import Writer


class Crowd:
    """Threads that all wait for the writer while it is busy with something else."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._go_on = threading.Event()
        self._busy = threading.Event()
        self.outcomes: dict[int, object] = {}
        self._threads: list[threading.Thread] = []

    def run(
        self,
        *units: Callable[[], object],
        about: Sequence[str | None] = (),
        meanwhile: Callable[[], object] = lambda: None,
    ) -> list[object]:
        """Return what the units came to, all of which arrived while the writer was busy.

        Args:
            units: The units.
            about: The User that each is about, where they say so.
            meanwhile: Done by the writer before them.
        """
        self._start(-1, lambda: self._wait(meanwhile))
        self._busy.wait()
        for number, (unit, subject) in enumerate(zip_longest(units, about)):
            self._start(number, unit, subject)
            while self._writer.waiting < number + 1 and self._writer.database.is_sqlite:
                pass
        self._go_on.set()
        for thread in self._threads:
            thread.join()
        return [self.outcomes[number] for number in range(len(units))]

    def _wait(self, meanwhile: Callable[[], object]) -> None:
        self._busy.set()
        self._go_on.wait()
        meanwhile()

    def _start(self, number: int, unit: Callable[[], object], about: str | None = None) -> None:
        thread = threading.Thread(target=self._run, args=(number, unit, about))
        thread.start()
        self._threads.append(thread)

    def _run(self, number: int, unit: Callable[[], object], about: str | None) -> None:
        try:
            self.outcomes[number] = self._writer.run(unit, about)
        except Exception as error:  # noqa: BLE001 - an outcome like any other
            self.outcomes[number] = error
