"""What happens is told to whoever listens, from whatever process it comes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import anyio

from scimbridge.errors import StoreBusyError
from scimbridge.live import LASTS, QUIET, Live

AT = datetime(2026, 3, 2, tzinfo=UTC)


class Story:
    """A history that goes on at each look, and a clock that moves with it.

    Attributes:
        news: The ids that are there from the next looks on.
    """

    def __init__(self, *ids: int, news: Sequence[Sequence[int]] = (), tick: float = 1) -> None:
        self.ids = list(ids)
        self.news = list(news)
        self.tick = tick
        self.looks = 0
        self.seconds = 0.0
        self.live = Live(self.read, lambda: max(self.ids, default=0), every=0, clock=lambda: self.seconds)

    def read(self, after: int, limit: int) -> Sequence[dict[str, Any]]:
        self.looks += 1
        self.seconds += self.tick
        if self.looks > 1 and self.news:
            self.ids += self.news.pop(0)
        if 0 in self.ids:
            self.ids.remove(0)
            raise StoreBusyError
        return [_row(each) for each in sorted(self.ids) if each > after][:limit]

    def told(self, count: int, after: int | None = None) -> list[int | None]:
        """Listen, and return the ids of what is told; ``None`` for a sign of life."""

        async def listen() -> list[int | None]:
            found: list[int | None] = []
            async for each in self.live.listen(after):
                found.append(each.id if each is not None else None)
                if len(found) == count:
                    break
            return found

        return anyio.run(listen)


def _row(number: int) -> dict[str, Any]:
    return {"id": number, "at": AT, "event": "task done", "case_id": "c", "task_id": None, "target": "crm"}


def test_who_listens_is_told_what_happens_from_then_on() -> None:
    assert Story(1, 2, 3, news=[[4], [], [5, 6]]).told(3) == [4, 5, 6]


def test_who_comes_back_is_told_what_happened_meanwhile() -> None:
    assert Story(1, 2, 3, news=[[], [4]]).told(3, after=1) == [2, 3, 4]


def test_what_is_committed_late_is_told_all_the_same_and_once() -> None:
    assert Story(1, 5, news=[[6], [3], [7]]).told(3) == [6, 3, 7]


def test_a_database_that_does_not_answer_ends_nothing() -> None:
    assert Story(1, news=[[2], [0], [3]]).told(2) == [2, 3]


def test_where_nothing_happens_a_sign_of_life_is_sent() -> None:
    assert Story(1, tick=QUIET).told(2) == [None, None]


def test_a_stream_ends_by_itself_and_at_shutdown() -> None:
    assert len(Story(1, tick=LASTS / 3).told(99)) < 5
    story = Story(1, 2)
    story.live.stop()
    assert story.told(99, after=0) == [1, 2]


def test_one_look_is_for_all_who_listen() -> None:
    story = Story(1, news=[[], [2], [3]])
    live = Live(story.read, lambda: 1, every=0.001, clock=lambda: story.looks / 1000)

    async def listen(found: list[int]) -> None:
        async for each in live.listen():
            assert each is not None
            found.append(each.id)
            if len(found) == 2:
                break

    async def together() -> list[list[int]]:
        lists: list[list[int]] = [[], [], []]
        async with anyio.create_task_group() as group:
            for found in lists:
                group.start_soon(listen, found)
        return lists

    assert anyio.run(together) == [[2, 3]] * 3
    assert story.looks < 10
