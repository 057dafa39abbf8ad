"""Queues, workers and targets on pages: what is told, what one can do there, and what it costs."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from starlette.applications import Starlette

from scimbridge.dashboard import build_routes
from scimbridge.queue.watching import Seen, SeenQueue, SeenWorker
from scimbridge.sdk import Expiry, RejectedError, RetryableError
from tests.counting import counted
from tests.dashboard.conftest import Browse, Browser, bridge_of, text_of
from tests.services.bench import Bench

HOSTILE = "<script>alert(1)</script>"


class _Watch:
    """Shows what it was told to."""

    def __init__(self, seen: Seen) -> None:
        self.look = lambda _targets: seen


def with_redis(bench: Bench, seen: Seen) -> Browser:
    bridge = bridge_of(bench)
    vars(bridge)["watch"] = _Watch(seen)
    browser = Browser(Starlette(routes=build_routes(bridge)), bridge)
    browser.sign_in()
    return browser


def troubled(bench: Bench) -> None:
    """One retries at crm, one has failed there, one waits."""
    people = [bench.join(name) for name in ("ada", "ben", HOSTILE)]
    bench.run()
    for person in people:
        bench.leave(person)
    bench.fail(
        RetryableError("try <b>later</b>", retry_after=timedelta(minutes=5)), RejectedError("protected <i>account</i>")
    )
    bench.run("7d")


def test_without_redis_the_page_says_so_and_shows_what_the_database_knows(bench: Bench, browse: Browse) -> None:
    troubled(bench)

    shown = text_of(browse().get("/queues").text)

    assert "Redis does not answer. Nothing is lost" in shown
    assert "Not known while Redis does not answer" in shown
    assert re.search(r"crm memory open 0 .*not known 0 of 10 \d\.\d 1 next in [\w ]+ 1 1 failed", shown)
    assert "Tried again later 1" in shown
    assert "Waits for a person 1" in shown
    assert "protected <i>account</i> 1 failed" in shown


def test_what_redis_shows_is_told_with_who_is_not_ours(bench: Bench) -> None:
    now = bench.clock()
    worker: dict[str, Any] = {"host": "host", "state": "busy", "born_at": now, "seen_at": now, "is_gone": False}
    seen = Seen(
        queues=(
            SeenQueue(name="target:crm", target="crm", depth=7, oldest_at=now, started=2),
            SeenQueue(name="target:directory", target="directory", depth=0, oldest_at=None, started=0),
            SeenQueue(name=f"mails{HOSTILE}", target=None, depth=3, oldest_at=None, started=0),
        ),
        workers=(
            SeenWorker(name="w1", queues=("target:crm", "mails"), account_id="account-1", **worker),
            SeenWorker(
                name="w2",
                queues=(),
                account_id=None,
                **{**worker, "is_gone": True, "born_at": None, "seen_at": None, "host": "", "state": ""},
            ),
        ),
        more_workers=4,
    )

    html = with_redis(bench, seen).get("/queues").text
    shown = text_of(html)

    assert "crm memory open 0 7 2 taken" in shown
    assert "host w1 busy crm , mails (not ours) account-1 now" in shown
    assert "unknown machine w2 gone" in shown
    assert ("Workers 6" in shown, "And 4 more." in shown, "Other queues in this Redis 1" in shown) == (True,) * 3
    assert HOSTILE not in html


def test_an_attempt_under_way_is_shown(bench: Bench, browse: Browse) -> None:
    seen: list[str] = []
    bench.leave(bench.join("ada"))
    bench.systems["crm"].before_write = lambda: seen.append(text_of(browse().get("/queues").text))
    bench.run("7d")

    assert "Under way 1" in seen[0]
    assert "ada crm suspend" in seen[0]


def test_targets_tell_what_was_found_and_what_was_last_destroyed(
    bench: Bench, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector: Any = bench.fleet.connector("crm")
    soon = Expiry("its secret", bench.clock() + timedelta(days=9))
    monkeypatch.setattr(connector, "expiries", lambda: [soon])
    monkeypatch.setattr(connector, "missing_permissions", lambda: [HOSTILE])
    browser = browse()

    answer = browser.send("/targets/crm", do="check")
    page, listed = browser.get("/targets/crm").text, text_of(browser.get("/targets").text)

    assert answer.headers["location"] == "/targets/crm"
    assert "Permission warning not granted: <script>alert(1)</script> (" not in text_of(page)
    assert f"Permission warning not granted: {HOSTILE} grant it, or take out" in text_of(page)
    assert HOSTILE not in page
    assert "its secret ends on 2026-03-11 (in 9d) have it renewed before" in text_of(page)
    assert "crm memory open enforce no limit 0 0 of 10 at work 0 warning now 1 about permissions soon in 9d" in listed
    assert "directory memory open observe no limit 0 0 of 10 at work 0 never" in listed


def test_a_target_is_paused_and_resumed_with_a_reason(bench: Bench, browse: Browse) -> None:
    browser = browse()

    browser.send("/targets/crm", do="pause", reason=f"maintenance {HOSTILE}")
    paused = browser.get("/targets/crm").text
    browser.send("/targets/crm", do="pause", reason="again")
    again = text_of(browser.get("/targets/crm").text)
    browser.send("/targets/crm", do="resume", reason="it is back")
    resumed = text_of(browser.get("/targets/crm").text)

    assert "State paused now by local: maintenance" in text_of(paused)
    assert HOSTILE not in paused
    assert "nothing was changed" in again
    assert "State open" in resumed
    events = [(row["event"], row["actor"], row["reason"]) for row in bench.overview.history_after(0)]
    assert events == [
        ("target paused", "local", f"maintenance {HOSTILE}"),
        ("target resumed", "local", "it is back"),
    ]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"do": "pause"}, "Not done: give a reason"),
        ({"do": "arm", "span": "4h", "reason": "pilot"}, "Not done: confirm it by its box"),
        ({"do": "arm", "span": "soon", "reason": "pilot", "sure": "yes"}, "Not done: how long"),
        ({"do": "arm", "span": "9d", "reason": "pilot", "sure": "yes"}, "Not done: a target is armed for 1d at most"),
        ({"do": "explode", "reason": "pilot"}, "There is no such action"),
    ],
)
def test_what_is_missing_or_wrong_is_said_and_nothing_is_done(
    bench: Bench, browse: Browse, form: dict[str, str], said: str
) -> None:
    browser = browse()

    answer = browser.send("/targets/directory", **form)

    assert answer.status_code == 303
    assert said in text_of(browser.get(answer.headers["location"]).text)
    assert list(bench.overview.history_after(0)) == []


def test_an_observing_target_is_armed_for_a_time_and_disarmed(bench: Bench, browse: Browse) -> None:
    browser = browse()
    assert "Arm" not in text_of(browser.get("/targets/crm").text)

    browser.send("/targets/directory", do="arm", span="4h", reason="pilot", sure="yes")
    armed = text_of(browser.get("/targets/directory").text)
    browser.send("/targets/directory", do="disarm", reason="enough")
    disarmed = text_of(browser.get("/targets/directory").text)

    assert "Mode armed until in 4h ( 2026-03-02 13:00 UTC ) , by local" in armed
    assert "Mode observe" in disarmed


def test_all_that_failed_at_a_target_is_tried_again_and_nothing_else(bench: Bench, browse: Browse) -> None:
    troubled(bench)
    browser = browse()
    before = bench.overview.targets(bench.clock())

    browser.send("/targets/crm", do="retry", reason="the vendor has mended it")
    said = text_of(browser.get("/targets/crm").text)

    (crm, _) = bench.overview.targets(bench.clock())
    assert (before[0].needs_person, crm.needs_person, crm.runnable) == (1, 0, 1)
    assert "1 tasks at crm are tried again." in said
    assert "Tried again later 1" in said
    browser.send("/targets/crm", do="retry", reason="once more")
    assert "Nothing waited for a person any more." in text_of(browser.get("/targets/crm").text)


def test_refreshing_can_be_stopped(browse: Browse) -> None:
    browser = browse()

    assert (
        'hx-trigger="every 5s"' in browser.get("/queues").text,
        "hx-get" in browser.get("/queues?live=off").text,
    ) == (
        True,
        False,
    )


def test_a_target_that_is_not_there_is_not_found(browse: Browse) -> None:
    assert browse().get("/targets/nowhere").status_code == 404


def test_pages_of_many_cost_as_many_statements_as_of_few(bench: Bench, browse: Browse) -> None:
    browser = browse()
    browser.get("/queues")

    def cost(path: str) -> int:
        with counted(bench.database) as statements:
            assert browser.get(path).status_code == 200
        return len(statements)

    few = [cost(path) for path in ("/queues", "/targets", "/targets/crm", "/targets/directory")]
    people = [bench.join(f"p{number}") for number in range(8)]
    bench.run()
    for person in people:
        bench.leave(person)
    bench.fail(*(RejectedError("no") for _ in range(4)), *(RetryableError("later") for _ in range(4)))
    bench.run("7d")
    many = [cost(path) for path in ("/queues", "/targets", "/targets/crm", "/targets/directory")]

    assert few == many == [12, 8, 13, 14]
