"""Calls of Microsoft Graph."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from connectors.microsoft365 import errors
from connectors.microsoft365.batches import Batches, Document, Request, demand
from connectors.microsoft365.config import Microsoft365Config
from connectors.microsoft365.credentials import Credentials
from scimbridge.sdk import Confirm, Context, RejectedError
from scimbridge.sdk.http import Answer, HttpClient

MAX_PAGES = 2000
"""How far a list is read before the target is thought to go round in circles."""


class GraphClient:
    """Calls one tenant's Graph. Safe to use from several threads.

    Args:
        config: Addresses and credentials.
        context: Whose permit is asked before each call.
        replaced: Settings of the HTTP clients, for tests.
    """

    def __init__(self, config: Microsoft365Config, context: Context, **replaced: Any) -> None:
        own: dict[str, Any] = {"ca_file": config.ca_file, **replaced}
        self._root = config.api_root
        # Whoever gives out tokens says nothing about how often Graph may be called.
        self._tokens = HttpClient(
            config.authority, permit=context.permit, allow_link_local=config.allow_link_local, **own
        )
        self._credentials = Credentials(config, self._tokens)
        self._http = HttpClient.for_target(
            config.api_root,
            config,
            context,
            errors=errors.STATUS_ERRORS,
            classify=errors.classify,
            explain=errors.explain,
            **own,
        )
        post = partial(self.send, "POST", "/$batch")
        self._batches = Batches(post, context, replaced.get("sleep", time.sleep))

    def close(self) -> None:
        """Close all connections."""
        self._tokens.close()
        self._http.close()

    def granted(self, *, renew: bool = False) -> frozenset[str]:
        """Return the application's permissions in this tenant, as of the token in use, or of a new one."""
        return self._credentials.granted(renew=renew)

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
        only_asks: bool = False,
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
            only_asks=only_asks,
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
        answer = self.send("GET", path, call=call, params=params, headers=headers)
        for page in self._following(answer.json_object(), call, headers):
            yield page.get("value", [])

    def changes(self, link: str, *, call: str, unless: Collection[int]) -> Iterator[Document] | None:
        """Return the pages of what has changed since Graph gave out a link; the last one has the link of the next list.

        Args:
            link: As Graph wrote it.
            call: What this is, for an operator.
            unless: Statuses by which Graph says that it knows the link no more; then there is nothing.
        """
        path, query = self._within(link, call)
        answer = self.send("GET", path, call=call, params=query, expect=unless)
        return None if answer.status in unless else self._following(answer.json_object(), call, None)

    def listed(self, first: Answer) -> Iterator[Document]:
        """Yield what a list holds of which the first page was part of a batch.

        Raises:
            ConnectorError: That was a refusal.
        """
        for page in self._following(demand(first), first.call, None):
            yield from page.get("value", [])

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
        return self._batches.send(requests, call, confirm)

    def look(self, *sections: Sequence[Request], call: str) -> list[list[Answer]]:
        """Send requests that read, all at once; returns the answers of each section, refusals among them.

        Raises:
            RetryableError: Some were throttled or not answered.
        """
        answers = iter(self.batch([*chain.from_iterable(sections)], call=call))
        return [[*islice(answers, len(section))] for section in sections]

    def _following(self, page: Document, call: str, headers: Mapping[str, str] | None) -> Iterator[Document]:
        for _ in range(MAX_PAGES):
            yield page
            following = page.get("@odata.nextLink")
            if not following:
                return
            path, query = self._within(str(following), call)
            page = self.send("GET", path, call=call, params=query, headers=headers).json_object()
        raise RejectedError(f"{call}: the list does not end")

    def _within(self, link: str, call: str) -> tuple[str, dict[str, str]]:
        root, parts = urlsplit(self._root), urlsplit(link)
        if (parts.scheme, parts.netloc) != (root.scheme, root.netloc) or not parts.path.startswith(root.path):
            raise RejectedError(f"{call}: the next page is said to be at another address")
        return parts.path.removeprefix(root.path), dict(parse_qsl(parts.query))


def path_of(*parts: str) -> str:
    """Return a path of these parts, quoted."""
    return "".join(f"/{quote(part, safe='$')}" for part in parts)
