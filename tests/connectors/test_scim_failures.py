"""Every way in which an application may fail, at each kind of request: what is made of it, and what is left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from connectors.scim import ScimConfig, ScimConnector
from connectors.scim.calls import http_client
from scimbridge.sdk import (
    Action,
    ConnectorError,
    Context,
    Done,
    RejectedError,
    RetryableError,
    TargetUnusableError,
)
from scimbridge.sdk.testing import RecordingPermit, confirmed
from tests.doubles.scim import Application, vendors
from tests.doubles.scim.application import TOKEN

NOW = datetime(2031, 2, 28, 12, 0, tzinfo=UTC)
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
PAGE = "<html><title>502 Bad Gateway</title></html>"
MOVED = {"Location": "https://elsewhere.example.com/scim/v2/Users/1"}


class Failing:
    """An application with one account, that fails at every request about it until it is told to recover."""

    def __init__(self, fail: Callable[[], httpx.Response]) -> None:
        self.app = Application(vendors()["standard"])
        self.account_id = self.app.add_user("alice")
        self.fail: Callable[[], httpx.Response] | None = fail
        self.hosts: set[str] = set()
        self.seconds = 0.0
        self.sent: list[str] = []
        self.told: list[timedelta | None] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.hosts.add(request.url.host)
        if self.fail is not None and request.url.path == f"/Users/{self.account_id}":
            self.sent.append(request.method)
            return self.fail()
        return self.app.answer(request)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def connector(self) -> ScimConnector:
        config = ScimConfig.model_validate(
            {"connector": "scim", "base_url": "https://app.example.com", "token": TOKEN, "update": "patch"}
        )
        context = Context(target="sample", permit=RecordingPermit(), throttled=self.told.append)
        http = http_client(
            config,
            context,
            transport=httpx.MockTransport(self.answer),
            sleep=self.sleep,
            monotonic=lambda: self.seconds,
            wall=lambda: NOW + timedelta(seconds=self.seconds),
        )
        return ScimConnector(config, context, http=http)

    def call(self, method: str) -> object:
        """Send a request of this method, by what the connector does with it."""
        subject = self.connector()
        fail, self.fail = self.fail, None
        account = subject.read(self.account_id)
        self.fail = fail
        match method:
            case "GET":
                return subject.read(self.account_id)
            case "PATCH":
                return subject.perform(Action.SUSPEND, account, confirmed)
            case _:
                return subject.perform(Action.DELETE, account, confirmed)


class Drops(httpx.SyncByteStream):
    """A body that comes in drops, a minute apart."""

    def __init__(self, wait: Callable[[float], None]) -> None:
        self._wait = wait

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self._wait(60)
            yield b" "


def scim(status: int, keyword: str | None = None, **headers: str) -> Callable[[], httpx.Response]:
    """Answer with an error as the standard has it (RFC 7644 section 3.12)."""
    told = {"scimType": keyword} if keyword else {}
    document = {"schemas": [ERROR], "status": str(status), "detail": "alice is known", **told}
    return lambda: httpx.Response(
        status, json=document, headers={key.replace("_", "-"): headers[key] for key in headers}
    )


def page(status: int, **headers: str) -> Callable[[], httpx.Response]:
    return lambda: httpx.Response(status, html=PAGE, headers=headers)


FAILURES: dict[str, tuple[Callable[[], httpx.Response], type[ConnectorError], str]] = {
    "400": (scim(400, "invalidValue"), RejectedError, "400.*invalidValue"),
    "401": (scim(401), TargetUnusableError, "401"),
    "403": (scim(403), RejectedError, "403"),
    "403 page": (page(403), RejectedError, "403"),
    "409": (scim(409, "uniqueness"), RejectedError, "409.*uniqueness"),
    "409 page": (page(409), RejectedError, "409"),
    "412": (scim(412), RetryableError, "412"),
    "413": (page(413), RejectedError, "413"),
    "415": (scim(415), RejectedError, "415"),
    "429": (scim(429), RetryableError, "429"),
    "500": (scim(500), RetryableError, "500"),
    "500 page": (page(500), RetryableError, "500"),
    "501": (scim(501), RejectedError, "501"),
    "502 page": (page(502), RetryableError, "502"),
    "503 page": (page(503), RetryableError, "503"),
    "504 page": (page(504), RetryableError, "504"),
    "520 page": (page(520), RetryableError, "520"),
    "301": (page(301, **MOVED), TargetUnusableError, "redirect; correct base_url"),
    "302": (page(302, **MOVED), TargetUnusableError, "redirect; correct base_url"),
    "303": (page(303, **MOVED), TargetUnusableError, "303"),
    "307": (page(307, **MOVED), TargetUnusableError, "redirect; correct base_url"),
    "308": (page(308, **MOVED), TargetUnusableError, "redirect; correct base_url"),
}
AGAIN = {"429", "502 page", "503 page", "504 page"}


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_says_what_to_do_next_and_leaves_everything_as_it_was(name: str, method: str) -> None:
    fail, kind, said = FAILURES[name]
    failing = Failing(fail)
    before = dict(failing.app.users[failing.account_id])

    with pytest.raises(kind, match=said) as caught:
        failing.call(method)

    assert "alice" not in str(caught.value)
    assert failing.hosts == {"app.example.com"}, "nothing goes elsewhere, credentials least of all"
    assert failing.sent == [method] * (3 if name in AGAIN and method != "PATCH" else 1)
    assert failing.app.users[failing.account_id] == before


@pytest.mark.parametrize("status", [404, 410])
def test_who_is_gone_after_a_delete_is_gone_and_deleting_again_changes_nothing(status: int) -> None:
    failing = Failing(scim(status))

    assert failing.call("DELETE") == Done(changed=False)
    for method in ("GET", "PATCH"):
        with pytest.raises(ConnectorError) as caught:
            failing.call(method)
        assert type(caught.value).__name__ == "AccountNotFoundError"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "120"}, 120),
        ({"Retry-After": "Fri, 28 Feb 2031 12:02:00 GMT"}, 120),
        ({"Retry-After": "Friday, 28-Feb-31 12:02:00 GMT"}, 120),
        ({"Retry-After": "Fri Feb 28 12:02:00 2031"}, 120),
        ({"Retry-After": "Fri, 28 Feb 2031 11:00:00 GMT"}, 0),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "soon", "X-RateLimit-Reset": "120"}, 120),
        ({"X-RateLimit-Reset": str(int(NOW.timestamp()) + 120)}, 120),
        ({"X-Rate-Limit-Reset": "120"}, 120),
        ({"RateLimit-Reset": "120"}, 120),
        ({}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_how_long_an_application_wants_to_be_left_alone_reaches_the_engine(
    status: int, headers: dict[str, str], seconds: int | None
) -> None:
    failing = Failing(lambda: httpx.Response(status, html=PAGE, headers=headers))
    expected = None if seconds is None else timedelta(seconds=seconds)

    with pytest.raises(RetryableError) as caught:
        failing.call("PATCH")

    assert caught.value.retry_after == expected
    assert failing.told == ([expected] if status == 429 or expected is not None else [])
    assert failing.seconds == 0, "a write waits in the engine, visibly"


@pytest.mark.parametrize(
    "kind", ["application/scim+json", "application/json", "application/json; charset=utf-8", "text/html", None]
)
def test_a_success_is_one_whatever_its_content_is_called(kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    failing = Failing(lambda: httpx.Response(200, content=b"{}", headers=headers))

    assert failing.call("PATCH") == Done(changed=True, after={"method": "PATCH", "status": 200})
    assert failing.call("DELETE") == Done(changed=True)


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(200, html=PAGE), httpx.Response(200, content=b'{"id": '), httpx.Response(200, json=["alice"])],
    ids=["page", "cut off", "list"],
)
def test_what_is_no_document_is_no_account(answer: httpx.Response) -> None:
    with pytest.raises(TargetUnusableError, match="not a JSON object"):
        Failing(lambda: answer).call("GET")


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_a_slow_body_ends_at_the_deadline(method: str) -> None:
    failing = Failing(lambda: httpx.Response(200, stream=Drops(failing.sleep)))

    with pytest.raises(RetryableError, match="no answer in time"):
        failing.call(method)

    assert failing.sent == [method], "what became of it is looked up before anything else is sent"
    assert failing.seconds == 60
