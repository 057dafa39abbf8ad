"""Calls of Google's APIs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from enum import Enum
from typing import Any
from urllib.parse import quote

from connectors.google_workspace import errors
from connectors.google_workspace.config import GoogleWorkspaceConfig
from connectors.google_workspace.credentials import Credentials
from scimbridge.sdk import Confirm, Context, RejectedError, TargetUnusableError
from scimbridge.sdk.http import Answer, HttpClient

Document = dict[str, Any]
MAX_PAGES = 1000
"""How far a list is read before the target is thought to go round in circles."""


class Root(Enum):
    """The addresses that Google answers at."""

    API = "api_root"
    LICENSING = "licensing_root"
    GMAIL = "gmail_root"
    GROUPS = "groups_root"


class GoogleClient:
    """Calls one customer's APIs. Safe to use from several threads.

    Args:
        config: Addresses, and who acts.
        context: Whose permit is asked before each call.
        replaced: Settings of the HTTP clients, for tests.
    """

    def __init__(self, config: GoogleWorkspaceConfig, context: Context, **replaced: Any) -> None:
        self._config = config
        key = config.key
        own: dict[str, Any] = {"ca_file": config.ca_file, **replaced}
        self._public = {"permit": context.permit, "allow_link_local": config.allow_link_local, **own}
        # Whoever gives out tokens says nothing about how often the APIs may be called.
        self._tokens = HttpClient(key["token_uri"], **self._public)
        self._credentials = Credentials(key, self._tokens)
        self._http = {
            root: HttpClient.for_target(
                getattr(config, root.value),
                config,
                context,
                errors=errors.STATUS_ERRORS,
                classify=errors.classify,
                explain=errors.explain,
                **own,
            )
            for root in Root
        }

    def close(self) -> None:
        """Close all connections."""
        for http in (self._tokens, *self._http.values()):
            http.close()

    def published(self, url: str) -> Document:
        """Return what Google shows to everybody at an address."""
        with closing(HttpClient(url, **self._public)) as http:
            return http.send("GET", "", call="looking for the key of the service account").json_object()

    def send(
        self,
        method: str,
        path: str,
        *,
        call: str,
        scope: str,
        root: Root = Root.API,
        subject: str | None = None,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        expect: Collection[int] = (),
        confirm: Confirm | None = None,
    ) -> Answer:
        """Send a request; ``subject`` is whom the bridge acts for, the configured administrator where absent.

        Raises:
            ConnectorError: As ``connectors.google_workspace.errors`` tells it.
        """
        return self._http[root].send(
            method,
            path,
            call=call,
            params=params,
            body=body,
            expect=expect,
            confirm=confirm,
            authorize=self._credentials.authorize(scope, subject or self._config.subject),
        )

    def items(
        self, path: str, name: str, *, call: str, scope: str, params: Mapping[str, str], root: Root = Root.API
    ) -> Iterator[Document]:
        """Yield what a list holds, from its first page to its last."""
        for page in self.pages(path, name, call=call, scope=scope, params=params, root=root):
            yield from page

    def pages(
        self, path: str, name: str, *, call: str, scope: str, params: Mapping[str, str], root: Root = Root.API
    ) -> Iterator[list[Document]]:
        """Yield the pages of a list; Google leaves out the key of an empty one.

        Raises:
            RejectedError: The list goes on and on.
        """
        query = dict(params)
        for _ in range(MAX_PAGES):
            page = self.send("GET", path, call=call, scope=scope, params=query, root=root).json_object()
            yield page.get(name, [])
            token = page.get("nextPageToken")
            if not token:
                return
            query["pageToken"] = token
        raise RejectedError(f"{call}: the list does not end")

    def look(self, path: str, *, call: str, scope: str, root: Root = Root.API) -> Document | None:
        """Return what is at a path; ``None`` where Google says that there is nothing.

        Raises:
            TargetUnusableError: It is not Google that says so.
        """
        answer = self.send("GET", path, call=call, scope=scope, root=root, expect=(404,))
        if answer.status != 404:
            return answer.json_object()
        if not errors.is_absent(answer):
            raise TargetUnusableError(f"{call}: the answer 404 does not come from Google's API; look at {root.value}")
        return None

    def remove(
        self,
        path: str,
        *,
        call: str,
        scope: str,
        root: Root = Root.API,
        subject: str | None = None,
        confirm: Confirm | None = None,
    ) -> bool:
        """Delete what is at a path; returns False where Google says that there is nothing (any more).

        Raises:
            RejectedError: It is not Google that says so.
        """
        answer = self.send(
            "DELETE", path, call=call, scope=scope, root=root, subject=subject, expect=(404,), confirm=confirm
        )
        if answer.status == 404 and not errors.is_absent(answer):
            raise RejectedError(f"{call}: the answer 404 does not come from Google's API")
        return answer.status != 404

    def lacks(self, scope: str) -> bool:
        """Whether the delegation does not have a scope.

        Raises:
            TargetUnusableError: There is more amiss than that.
        """
        try:
            self._credentials.authorize(scope, self._config.subject)("")
        except RejectedError:
            return True
        return False


def user_path(*keys: str) -> str:
    """Return the path of all users, of one, or of something below it."""
    return "/".join(("/admin/directory/v1/users", *(quote(each, safe="") for each in keys)))


def group_path(*keys: str) -> str:
    """Return the path of all groups, of one, or of something below it."""
    return "/".join(("/admin/directory/v1/groups", *(quote(each, safe="") for each in keys)))


def quoted(value: str) -> str:
    """Return a value as searches take it.

    https://developers.google.com/workspace/admin/directory/v1/guides/search-users
    """
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
