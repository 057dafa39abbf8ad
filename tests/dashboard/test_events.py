"""Pages that are looked at are told that something has changed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from scimbridge.admission import staying
from scimbridge.dashboard.events import changes
from scimbridge.live import Happening
from tests.dashboard.conftest import Browse
from tests.services.bench import Bench

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def a_happening(number: int, case_id: str | None = "c1") -> Happening:
    return Happening(id=number, at=NOW, event="task done", case_id=case_id, task_id=None, target=None)


def told(happenings: Sequence[Happening | None], case_id: str = "", *, apart: float = 1.0) -> list[str]:
    """What a page is sent, when so much time is between two looks at the clock."""
    ticks = iter(range(1000))

    async def happening() -> AsyncIterator[Happening | None]:
        for each in happenings:
            yield each

    async def all_of_it() -> list[str]:
        return [each.decode() async for each in changes(happening(), case_id, lambda: next(ticks) * apart)]

    return asyncio.run(all_of_it())[1:]


def test_a_page_is_told_that_something_has_changed_and_nothing_else() -> None:
    assert told([a_happening(7)]) == ["event: changed\ndata: 7\n\n"]


def test_a_page_of_a_case_is_told_what_is_about_it_or_about_all() -> None:
    happenings = [a_happening(1, "c1"), a_happening(2, "c2"), a_happening(3, None)]

    assert told(happenings, "c1") == ["event: changed\ndata: 1\n\n", "event: changed\ndata: 3\n\n"]


def test_what_happened_together_is_told_once() -> None:
    assert told([a_happening(number) for number in range(5)], apart=0.01) == ["event: changed\ndata: 0\n\n"]


def test_signs_of_life_are_passed_on() -> None:
    assert told([None]) == [": still here\n\n"]


def test_nobody_listens_who_is_not_signed_in(browse: Browse) -> None:
    answer = browse(role=None).get("/events")

    assert (answer.status_code, answer.text) == (401, "sign in first\n")


def test_nobody_listens_longer_than_they_are_signed_in(browse: Browse, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = browse()
    sessions, now = browser.bridge.sessions, browser.bridge.clock()

    async def listen() -> AsyncIterator[Happening | None]:
        yield a_happening(7)
        sessions.end_all("local", by="ops", now=now)
        yield None

    monkeypatch.setattr(staying, "CHECKED_EVERY", 0)
    monkeypatch.setattr(browser.bridge.live, "listen", listen)

    assert browser.get("/events").text == "retry: 3000\n\nevent: changed\ndata: 7\n\n"


@pytest.mark.parametrize("page", ["/", "case"])
def test_pages_say_what_refreshes_itself_and_are_complete_without(bench: Bench, browse: Browse, page: str) -> None:
    person = bench.join("ada")
    bench.leave(person)
    case = bench.case(person).id
    path, part, events = (
        ("/", "board", "/events") if page == "/" else (f"/cases/{case}", "case", f"/events?case={case}")
    )

    html = browse().get(path).text

    assert f'sse-connect="{events}"' in html
    assert f'<div id="{part}" class="live" hx-get="{path}" hx-trigger="sse:changed" hx-select="#{part}"' in html
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert [each for each in ids if ids.count(each) > 1] == []
    assert "as-of" in ids
    assert ">Reload</a>" in html


def test_a_page_left_open_does_not_keep_a_session_alive(bench: Bench, browse: Browse) -> None:
    browser = browse()
    with bench.database.read() as tx:
        before = _seen(tx)

    bench.clock.advance(timedelta(minutes=10))
    refreshed = browser.get("/", {"HX-Request": "true"})

    with bench.database.read() as tx:
        assert _seen(tx) == before
    assert refreshed.status_code == 200


def _seen(tx: object) -> datetime:
    from sqlalchemy import Connection, select

    from scimbridge.store.schema import operator_sessions

    assert isinstance(tx, Connection)
    seen: datetime = tx.execute(select(operator_sessions.c.seen_at)).scalar_one()
    return seen


def test_a_stream_is_one_and_ends_when_the_process_does(browse: Browse) -> None:
    browser = browse()
    browser.bridge.live.stop()

    answer = browser.get("/events?case=c1")

    assert (answer.status_code, answer.text) == (200, "retry: 3000\n\n")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
