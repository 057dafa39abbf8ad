"""What a measurement comes to, as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.load import Load

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One table of figures.

    Attributes:
        title: What was measured, against what.
        head: The columns' names.
    """

    title: str
    head: Row
    rows: Sequence[Row]

    def __str__(self) -> str:
        lines = [self.head, ("---",) * len(self.head), *self.rows]
        return "\n".join([f"### {self.title}", "", *("| " + " | ".join(line) + " |" for line in lines), ""])


def milliseconds(seconds: float) -> str:
    """Return a time for a cell."""
    return f"{seconds * 1000:.1f} ms"


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that this share does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def median_rate(loads: Sequence[Load]) -> float:
    """Return the median of the runs' rates."""
    return statistics.median(load.per_second for load in loads)


def median_quantile(loads: Sequence[Load], share: float) -> str:
    """Return the median of the runs' quantiles."""
    return f"{statistics.median(load.quantile(share) for load in loads):.1f} ms"
