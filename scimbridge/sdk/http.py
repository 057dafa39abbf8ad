"""HTTP for connectors: deadlines, short retries, the permit, and errors that show nothing private.

With the modules that it is made of, the only one that imports the HTTP library for outbound calls.
It is imported by the connectors that need it, not by ``scimbridge.sdk``.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import responses
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any, Self

import httpx

from scimbridge.sdk.addresses import ForbiddenAddressError, refuse_written
from scimbridge.sdk.answer import Answer
from scimbridge.sdk.config import TargetConfig
from scimbridge.sdk.connector import Confirm, Context, Permit, Throttled
from scimbridge.sdk.deadline import Deadline, bind
from scimbridge.sdk.errors import ConnectorError, RetryableError, TargetUnusableError
from scimbridge.sdk.resending import resending
from scimbridge.sdk.statuses import (
    BUSY,
    STATUS_ERRORS,
    ErrorTable,
    asked_wait,
    error_for,
    is_throttling,
    parse_retry_after,
)
from scimbridge.sdk.troubles import AnswerTooLongError, Failure, PackedError, explain_transport
from scimbridge.sdk.trust import ClientCertificate, trust_of

__all__ = [
    "BUSY",
    "IDEMPOTENT",
    "READING",
    "STATUS_ERRORS",
    "Answer",
    "Authorize",
    "ClientCertificate",
    "HttpClient",
    "Limits",
    "asked_wait",
    "error_for",
    "is_throttling",
    "parse_retry_after",
]

# They log whole URLs, and with them the names in filters, at INFO; headers at DEBUG.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

READING = frozenset({"GET", "HEAD"})
"""Methods that change nothing (RFC 9110 §9.2.1); all others need a permit to write."""

IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})
"""Methods that may be sent again after an answer that says "not now" (RFC 9110 §9.2.2)."""

_UNPACKED = frozenset({"", "identity", "gzip", "deflate"})
"""How answers may be packed, though nobody asks for it: what is packed twice, or by others, grows without bounds."""

Authorize = Callable[[str], str]
"""Returns the Authorization header; told which one was refused, so that it gets a new token, unless another call has
got one meanwhile. Empty where none was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long and how much one call may take.

    Attributes:
        connect: Until the connection stands.
        read: Between two pieces of the answer.
        total: For the whole call, waiting and resending included.
        tries: How often a request is sent at most.
        patience: How long all waiting between tries may last together.
        answer_bytes: The longest answer that is read.
    """

    connect: timedelta = timedelta(seconds=5)
    read: timedelta = timedelta(seconds=10)
    total: timedelta = timedelta(seconds=20)
    tries: int = 3
    patience: timedelta = timedelta(seconds=3)
    answer_bytes: int = 8 * 1024 * 1024


@dataclass(slots=True)
class _Call:
    """A request on its way, over all its sendings."""

    request: httpx.Request
    words: str
    deadline: float
    expect: Collection[int]
    confirm: Confirm | None
    authorize: Authorize | None
    only_asks: bool = False
    has_new_token: bool = False

    @property
    def writes(self) -> bool:
        return not self.only_asks and self.request.method not in READING

    @property
    def is_idempotent(self) -> bool:
        return self.only_asks or self.request.method in IDEMPOTENT


class HttpClient:
    """Calls one target. Safe to use from several threads.

    Args:
        base_url: What every path is appended to.
        permit: Asked before every request that is sent, resending included.
        throttled: Told of every answer that asks for fewer calls; ``Context.throttled`` of a connector.
        headers: Sent with every request; the place for credentials that last.
        limits: Times and sizes.
        ca_file: Certificates to trust instead of the public ones.
        allow_link_local: Whether the target may be at a link-local address, or one where clouds keep credentials.
        certificate: What the client shows of itself, for targets that ask for it.
        errors: The connector's table from status to error; ``STATUS_ERRORS`` is asked next.
        classify: Tells an error by what the answer says, where the status does not; ``None`` leaves it to the tables.
        explain: Returns what an error answer adds for an operator; never anything private.
        transport: Stands in for the network in tests.
        sleep: Waits so many seconds.
        monotonic: Seconds, for deadlines.
        wall: The time now (UTC), for a Retry-After that is a date.
    """

    def __init__(
        self,
        base_url: str,
        *,
        permit: Permit,
        throttled: Throttled = lambda _: None,
        headers: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        ca_file: Path | None = None,
        allow_link_local: bool = False,
        certificate: ClientCertificate | None = None,
        errors: ErrorTable | None = None,
        classify: Callable[[Answer], type[ConnectorError] | None] = lambda _: None,
        explain: Callable[[Answer], str] = lambda _: "",
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._permit = permit
        self._throttled = throttled
        self._allow_link_local = allow_link_local
        self._limits = limits or Limits()
        self._errors = errors or {}
        self._classify = classify
        self._explain = explain
        self._sleep = sleep
        self._monotonic = monotonic
        self._wall = wall
        self._client = httpx.Client(
            headers={"Accept-Encoding": "identity", "User-Agent": "scimbridge", **(headers or {})},
            verify=trust_of(ca_file, certificate),
            # A session that a target opened would outlast the token, and be everybody's who calls it.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            transport=transport,
            # Servers commonly hang up after five idle seconds; a write sent at that very moment would be lost.
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=100, keepalive_expiry=4),
            # A redirect would carry the request, and on the same host the token, to a place nobody configured.
            follow_redirects=False,
        )
        self._deadline = Deadline(monotonic)
        bind(self._client, self._deadline, allow_link_local=allow_link_local)

    @classmethod
    def for_target(cls, base_url: str, config: TargetConfig, context: Context, **more: Any) -> Self:
        """Return a client that keeps to what the target's table and the engine say; ``more`` is as for the class."""
        return cls(
            base_url,
            permit=context.permit,
            throttled=context.throttled,
            allow_link_local=config.allow_link_local,
            **more,
        )

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        call: str,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Collection[int] = (),
        confirm: Confirm | None = None,
        authorize: Authorize | None = None,
        only_asks: bool = False,
    ) -> Answer:
        """Send a request and return its answer, if that is a 2xx or expected.

        A request is sent again, a few times within a few seconds, where the
        connection could not be made, or where an idempotent one met 429, 502,
        503 or 504. One whose answer was lost is sent again only if it reads:
        what became of a write is for the next attempt to look up.

        Args:
            method: In capitals.
            path: Appended to the base URL; begins with a slash, and is quoted already.
            call: What this is, for an operator: "reading an account".
            params: The query.
            body: Sent as JSON, with the content type that ``headers`` names; bytes are JSON already, and are sent as
                they are.
            headers: For this request alone.
            expect: Statuses beside 2xx that are answers and not errors.
            confirm: Called after the permit, right before each sending.
            authorize: Returns the Authorization header, for credentials that run out. After a 401 it is asked for a
                new one, once, and the request is sent again.
            only_asks: It changes nothing, though its method says that it may: a search by POST, a batch of GETs.

        Raises:
            RetryableError: It may work later; ``retry_after`` is what the target asked for.
            RejectedError: The target refuses this request.
            TargetUnusableError: The credentials, the certificate or the address are wrong.
        """
        request = self._client.build_request(
            method,
            self._base_url + path,
            params=params,
            content=_content(body),
            headers={} if body is None else {"Content-Type": "application/json"},
        )
        request.headers.update(headers or {})
        if authorize is not None:
            request.headers["Authorization"] = authorize("")
        deadline = self._monotonic() + self._limits.total.total_seconds()
        sending = _Call(request, call, deadline, expect, confirm, authorize, only_asks)
        resend = resending(
            tries=self._limits.tries,
            patience=self._limits.patience,
            is_too_late=lambda pause: self._monotonic() + pause >= sending.deadline,
            sleep=self._sleep,
        )
        result = resend(self._send_once, sending)
        if isinstance(result, Failure):
            raise result.error
        return result

    def _send_once(self, call: _Call) -> Answer | Failure:
        self._ask(call)
        try:
            answer = self._exchange(call)
        except ForbiddenAddressError as error:
            return Failure(TargetUnusableError(f"{call.words}: {error}"))
        except httpx.HTTPError as error:
            return explain_transport(error, call.words, writes=call.writes)
        if answer.status // 100 == 2 or answer.status in call.expect:
            return answer
        failure = self._judge(answer, call)
        if isinstance(failure.error, RetryableError) and is_throttling(answer.status, failure.error.retry_after):
            self._throttled(failure.error.retry_after)
        if answer.status == 401 and call.authorize is not None and not call.has_new_token:
            # Refused before anything was done, so that every method may be sent again.
            call.has_new_token = True
            call.request.headers["Authorization"] = call.authorize(call.request.headers["Authorization"])
            return Failure(failure.error, may_resend=True)
        return failure

    def _ask(self, call: _Call) -> None:
        """Get the permit, and then the confirmation: the permit may wait for a slot, and a hold be placed meanwhile."""
        asked_at = self._monotonic()
        self._permit(writes=call.writes)
        if call.confirm is not None:
            call.confirm()
        # Waiting for our own limits must not eat the target's time to answer.
        call.deadline += self._monotonic() - asked_at

    def _exchange(self, call: _Call) -> Answer:
        if not self._allow_link_local:
            refuse_written(str(call.request.url))  # a proxy would connect to it, out of our sight
        left = max(call.deadline - self._monotonic(), 0.001)
        connect, read = self._limits.connect.total_seconds(), self._limits.read.total_seconds()
        timeout = httpx.Timeout(min(read, left), connect=min(connect, left), pool=min(connect, left))
        call.request.extensions = {**call.request.extensions, "timeout": timeout.as_dict()}
        with self._deadline.until(call.deadline), closing(self._client.send(call.request, stream=True)) as response:
            body = b"".join(self._bounded(response, call.deadline))
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(status=response.status_code, headers=headers, body=body, call=call.words)

    def _bounded(self, response: httpx.Response, deadline: float) -> Iterator[bytes]:
        """Yield the body, and stop at its limits of time and size; a server may send a byte now and then for hours."""
        if response.headers.get("content-encoding", "").strip().lower() not in _UNPACKED:
            raise PackedError
        size = 0
        for piece in response.iter_bytes():
            size += len(piece)
            if size > self._limits.answer_bytes:
                raise AnswerTooLongError
            if self._monotonic() > deadline:
                raise httpx.ReadTimeout("the answer took too long", request=response.request)
            yield piece

    def _judge(self, answer: Answer, call: _Call) -> Failure:
        message = f"{answer.call}: the target answered {answer.status} {responses.get(answer.status, '')}".rstrip()
        if more := self._explain(answer):
            message += f" ({more})"
        kind = self._classify(answer) or error_for(answer.status, self._errors)
        if kind is not RetryableError:
            return Failure(kind(message))
        retry_after = asked_wait(answer.headers, self._wall())
        error = RetryableError(message, retry_after=retry_after)
        is_busy = answer.status in BUSY or self._classify(answer) is RetryableError
        return Failure(error, may_resend=is_busy and call.is_idempotent)


def _content(body: Mapping[str, Any] | bytes | None) -> bytes | None:
    return body if body is None or isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
