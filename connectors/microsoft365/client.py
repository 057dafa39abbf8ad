"""Calls of Microsoft Graph."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import responses
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from connectors.microsoft365 import errors
from connectors.microsoft365.config import Microsoft365Config
from connectors.microsoft365.credentials import Credentials
from scimbridge.sdk import Confirm, Context, RejectedError, RetryableError
from scimbridge.sdk.http import Answer, HttpClient, is_throttling, parse_retry_after
from scimbridge.sdk.tokens import permit_to_ask

Document = dict[str, Any]
MAX_PAGES = 2000
"""How far a list is read before the target is thought to go round in circles."""

BATCH = 20
"""Requests in a batch; https://learn.microsoft.com/graph/json-batching."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request of a batch; ``path`` is quoted already."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None

    def to_json(self, number: int) -> Document:
        """Return it as a batch wants it."""
        request: Document = {"id": str(number), "method": self.method, "url": self.path}
        if self.body is not None:
            request |= {"body": dict(self.body), "headers": {"Content-Type": "application/json"}}
        return request


class GraphClient:
    """Calls one tenant's Graph. Safe to use from several threads.

    Args:
        config: Addresses and credentials.
        context: Whose permit is asked before each call.
        replaced: Settings of the HTTP clients, for tests.
    """

    def __init__(self, config: Microsoft365Config, context: Context, **replaced: Any) -> None:
        settings: dict[str, Any] = {"ca_file": config.ca_file, **replaced}
        self._context = context
        self._root = config.api_root
        self._tokens = HttpClient(config.authority, permit=permit_to_ask(context.permit), **settings)
        self._credentials = Credentials(config, self._tokens)
        self._http = HttpClient(
            config.api_root,
            permit=context.permit,
            throttled=context.throttled,
            errors=errors.STATUS_ERRORS,
            classify=errors.classify,
            explain=errors.explain,
            **settings,
        )

    def close(self) -> None:
        """Close all connections."""
        self._tokens.close()
        self._http.close()

    def granted(self) -> frozenset[str]:
        """Return the application's permissions in this tenant."""
        return self._credentials.granted()

    def reference(self, object_id: str) -> Document:
        """Return the body that refers to an object."""
        return {"@odata.id": f"{self._root}/directoryObjects/{object_id}"}

    def send(
        self,
        method: str,
        path: str,
        *,
        call: str,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Collection[int] = (),
        confirm: Confirm | None = None,
    ) -> Answer:
        """Send a request, with an id by which Microsoft can find it.

        Raises:
            ConnectorError: As ``connectors.microsoft365.errors`` tells it.
        """
        return self._http.send(
            method,
            path,
            call=call,
            params=params,
            body=body,
            headers={"client-request-id": str(uuid.uuid4()), **(headers or {})},
            expect=expect,
            confirm=confirm,
            authorize=self._credentials.authorize,
        )

    def items(
        self, path: str, *, call: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[Document]:
        """Yield what a list holds, from its first page to its last."""
        for page in self.pages(path, call=call, params=params, headers=headers):
            yield from page

    def pages(
        self, path: str, *, call: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[list[Document]]:
        """Yield the pages of a list, empty ones among them.

        Raises:
            RejectedError: The list goes on and on, or on another host.
        """
        query = dict(params or {})
        for _ in range(MAX_PAGES):
            page = self.send("GET", path, call=call, params=query, headers=headers).json_object()
            yield page.get("value", [])
            following = page.get("@odata.nextLink")
            if not following:
                return
            path, query = self._within(str(following), call)
        raise RejectedError(f"{call}: the list does not end")

    def batch(self, requests: Sequence[Request], *, call: str, confirm: Confirm | None = None) -> list[Answer]:
        """Send requests, 20 at a time, and return the answers in the order of the requests, refusals among them.

        Args:
            requests: What is sent.
            call: What this is, for an operator.
            confirm: Called right before each 20 are sent.

        Raises:
            RetryableError: Some were throttled or not answered; those that were carried out are, and are looked up by
                the next attempt.
        """
        found: list[Answer] = []
        for start in range(0, len(requests), BATCH):
            found += self._batch(requests[start : start + BATCH], call, confirm)
        late = [each for each in found if each.status in {429, 502, 503, 504}]
        if late:
            now = datetime.now(UTC)
            waits = [parse_retry_after(each.headers.get("retry-after"), now) for each in late]
            longest = max((wait for wait in waits if wait is not None), default=None)
            if any(is_throttling(each.status, wait) for each, wait in zip(late, waits, strict=True)):
                self._context.throttled(longest)
            raise RetryableError(f"{call}: Graph put off {len(late)} of {len(requests)} requests", retry_after=longest)
        return found

    def _batch(self, requests: Sequence[Request], call: str, confirm: Confirm | None) -> list[Answer]:
        writes = any(each.method != "GET" for each in requests)
        # One permit comes with the request itself; a rate limit counts what is in it.
        for _ in requests[1:]:
            self._context.permit(writes=writes)
        body = {"requests": [each.to_json(number) for number, each in enumerate(requests)]}
        document = self.send("POST", "/$batch", call=call, body=body, confirm=confirm).json_object()
        answers = {str(each["id"]): each for each in document.get("responses", ())}
        return [_answer(answers.get(str(number)), call) for number in range(len(requests))]

    def _within(self, link: str, call: str) -> tuple[str, dict[str, str]]:
        root, parts = urlsplit(self._root), urlsplit(link)
        if (parts.scheme, parts.netloc) != (root.scheme, root.netloc) or not parts.path.startswith(root.path):
            raise RejectedError(f"{call}: the next page is said to be at another address")
        return parts.path.removeprefix(root.path), dict(parse_qsl(parts.query))


def path_of(*parts: str) -> str:
    """Return a path of these parts, quoted."""
    return "".join(f"/{quote(part, safe='$')}" for part in parts)


def refusal_of(answer: Answer) -> str:
    """Return why a request of a batch was refused, for an operator."""
    more = errors.explain(answer)
    return f"{answer.status} {responses.get(answer.status, '')}".strip() + (f" ({more})" if more else "")


def _answer(response: Document | None, call: str) -> Answer:
    if response is None:
        raise RetryableError(f"{call}: Graph did not answer a request of the batch")
    headers = {str(name).lower(): str(value) for name, value in (response.get("headers") or {}).items()}
    content = b"" if response.get("body") is None else json.dumps(response["body"]).encode()
    return Answer(status=int(response["status"]), headers=headers, body=content, call=call)
