from __future__ import annotations

import base64
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from connectors.scim import ScimConfig, ScimConnector
from connectors.scim.calls import http_client
from connectors.scim.signing_in import Tokens
from scimbridge.sdk import Context, RetryableError, TargetUnusableError
from scimbridge.sdk.testing import RecordingPermit
from tests.sdk.servers import PEM

TOKEN_URL = "https://login.example.com/oauth/token/"
ALICE = {"id": "1", "userName": "alice", "active": True}


class World:
    """An application and its authorization server, at the transport.

    Attributes:
        now: Seconds of the monotonic clock.
        asked_for: The forms that the authorization server got.
        seen: The Authorization headers that the application got.
        answer: What the authorization server says beside the token.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.asked_for: list[dict[str, str]] = []
        self.requests: list[httpx.Request] = []
        self.seen: list[str] = []
        self.answer: dict[str, Any] = {"expires_in": 600}
        self.refusals = 0
        self.respond: Callable[[], httpx.Response] | None = None

    def connector(self, **settings: Any) -> ScimConnector:
        config = ScimConfig.model_validate({"connector": "scim", "base_url": "https://app.example.com", **settings})
        context = Context(target="sample", permit=RecordingPermit())
        replaced: dict[str, Any] = {"sleep": lambda _: None}
        http = http_client(config, context, transport=httpx.MockTransport(self._application), **replaced)
        transport = httpx.MockTransport(self._authorization_server)
        tokens = Tokens(config, context, monotonic=lambda: self.now, transport=transport, **replaced)
        return ScimConnector(config, context, http=http, tokens=tokens if config.token_url else None)

    def _application(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request.headers.get("Authorization", ""))
        self.requests.append(request)
        if self.refusals:
            self.refusals -= 1
            return httpx.Response(401)
        return httpx.Response(200, json=ALICE)

    def _authorization_server(self, request: httpx.Request) -> httpx.Response:
        assert str(request.url) == TOKEN_URL
        self.requests.append(request)
        self.asked_for.append({key: value for key, (value,) in parse_qs(request.content.decode()).items()})
        if self.respond is not None:
            return self.respond()
        return httpx.Response(200, json={"access_token": f"t{len(self.asked_for)}", **self.answer})


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(
    ("settings", "header", "value"),
    [
        ({"token": "secret"}, "Authorization", "Bearer secret"),
        ({"token": "secret", "token_scheme": "Token"}, "Authorization", "Token secret"),
        ({"token": "secret", "token_scheme": ""}, "Authorization", "secret"),
        ({"token": "secret", "token_header": "X-Api-Key"}, "X-Api-Key", "secret"),
        (
            {"username": "müller", "password": "a:b c"},
            "Authorization",
            f"Basic {base64.b64encode('müller:a:b c'.encode()).decode()}",
        ),
    ],
    ids=["bearer", "scheme", "bare", "header", "basic"],
)
def test_what_lasts_is_sent_with_every_call(world: World, settings: dict[str, str], header: str, value: str) -> None:
    world.connector(**settings).read("1")

    (request,) = world.requests
    assert request.headers[header] == value
    assert header == "Authorization" or "Authorization" not in request.headers


OWN = {"token_url": TOKEN_URL, "client_id": "br idge", "client_secret": "s/cret"}


def test_calls_that_are_refused_together_get_one_new_token(world: World) -> None:
    subject = world.connector(**OWN)
    tokens = subject._tokens
    assert tokens is not None
    old = tokens.authorize("")

    assert [tokens.authorize(old), tokens.authorize(old)] == ["Bearer t2", "Bearer t2"]
    assert len(world.asked_for) == 2


def test_a_token_is_asked_for_once_and_used_until_a_minute_before_its_end(world: World) -> None:
    subject = world.connector(**OWN, scope="scim")

    for now in (0, 539, 540):
        world.now = now
        subject.read("1")

    assert world.seen == ["Bearer t1", "Bearer t1", "Bearer t2"]
    assert world.asked_for == [{"grant_type": "client_credentials", "scope": "scim"}] * 2
    proof = base64.b64encode(b"br+idge:s%2Fcret").decode()
    assert world.requests[0].headers["Authorization"] == f"Basic {proof}"
    assert world.requests[0].headers["Content-Type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(("life", "second"), [(60, "t2"), ("40", "t2"), (None, "t1"), ("soon", "t1")])
def test_a_short_token_is_used_for_half_of_its_life_and_one_without_end_for_ever(
    world: World, life: Any, second: str
) -> None:
    world.answer = {"expires_in": life}
    subject = world.connector(**OWN)

    subject.read("1")
    world.now = 30
    subject.read("1")

    assert world.seen == ["Bearer t1", f"Bearer {second}"]


def test_the_secret_may_be_told_in_the_body(world: World) -> None:
    world.connector(**OWN, client_authentication="body").read("1")

    assert world.asked_for == [{"grant_type": "client_credentials", "client_id": "br idge", "client_secret": "s/cret"}]
    assert "Authorization" not in world.requests[0].headers


def test_a_refresh_token_that_is_replaced_is_used_no_more(world: World) -> None:
    world.answer = {"expires_in": 600, "refresh_token": "second"}
    subject = world.connector(token_url=TOKEN_URL, client_id="c", refresh_token="first")

    subject.read("1")
    world.now = 1000
    world.answer = {}
    subject.read("1")
    world.refusals = 1
    subject.read("1")

    assert [form["refresh_token"] for form in world.asked_for] == ["first", "second", "second"]
    assert world.asked_for[0] == {"grant_type": "refresh_token", "refresh_token": "first", "client_id": "c"}


def test_a_refused_token_is_renewed_once(world: World) -> None:
    subject = world.connector(**OWN)
    world.refusals = 1

    subject.read("1")

    assert world.seen == ["Bearer t1", "Bearer t2"]
    world.refusals = 2
    with pytest.raises(TargetUnusableError):
        subject.read("1")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(401, json={"error": "invalid_client", "error_description": "s/cret"}), "client_secret"),
        (httpx.Response(400, json={"error": "invalid_grant"}), "refresh token"),
        (httpx.Response(400, json={"error": ["odd"]}), "token_url answered 400"),
        (httpx.Response(404, html="<html>"), "token_url answered 404"),
        (httpx.Response(302, headers={"Location": "https://elsewhere.example.com"}), "302"),
        (httpx.Response(200, html="<html>"), "not a JSON object"),
        (httpx.Response(200, json={"access_token": "line\nend"}), "there is none in the answer"),
        (httpx.Response(200, json={}), "there is none in the answer"),
    ],
)
def test_a_refusal_says_what_to_look_at_and_shows_no_secret(world: World, answer: httpx.Response, said: str) -> None:
    world.respond = lambda: answer

    with pytest.raises(TargetUnusableError, match=said) as caught:
        world.connector(**OWN).read("1")

    assert "s/cret" not in str(caught.value)
    assert world.seen == []


def test_an_authorization_server_that_is_away_can_be_tried_again(world: World) -> None:
    world.respond = lambda: httpx.Response(503)

    with pytest.raises(RetryableError):
        world.connector(**OWN).read("1")


# -- a certificate -----------------------------------------------------------------------------------


class _Alice(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"id": "1", "userName": "alice"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def wanting_a_certificate() -> Iterator[str]:
    """Serve over TLS those alone who show the certificate of the tests."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Alice)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    context.load_verify_locations(PEM)
    context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def showing(address: str, **settings: Any) -> ScimConnector:
    config = ScimConfig.model_validate({"connector": "scim", "base_url": address, "ca_file": str(PEM), **settings})
    return ScimConnector(config, Context(target="sample", permit=RecordingPermit()))


def test_who_shows_the_certificate_is_let_in_and_nobody_else(capfd: pytest.CaptureFixture[str]) -> None:
    with wanting_a_certificate() as address:
        known = showing(address, client_certificate=str(PEM))
        apart = showing(address, client_certificate=str(PEM), client_key=str(PEM), token="t")
        unknown = showing(address, token="t")
        try:
            assert known.read("1").name == apart.read("1").name == "alice"
            with pytest.raises(TargetUnusableError, match="client certificate"):
                unknown.read("1")
        finally:
            for each in (known, apart, unknown):
                each.close()

    (expiry,) = known.expiries()
    assert expiry.ends_at is not None
    assert expiry.ends_at.year == 2126
    assert not list(unknown.expiries())
    capfd.readouterr()  # what the server says of the one whom it refused


def test_a_file_without_a_key_is_named() -> None:
    with pytest.raises(TargetUnusableError, match=r"test_scim_signing_in\.py: there is no certificate"):
        showing("https://127.0.0.1:1", client_certificate=__file__)
