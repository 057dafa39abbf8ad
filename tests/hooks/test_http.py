"""Asking a real HTTP server, which may hang, lie, redirect, or answer without end."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from scimbridge.hooks.hook import BrokenHookError
from scimbridge.hooks.http import HttpHook
from scimbridge.sdk.hook import HookAnswer, HookRequest
from scimbridge.sdk.signing import parse_key, signed_headers
from tests.hooks.conftest import NOW
from tests.servers import quiet_port

KEY = parse_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


class Service(ThreadingHTTPServer):
    """Keeps what it is asked, and answers as it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.answer = b'{"answer": "proceed"}'
        self.headers: dict[str, str] = {}
        self.calls: list[tuple[str, dict[str, str], bytes]] = []
        self.go_on = threading.Event()
        self.go_on.set()


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.calls.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        self.server.go_on.wait(120)
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        with suppress(OSError):  # nobody may listen any more
            self.wfile.write(self.server.answer)

    do_GET = do_POST  # noqa: N815  # the library's name

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Service]:
    server = Service()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as server:
        yield server


def hook_of(service: Service, seconds: float = 10) -> HttpHook:
    url = f"http://127.0.0.1:{service.server_port}/ask?x=1"
    return HttpHook(url=url, key=KEY, timeout=timedelta(seconds=seconds))


def ask(service: Service, question: HookRequest) -> HookAnswer:
    return hook_of(service).ask(question, now=NOW)


def test_the_question_is_signed_over_its_exact_body(service: Service, question: HookRequest) -> None:
    ask(service, question)

    ((path, headers, body),) = service.calls
    expected = signed_headers(KEY, id="call-1", at=NOW, body=body)
    assert path == "/ask?x=1"
    assert {name: headers[name] for name in expected} == expected
    assert headers["content-type"] == "application/json"


def test_the_question_says_who_what_and_when(service: Service, question: HookRequest) -> None:
    ask(service, question)

    said = json.loads(service.calls[0][2])
    assert said["identity"]["user_name"] == "jürgen"
    assert said["stages"][1] == {
        "number": 1,
        "after_seconds": 2592000.0,
        "due_at": "2026-04-01T09:00:00.000Z",
        "tasks": [{"target": "crm", "action": "delete", "irreversible": True}],
    }
    assert set(said) == {
        *("id", "hook", "case_id", "rule", "trigger", "trigger_at", "requested_by", "source", "identity", "stages"),
    }


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"answer": "proceed"}, HookAnswer.proceed()),
        ({"answer": "skip", "reason": "came back"}, HookAnswer.skip("came back")),
        ({"answer": "hold", "reason": "ask Grace"}, HookAnswer.hold("ask Grace")),
        ({"answer": "proceed", "graces": {"0": "2h"}}, HookAnswer.proceed({0: timedelta(hours=2)})),
    ],
)
def test_its_answer_is_understood(
    service: Service, question: HookRequest, answer: dict[str, object], expected: HookAnswer
) -> None:
    service.answer = json.dumps(answer).encode()

    assert ask(service, question) == expected


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "not JSON"),
        (b"yes", "not JSON"),
        (b"[" * 60_000, "not JSON"),
        (b'"proceed"', "has to be an object"),
        (b'{"answer": "perhaps"}', "has to be an object"),
        (b'{"answer": ["proceed"]}', "has to be an object"),
        (b'{"answer": "proceed", "until": "tomorrow"}', "keys that are not known"),
        (b'{"answer": "hold", "reason": 3}', "reason is not text"),
        (b'{"answer": "hold"}', "without a reason"),
        (b'{"answer": "proceed", "graces": ["2h"]}', "durations by stage"),
        (b'{"answer": "proceed", "graces": {"0": "soon"}}', "durations by stage"),
        (b'{"answer": "proceed", "graces": {"0": 2}}', "durations by stage"),
        (b'{"answer": "proceed", "graces": {"1": "1d"}}', "cannot be undone"),
        (b" " * 10_000_000 + b'{"answer": "proceed"}', "longer than what is read"),
    ],
    ids=range(14),
)
def test_an_answer_that_is_none_breaks_it(service: Service, question: HookRequest, answer: bytes, why: str) -> None:
    service.answer = answer

    with pytest.raises(BrokenHookError, match=why):
        ask(service, question)


@pytest.mark.parametrize("status", [201, 204])
def test_another_success_has_to_bring_an_answer(service: Service, question: HookRequest, status: int) -> None:
    service.status, service.answer = status, b""

    with pytest.raises(BrokenHookError):
        ask(service, question)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 500, 503])
def test_an_error_breaks_it_and_a_redirect_is_not_followed(
    service: Service, question: HookRequest, status: int
) -> None:
    with serving() as other:
        service.status = status
        service.headers = {"Location": f"http://127.0.0.1:{other.server_port}/"}

        with pytest.raises(BrokenHookError, match=str(status)):
            ask(service, question)

    assert other.calls == []
    assert len(service.calls) == 1


def test_one_that_hangs_is_not_waited_for(service: Service, question: HookRequest) -> None:
    service.go_on.clear()

    with pytest.raises(BrokenHookError, match="no answer in time"):
        hook_of(service, seconds=0.2).ask(question, now=NOW)


def test_one_that_is_not_there_is_broken(question: HookRequest) -> None:
    hook = HttpHook(url=f"http://127.0.0.1:{quiet_port()}/", key=KEY)

    with pytest.raises(BrokenHookError, match="cannot connect"):
        hook.ask(question, now=NOW)


def test_neither_key_nor_question_shows() -> None:
    assert "MfKQ" not in repr(HttpHook(url="http://127.0.0.1/", key=KEY))
