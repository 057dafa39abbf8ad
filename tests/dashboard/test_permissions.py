"""Every address and every method, for everybody who must not: generated from the routes that there are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from scimbridge.api.app import BASE, ENDPOINTS
from scimbridge.api.serving import Resource
from scimbridge.asgi import create_app
from scimbridge.bridge import Bridge
from scimbridge.dashboard.pages import PAGES
from scimbridge.domain.operator import Permission, Role
from tests.dashboard.conftest import Browser, bridge_of
from tests.services.bench import Bench

OPEN = {
    "/healthz": "load balancers ask",
    "/readyz": "load balancers ask",
    "/metrics": "Prometheus asks; it names nobody",
    "/oauth/token": "sources sign in here",
    "/.well-known/oauth-authorization-server": "says where sources sign in",
    "/static/{name}": "style sheet and scripts",
    "/sign-in": "operators sign in here",
    "/sign-in/once": "operators sign in here",
    "/sign-in/oidc": "sends to the identity provider",
    "/sign-in/oidc/callback": "whom it sends back is signed in",
    "/sign-in/oidc/sign-out": "sends to the identity provider, to sign out there",
    "/events": "answers 401 by itself: browsers must not follow to a page",
    "/sign-out": "checks the session's form by itself",
    "/api/v1/openapi.json": "describes the API, and nothing of this installation",
    "/api/v1/{rest:path}": "says that there is no such address",
}
"""What nobody needs a permission for, and why."""


def declared() -> dict[tuple[str, str], Permission]:
    """Return what each method of each address takes."""
    found: dict[tuple[str, str], Permission] = {}
    for page in PAGES:
        found[page.path, "GET"] = page.permission
        if page.posting is not None:
            found[page.path, "POST"] = page.posting
    return found | {(f"{BASE}{each.path}", each.method): each.permission for each in ENDPOINTS}


def routes_of(app: Any) -> Iterator[Route]:
    """Yield the routes of the whole web process but SCIM's, which know sources and not operators."""
    while not hasattr(app, "routes"):
        app = app._app
    for route in app.routes:
        assert isinstance(route, Route), f"{route} is a kind of route that this test does not know"
        yield route


def methods_of(route: Route) -> set[str]:
    if isinstance(route.endpoint, Resource):
        return set(route.endpoint.methods)
    return (route.methods or {"GET"}) - {"HEAD"}


def somewhere(path: str) -> str:
    return re.sub(r"{\w+}", "x", re.sub(r"{\w+:int}", "1", path))


@pytest.fixture
def bridge(bench: Bench) -> Bridge:
    made = bridge_of(bench)
    made.live.stop()  # streams would have no end
    return made


@pytest.fixture
def app(bridge: Bridge) -> Any:
    return create_app(bridge)


def test_every_address_takes_a_permission_or_is_open_for_a_reason(app: Any) -> None:
    found = {(route.path, method) for route in routes_of(app) for method in methods_of(route)}

    assert {each for each in found if each not in declared() and each[0] not in OPEN} == set()
    assert {each for each in declared() if each not in found} == set(), "declared, and not there"


def test_nobody_gets_anything_without_signing_in(app: Any, bridge: Bridge) -> None:
    client = TestClient(app, base_url="http://127.0.0.1:8085", follow_redirects=False)
    for path, method in declared():
        answer = client.request(method, somewhere(path), data={"csrf": "x"} if method == "POST" else None)

        expected = 401 if path.startswith("/api/") else 303
        assert answer.status_code == expected, (path, method)
        assert expected == 401 or answer.headers["location"].startswith("/sign-in?"), (path, method)
    assert list(bridge.overview.history_after(0)) == []


@pytest.mark.parametrize("role", Role)
def test_a_role_gets_what_it_may_and_nothing_else(app: Any, bridge: Bridge, role: Role) -> None:
    browser = Browser(app, bridge)
    browser.sign_in(f"a-{role}", role)
    csrf = browser.csrf("/account")
    refused = 0
    for (path, method), permission in declared().items():
        if path.startswith("/api/") or (role.may(permission) and method != "GET"):
            continue
        address = somewhere(path)
        answer = browser.get(address) if method == "GET" else browser.post(address, {"csrf": csrf})

        assert (answer.status_code == 403) == (not role.may(permission)), (path, method, answer.text)
        assert answer.status_code in {200, 403, 404}, (path, method)
        if answer.status_code == 403:
            refused += 1
            assert f"Your role is {role}" in answer.text, (path, method)
    assert refused > 0 or role is Role.ADMIN
    # That somebody took a list is all that a look may leave behind.
    assert {entry["event"] for entry in bridge.overview.history_after(0)} <= {"list exported"}


@pytest.mark.parametrize("role", Role)
def test_a_program_of_a_role_gets_what_it_may_and_nothing_else(app: Any, bridge: Bridge, role: Role) -> None:
    token = bridge.operators.create(f"a-{role}", role, by="test", now=bridge.clock())
    client = TestClient(app, base_url="http://127.0.0.1:8085", headers={"Authorization": f"Bearer {token}"})
    before = len(list(bridge.overview.history_after(0)))
    for (path, method), permission in declared().items():
        if not path.startswith("/api/"):
            continue
        # What may be called is called with a body that cannot be understood, so that nothing is done.
        answer = client.request(method, somewhere(path), content=b"{" if method != "GET" else None)

        assert (answer.status_code == 403) == (not role.may(permission)), (path, method, answer.text)
    assert len(list(bridge.overview.history_after(0))) == before


def test_every_answer_keeps_other_sites_away(app: Any, bridge: Bridge) -> None:
    browser = Browser(app, bridge)
    browser.sign_in("vera", Role.VIEWER)
    for path in ("/", "/sign-in", "/cases/none", "/operators", "/static/dashboard.css", "/nowhere", "/api/v1/nowhere"):
        headers = browser.get(path).headers

        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["cross-origin-resource-policy"] == "same-origin", path
        assert headers["cross-origin-opener-policy"] == "same-origin", path
        assert "camera=()" in headers["permissions-policy"], path
        assert "strict-transport-security" not in headers, path
    policy = browser.get("/").headers["content-security-policy"]
    assert {"default-src 'none'", "form-action 'self'", "frame-ancestors 'none'"} <= set(policy.split("; "))
    assert "unsafe" not in policy


def test_with_https_browsers_are_told_to_come_by_it_only(bench: Bench) -> None:
    bridge = bridge_of(bench, {"SCIMBRIDGE_SERVER__PUBLIC_URL": "https://bridge.example.com"})

    answer = Browser(create_app(bridge), bridge).get("/sign-in")

    assert answer.headers["strict-transport-security"] == "max-age=31536000"
