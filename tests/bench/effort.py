"""How long the measurements may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured.

    Attributes:
        seconds: Of one run under load.
        rounds: How often each run is repeated, in turn with what it is compared with.
        connections: How many requests are under way at once.
        people: Users while PATCH is measured.
        sizes: Users in the stores whose latencies are compared, the smallest first.
        requests: How often each request is timed at each size.
        members: Of the large group.
        imported: Users of the import.
        suspended: Accounts that are suspended in each round at a directory.
        leavers: Who leave both clouds.
    """

    seconds: float = 6
    rounds: int = 3
    connections: tuple[int, ...] = (8, 32)
    people: int = 10_000
    sizes: tuple[int, ...] = (1_000, 100_000, 1_000_000)
    requests: int = 500
    members: int = 100_000
    imported: int = 20_000
    suspended: int = 2_000
    leavers: int = 1_000


QUICK = Effort(seconds=3, rounds=1, sizes=(1_000, 100_000), requests=100, imported=4_000, suspended=400, leavers=60)
"""For a first look while something is being changed."""
