"""Signing in and out, in the browser."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from starlette.applications import Starlette

from scimbridge.admission import failures
from scimbridge.dashboard import build_routes
from scimbridge.dashboard.entrance import local
from scimbridge.dashboard.session import COOKIE
from scimbridge.domain.one_time_code import STEP, code_at
from scimbridge.domain.operator import Role
from scimbridge.services.passwords import Passwords
from scimbridge.services.tries import FREE
from tests.dashboard.conftest import Browse, Browser, bridge_of, text_of
from tests.services.bench import Bench

PASSWORD = "correct horse battery"
OURS = {"Origin": "http://127.0.0.1:8085"}
NAME = "ada@example.com"


class _Ada(Browser):
    """The browser of an operator who has a password, and is not signed in."""

    def enter(self, password: str = PASSWORD, code: str = "", next_: str = "", **headers: str):  # type: ignore[no-untyped-def]
        form = {"name": "ada", "password": password, "code": code, "next": next_}
        return self.post("/sign-in", form, headers or OURS)

    @property
    def is_in(self) -> bool:
        return bool(self.get("/").status_code == 200)


@pytest.fixture
def ada(bench: Bench) -> _Ada:
    bridge = bridge_of(bench)
    vars(bridge).update(passwords=Passwords(memory=8, passes=1))
    bridge.operators.create("ada", Role.OPERATOR, by="ops", now=bridge.clock())
    bridge.own_access.set_password("ada", PASSWORD, by="ops", now=bridge.clock())
    return _Ada(Starlette(routes=build_routes(bridge)), bridge)


def test_nobody_sees_a_page_without_signing_in(bench: Bench, ada: _Ada) -> None:
    bench.leave(bench.join(NAME))

    answer = ada.get("/cases/any?q=1")

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fcases%2Fany%3Fq%3D1")
    assert NAME not in answer.text
    shown = ada.get(answer.headers["location"])
    assert '<input type="hidden" name="next" value="/cases/any?q=1">' in shown.text


def test_who_signs_in_comes_to_where_they_wanted_to_go(ada: _Ada) -> None:
    answer = ada.enter(next_="/cases/any?q=1")

    assert (answer.status_code, answer.headers["location"]) == (303, "/cases/any?q=1")
    cookie = answer.headers["set-cookie"]
    assert re.match(rf"{COOKIE}=[\w-]{{43}}; HttpOnly; Path=/; SameSite=lax$", cookie)
    assert ada.is_in
    assert "<bdi>ada</bdi>" in ada.get("/").text


@pytest.mark.parametrize(
    "next_", ["https://example.com", "//example.com", "/\\example.com", "javascript:1", "/sign-out", "/a\nb", ""]
)
def test_nobody_is_sent_elsewhere(next_: str) -> None:
    assert local(next_) == "/"


def test_a_session_id_that_somebody_else_has_planted_is_not_taken(ada: _Ada) -> None:
    ada.cookies.set(COOKIE, "planted")

    answer = ada.enter()

    assert f"{COOKIE}=planted" not in answer.headers["set-cookie"]
    assert ada.bridge.sessions.find("planted", ada.bridge.clock()) is None


def test_with_https_the_cookie_is_bound_to_it_and_to_this_host(bench: Bench) -> None:
    bridge = bridge_of(bench, {"SCIMBRIDGE_SERVER__PUBLIC_URL": "https://bridge.example.com"})
    vars(bridge).update(passwords=Passwords(memory=8, passes=1))
    bridge.operators.create("ada", Role.OPERATOR, by="ops", now=bridge.clock())
    bridge.own_access.set_password("ada", PASSWORD, by="ops", now=bridge.clock())

    browser = _Ada(Starlette(routes=build_routes(bridge)), bridge)
    cookie = browser.enter().headers["set-cookie"]

    assert re.match(r"__Host-scimbridge_session=([\w-]{43}); HttpOnly; Path=/; SameSite=lax; Secure$", cookie)
    browser.cookies.set("__Host-scimbridge_session", cookie.partition("=")[2].partition(";")[0])
    assert browser.send("/account", what="end-others").headers["set-cookie"].endswith("; Secure")


@pytest.mark.parametrize(
    ("password", "name"), [("wrong", "ada"), (PASSWORD, "nobody"), ("", ""), (PASSWORD, "ada" * 100)]
)
def test_whoever_fails_is_told_the_same(ada: _Ada, password: str, name: str) -> None:
    answer = ada.post("/sign-in", {"name": name, "password": password, "next": "/guard"}, OURS)

    assert answer.status_code == 403
    assert "Name, password or code is not right." in text_of(answer.text)
    assert 'name="next" value="/guard"' in answer.text
    assert "set-cookie" not in answer.headers
    assert password not in answer.text or not password


def test_a_locked_name_is_told_when_to_come_back(ada: _Ada) -> None:
    for _ in range(FREE):
        ada.enter("wrong")

    answer = ada.enter()

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "31")
    assert "Try again in 31 seconds" in text_of(answer.text)


def test_an_address_that_guesses_is_slowed_whatever_the_names(ada: _Ada, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "MOST", 2)
    monkeypatch.setattr(failures, "FREE", 2)
    monkeypatch.setattr(failures, "FORGIVEN_EVERY", 1e6)
    for number in range(3):
        ada.post("/sign-in", {"name": f"n{number}", "password": "x"}, OURS)

    answer = ada.enter()

    assert answer.status_code == 429
    assert "from your address have failed" in text_of(answer.text)
    assert not ada.is_in


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.com"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8085"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"X-Nothing": "said"},
    ],
)
def test_no_other_site_signs_anybody_in(ada: _Ada, headers: dict[str, str]) -> None:
    answer = ada.enter(**headers)

    assert answer.status_code == 403
    assert "did not come from a page of ours" in text_of(answer.text)


def test_a_one_time_link_asks_before_it_is_used(ada: _Ada) -> None:
    secret = ada.bridge.signing_in.make_link("ada", by="ops", now=ada.bridge.clock())
    for _ in range(2):
        shown = ada.get(f"/sign-in/once?token={secret}")
        assert "signs you in once, as ada" in text_of(shown.text)
    assert not ada.is_in

    answer = ada.post("/sign-in/once", {"token": secret}, OURS)

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert ada.is_in
    used = ada.get(f"/sign-in/once?token={secret}")
    assert (used.status_code, "not good any more" in used.text) == (403, True)
    assert ada.post("/sign-in/once", {"token": secret}, OURS).status_code == 403


def test_signing_out_ends_the_session_here_and_there(ada: _Ada) -> None:
    ada.enter()
    cookie = ada.cookies[COOKIE]
    assert ada.post("/sign-out", {"csrf": "guessed"}, OURS).status_code == 403
    assert ada.post("/sign-out", {}, OURS).status_code == 400
    assert ada.is_in

    answer = ada.send("/sign-out", seen_on="/")

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert not ada.is_in
    assert ada.bridge.sessions.find(cookie, ada.bridge.clock()) is None
    assert ada.post("/sign-out", {"csrf": "x"}, OURS).status_code == 200


def test_a_form_of_an_ended_session_changes_nothing_and_says_so(ada: _Ada) -> None:
    ada.enter()
    csrf = ada.csrf("/account")
    ada.bridge.sessions.end_all("ada", by="ops", now=ada.bridge.clock())

    answer = ada.post("/account", {"csrf": csrf, "what": "end-others"})

    assert answer.headers["location"] == "/sign-in?next=%2Faccount&ended=yes"
    assert "Nothing was changed" in text_of(ada.get(answer.headers["location"]).text)


def test_a_part_of_a_page_sends_the_whole_browser_to_sign_in(ada: _Ada) -> None:
    answer = ada.get("/cases?state=all", {"HX-Request": "true"})

    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/sign-in?next=%2Fcases%3Fstate%3Dall")


def test_forms_of_one_session_are_of_no_use_in_another(ada: _Ada) -> None:
    ada.enter()
    stolen = ada.csrf("/account")
    ada.enter()

    assert ada.post("/account", {"csrf": stolen, "what": "end-others"}).status_code == 403


def test_a_password_is_chosen_and_the_other_sessions_end(ada: _Ada) -> None:
    elsewhere = ada.bridge.sessions
    ada.enter()
    first = ada.cookies[COOKIE]
    ada.enter()

    for current, new, again, says in (
        ("wrong", "another good one", "another good one", "current password is not right"),
        (PASSWORD, "another good one", "another good two", "differ"),
        (PASSWORD, "short", "short", "12 characters or more"),
    ):
        ada.send("/account", what="password", current=current, new=new, again=again)
        assert says in text_of(ada.get("/account").text)
    ada.send("/account", what="password", current=PASSWORD, new="another good one", again="another good one")

    assert "Done. The new password is good" in text_of(ada.get("/account").text)
    assert elsewhere.find(first, ada.bridge.clock()) is None
    assert ada.enter().status_code == 403
    assert ada.enter("another good one").status_code == 303


def test_an_app_is_set_up_by_a_picture_or_a_secret_and_taken_away(bench: Bench, ada: _Ada) -> None:
    ada.enter()
    shown = ada.get("/account/app").text
    (secret,) = re.findall(r'<code class="secret">(\w{32})</code>', shown)
    assert "<svg" in shown
    assert "style=" not in shown
    assert f"otpauth://totp/scimbridge:ada?secret={secret}" in shown
    wrong = ada.send("/account/app", secret=secret, code="000000")
    assert "is its clock right?" in text_of(wrong.text)
    assert secret in wrong.text

    def code() -> str:
        return code_at(secret, int(bench.clock().timestamp()) // STEP)

    ada.send("/account/app", secret=secret, code=code())

    assert "Codes of your app are asked for" in text_of(ada.get("/account").text)
    bench.clock.advance(timedelta(seconds=STEP))
    assert ada.enter().status_code == 403
    assert ada.enter(code=code()).status_code == 303
    bench.clock.advance(timedelta(seconds=STEP))
    ada.send("/account", what="drop-app", code=code())
    assert ada.enter().status_code == 303


def test_sessions_are_listed_and_ended_one_by_one(ada: _Ada) -> None:
    ada.enter(**OURS, **{"User-Agent": "<b>Old browser</b>"})
    ada.enter()
    shown = ada.get("/account").text
    assert "&lt;b&gt;Old browser&lt;/b&gt;" in shown
    (other,) = re.findall(r'name="session" value="([^"]+)"', shown)

    ada.send("/account", what="end", session=other)
    assert "Old browser" not in ada.get("/account").text

    ada.enter()
    ada.send("/account", what="end-others")
    assert len(ada.bridge.sessions.of("ada", ada.bridge.clock())) == 1


def test_a_role_holds_from_the_next_page_on(browse: Browse) -> None:
    browser = browse(Role.ADMIN, "grace")
    browser.bridge.operators.create("olga", Role.ADMIN, by="ops", now=browser.bridge.clock())

    browser.bridge.operators.change_role("grace", Role.VIEWER, reason="moved", by="olga", now=browser.bridge.clock())

    assert browser.get("/").status_code == 303


def test_whom_a_provider_signs_in_has_no_password_to_choose(ada: _Ada) -> None:
    bridge = ada.bridge
    browser = Browser(Starlette(routes=build_routes(bridge)), bridge)
    browser.sign_in("eve (oidc)", Role.VIEWER)

    shown = text_of(browser.get("/account").text)

    assert "the identity provider" in shown
    assert "Choose a password" not in shown
