"""What every page has around its content, and what pages are built on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import Response

from scimbridge.dashboard import flash
from scimbridge.dashboard.navigation import Section, sections_for
from scimbridge.dashboard.page import Page, go_to
from scimbridge.dashboard.pages import PAGES
from scimbridge.dashboard.site import Site
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.operator import Operator, Permission, Role
from scimbridge.errors import CaseClosedError, ConcurrentUpdateError, RuleError
from tests.dashboard.conftest import Browse, Browser, bridge_of, text_of
from tests.services.bench import Bench

OMEGA = "\N{GREEK SMALL LETTER OMEGA}"


class _Bell(Page):
    """A page with a form, to try what pages are built on."""

    path = "/bell"
    template = "bell.html"
    permission = Permission.LOOK
    posting = Permission.ACT
    rung: list[str] = []  # noqa: RUF012  # one list for the test
    troubles: Mapping[str, Exception] = {
        "late": CaseClosedError("c1"),
        "long": RuleError(OMEGA * 2000),
        "slow": ConcurrentUpdateError("case", "c1"),
    }

    def context(self, _visit: Visit) -> dict[str, Any]:
        return {}

    def post(self, visit: Visit) -> Response:
        if visit.form["reason"] in self.troubles:
            raise self.troubles[visit.form["reason"]]
        self.rung.append(f"{visit.operator.name}: {visit.form['reason']}, {visit.chosen}")
        return go_to(visit, "/bell", [flash.done(f"It rang for <b>{visit.form['reason']}</b>.", "/cases")])


@pytest.fixture
def bell(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Browser:
    from jinja2 import ChoiceLoader, DictLoader

    template = (
        '{% extends "layout.html" %}{% block heading %}Bell{% endblock %}'
        '{% block main %}{{ forms.post("/bell", "Ring", danger="It wakes all.") }}{% endblock %}'
    )
    bridge = bridge_of(bench)
    site = Site(bridge, [*PAGES, _Bell])
    environment = site._environment
    loaders = [found for found in (environment.loader, DictLoader({"bell.html": template})) if found is not None]
    monkeypatch.setattr(environment, "loader", ChoiceLoader(loaders))
    _Bell.rung.clear()
    browser = Browser(Starlette(routes=site.routes()), bridge)
    browser.sign_in("local", Role.OPERATOR)
    return browser


def test_every_page_can_be_skipped_into_and_names_itself(browse: Browse) -> None:
    page = browse().get("/").text

    assert '<a class="skip" href="#main">' in page
    assert '<main id="main"' in page
    assert '<a href="/" aria-current="page">' in page
    assert re.search(r"<title>Board · scimbridge</title>", page)


def test_one_can_go_to_what_is_there_and_may_be_seen() -> None:
    pages = {"/": Permission.LOOK, "/history": Permission.AUDIT}

    def paths(role: Role) -> list[str]:
        found: list[Section] = sections_for(Operator("ada", role), pages)
        return [entry.path for section in found for entry in section.entries]

    assert paths(Role.VIEWER) == ["/"]
    assert paths(Role.AUDITOR) == ["/", "/history"]


def test_a_form_acts_once_and_the_next_page_says_so_once(bell: Browser) -> None:
    answer = bell.send("/bell", reason="  fire ", sure="yes", case=["a", "b", "a"])
    after, later = bell.get("/bell").text, bell.get("/bell").text

    assert (answer.status_code, answer.headers["location"]) == (303, "/bell")
    assert _Bell.rung == ["local: fire, ('a', 'b')"]
    assert "Done. It rang for <b>fire</b>. Look" in text_of(after)
    assert "<b>fire" not in after
    assert "It rang" not in later


def test_a_refusal_is_told_where_the_form_was(bell: Browser) -> None:
    answer = bell.send("/bell", reason="late", back="/cases/c1?x=1")

    assert (answer.status_code, answer.headers["location"]) == (303, "/cases/c1?x=1")
    assert "Refused. Not done:" in text_of(bell.get("/bell").text)


def test_who_was_slower_than_somebody_else_is_told_to_look_again(bell: Browser) -> None:
    bell.send("/bell", reason="slow")

    said = text_of(bell.get("/bell").text)
    assert "Refused. Not done: case c1 was changed by somebody else. Look at it again." in said


def test_what_is_too_long_to_be_told_is_told_in_part(bell: Browser) -> None:
    bell.send("/bell", reason="long")

    assert "Refused. Not done: \N{GREEK SMALL LETTER OMEGA}\N{GREEK SMALL LETTER OMEGA}" in text_of(
        bell.get("/bell").text
    )


@pytest.mark.parametrize("back", ["https://example.com", "//example.com", "/\\example.com", ""])
def test_nobody_is_sent_elsewhere(bell: Browser, back: str) -> None:
    assert bell.send("/bell", reason="late", back=back).headers["location"] == "/bell"


@pytest.mark.parametrize(
    ("csrf", "origin"), [("", None), ("guessed", None), (None, "http://example.com"), (None, "null")]
)
def test_other_sites_send_no_forms(bell: Browser, csrf: str | None, origin: str | None) -> None:
    headers = {"Origin": origin} if origin else {}

    answer = bell.post("/bell", {"reason": "x", "csrf": bell.csrf("/bell") if csrf is None else csrf}, headers)

    assert answer.status_code == 403
    assert "Go back, reload the page" in text_of(answer.text)
    assert _Bell.rung == []


def test_who_may_only_look_is_told_whose_it_is(bell: Browser) -> None:
    bell.sign_in("vera", Role.VIEWER)
    assert text_of(bell.get("/bell").text).startswith("Bell")

    answer = bell.send("/bell", reason="x")

    assert answer.status_code == 403
    assert "Your role is viewer; this takes the role operator or admin." in text_of(answer.text)
    assert _Bell.rung == []


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", ""])
def test_what_is_no_form_is_refused(bell: Browser, content_type: str) -> None:
    assert bell.post("/bell", {"reason": "x"}, {"Content-Type": content_type}).status_code == 400


def test_a_form_that_is_too_large_is_refused(bell: Browser) -> None:
    assert bell.post("/bell", {"reason": "x" * 600_000}).status_code == 400


@pytest.mark.parametrize("cookie", ["", "!", "e30=", "W3sia2luZCI6ICJldmlsIn1d"])
def test_an_unreadable_message_is_none(browse: Browse, cookie: str) -> None:
    browser = browse()
    browser.cookies.set(flash.COOKIE, cookie)

    assert browser.get("/").status_code == 200


def test_what_pages_load_is_there_and_kept_by_browsers(browse: Browse) -> None:
    browser = browse()
    loaded = re.findall(r'(?:href|src)="(/static/[^"]+)"', browser.get("/").text)

    answers = [browser.get(address) for address in loaded]

    assert len(answers) == 4
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["cache-control"] for answer in answers} == {"public, max-age=31536000, immutable"}
    assert browser.get("/static/site.py").status_code == 404
