from __future__ import annotations

import gzip
import json
import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from scimbridge.sdk import (
    AccountNotFoundError,
    ConnectorError,
    ObservingError,
    RejectedError,
    RetryableError,
    TargetUnusableError,
)
from scimbridge.sdk.http import STATUS_ERRORS, Answer, HttpClient, Limits, asked_wait, error_for, parse_retry_after
from scimbridge.sdk.testing import RecordingPermit
from tests.sdk.servers import PEM, answering, request_of, serving

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TOKEN = "the-very-secret-token"

Reply = httpx.Response | Exception


class Wire:
    """A network of scripted replies, the last of which is repeated, with a clock that only sleeping moves."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.sent: list[httpx.Request] = []
        self.slept: list[float] = []
        self.now = 0.0
        self.permit = RecordingPermit()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply

    def client(self, **settings: Any) -> HttpClient:
        return HttpClient(
            "https://app.example.com/scim",
            **{
                "permit": self.permit,
                "headers": {"Authorization": f"Bearer {TOKEN}"},
                "transport": httpx.MockTransport(self.handle),
                "sleep": self.sleep,
                "monotonic": lambda: self.now,
                "wall": lambda: NOW,
                **settings,
            },
        )


def send(wire: Wire, method: str = "GET", **settings: Any) -> Answer:
    return wire.client().send(method, "/Users", call="listing users", **settings)


def status(code: int, **headers: str) -> httpx.Response:
    return httpx.Response(code, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_an_answer_is_returned_whole() -> None:
    wire = Wire(httpx.Response(200, json={"id": "1"}, headers={"ETag": "x"}))

    answer = send(wire, params={"filter": 'userName eq "a&b"'})

    assert (answer.status, answer.headers["etag"], answer.json_object()) == (200, "x", {"id": "1"})
    assert wire.sent[0].url.path == "/scim/Users"
    assert wire.sent[0].url.params["filter"] == 'userName eq "a&b"'


def test_a_body_is_sent_as_json_with_the_asked_content_type() -> None:
    wire = Wire(status(204))

    send(wire, "PATCH", body={"name": "Zoë"}, headers={"Content-Type": "application/scim+json"})

    assert json.loads(wire.sent[0].content) == {"name": "Zoë"}
    assert wire.sent[0].headers.get_list("content-type") == ["application/scim+json"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (rb'{"a\u0000": ["\ud800", "\udc00", "\ud83d\ude00", 1]}', {"a\ufffd": ["\ufffd", "\ufffd", "\U0001f600", 1]}),
        (b'{"a": "\xed\xa0\x80"}', {"a": "\ufffd"}),
        (rb'{"a": "\\u0000"}', {"a": "\\u0000"}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": ' + b"[" * 100_000, None),
        (b'{"a": "\xe9"}', None),
    ],
    ids=["escaped", "octets", "a backslash", "a mark", "deep", "no UTF-8"],
)
def test_what_no_database_takes_is_replaced_in_json(written: bytes, read: object) -> None:
    assert send(Wire(httpx.Response(200, content=written))).json_object_or_none() == read


def test_nothing_is_kept_of_the_cookies_that_a_target_sets() -> None:
    wire = Wire(httpx.Response(200, headers={"Set-Cookie": "session=somebody; Path=/"}))
    client = wire.client()

    for _ in range(2):
        client.send("GET", "/Users", call="listing users")

    assert "cookie" not in wire.sent[1].headers


def _packed(octets: bytes, times: int) -> bytes:
    for _ in range(times):
        octets = gzip.compress(octets)
    return octets


@pytest.mark.parametrize(
    ("body", "encoding", "error"),
    [
        (_packed(b'{"id": "1"}', 1), "gzip", None),
        (_packed(bytes(1 << 20), 2), "gzip, gzip", TargetUnusableError),
        (b"", "br", TargetUnusableError),
        (_packed(bytes(9 << 20), 1), "GZIP", RejectedError),
    ],
    ids=["once", "twice", "otherwise", "much"],
)
def test_an_answer_is_unpacked_once_and_in_the_usual_way(
    body: bytes, encoding: str, error: type[ConnectorError] | None
) -> None:
    wire = Wire(httpx.Response(200, stream=httpx.ByteStream(body), headers={"Content-Encoding": encoding}))

    if error is None:
        assert send(wire).json_object() == {"id": "1"}
        return
    with pytest.raises(error) as caught:
        send(wire)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (status(429), [None, None, None]),
        (status(429, Retry_After="7"), [timedelta(seconds=7)]),
        (status(503, Retry_After="7"), [timedelta(seconds=7)]),
        (status(503), []),
        (status(403), []),
        (status(200), []),
    ],
)
def test_every_answer_that_asks_for_fewer_calls_is_told(reply: httpx.Response, told: list[timedelta | None]) -> None:
    heard: list[timedelta | None] = []

    with suppress(ConnectorError):
        Wire(reply).client(throttled=heard.append).send("GET", "/Users", call="listing users")

    assert heard == told


def test_a_403_that_the_connector_knows_as_throttling_is_told() -> None:
    heard: list[timedelta | None] = []
    client = Wire(status(403), status(200)).client(throttled=heard.append, classify=lambda _: RetryableError)

    client.send("GET", "/Users", call="listing users")

    assert heard == [None]


# -- what answers mean ------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "kind"), STATUS_ERRORS.items())
def test_an_answer_becomes_the_error_of_its_row(code: int, kind: type[ConnectorError]) -> None:
    with pytest.raises(kind) as caught:
        send(Wire(status(code)), "PATCH")

    assert type(caught.value) is kind
    assert str(code) in str(caught.value)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (301, TargetUnusableError),
        (404, RejectedError),
        (418, RejectedError),
        (500, RetryableError),
        (599, RetryableError),
    ],
)
def test_an_answer_without_a_row_goes_by_its_class(code: int, kind: type[ConnectorError]) -> None:
    assert error_for(code, {}) is kind


def test_the_connectors_own_table_comes_first() -> None:
    assert error_for(401, {401: RejectedError}) is RejectedError


def test_a_status_that_is_expected_is_no_error() -> None:
    assert send(Wire(status(404)), expect=(404,)).status == 404


def test_an_error_carries_what_the_connector_explains() -> None:
    client = Wire(status(409)).client(explain=lambda answer: f"keyword of {answer.status}")

    with pytest.raises(RejectedError, match=r"listing users: the target answered 409 Conflict \(keyword of 409\)"):
        client.send("PUT", "/Users", call="listing users")


def test_the_answer_itself_may_say_what_it_means_where_its_status_does_not() -> None:
    wire = Wire(httpx.Response(403, json={"reason": "quota"}), httpx.Response(403, json={"reason": "forbidden"}))

    def classify(answer: Answer) -> type[ConnectorError] | None:
        return RetryableError if b"quota" in answer.body else None

    with pytest.raises(RejectedError):
        wire.client(classify=classify).send("GET", "/Users", call="listing users")

    assert len(wire.sent) == 2, "what says that it is busy is asked again"


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_refused_token_is_renewed_once_and_the_request_sent_again(method: str) -> None:
    wire = Wire(status(401), status(200))
    asked: list[str] = []
    sent: list[str] = []

    def authorize(refused: str) -> str:
        asked.append(refused)
        return f"Bearer {len(asked)}"

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers["Authorization"])
        return wire.handle(request)

    client = wire.client(headers={}, transport=httpx.MockTransport(handle))
    client.send(method, "/Users", call="listing users", authorize=authorize)

    assert asked == ["", "Bearer 1"]
    assert sent == ["Bearer 1", "Bearer 2"]
    assert len(wire.permit.asked) == 2, "each sending is permitted by itself"


def test_a_token_that_is_refused_twice_makes_the_target_unusable() -> None:
    wire = Wire(status(401))

    with pytest.raises(TargetUnusableError):
        wire.client(headers={}).send("GET", "/Users", call="listing users", authorize=lambda _: "Bearer x")

    assert len(wire.sent) == 2


def test_a_redirect_is_not_followed() -> None:
    wire = Wire(status(302, Location="https://elsewhere.example.com/scim/Users"), status(200))

    with pytest.raises(TargetUnusableError):
        send(wire)

    assert [request.url.host for request in wire.sent] == ["app.example.com"]


@pytest.mark.parametrize(
    "body", [b"<html>login</html>", b"", b"[]", b'"text"', b"\xff\xfe", b"[" * 100_000], ids=lambda body: repr(body[:8])
)
def test_an_answer_that_is_no_json_object_says_so(body: bytes) -> None:
    answer = send(Wire(httpx.Response(200, content=body, headers={"Content-Type": "text/html; charset=utf-8"})))

    with pytest.raises(TargetUnusableError, match=r"not a JSON object \(text/html\)"):
        answer.json_object()


# -- sending again ------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [429, 502, 503, 504])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_an_idempotent_request_is_sent_again_when_the_target_is_busy(code: int, method: str) -> None:
    wire = Wire(status(code), status(code), status(204))

    assert send(wire, method).status == 204

    assert len(wire.sent) == 3


@pytest.mark.parametrize("reply", [status(429), status(503), httpx.RemoteProtocolError("hung up")])
def test_a_post_that_only_asks_is_sent_again_like_a_get_and_so_the_permit_is_told(
    reply: httpx.Response | Exception,
) -> None:
    wire = Wire(reply, status(200))

    assert send(wire, "POST", only_asks=True).status == 200

    assert wire.permit.asked == [False, False]


@pytest.mark.parametrize("code", [429, 502, 503, 504])
@pytest.mark.parametrize("method", ["PATCH", "POST"])
def test_other_requests_are_not_sent_again(code: int, method: str) -> None:
    wire = Wire(status(code))

    with pytest.raises(RetryableError):
        send(wire, method)

    assert (len(wire.sent), wire.slept) == (1, [])


@pytest.mark.parametrize("code", [400, 401, 403, 408, 412, 500, 501])
def test_an_answer_that_waiting_does_not_mend_is_final(code: int) -> None:
    wire = Wire(status(code))

    with pytest.raises(ConnectorError):
        send(wire)

    assert len(wire.sent) == 1


def test_sending_again_ends_after_a_few_tries() -> None:
    wire = Wire(status(503))

    with pytest.raises(RetryableError):
        send(wire)

    assert len(wire.sent) == 3
    assert sum(wire.slept) <= 3


def test_waiting_grows_under_full_jitter() -> None:
    seen = []
    for _ in range(200):
        wire = Wire(status(503))
        with pytest.raises(RetryableError):
            send(wire)
        seen.append(wire.slept)

    first, second = zip(*seen, strict=True)
    assert min(first) < 0.1
    assert 0.4 < max(first) <= 0.5
    assert min(second) < 0.2
    assert 0.8 < max(second) <= 1.0


def test_a_short_retry_after_is_waited_for() -> None:
    wire = Wire(status(429, Retry_After="2"), status(200))

    send(wire)

    assert wire.slept == [2.0]


@pytest.mark.parametrize("asked", ["60", "Sun, 01 Mar 2026 12:01:00 GMT"])
def test_a_long_retry_after_is_left_to_the_engine(asked: str) -> None:
    wire = Wire(status(429, Retry_After=asked), status(200))

    with pytest.raises(RetryableError) as caught:
        send(wire)

    assert caught.value.retry_after == timedelta(seconds=60)
    assert (len(wire.sent), wire.slept) == (1, [])


def test_patience_is_for_all_waits_together() -> None:
    wire = Wire(status(429, Retry_After="2"))

    with pytest.raises(RetryableError) as caught:
        send(wire)

    assert caught.value.retry_after == timedelta(seconds=2)
    assert wire.slept == [2.0]


def test_a_write_that_was_throttled_says_for_how_long() -> None:
    with pytest.raises(RetryableError) as caught:
        send(Wire(status(429, Retry_After="1")), "PATCH")

    assert caught.value.retry_after == timedelta(seconds=1)


def test_nothing_is_sent_again_after_the_deadline() -> None:
    wire = Wire(status(503, Retry_After="1"))

    def slow(request: httpx.Request) -> httpx.Response:
        wire.now += 9.5
        return wire.handle(request)

    client = wire.client(limits=Limits(total=timedelta(seconds=10)), transport=httpx.MockTransport(slow))
    with pytest.raises(RetryableError):
        client.send("GET", "/Users", call="listing users")

    assert (len(wire.sent), wire.slept) == (1, [])


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "error", [httpx.ConnectError("refused"), httpx.ConnectTimeout("late"), httpx.PoolTimeout("full")]
)
def test_what_never_left_is_sent_again(method: str, error: Exception) -> None:
    wire = Wire(error, status(204))

    assert send(wire, method).status == 204


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE", "POST"])
@pytest.mark.parametrize(
    "error", [httpx.ReadError("reset"), httpx.RemoteProtocolError("hung up"), httpx.ReadTimeout("late")]
)
def test_a_write_whose_answer_was_lost_is_not_sent_again(method: str, error: Exception) -> None:
    wire = Wire(error, status(204))

    with pytest.raises(RetryableError):
        send(wire, method)

    assert len(wire.sent) == 1


def test_a_read_whose_connection_broke_is_sent_again() -> None:
    wire = Wire(httpx.RemoteProtocolError("hung up"), status(200))

    assert send(wire).status == 200


def test_a_read_that_got_no_answer_in_time_is_not_sent_again() -> None:
    wire = Wire(httpx.ReadTimeout("late"))

    with pytest.raises(RetryableError, match="no answer in time"):
        send(wire)

    assert len(wire.sent) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30),
        ("Sunday, 01-Mar-26 12:00:30 GMT", 30),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("99999999999999999999", 9999999999),
        (None, None),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("١٢", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: int | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)

    assert parse_retry_after(value, NOW) == expected


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-reset": "30"}, 30),
        ({"x-ratelimit-reset": str(int(NOW.timestamp()) + 45)}, 45),
        ({"x-rate-limit-reset": str(int(NOW.timestamp()) - 45)}, 0),
        ({"ratelimit-reset": "7", "retry-after": "5"}, 5),
        ({"ratelimit-reset": "7", "retry-after": "soon"}, 7),
        ({"x-ratelimit-reset": str(int(NOW.timestamp() * 1000))}, None),
        ({"x-ratelimit-reset": "9" * 400}, None),
        ({"x-ratelimit-reset": "٣"}, None),
        ({}, None),
    ],
)
def test_a_limit_that_begins_anew_is_waited_for(headers: dict[str, str], seconds: int | None) -> None:
    assert asked_wait(headers, NOW) == (None if seconds is None else timedelta(seconds=seconds))


# -- the permit ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "writes"),
    [("GET", False), ("HEAD", False), ("POST", True), ("PUT", True), ("PATCH", True), ("DELETE", True)],
)
def test_the_permit_is_told_whether_a_request_writes(method: str, writes: bool) -> None:
    wire = Wire(status(204))

    send(wire, method)

    assert wire.permit.asked == [writes]


def test_the_permit_is_asked_before_each_sending() -> None:
    wire = Wire(status(503), status(503), status(200))

    send(wire)

    assert wire.permit.asked == [False, False, False]


def test_without_a_permit_nothing_is_sent() -> None:
    wire = Wire(status(200))
    wire.permit = RecordingPermit(refuse_writes=ObservingError("observing"))

    with pytest.raises(ObservingError):
        send(wire, "PATCH")

    assert wire.sent == []


def test_a_permit_withdrawn_between_two_sendings_ends_them() -> None:
    wire = Wire(status(503))
    lost = RetryableError("the lease is lost")

    def sleep(_: float) -> None:
        wire.permit.refuse_writes = lost

    with pytest.raises(RetryableError) as caught:
        wire.client(sleep=sleep).send("PUT", "/Users", call="changing")

    assert caught.value is lost
    assert len(wire.sent) == 1


def test_confirm_is_called_after_the_permit_and_right_before_each_sending() -> None:
    order: list[str] = []

    def permit(*, writes: bool) -> None:
        order.append(f"permit {writes}")

    def transport(_: httpx.Request) -> httpx.Response:
        order.append("sent")
        return status(503 if order.count("sent") == 1 else 204)

    client = Wire(status(204)).client(permit=permit, transport=httpx.MockTransport(transport))
    client.send("DELETE", "/Users/1", call="deleting", confirm=lambda: order.append("confirm"))

    assert order == ["permit True", "confirm", "sent"] * 2


def test_waiting_for_the_permit_does_not_shorten_the_call() -> None:
    wire = Wire(status(200))
    timeouts: list[float] = []

    def permit(*, writes: bool) -> None:
        wire.now += 100

    def transport(request: httpx.Request) -> httpx.Response:
        timeouts.append(request.extensions["timeout"]["read"])
        return status(200)

    wire.client(permit=permit, transport=httpx.MockTransport(transport)).send("GET", "/Users", call="listing")

    assert timeouts == [10.0]


# -- limits ---------------------------------------------------------------------------------------


def test_a_body_that_comes_in_drops_ends_at_the_deadline() -> None:
    wire = Wire(status(200))

    class Drops(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                wire.now += 5
                yield b" "

    wire.replies = [httpx.Response(200, stream=Drops())]

    with pytest.raises(RetryableError, match="no answer in time"):
        send(wire)

    assert wire.now == pytest.approx(25)


def test_headers_that_come_in_drops_end_at_the_deadline() -> None:
    gone = threading.Event()

    def drip(stream: socket.socket) -> None:
        request_of(stream)
        stream.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not gone.wait(0.01):
            stream.sendall(b"x")

    with serving(drip) as address:
        client = HttpClient(address, permit=RecordingPermit(), limits=Limits(total=timedelta(seconds=0.2)))
        with pytest.raises(RetryableError, match="no answer in time"):
            client.send("GET", "/Users", call="listing users")
        gone.set()
        client.close()


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    taken: list[int] = []

    class Endless(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                taken.append(1000)
                yield b"x" * 1000

    wire = Wire(httpx.Response(200, stream=Endless()))

    with pytest.raises(RejectedError, match="longer"):
        wire.client(limits=Limits(answer_bytes=5000)).send("GET", "/Users", call="listing users")

    assert sum(taken) == 6000


# -- real sockets -----------------------------------------------------------------------------------


def call(address: str, method: str = "GET", **settings: Any) -> Answer:
    slept: list[float] = []
    client = HttpClient(address, **{"permit": RecordingPermit(), "sleep": slept.append, **settings})
    try:
        return client.send(method, "/Users", call="listing users")
    finally:
        client.close()


def test_an_unknown_certificate_makes_the_target_unusable() -> None:
    permit = RecordingPermit()

    with (
        serving(answering(b"HTTP/1.1 204 No Content\r\n\r\n"), tls=True) as address,
        pytest.raises(TargetUnusableError, match="certificate is not trusted"),
    ):
        call(address, permit=permit)

    assert permit.asked == [False]


def test_a_certificate_of_the_ca_file_is_trusted() -> None:
    with serving(answering(b"HTTP/1.1 204 No Content\r\n\r\n"), tls=True) as address:
        assert call(address, ca_file=PEM).status == 204


@pytest.mark.parametrize(
    "answer",
    [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"],
    ids=["hangs up", "speaks another protocol", "stops in the middle"],
)
def test_a_broken_conversation_can_be_tried_again(answer: bytes) -> None:
    with serving(answering(answer)) as address, pytest.raises(RetryableError, match="the connection broke"):
        call(address)


def test_a_refused_connection_says_so() -> None:
    with serving(answering(b"")) as address:
        pass

    with pytest.raises(RetryableError, match=r"cannot connect \(.*Connection refused\)"):
        call(address)


# -- nothing private gets out -----------------------------------------------------------------------


def everything_said(error: BaseException | None) -> str:
    said = ""
    while error is not None:
        said += f"{error!s} {error!r} "
        error = error.__cause__ or error.__context__
    return said


PRIVATE = ["alice@example.com", TOKEN, "Jensen"]


@pytest.mark.parametrize(
    "make_reply",
    [
        lambda: httpx.Response(400, json={"detail": "alice@example.com Jensen"}),
        lambda: httpx.Response(503, text=f"{TOKEN} alice@example.com"),
        lambda: httpx.RemoteProtocolError(f"illegal line alice@example.com {TOKEN}"),
        lambda: httpx.LocalProtocolError(f"illegal header {TOKEN}"),
    ],
)
def test_errors_and_logs_hold_no_token_no_query_and_no_body(
    make_reply: Callable[[], Reply], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wire = Wire(make_reply())

    with pytest.raises(ConnectorError) as caught:
        send(wire, "PUT", params={"filter": "alice@example.com"}, body={"familyName": "Jensen"})

    said = everything_said(caught.value) + caplog.text
    assert not [secret for secret in PRIVATE if secret in said]


def test_the_library_logs_no_addresses_even_when_all_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    with serving(answering(b"HTTP/1.1 204 No Content\r\n\r\n")) as address:
        client = HttpClient(address, permit=RecordingPermit(), headers={"Authorization": TOKEN})
        client.send("GET", "/Users", call="listing users", params={"filter": "alice"})
        client.close()

    assert "alice" not in caplog.text
    assert TOKEN not in caplog.text


def test_a_token_that_no_header_can_hold_is_not_shown() -> None:
    with (
        serving(answering(b"HTTP/1.1 204 No Content\r\n\r\n")) as address,
        pytest.raises(TargetUnusableError) as caught,
    ):
        call(address, headers={"Authorization": f"Bearer {TOKEN}\nx"})

    assert TOKEN not in everything_said(caught.value)


# -- imports ----------------------------------------------------------------------------------------


def test_the_sdk_does_not_bring_the_http_library_along() -> None:
    code = (
        "import sys, scimbridge.sdk; print([name for name in ('httpx', 'tenacity', 'pytest') if name in sys.modules])"
    )

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert printed.strip() == "[]"


def test_only_this_module_and_its_parts_import_the_http_library() -> None:
    root = Path(__file__).parents[2]
    sources = [path for package in ("scimbridge", "connectors") for path in (root / package).rglob("*.py")]
    sources = [path for path in sources if "demo" not in path.parts]  # its identity provider has a client of its own

    importing = {path.name for path in sources if "import httpx" in path.read_text(encoding="utf-8")}

    assert importing <= {"http.py", "deadline.py", "troubles.py", "trust.py"}


def test_an_error_of_a_table_may_be_any_connector_error() -> None:
    wire = Wire(status(404))

    with pytest.raises(AccountNotFoundError):
        wire.client(errors={404: AccountNotFoundError}).send("GET", "/Users/1", call="reading an account")
