"""Several requests in one call; https://learn.microsoft.com/graph/json-batching."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import responses
from typing import Any
from urllib.parse import quote, urlencode

from connectors.microsoft365 import errors
from scimbridge.sdk import AccountNotFoundError, Confirm, ConnectorError, Context, RetryableError
from scimbridge.sdk.http import Answer, Limits, error_for, is_throttling, parse_retry_after

Document = dict[str, Any]

BATCH = 20
"""Requests in a batch."""

_PUT_OFF = frozenset({429, 502, 503, 504})
_SHORT_WAIT = timedelta(seconds=1)
"""How long Graph is left alone where it does not say for how long."""

Post = Callable[..., Answer]
"""Sends a batch; called with its body, ``confirm`` and ``only_asks``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request of a batch; ``path`` is quoted already."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None

    @classmethod
    def get(cls, path: str, **params: str) -> Request:
        """Return one that reads; the options of the query are named without their dollar sign."""
        query = urlencode({f"${name}": value for name, value in params.items()}, quote_via=quote, safe="$,()'")
        return cls(method="GET", path=f"{path}?{query}" if query else path)

    @property
    def writes(self) -> bool:
        """Whether it may change something."""
        return self.method != "GET"

    def to_json(self, number: int) -> Document:
        """Return it as a batch wants it."""
        request: Document = {"id": str(number), "method": self.method, "url": self.path}
        if self.body is not None:
            request |= {"body": dict(self.body), "headers": {"Content-Type": "application/json"}}
        return request


class Batches:
    """Sends requests, twenty by one call, and those again that Graph has put off.

    Args:
        post: Sends one batch.
        context: Whose permit is asked for each call, and for each write in it.
        sleep: Waits so many seconds.
    """

    def __init__(self, post: Post, context: Context, sleep: Callable[[float], None]) -> None:
        self._post = post
        self._context = context
        self._sleep = sleep
        self._limits = Limits()

    def send(self, requests: Sequence[Request], call: str, confirm: Confirm | None) -> list[Answer]:
        """Return the answers in the order of the requests, refusals among them.

        Raises:
            RetryableError: Some are still put off; those that were carried out are, and the next attempt looks.
        """
        answers: dict[int, Answer] = {}
        waited = timedelta()
        for tries_left in reversed(range(self._limits.tries)):
            late = self._round(requests, answers, call, confirm)
            if not late:
                return [answers[number] for number in range(len(requests))]
            self._tell(answers[number] for number in late)
            wait = max(_asked_for(answers[number]) or _SHORT_WAIT for number in late)
            waited += wait
            can_wait = tries_left and waited <= self._limits.patience
            if not can_wait or not all(_may_be_repeated(requests[number], answers[number]) for number in late):
                break
            self._sleep(wait.total_seconds())
        asked = [found for number in late if (found := _asked_for(answers[number])) is not None]
        raise RetryableError(
            f"{call}: Graph put off {len(late)} of {len(requests)} requests", retry_after=max(asked, default=None)
        )

    def _tell(self, late: Iterable[Answer]) -> None:
        """Tell whoever shares the target where Graph asks for fewer calls."""
        waits = [wait for each in late if is_throttling(each.status, wait := _asked_for(each))]
        if waits:
            self._context.throttled(max((wait for wait in waits if wait is not None), default=None))

    def _round(
        self, requests: Sequence[Request], answers: dict[int, Answer], call: str, confirm: Confirm | None
    ) -> list[int]:
        """Send what has no final answer yet; return the numbers of what still has none."""
        open_ = [number for number in range(len(requests)) if _is_put_off(answers.get(number))]
        for start in range(0, len(open_), BATCH):
            chosen = open_[start : start + BATCH]
            found = self._batch([requests[number] for number in chosen], call, confirm)
            answers.update(zip(chosen, found, strict=True))
        return [number for number in open_ if _is_put_off(answers[number])]

    def _batch(self, requests: Sequence[Request], call: str, confirm: Confirm | None) -> Iterator[Answer]:
        writes = any(each.writes for each in requests)
        # Graph allows few writes, and many reads: a rate limit counts each write, and one permit comes with the call.
        # https://learn.microsoft.com/graph/throttling-limits#identity-and-access-service-limits
        for _ in requests[1:] if writes else ():
            self._context.permit(writes=True)
        body = {"requests": [each.to_json(number) for number, each in enumerate(requests)]}
        document = self._post(body=body, call=call, confirm=confirm, only_asks=not writes).json_object()
        found = {str(each["id"]): each for each in document.get("responses", ())}
        return (_answer(found.get(str(number)), call) for number in range(len(requests)))


def refusal_of(answer: Answer) -> str:
    """Return why a request of a batch was refused, for an operator."""
    more = errors.explain(answer)
    return f"{answer.status} {responses.get(answer.status, '')}".strip() + (f" ({more})" if more else "")


def demand(answer: Answer) -> Document:
    """Return what a request of a batch was answered, where that is a success.

    Raises:
        ConnectorError: It is none.
    """
    if answer.status // 100 == 2:
        return answer.json_object()
    raise error_of(answer)(f"{answer.call}: the target answered {refusal_of(answer)}")


def error_of(answer: Answer) -> type[ConnectorError]:
    """Return what a refusal means."""
    return errors.classify(answer) or error_for(answer.status, errors.STATUS_ERRORS)


@contextmanager
def whole(what: str) -> Iterator[None]:
    """Read what belongs to something that Graph has just told: that this is not there is no fact about it.

    Raises:
        RetryableError: Graph's replicas do not agree yet.
    """
    try:
        yield
    except AccountNotFoundError as error:
        raise RetryableError(f"Graph tells {what}, and then knows nothing of it: {error}") from error


def _is_put_off(answer: Answer | None) -> bool:
    return answer is None or answer.status in _PUT_OFF


def _may_be_repeated(request: Request, answer: Answer) -> bool:
    """Whether nothing can come of it twice: a throttled one was not carried out, of others nobody knows."""
    return answer.status == 429 or not request.writes


def _asked_for(answer: Answer) -> timedelta | None:
    return parse_retry_after(answer.headers.get("retry-after"), datetime.now(UTC))


def _answer(response: Document | None, call: str) -> Answer:
    if response is None:
        raise RetryableError(f"{call}: Graph did not answer a request of the batch")
    headers = {str(name).lower(): str(value) for name, value in (response.get("headers") or {}).items()}
    content = b"" if response.get("body") is None else json.dumps(response["body"]).encode()
    return Answer(status=int(response["status"]), headers=headers, body=content, call=call)
