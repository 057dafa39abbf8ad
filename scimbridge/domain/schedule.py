"""When a stage is released: at the instants of a schedule, and not while a freeze lasts."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_EXAMPLE = 'write minute, hour, day of month, month and day of week, like "0 22 * * 1-5"'
_NEVER = "never occurs: no month that it names has such a day"
_LONGEST = 500
"""Characters of an expression; naming each of the sixty minutes takes 170."""

_FIELDS = {
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day-of-month": "1 to 31",
    "month": "1 to 12, or JAN to DEC",
    "day-of-week": "0 to 7, or SUN to SAT; both 0 and 7 are Sunday, and a range goes upwards",
}

_ANY_DAY = datetime(2000, 1, 1)  # noqa: DTZ001  # whether an expression ever matches is asked of the calendar alone
_TICK = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Instants that a cron expression names in a time zone, to the minute.

    Where the clocks change, it does what cron does (Debian's ``cron(8)``): an instant that they jump over is at
    the end of the jump; one that is there twice counts the first time, unless minute or hour is a ``*``.

    Attributes:
        expression: Five fields: minute, hour, day of month, month, day of week.
        zone: Where these are read.
    """

    expression: str
    zone: ZoneInfo

    def __post_init__(self) -> None:
        _check(self.expression)

    @classmethod
    def parse(cls, text: str, zone: ZoneInfo) -> Schedule:
        """Return the schedule that a text names.

        Raises:
            ValueError: It names none; the message says which field is wrong, and what to write.
        """
        return cls(" ".join(text.split()), zone)

    def first_at_or_after(self, due: datetime) -> datetime:
        """Return the first instant (UTC) that is not before ``due``."""
        minute, hour, *_ = self.expression.split()
        return self._each_time_round(due) if "*" in (minute[0], hour[0]) else self._once(due)

    def _each_time_round(self, due: datetime) -> datetime:
        # Up to the next change, the clocks are those of one offset.
        while True:
            offset = timezone(_offset(due, self.zone))
            at = next(self._walls((due - _TICK).astimezone(offset))).replace(tzinfo=offset).astimezone(UTC)
            change = _first_change(due, at, self.zone)
            if change is None:
                return at
            due = change

    def _once(self, due: datetime) -> datetime:
        moments = (_first_moment(wall, self.zone) for wall in self._walls((due - _TICK).astimezone(self.zone)))
        return next(at for at in moments if at >= due)

    def _walls(self, start: datetime) -> Iterator[datetime]:
        """Return what a clock on the wall that nobody changes shows at the instants after a moment."""
        return CronSim(self.expression, start.replace(tzinfo=None))


def _first_moment(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return when the clocks first show a time (UTC), or jump over it."""
    early, late = sorted(_readings(wall, zone))
    is_shown = early.astimezone(zone).replace(tzinfo=None) == wall
    return early if is_shown else _first_change(early, late, zone) or late


def _first_change(after: datetime, until: datetime, zone: ZoneInfo) -> datetime | None:
    """Return when the clocks change for the first time after a moment, and not after another one."""
    while after < until:
        day = min(after + timedelta(days=1), until)
        if _offset(day, zone) != _offset(after, zone):
            return _change_between(after, day, zone)
        after = day
    return None


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first moment with the offset of ``after``; clocks change at whole seconds."""
    seconds = range(int((after - _EPOCH).total_seconds()) + 1)
    first = bisect_left(
        seconds,
        True,
        lo=int((before - _EPOCH).total_seconds()),
        key=lambda second: _offset(_EPOCH + timedelta(seconds=second), zone) == _offset(after, zone),
    )
    return _EPOCH + timedelta(seconds=first)


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _check(expression: str) -> None:
    fields = expression.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"needs five fields and has {len(fields)}; {_EXAMPLE}")
    if len(expression) > _LONGEST:
        raise ValueError(f"is longer than {_LONGEST} characters")
    try:
        next(CronSim(expression, _ANY_DAY))
    except CronSimError as error:
        raise ValueError(_explain(str(error), fields)) from error
    except StopIteration:
        raise ValueError(_NEVER) from None


