"""What charts show: how long revoking takes, who leaves, how attempts end, and what the coming days bring."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from scimbridge.domain.action import Action
from scimbridge.domain.figures import IN_TIME, LATE, FigureKind, percentile
from scimbridge.store import ahead_reading, figures
from scimbridge.store.ahead_reading import Load
from scimbridge.store.database import Database
from scimbridge.store.figures import day_of

MOST_OF_A_DAY = 1000
"""Planned tasks of one day that are counted; that there are more is all that anybody needs to know."""

_NOT_YET = frozenset({"waiting", "ready", "planned", "lapsed"})

Series = Mapping[str, Mapping[str, int]]
"""Numbers by what they are of, and by day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeToRevoke:
    """How long one action takes at one target, from when it is due to when it was read back.

    Attributes:
        median: Half are done within that.
        most: 95 of 100 are.
        deadline: What the configuration asks for; ``None`` where it asks for nothing.
        late: How many of those with a deadline missed it.
        with_deadline: How many had one.
    """

    target: str
    action: str
    count: int
    median: timedelta
    most: timedelta
    deadline: timedelta | None
    late: int
    with_deadline: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Charts:
    """What happened in some days.

    Attributes:
        days: All of them, the oldest first.
        counted_until: Up to when everything is in it; ``None`` where nothing was ever counted.
        leavers: By trigger.
        attempts: ``done``, ``skipped``, ``not yet``, ``failed`` and ``canceled``.
        throttled: By target.
    """

    days: Sequence[str]
    counted_until: datetime | None
    times: Sequence[TimeToRevoke]
    leavers: Series
    attempts: Series
    throttled: Series


@dataclass(frozen=True, slots=True)
class Ahead:
    """What the coming days bring.

    Attributes:
        due: What is due already, and waits: it is held, or not approved, or its schedule has not come.
        days: What falls due on each, today first.
    """

    due: Load
    days: Sequence[tuple[date, Load]]


class Charting:
    """Reads; counts nothing anew.

    Args:
        database: The store.
        deadlines: How long after its due date each action may take.
    """

    def __init__(self, database: Database, deadlines: Mapping[Action, timedelta]) -> None:
        self._database = database
        self._deadlines = deadlines

    def charts(self, days: int, now: datetime) -> Charts:
        """Return what happened in the last days, today included."""
        shown = [day_of(now - timedelta(days=back)) for back in reversed(range(days))]
        since = shown[0]
        with self._database.read() as tx:
            return Charts(
                days=shown,
                counted_until=figures.counted_up_to(tx),
                times=self._times(figures.times(tx, since)),
                leavers=_series(figures.by_day(tx, FigureKind.LEAVER, since, "word")),
                attempts=_series(
                    (day, "not yet" if outcome in _NOT_YET else outcome, count)
                    for day, outcome, count in figures.by_day(tx, FigureKind.ATTEMPT, since, "outcome")
                ),
                throttled=_series(figures.by_day(tx, FigureKind.THROTTLED, since, "subject")),
            )

    def ahead(self, days: int, now: datetime) -> Ahead:
        """Return what falls due in the coming days (UTC), today included."""
        today = now.astimezone(UTC).date()
        midnights = [datetime.combine(today + timedelta(days=each), time(), UTC) for each in range(days + 1)]
        with self._database.read() as tx:
            due, *loads = ahead_reading.loads(tx, [None, now, *midnights[1:]], MOST_OF_A_DAY)
        return Ahead(due, [(today + timedelta(days=number), load) for number, load in enumerate(loads)])

    def _times(self, rows: Sequence[tuple[str, str, str, int, int]]) -> list[TimeToRevoke]:
        buckets: defaultdict[tuple[str, str], Counter[int]] = defaultdict(Counter)
        verdicts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for target, action, verdict, bucket, count in rows:
            buckets[target, action][bucket] += count
            verdicts[target, action][verdict] += count
        return [
            TimeToRevoke(
                target=target,
                action=action,
                count=counts.total(),
                median=percentile(counts, 0.5) or timedelta(),
                most=percentile(counts, 0.95) or timedelta(),
                deadline=self._deadlines.get(Action(action)),
                late=verdicts[target, action][LATE],
                with_deadline=verdicts[target, action][LATE] + verdicts[target, action][IN_TIME],
            )
            for (target, action), counts in sorted(buckets.items())
        ]


def _series(rows: Iterable[tuple[str, str, int]]) -> Series:
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for day, name, count in rows:
        found[name][day] += count
    return found
