"""When work is let go: schedules, windows and freezes, through the nights in which clocks change, and leap days."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.stateful import rule
from sqlalchemy import select

from scimbridge.domain.rule import Terms
from scimbridge.domain.schedule import Freeze
from scimbridge.store.schema import attempts
from tests.services.machine.judge import Law, Write
from tests.services.machine.luck import LuckRules
from tests.services.machine.model import BETWEEN_STAGES, Known, a_name
from tests.services.machine.play import Draw

ZONE = ZoneInfo("Europe/Berlin")
BEGINNINGS = (
    datetime(2026, 3, 2, 9, tzinfo=UTC),
    datetime(2026, 3, 26, 22, 30, tzinfo=UTC),  # the clocks jump from 2 to 3 on the 29th
    datetime(2026, 10, 22, 22, 30, tzinfo=UTC),  # 2 to 3 is there twice on the 25th
    datetime(2028, 2, 26, 12, tzinfo=UTC),  # a leap day
    datetime(2026, 12, 30, 12, tzinfo=UTC),
)
DAILY = {"0 22 * * *": time(22), "30 2 * * *": time(2, 30)}
JUMP = timedelta(hours=1)
"""From Greenwich midnight, when the clocks of all Europe jump."""

a_span = st.sampled_from([timedelta(hours=each) for each in (-6, 1, 20, 47, 60)])


class DateRules(LuckRules):
    """Attributes:
    at: The time of day of the schedule, where there is one.
    window: How long after such an instant a deletion may be let go.
    freezes: When nothing may be deleted.
    """

    approvers = 0
    during = (*LuckRules.during, "freeze")

    def settings(self, draw: Draw) -> dict[str, Any]:
        settings = super().settings(draw)
        self.clock.now = self.latest = beginning = draw(st.sampled_from(BEGINNINGS), "beginning")
        schedule: str | None = draw(st.sampled_from((None, *DAILY)), "schedule")
        self.at = DAILY.get(schedule or "")
        self.window: timedelta | None = (
            draw(st.sampled_from((None, timedelta(hours=1))), "window") if schedule else None
        )
        starts = [beginning + self.grace + BETWEEN_STAGES + draw(a_span, "freeze") for _ in range(2)]
        self.freezes = [Freeze(start, start + timedelta(hours=30), "year's end") for start in starts]
        self.terms = Terms(
            approvers=self.approvers, schedule=schedule, timezone=ZONE.key if schedule else "UTC", window=self.window
        )
        return {**settings, "freezes": self.freezes}

    @rule(days=st.sampled_from((3, 30, 365)))
    def a_long_time_passes(self, days: int) -> None:
        self.advance(timedelta(days=days))

    @rule(minutes=st.sampled_from((-1, 0, 59, 60, 61)))
    def it_is_nearly_the_time(self, minutes: int) -> None:
        """Of the schedule's next instant, or of the end of its window."""
        self.wait_for_the_schedule(timedelta(minutes=minutes))
        self.drain()

    @rule(minutes=st.sampled_from((-1, 0, 1)), is_end=st.booleans())
    def a_freeze_begins_or_ends(self, minutes: int, is_end: bool) -> None:
        self._wait_for_a_freeze(timedelta(minutes=minutes), is_end=is_end)
        self.drain()

    @rule(name=a_name, number=st.integers(0, 1))
    def a_deletion_becomes_due_within_a_freeze(self, name: str, number: int) -> None:
        self.clear_the_way(name)
        begins = self.freezes[number].start - self.grace - BETWEEN_STAGES + timedelta(hours=1)
        self.advance(max(begins - self.clock.now, timedelta()))
        self.deactivate(name)
        self.advance(self.grace)
        self.drain()
        self.attend()
        self.advance(BETWEEN_STAGES)
        self.drain()

    @rule(name=a_name, minutes=st.sampled_from((59, 61, 1000)))
    def no_sweeper_is_there_at_the_time(self, name: str, minutes: int) -> None:
        self.clear_the_way(name)
        self.deactivate(name)
        self.advance(self.grace)
        self.drain()
        self.attend()
        self.advance(BETWEEN_STAGES)
        self.wait_for_the_schedule(timedelta(minutes=minutes))
        self.drain()

    @rule(name=a_name, number=st.none() | st.integers(1, 2))
    def expedite(self, name: str, number: int | None) -> None:
        for case_id in self.open_cases_of(name):
            stages = len(self.bench.approving.stages(case_id))
            if number is None or number <= stages:
                self.bench.expediting.expedite(
                    case_id, number=number, task_id=None, reason="urgent", by="ops", now=self.clock()
                )
                self.expedited.add(name)

    def steps(self, name: str) -> dict[str, Callable[[], object]]:
        return {**super().steps(name), "freeze": lambda: self._wait_for_a_freeze(timedelta(), is_end=False)}

    def laws(self) -> list[Law]:
        return [*super().laws(), self._is_not_frozen, self._is_at_its_time]

    def wait_for_the_schedule(self, more: timedelta = timedelta()) -> None:
        if self.at is not None:
            following = next(at for at in self._instants(self.clock.now) if at + more > self.clock.now)
            self.advance(following + more - self.clock.now)

    def returned(self, name: str, known: Known) -> None:
        super().returned(name, known)
        self.expedited.discard(name)

    def _is_not_frozen(self, write: Write) -> None:
        if write.what == "delete":
            now = self.clock.now
            assert not any(each.start <= now < each.end for each in self.freezes), "deleted within a freeze"

    def _is_at_its_time(self, write: Write) -> None:
        """A task that was tried once, within its window, may be tried again afterwards."""
        if write.what != "delete" or self.at is None:
            return
        due_at = self.due_at(write)
        with self.database.read() as tx:
            query = select(attempts.c.started_at).where(attempts.c.task_id == write.task_id)
            started = tx.execute(query).scalars().all()
        assert any(self._may_start(due_at, at) for at in started), f"not at its time: {started}, due {due_at}"

    def _may_start(self, due_at: datetime, at: datetime) -> bool:
        longest = self.window or timedelta(days=10_000)
        instants = (instant for instant in self._instants(due_at) if instant >= due_at)
        if self.window is not None:
            instants = (instant for instant in self._instants(max(due_at, at - self.window)) if instant >= due_at)
        return any(instant <= at <= instant + longest for instant, _ in zip(instants, range(3), strict=False))

    def _instants(self, since: datetime) -> Iterator[datetime]:
        """Yield the schedule's instants from a day before a moment on."""
        assert self.at is not None
        day = (since - timedelta(days=1)).astimezone(ZONE).date()
        while True:
            wall = datetime.combine(day, self.at)
            at = wall.replace(tzinfo=ZONE).astimezone(UTC)
            is_there = at.astimezone(ZONE).replace(tzinfo=None) == wall
            yield at if is_there else datetime.combine(at.date(), time(), UTC) + JUMP
            day += timedelta(days=1)

    def _wait_for_a_freeze(self, more: timedelta, *, is_end: bool) -> None:
        moments = sorted((each.end if is_end else each.start) + more for each in self.freezes)
        following = next((at for at in moments if at > self.clock.now), None)
        if following is not None:
            self.advance(following - self.clock.now)
