"""Who gets to see the page."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from scimbridge.dashboard.access import is_local
from tests.dashboard.conftest import Browse
from tests.services.bench import Bench

NAME = "ada@example.com"


@pytest.fixture(autouse=True)
def _somebody_to_hide(bench: Bench) -> None:
    bench.leave(bench.join(NAME))


@pytest.mark.parametrize("client", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", ["127.0.0.1:8085", "localhost:8085", "[::1]:8085", "LOCALHOST"])
def test_somebody_on_this_machine_sees_it(browse: Browse, client: str, host: str) -> None:
    answer = browse(client, host).get("/")

    assert answer.status_code == 200
    assert NAME in answer.text


@pytest.mark.parametrize("client", ["192.0.2.7", "10.0.0.1", "2001:db8::1", "testclient", ""])
def test_somebody_elsewhere_is_told_how_to_reach_it(browse: Browse, client: str) -> None:
    answer = browse(client).get("/")

    assert answer.status_code == 403
    assert NAME not in answer.text
    assert "ssh -L 8085:127.0.0.1:8085" in answer.text


def test_a_case_is_shown_on_this_machine_alone(browse: Browse) -> None:
    answer = browse("192.0.2.7").get("/cases/any")

    assert answer.status_code == 403
    assert "ssh -L" in answer.text


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Via", "X-Forwarded-Host"])
def test_a_proxy_on_this_machine_does_not_open_it_to_the_world(browse: Browse, header: str) -> None:
    answer = browse().get("/", headers={header: "127.0.0.1"})

    assert answer.status_code == 403
    assert NAME not in answer.text


@pytest.mark.parametrize(
    "host", ["bridge.example.com", "127.0.0.1.example.com", "localhost.example.com", "[", "192.0.2.7"]
)
def test_a_web_site_that_names_itself_this_machine_cannot_read_it(browse: Browse, host: str) -> None:
    answer = browse().get("/", headers={"Host": host})

    assert answer.status_code == 403
    assert NAME not in answer.text


def test_the_refusal_is_not_kept_by_browsers(browse: Browse) -> None:
    assert browse("192.0.2.7").get("/").headers["cache-control"] == "no-store"


def test_the_protocol_that_only_proxies_still_speak_is_refused() -> None:
    def a_request(version: str) -> Request:
        return Request(
            {
                "type": "http",
                "http_version": version,
                "client": ("127.0.0.1", 40000),
                "server": ("127.0.0.1", 8085),
                "headers": [(b"host", b"127.0.0.1:8085")],
            }
        )

    assert is_local(a_request("1.1"))
    assert not is_local(a_request("1.0"))


def test_this_machine_may_use_its_other_addresses() -> None:
    def a_request(client: str) -> Request:
        scope = {"type": "http", "client": (client, 40000), "server": ("192.0.2.1", 8085)}
        return Request({**scope, "headers": [(b"host", b"192.0.2.1:8085")]})

    assert is_local(a_request("192.0.2.1"))
    assert not is_local(a_request("192.0.2.2"))
