"""A storm: processes that are killed all the time, at named points and at random, and started again."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from random import Random

from tests.processes.crash_points import POINTS, Role, points_of
from tests.processes.installation import START_SECONDS, Installation, Process

LONGEST_LIFE = 6.0
"""Seconds after which a process that did not come by its point is killed, where one has died there before."""

LONGEST_WAIT = 30.0
"""Seconds that it lives where none has: others of its kind die meanwhile, and more and more work comes its way."""

MORE_CHANCES = 5
"""How many more processes are sent to a point at which none has died yet."""


@dataclass(frozen=True, slots=True)
class Doom:
    """How a process is to end.

    Attributes:
        point: The named point at which it kills itself; ``None`` to be killed from outside.
        passage: At which passage there.
        life: Seconds after it is ready until it is killed from outside.
    """

    point: str | None
    passage: int
    life: float


class Storm:
    """Keeps a crew of processes running, and kills each of them in its own way.

    Call ``tick`` again and again. Once all dooms are met, processes are left alone.

    Args:
        installation: Whose processes they are.
        crew: How many processes of each kind.
        rng: Decides.
    """

    def __init__(self, installation: Installation, crew: Mapping[Role, int], rng: Random) -> None:
        self._installation = installation
        self._rng = rng
        self._dooms: dict[Role, deque[Doom]] = {role: deque() for role in Role}
        self._alive: list[tuple[Process, Doom | None]] = []
        self._planned = 0
        self._met = 0
        self._flush_after: list[int] = []
        self.kills: Counter[Role] = Counter()
        self.points: Counter[str] = Counter()
        self._missed: Counter[str] = Counter()
        self.flushes = 0
        for role, count in crew.items():
            for _ in range(count):
                self._start(role)

    def brew(self, dooms: Mapping[Role, Sequence[Doom]], *, flushes: int) -> None:
        """Plan how processes end from now on; Redis is emptied so many times between these ends."""
        for role, planned in dooms.items():
            self._dooms[role].extend(planned)
        # Those that were to live make room for those that are to die in a particular way.
        self._alive = [(process, doom or Doom(None, 0, 0.0)) for process, doom in self._alive]
        self._met, self._planned = 0, len(self._alive) + sum(map(len, self._dooms.values()))
        self._flush_after = sorted(self._rng.choices(range(1, self._planned), k=flushes))

    @property
    def share(self) -> float:
        """How much of the storm is over: 0 to 1."""
        return self._met / self._planned

    @property
    def is_over(self) -> bool:
        """Whether everybody left will live."""
        return all(doom is None for _, doom in self._alive)

    def tick(self) -> None:
        """Kill whose time has come, start others in their place, and empty Redis now and then."""
        for process, doom in list(self._alive):
            if process.is_alive and doom is not None and self._is_due(process, doom):
                process.kill()
            if not process.is_alive:
                self._bury(process, doom)
        while self._flush_after and self._met >= self._flush_after[0]:
            self._flush_after.pop(0)
            self._installation.flush_redis()
            self.flushes += 1

    def _bury(self, process: Process, doom: Doom | None) -> None:
        assert process.was_killed, f"{process.role} ended by itself: {process.said()}"
        self._alive.remove((process, doom))
        self._met += 1
        self.kills[process.role] += 1
        if doom is not None and doom.point is not None:
            self._note_point(process, doom, doom.point)
        self._start(process.role)

    def _note_point(self, process: Process, doom: Doom, point: str) -> None:
        if not process.killed_from_outside:
            self.points[point] += 1
        elif not self.points[point] and self._missed[point] < MORE_CHANCES:
            self._missed[point] += 1
            self._planned += 1
            self._dooms[process.role].appendleft(replace(doom, passage=1))

    def _start(self, role: Role) -> None:
        doom = self._dooms[role].popleft() if self._dooms[role] else None
        crash = (doom.point, doom.passage) if doom is not None and doom.point is not None else None
        self._alive.append((self._installation.start(role, crash), doom))

    def _is_due(self, process: Process, doom: Doom) -> bool:
        if not process.is_ready or process.ready_at is None:
            return time.monotonic() - process.started_at > START_SECONDS
        is_first = doom.point is not None and not self.points[doom.point]
        return time.monotonic() - process.ready_at > (LONGEST_WAIT if is_first else doom.life)


def dooms_for(role: Role, rng: Random, *, each: int, random: int) -> list[Doom]:
    """Return dooms for one kind of process: first each point once, in their order, and then all others mixed.

    Args:
        role: The kind.
        rng: Decides.
        each: How many for each of its named points.
        random: How many more at random moments.
    """
    first, *further = ([_at(point, rng) for point in points_of(role)] for _ in range(each))
    others = [*chain(*further), *(Doom(None, 0, rng.uniform(0.0, 1.0)) for _ in range(random))]
    rng.shuffle(others)
    return [*first, *others]


def _at(point: str, rng: Random) -> Doom:
    return Doom(point, 1 if POINTS[point].is_rare else rng.randint(1, 4), LONGEST_LIFE)
