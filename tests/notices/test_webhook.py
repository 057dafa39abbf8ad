"""Posting to a real HTTP server, and what its answers mean."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from scimbridge.demo.directory import ServerTls
from scimbridge.notices.payload import Format
from scimbridge.notices.rendering import Templates
from scimbridge.notices.webhook import Webhook, check_url
from scimbridge.sdk.errors import ConnectorError, RejectedError, RetryableError, TargetUnusableError
from scimbridge.sdk.signing import parse_key, signed_headers
from tests.notices.conftest import NOW
from tests.notices.notices import a_leaver, a_notice
from tests.servers import quiet_port

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Receiver(ThreadingHTTPServer):
    """Keeps what is posted, and answers as it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.headers: dict[str, str] = {}
        self.calls: list[tuple[str, str, dict[str, str], bytes]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.calls.append((self.command, self.path, headers, body))
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_POST  # noqa: N815  # the library's name

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[tuple[Receiver, str]]:
    server = Receiver()
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server, f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/hooks/T0/secret-part?x=%20y"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def post(webhook: Webhook) -> None:
    notice = a_notice(a_leaver(person="Jürgen Groß"))
    webhook.send(notice, Templates().render(notice), now=NOW)


def test_what_is_posted_is_signed_over_its_exact_body() -> None:
    with receiving() as (server, url):
        post(Webhook(url=url, format=Format.PLAIN, key=parse_key(SECRET)))

    ((method, path, headers, body),) = server.calls
    assert (method, path) == ("POST", "/hooks/T0/secret-part?x=%20y")
    assert headers["content-type"] == "application/json"
    assert json.loads(body)["data"]["facts"]["person"] == "Jürgen Groß"
    expected = signed_headers(parse_key(SECRET), id="task-1.1", at=NOW, body=body)
    assert {name: headers[name] for name in expected} == expected


def test_a_repeat_has_the_same_id() -> None:
    with receiving() as (server, url):
        post(Webhook(url=url, format=Format.SLACK))
        post(Webhook(url=url, format=Format.SLACK))

    assert [headers["webhook-id"] for _, _, headers, _ in server.calls] == ["task-1.1", "task-1.1"]
    assert all("webhook-signature" not in headers for _, _, headers, _ in server.calls)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RejectedError),
        (401, TargetUnusableError),
        (403, TargetUnusableError),
        (404, TargetUnusableError),
        (410, TargetUnusableError),
        (429, RetryableError),
        (500, RetryableError),
        (503, RetryableError),
    ],
)
def test_an_answer_is_for_now_or_for_good(status: int, kind: type[ConnectorError]) -> None:
    with receiving() as (server, url):
        server.status = status
        server.headers = {"Retry-After": "7"}

        with pytest.raises(ConnectorError) as caught:
            post(Webhook(url=url, format=Format.PLAIN))

    assert type(caught.value) is kind
    assert "secret-part" not in str(caught.value)
    assert len(server.calls) == 1
    if isinstance(caught.value, RetryableError):
        assert caught.value.retry_after is not None
        assert caught.value.retry_after.total_seconds() == 7


def test_no_redirect_is_followed() -> None:
    with receiving() as (other, other_url), receiving() as (server, url):
        server.status, server.headers = 307, {"Location": other_url}

        with pytest.raises(TargetUnusableError):
            post(Webhook(url=url, format=Format.PLAIN))

    assert len(server.calls) == 1
    assert other.calls == []


def test_a_check_posts_nothing_and_takes_any_answer() -> None:
    with receiving() as (server, url):
        server.status = 405

        said = Webhook(url=url, format=Format.SLACK).check()

    assert said == "127.0.0.1 answers (405 to HEAD); nothing was posted"
    assert [method for method, *_ in server.calls] == ["HEAD"]


def test_nobody_there_is_for_later() -> None:
    webhook = Webhook(url=f"http://127.0.0.1:{quiet_port()}/secret-part", format=Format.SLACK)

    with pytest.raises(RetryableError, match="asking the webhook: cannot connect"):
        webhook.check()


def test_a_certificate_has_to_be_trusted(tls: ssl.SSLContext, certificates: ServerTls) -> None:
    with receiving(tls) as (server, url):
        post(Webhook(url=url, format=Format.PLAIN, ca_file=certificates.ca_file))

        with pytest.raises(TargetUnusableError, match="certificate is not trusted"):
            post(Webhook(url=url, format=Format.PLAIN))

    assert len(server.calls) == 1


def test_an_address_stays_out_of_what_is_printed() -> None:
    assert "secret" not in repr(Webhook(url="https://hooks.example.com/secret", format=Format.PLAIN, key=b"secret"))


@pytest.mark.parametrize(
    "url", ["https://hooks.example.com/x", "http://localhost:8000/", "http://127.0.0.1/", "http://[::1]:1/x?y=z"]
)
def test_notices_go_over_https_or_stay_on_this_machine(url: str) -> None:
    assert check_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com/secret",
        "http://hooks.example.com/secret",
        "ftp://hooks.example.com/secret",
        "https:///secret",
        "https://me:secret@hooks.example.com/",
        "https://hooks.example.com/#secret",
        "https://hooks.example.com:port/secret",
        "https://[::1/secret",
        "http://localhost.example.com/secret",
    ],
)
def test_no_other_address_is_taken_or_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="address") as caught:
        check_url(url)

    assert "secret" not in str(caught.value)
