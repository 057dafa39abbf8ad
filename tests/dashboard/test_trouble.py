"""What is told where no page can be shown, and that nothing anybody sends makes it come to that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
from starlette.applications import Starlette

from scimbridge.dashboard import build_routes
from scimbridge.dashboard.pages import PAGES
from scimbridge.dashboard.session import COOKIE
from scimbridge.domain.operator import Role
from scimbridge.domain.rule import Ruleset
from scimbridge.errors import StoreUnavailableError
from scimbridge.services.overview import Overview
from scimbridge.services.sessions import Sessions
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.dashboard.conftest import HERE, Browse, Browser, bridge_of, text_of
from tests.services.bench import Bench, a_rule, a_stage

OURS = {"Origin": HERE}
REASON = "disk I/O error on bridge.db"


@contextmanager
def away(owner: type, *names: str, error: Exception | None = None) -> Iterator[None]:
    """Have calls fail, as without a database where no other error is named."""

    def fail(*_: object, **__: object) -> None:
        raise error or StoreUnavailableError(REASON)

    failing: dict[str, Any] = dict.fromkeys(names, fail)
    with mock.patch.multiple(owner, **failing):
        yield


@pytest.fixture
def anywhere(database: Database, clock: FakeClock) -> Browser:
    """An admin's browser, on each store."""
    bridge = bridge_of(Bench(database, clock, Ruleset((a_rule(a_stage("7d")),))))
    browser = Browser(Starlette(routes=build_routes(bridge)), bridge)
    browser.sign_in("root", Role.ADMIN)
    return browser


def test_without_the_database_a_page_says_so_and_when_to_come_back(browse: Browse) -> None:
    with away(Overview, "inquiries"):
        answer = browse().get("/?x=1")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert f"The database does not answer: {REASON}. Try again in a moment." in text_of(answer.text)
    assert '<a class="button main" href="/?x=1">Try again</a>' in answer.text


def test_who_is_not_signed_in_is_not_told_why_the_database_does_not_answer(browse: Browse) -> None:
    browser = browse(role=None)
    browser.cookies.set(COOKIE, "guessed")
    form = {"name": "ada", "password": "x", "token": "x", "csrf": "x"}

    with away(Database, "read", "write"):
        answers = [browser.get(path) for path in ("/", "/sign-in/once?token=x")]
        answers += [browser.post(path, form, OURS) for path in ("/sign-in", "/sign-in/once", "/sign-out", "/acting")]

    assert {answer.status_code for answer in answers} == {503}
    assert all("The database does not answer" in answer.text and REASON not in answer.text for answer in answers)


def test_what_somebody_has_written_is_shown_again_where_it_cannot_be_kept(browse: Browse) -> None:
    browser = browse(role=Role.ADMIN)
    csrf = browser.csrf("/account")

    with away(Database, "read", "write"):
        answer = browser.post("/rules/versions/1/edit", {"csrf": csrf, "text": "<b>name</b> = 1"})

    assert "Whether what you sent was done is not certain" in text_of(answer.text)
    assert '<textarea id="text" class="code" rows="20" readonly>&lt;b&gt;name&lt;/b&gt; = 1</textarea>' in answer.text


def test_what_somebody_has_written_outlasts_their_session(browse: Browse) -> None:
    browser = browse(role=Role.ADMIN)
    csrf = browser.csrf("/account")
    browser.bridge.sessions.end_all("local", by="ops", now=browser.bridge.clock())
    form = {"csrf": csrf, "text": "a day's work"}

    answer = browser.post("/rules/versions/1/edit", form, OURS)

    assert answer.status_code == 401
    assert "You are not signed in, or not any more. Nothing was changed." in text_of(answer.text)
    assert "a day&#39;s work</textarea>" in answer.text
    assert 'href="/sign-in?next=%2Frules%2Fversions%2F1%2Fedit&amp;ended=yes"' in answer.text
    assert browser.post("/rules/versions/1/edit", form, {"Origin": "https://example.com"}).status_code == 303


def test_what_nobody_has_foreseen_is_an_answer_too(browse: Browse, caplog: pytest.LogCaptureFixture) -> None:
    with away(Overview, "inquiries", error=ZeroDivisionError("of the program")):
        answer = browse().get("/")

    assert answer.status_code == 500
    assert "Something went wrong Nobody has foreseen it; the log says what it was." in text_of(answer.text)
    assert "of the program" not in answer.text


def test_signing_out_works_without_the_database_as_far_as_it_can(browse: Browse) -> None:
    browser = browse()
    csrf = browser.csrf("/account")

    with away(Sessions, "end"):
        answer = browser.post("/sign-out", {"csrf": csrf}, OURS)

    assert "You are signed out in this browser." in text_of(answer.text)
    assert f'{COOKIE}=""' in answer.headers["set-cookie"]


def test_a_session_that_ends_while_somebody_signs_out_is_no_trouble(browse: Browse) -> None:
    browser = browse()
    csrf, find = browser.csrf("/account"), Sessions.find

    def found_and_ended(sessions: Sessions, *args: object, **more: object) -> object:
        found = find(sessions, *args, **more)  # type: ignore[arg-type]
        sessions.end_all("local", by="ops", now=browser.bridge.clock())
        return found

    with mock.patch.object(Sessions, "find", found_and_ended):
        assert browser.post("/sign-out", {"csrf": csrf}, OURS).headers["location"] == "/sign-in"


def test_nothing_that_postgresql_cannot_take_reaches_it(anywhere: Browser) -> None:
    named = [page for page in PAGES if "{" in page.path]
    paths = [re.sub(r"\{[^}]+\}", "%00", page.path.replace("{number:int}", "1")) for page in named]

    assert {anywhere.get(path).status_code for path in paths} == {404}
    assert anywhere.get("/cases?text=a%00b&rule=%00&after=%00").status_code == 200
    assert anywhere.post("/sign-in", {"name": "a\0b", "password": "x\0"}, OURS).status_code == 403
    form = {"scope": "identity", "subject": "a\0da", "reason": "\0why", "case": "\0"}
    assert anywhere.send("/holds", **form).headers["location"] == "/holds"
    assert "Refused. Not done: no identity 'ada'." in text_of(anywhere.get("/holds").text)
    gone = anywhere.send("/holds/gone", seen_on="/holds", reason="over", back="/holds")
    assert gone.status_code == 404
    assert '<a href="/holds">Back to the form</a>' in gone.text


@pytest.mark.parametrize("said", ["0001-01-01T00:00%2B05:00", "9999-12-31T23:59-05:00", "9999-12-31"])
def test_no_time_is_too_far_away(browse: Browse, said: str) -> None:
    pages = ("/cases", "/history", "/requests")

    assert [browse().get(f"{page}?since={said}&until={said}").status_code for page in pages] == [200] * len(pages)


def test_an_approval_of_a_case_that_has_ended_says_so(bench: Bench, browse: Browse) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    case_id = bench.case(ada).id
    bench.operating.cancel(case_id, reason="mistake", by="ops", now=bench.clock())
    browser = browse()
    path = f"/cases/{case_id}/approve/2"

    answer = browser.send(path, sure="yes", digest="x")

    assert (answer.status_code, answer.headers["location"]) == (303, path)
    assert f"There is nothing to approve here. case {case_id} has ended" in text_of(browser.get(path).text)
