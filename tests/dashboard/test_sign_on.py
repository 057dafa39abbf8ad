"""Signing in by an OpenID provider: the way that is right, and the ways that are not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from scimbridge.dashboard import build_routes
from scimbridge.dashboard.session import COOKIE
from scimbridge.domain.operator import Role
from scimbridge.services.key_sets import REFRESH_AFTER, TRY_EVERY
from tests.dashboard.conftest import Browser, bridge_of, text_of
from tests.issuer import Issuer, issuing
from tests.openid import CLIENT, SECRET, OpenIdProvider, providing
from tests.services.bench import Bench


@pytest.fixture(scope="module")
def signer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture
def provider(bench: Bench, signer: Issuer) -> Iterator[OpenIdProvider]:
    with providing(signer, bench.clock()) as provider:
        yield provider


def a_browser(bench: Bench, provider: OpenIdProvider, **more: Any) -> Browser:
    oidc = {
        "issuer": provider.url,
        "client_id": CLIENT,
        "client_secret": SECRET,
        "roles": {"viewer": ["staff"], "operator": ["it"], "admin": ["it-admins"]},
        **more,
    }
    environ = {f"SCIMBRIDGE_OPERATORS__OIDC__{key.upper()}": _said(value) for key, value in oidc.items()}
    bridge = bridge_of(bench, environ)
    return Browser(Starlette(routes=build_routes(bridge)), bridge)


def _said(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {json.dumps(each)}" for key, each in value.items()) + "}"
    return str(value)


@pytest.fixture
def browser(bench: Bench, provider: OpenIdProvider) -> Browser:
    return a_browser(bench, provider)


def come_back(browser: Browser, provider: OpenIdProvider, next_: str = "", **changed: str) -> httpx2.Response:
    """Go to the provider, sign in there, and come back."""
    sent = browser.get(f"/sign-in/oidc?next={next_}")
    assert sent.status_code == 302, sent.text
    query = dict(pair.split("=") for pair in provider.authorize(sent.headers["location"]).split("&"))
    return browser.get("/sign-in/oidc/callback?" + "&".join(f"{k}={v}" for k, v in {**query, **changed}.items()))


def told(answer: httpx2.Response) -> str:
    assert answer.status_code in {403, 503}, answer.status_code
    assert not any(COOKIE in each for each in answer.headers.get_list("set-cookie"))
    return text_of(answer.text)


def test_who_is_signed_in_there_is_signed_in_here(browser: Browser, provider: OpenIdProvider, bench: Bench) -> None:
    assert 'href="/sign-in/oidc?next=' in browser.get("/sign-in").text

    answer = come_back(browser, provider, "/targets")

    assert (answer.status_code, answer.headers["location"]) == (303, "/targets")
    shown = browser.get("/account").text
    assert "<bdi>ada@example.com (oidc)</bdi>" in shown
    assert '<span class="faint">operator</span>' in shown
    (session,) = browser.bridge.sessions.of("ada@example.com (oidc)", bench.clock())
    assert session.ends_at == bench.clock() + timedelta(hours=12)


def test_who_signs_out_is_offered_to_sign_out_there_too(browser: Browser, provider: OpenIdProvider) -> None:
    provider.described["end_session_endpoint"] = f"{provider.url}/bye?tenant=1"
    come_back(browser, provider)

    out = browser.send("/sign-out", seen_on="/")
    offered = browser.get(out.headers["location"]).text
    there = browser.get("/sign-in/oidc/sign-out")

    assert 'still knows you: <a href="/sign-in/oidc/sign-out">' in offered
    assert "still knows you" not in browser.get("/sign-in").text
    assert there.status_code == 302
    assert there.headers["location"] == (
        f"{provider.url}/bye?tenant=1&client_id={CLIENT}&post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A8085%2Fsign-in"
    )


@pytest.mark.parametrize(
    ("described", "said"),
    [({}, "names no place to sign out at"), ({"end_session_endpoint": 7}, "no usable end_session_endpoint")],
)
def test_a_provider_that_signs_nobody_out_is_said_to(
    browser: Browser, provider: OpenIdProvider, described: dict[str, Any], said: str
) -> None:
    provider.described.update(described)

    answer = browser.get("/sign-in/oidc/sign-out")

    assert answer.status_code in {404, 503}
    assert said in text_of(answer.text)


def test_the_provider_is_asked_what_it_does_not_say_at_once(
    browser: Browser, provider: OpenIdProvider, bench: Bench
) -> None:
    provider.claims.update(groups=None, email=None)
    provider.userinfo = {"groups": "it-admins", "email": "ada@example.com"}

    assert come_back(browser, provider).status_code == 303

    assert browser.bridge.sessions.all(bench.clock())[0].operator.role is Role.ADMIN
    assert "/userinfo/" in provider.asked


def test_roles_may_be_deep_within_and_names_may_be_others(bench: Bench, provider: OpenIdProvider) -> None:
    provider.claims.update(groups=None, realm_access={"roles": ["x", "staff"]}, preferred_username="ada")
    provider.described = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    browser = a_browser(bench, provider, claim="realm_access.roles", name="preferred_username")

    assert come_back(browser, provider).status_code == 303

    (session,) = browser.bridge.sessions.all(bench.clock())
    assert (session.operator.name, session.operator.role) == ("ada (oidc)", Role.VIEWER)


def test_a_session_ends_when_the_provider_has_to_be_asked_again(
    bench: Bench, browser: Browser, provider: OpenIdProvider
) -> None:
    provider.claims["auth_time"] = int((bench.clock() - timedelta(hours=11)).timestamp())

    come_back(browser, provider)

    (session,) = browser.bridge.sessions.all(bench.clock())
    assert session.ends_at == bench.clock() + timedelta(hours=1)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no role": ({"groups": ["nobody"]}, "says nothing in 'groups'"),
    "groups of no form": ({"groups": 7}, "says nothing in 'groups'"),
    "no name": ({"email": None}, "no usable name"),
    "a hostile name": ({"email": "ada\n<b>"}, "no usable name"),
    "a name that is no part of an address": ({"email": "example/ada"}, "no usable name"),
    "a name as long as a book": ({"email": "a" * 94}, "no usable name"),
    "an address that nobody has verified": ({"email_verified": False}, "never verified"),
    "another sign-in": ({"nonce": "another"}, "belongs to another sign-in"),
    "no nonce": ({"nonce": None}, "belongs to another sign-in"),
    "another party": ({"azp": "another"}, "belongs to another sign-in"),
    "another audience": ({"aud": "another"}, "not for this bridge"),
    "another issuer": ({"iss": "https://login.example.com"}, "not for this bridge"),
    "an expired token": ({"exp": 1}, "too old"),
    "no expiry": ({"exp": None}, "not for this bridge"),
    "nobody": ({"sub": ""}, "names nobody"),
    "shown too long ago": ({"auth_time": 1}, "has not asked you for too long"),
    "shown in the far future": ({"auth_time": 99999999999}, "does not say when"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_nobody_comes_in_by_what_is_not_right(browser: Browser, provider: OpenIdProvider, case: str) -> None:
    claims, says = REFUSED[case]
    provider.claims.update(claims)

    shown = told(come_back(browser, provider))

    assert says in shown
    assert browser.get("/").status_code == 303


def test_a_token_that_nobody_has_signed_is_nobodys(browser: Browser, provider: OpenIdProvider) -> None:
    for header in ({"alg": "none"}, {"kid": "unknown"}):
        provider.header = header
        try:
            answer = come_back(browser, provider)
        except Exception:  # noqa: BLE001  # the library of the double refuses to make such a one
            continue
        assert "503" in str(answer.status_code)


def test_an_answer_is_good_in_the_browser_that_asked_and_once(
    bench: Bench, browser: Browser, provider: OpenIdProvider
) -> None:
    sent = browser.get("/sign-in/oidc")
    back = f"/sign-in/oidc/callback?{provider.authorize(sent.headers['location'])}"
    other = a_browser(bench, provider)
    other.get("/sign-in/oidc")

    assert "in another browser" in told(other.get(back))
    assert browser.get(back).status_code == 303
    assert "in another browser" in told(browser.get(back))
    assert "old one" in told(come_back(browser, provider, code="used"))


def test_another_answer_than_that_of_this_provider_is_refused(browser: Browser, provider: OpenIdProvider) -> None:
    assert "another identity provider" in told(come_back(browser, provider, iss="https://evil.example.com"))
    assert "did not let you in" in told(come_back(browser, provider, error="access_denied"))
    assert "refuses this sign-in" in told(come_back(browser, provider, error="<script>"))
    assert come_back(browser, provider, iss=provider.url).status_code == 303


@pytest.mark.parametrize(
    ("described", "says"),
    [
        ({"issuer": "https://login.example.com"}, "write the issuer exactly as it does"),
        ({"authorization_endpoint": None}, "no usable authorization_endpoint"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "no usable authorization_endpoint"),
    ],
)
def test_a_provider_that_says_something_else_is_not_used(
    browser: Browser, provider: OpenIdProvider, described: dict[str, Any], says: str
) -> None:
    provider.described = described

    assert says in told(browser.get("/sign-in/oidc"))


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"error": "invalid_client"}, "are client_id and client_secret right?"),
        ({"error": "<script>"}, "refuses to give tokens (an error)"),
        ({}, "sends no ID token"),
        ({"id_token": "a.b.c"}, "sends no ID token"),
    ],
)
def test_tokens_that_are_none_let_nobody_in(
    browser: Browser, provider: OpenIdProvider, answer: dict[str, Any], says: str
) -> None:
    provider.token_answer = answer

    assert says in told(come_back(browser, provider))


def test_who_is_down_keeps_nobody_out_who_has_a_password(bench: Bench, provider: OpenIdProvider) -> None:
    browser = a_browser(bench, provider)
    provider.close()

    shown = browser.get("/sign-in/oidc?next=/guard")

    assert shown.status_code == 503
    assert "cannot be used now" in text_of(shown.text)
    assert "Operators with a password can sign in below" in text_of(shown.text)
    assert '<input type="hidden" name="next" value="/guard">' in shown.text


def test_keys_roll_over(browser: Browser, provider: OpenIdProvider, signer: Issuer, monkeypatch: Any) -> None:
    assert come_back(browser, provider).status_code == 303
    old = signer.keys
    monkeypatch.setattr("scimbridge.services.key_sets.TRY_EVERY", timedelta())
    try:
        signer.roll_over()
        assert come_back(browser, provider).status_code == 303
    finally:
        signer.keys = old
    assert provider.asked.count("/keys") == 2
    assert TRY_EVERY < REFRESH_AFTER


def test_without_a_provider_nobody_is_sent_anywhere(bench: Bench) -> None:
    bridge = bridge_of(bench)
    browser = Browser(Starlette(routes=build_routes(bridge)), bridge)

    assert "/sign-in/oidc" not in browser.get("/sign-in").text
    assert browser.get("/sign-in/oidc").status_code == 404
    assert browser.get("/sign-in/oidc/callback?code=1&state=").status_code == 403


def test_a_hostile_cookie_is_none(browser: Browser) -> None:
    for cookie in ("x", "e30=", "W10="):
        browser.cookies.set("scimbridge_sign_on", cookie)

        assert "in another browser" in told(browser.get("/sign-in/oidc/callback?code=1&state=x"))
