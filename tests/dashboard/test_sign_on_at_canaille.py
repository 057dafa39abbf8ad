"""Signing in by a real OpenID provider that knows nothing of us: Canaille, as its own process, to the end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from starlette.applications import Starlette

from scimbridge.dashboard import build_routes
from scimbridge.domain.operator import Operator, Role, Way
from tests.bench.stage import running, wait_for
from tests.dashboard.conftest import HERE, Browser, bridge_of
from tests.servers import quiet_port
from tests.services.bench import Bench
from tests.targets.foreign.environments import environment
from tests.targets.foreign.servers import HERE as PROGRAMS
from tests.targets.foreign.servers import PASSWORD, TOKEN

CALLBACK = f"{HERE}/sign-in/oidc/callback"

pytestmark = pytest.mark.journey


@pytest.fixture
def canaille(tmp_path: Path) -> Iterator[str]:
    port = quiet_port()
    program = [environment("canaille"), PROGRAMS / "canaille_app.py", str(port), TOKEN, PASSWORD, CALLBACK]
    with running(list(map(str, program)), tmp_path / "canaille.log"):
        wait_for(f"http://127.0.0.1:{port}/.well-known/openid-configuration")
        yield f"http://127.0.0.1:{port}"


def sign_in_there(address: str) -> str:
    """Do at the provider what a person does: name, password. Returns where the browser is sent in the end."""
    with httpx.Client(timeout=30) as person:
        answer = person.get(address)
        for _ in range(10):
            if answer.is_redirect:
                address = urljoin(str(answer.url), answer.headers["location"])
                if address.startswith(CALLBACK):
                    return address
                answer = person.get(address)
                continue
            answer.raise_for_status()
            form = {"login": "ada", "password": PASSWORD} | dict(
                re.findall(r'name="(csrf_token)"[^>]* value="([^"]+)"', unescape(answer.text))
            )
            answer = person.post(str(answer.url), data=form)
    pytest.fail(f"the provider sends nobody back: {answer.status_code} {answer.url} {answer.text[:2000]}")


def test_somebody_signs_in_at_canaille_and_is_let_in_here(bench: Bench, canaille: str) -> None:
    bench.clock.now = datetime.now(UTC)
    oidc = {
        "ISSUER": canaille,
        "CLIENT_ID": "pages",
        "CLIENT_SECRET": PASSWORD,
        "SCOPES": '["openid", "profile", "email", "groups"]',
        "ROLES": '{ operator = ["it-operations"] }',
    }
    bridge = bridge_of(bench, {f"SCIMBRIDGE_OPERATORS__OIDC__{key}": value for key, value in oidc.items()})
    browser = Browser(Starlette(routes=build_routes(bridge)), bridge)

    there = browser.get("/sign-in/oidc?next=/targets")
    back = urlsplit(sign_in_there(there.headers["location"]))
    answer = browser.get(f"{back.path}?{back.query}")

    assert (answer.status_code, answer.headers["location"]) == (303, "/targets"), answer.text
    (session,) = bridge.sessions.all(bench.clock())
    assert (session.operator, session.way) == (Operator("ada@example.com (oidc)", Role.OPERATOR), Way.PROVIDER)
    assert timedelta(hours=11) < session.ends_at - bench.clock() <= timedelta(hours=12)
    assert browser.get("/targets").status_code == 200