def _explain(reason: str, fields: list[str]) -> str:
    """Return which field cronsim means by "Bad hour", and what may stand there."""
    name = reason.removeprefix("Bad ")
    if name == "day-of-month" and _is_good_alone(fields[2]):
        return _NEVER
    value = fields[list(_FIELDS).index(name)]
    return f'the {name.replace("-", " ")} "{value}" is wrong; write {_FIELDS[name]}'


def _is_good_alone(days: str) -> bool:
    try:
        CronSim(f"0 0 {days} * *", _ANY_DAY)
    except CronSimError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Freeze:
    """A period without work that cannot be undone.

    Attributes:
        start: The first moment (UTC).
        end: When work goes on (UTC).
        reason: Why; shown wherever something waits for it.
    """

    start: datetime
    end: datetime
    reason: str

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError("ends before it has begun")

    @classmethod
    def between(cls, start: date | datetime, end: date | datetime, zone: ZoneInfo, reason: str) -> Freeze:
        """Return the freeze of a period as people write it.

        Args:
            start: A date begins with its day.
            end: A date ends with its day.
            zone: Where dates, and times without an offset, are read. What the clocks make ambiguous freezes longer.
            reason: Why.

        Raises:
            ValueError: It ends before it has begun, or beyond the calendar.
        """
        first = start if isinstance(start, datetime) else datetime.combine(start, time())
        try:
            last = end if isinstance(end, datetime) else datetime.combine(end + timedelta(days=1), time())
            return cls(min(_readings(first, zone)), max(_readings(last, zone)), reason)
        except OverflowError as error:
            raise ValueError("is too long for the calendar") from error

    def covers(self, at: datetime) -> bool:
        """Whether a moment is within the freeze; at its end, work goes on."""
        return self.start <= at < self.end


def _readings(at: datetime, zone: ZoneInfo) -> list[datetime]:
    """Return the moments (UTC) that a time may mean: two where the clocks are set back over it or jump over it."""
    if at.tzinfo is not None:
        return [at.astimezone(UTC)]
    return [at.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]


def end_of_freeze(freezes: Collection[Freeze], at: datetime) -> datetime | None:
    """Return when work that cannot be undone goes on again, or ``None`` where nothing is frozen.

    Freezes that overlap, or follow one another without a gap, are one.
    """
    end = None
    while covering := [freeze.end for freeze in freezes if freeze.covers(end or at)]:
        end = max(covering)
    return end


def release_at(
    due: datetime,
    *,
    schedule: Schedule | None = None,
    window: timedelta | None = None,
    freezes: Collection[Freeze] = (),
    irreversible: bool = False,
    now: datetime,
) -> datetime:
    """Return when a stage is released; that is now, where the answer has passed.

    Asked again at that moment or later, the answer is the same as long as the window is open and no freeze has begun.

    Args:
        due: The stage is not released earlier (UTC).
        schedule: It is released at an instant of these; at ``due`` where absent.
        window: How long after an instant it may still be released, when nobody was there to do it at once. Then
            it is the next instant's turn. For good where absent; means nothing without a schedule.
        freezes: What has work that cannot be undone wait for its end, and then for the schedule.
        irreversible: Whether that is such work.
        now: The time (UTC).
    """
    while True:
        at = _instant(due, schedule, window, now)
        end = _end_of_freeze_between(freezes, at, max(at, now)) if irreversible else None
        if end is None:
            return at
        due = end


def _end_of_freeze_between(freezes: Collection[Freeze], at: datetime, until: datetime) -> datetime | None:
    """Return the end of the first freeze in a time; one that is over by now has postponed the work all the same."""
    starts = [max(freeze.start, at) for freeze in freezes if freeze.start <= until and freeze.end > at]
    return end_of_freeze(freezes, min(starts)) if starts else None


def _instant(due: datetime, schedule: Schedule | None, window: timedelta | None, now: datetime) -> datetime:
    if schedule is None:
        return due
    return schedule.first_at_or_after(due if window is None else max(due, now - window))
