"""One function per remote call to a SCIM service provider (RFC 7644)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote, unquote

from connectors.scim.document import Document, value_of
from connectors.scim.errors import RefusedError, is_scim_error
from scimbridge.sdk import AccountNotFoundError, Confirm, RejectedError, TargetUnusableError
from scimbridge.sdk.http import Answer, Authorize, HttpClient

PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
PAGE = 100
_JSON = {"Accept": "application/scim+json, application/json;q=0.9"}
_WRITE = {**_JSON, "Content-Type": "application/scim+json"}
# An account of these: the service knows nothing of it (any more).
_GONE = (404, 410)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list (RFC 7644 §3.4.2).

    Attributes:
        total: How many there are, over all pages; ``None`` where the service does not say.
        next_cursor: Where the list goes on, of services that count no pages (RFC 9865); empty at its end.
    """

    total: int | None
    resources: tuple[Document, ...]
    next_cursor: str = ""


Place = Mapping[str, str]
"""Where a page begins, as parameters of a query: by an index, or by a cursor."""


class ScimClient:
    """Speaks SCIM.

    Args:
        http: Its base URL is the service's root.
        authorize: Gives the header of each call, where the credentials are not among the client's own.
        counts: Whether lists may be told how many to send.
        by_cursor: Whether lists have to be asked for a cursor from the beginning.
    """

    def __init__(
        self, http: HttpClient, authorize: Authorize | None = None, *, counts: bool = True, by_cursor: bool = False
    ) -> None:
        self._http = http
        self._counts = counts
        self.beginning: Place = {"cursor": ""} if by_cursor else {}
        self._send = partial(http.send, authorize=authorize)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def service_provider_config(self) -> Document | None:
        """Return what the service says it can do (RFC 7643 §5), or ``None`` where it does not say."""
        call = "reading the ServiceProviderConfig"
        answer = self._send("GET", "/ServiceProviderConfig", call=call, headers=_JSON, expect=_GONE)
        return None if answer.status in _GONE else answer.json_object()

    def describe(self, what: str) -> tuple[Document, ...]:
        """Return ``ResourceTypes`` or ``Schemas`` (RFC 7644 §4); nothing where the service does not tell.

        Some redirect to a page for people, and some let nobody see it: then nothing is known, which is no trouble.
        """
        try:
            answer = self._send("GET", f"/{what}", call=f"reading the {what}", headers=_JSON, expect=_GONE)
        except (RejectedError, TargetUnusableError):
            return ()
        found = value_of(answer.json_object_or_none() or {}, "Resources") if answer.status not in _GONE else None
        return tuple(each for each in found if isinstance(each, dict)) if isinstance(found, list) else ()

    def list_users(self, *, scim_filter: str | None = None, place: Place | None = None, count: int = PAGE) -> Page:
        """Return a page of users, those that the filter matches where there is one (RFC 7644 §3.4.2)."""
        call = "listing users" if scim_filter is None else "searching for an account"
        params = {**({"count": str(count)} if self._counts else {}), **(place or {})}
        if scim_filter is not None:
            params["filter"] = scim_filter
        return _page(self._send("GET", "/Users", call=call, params=params, headers=_JSON))

    def list_groups(
        self, scim_filter: str | None = None, *, place: Place | None = None, more: tuple[str, ...] = ()
    ) -> Page:
        """Return a page of groups, those that the filter matches where there is one.

        Only what is asked for beside ids and names comes along: the members of a large group are more than an answer
        has room for.
        """
        call = "listing groups" if scim_filter is None else "searching for groups"
        params = {"attributes": ",".join(("id", "displayName", *more)), **(place or {})}
        if self._counts:
            params["count"] = str(PAGE)
        if scim_filter is not None:
            params["filter"] = scim_filter
        answer = self._send("GET", "/Groups", call=call, params=params, headers=_JSON, expect=(*_GONE, 501))
        if answer.status // 100 != 2:
            raise RejectedError(f'{call}: the target has no /Groups; write groups = "off"')
        return _page(answer)

    def patch_group(self, group_id: str, operations: list[dict[str, Any]], version: str | None = None) -> None:
        """Change a group by a PATCH, if it is still at the version.

        Raises:
            AccountNotFoundError: There is none of this id.
        """
        call, path = "changing a group", _path(group_id, "Groups")
        body = {"schemas": [PATCH_SCHEMA], "Operations": operations}
        answer = self._send("PATCH", path, call=call, body=body, headers=_at(version), expect=_GONE)
        if answer.status in _GONE:
            raise self._not_found(answer, "group")

    def patch_groups(self, group_ids: Sequence[str], operations: list[dict[str, Any]]) -> dict[str, int]:
        """Change several groups in the same way by one bulk request (RFC 7644 §3.7).

        Returns:
            The status of each by its id; whoever is missing was not answered for.
        """
        data = {"schemas": [PATCH_SCHEMA], "Operations": operations}
        asked = {str(number): group_id for number, group_id in enumerate(group_ids)}
        body = {
            "schemas": [BULK_SCHEMA],
            "Operations": [
                {"method": "PATCH", "bulkId": number, "path": _path(group_id, "Groups"), "data": data}
                for number, group_id in asked.items()
            ],
        }
        answer = self._send("POST", "/Bulk", call="changing groups", body=body, headers=_WRITE)
        told = value_of(answer.json_object(), "Operations")
        answered = [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []
        found = ((self._answered_for(each, asked), str(value_of(each, "status"))) for each in answered)
        return {group_id: int(status) for group_id, status in found if group_id is not None and status.isdigit()}

    @staticmethod
    def _answered_for(answer: Document, asked: Mapping[str, str]) -> str | None:
        """Return which group a part of the answer is about: some repeat ``bulkId``, and all should say where it is."""
        known = asked.get(str(value_of(answer, "bulkId")))
        place = unquote(str(value_of(answer, "location")).rpartition("/")[2])
        return known if known is not None else place if place in asked.values() else None

    def get_group(self, group_id: str) -> Document:
        """Return a group's document; raises ``AccountNotFoundError`` where there is none of this id."""
        call = "reading a group"
        answer = self._send("GET", _path(group_id, "Groups"), call=call, headers=_JSON, expect=_GONE)
        if answer.status in _GONE:
            raise self._not_found(answer, "group")
        document = answer.json_object()
        if value_of(document, "id") != group_id:
            raise RefusedError(f"{call}: the target answered with something else than that group")
        return document

    def delete_group(self, group_id: str, confirm: Confirm) -> bool:
        """Delete a group, and return whether there was one."""
        return self._delete(_path(group_id, "Groups"), "deleting a group", confirm)

    def get_user(self, account_id: str) -> Document:
        """Return a user's document as the service sent it (RFC 7644 §3.4.1)."""
        call = "reading an account"
        answer = self._send("GET", _path(account_id), call=call, headers=_JSON, expect=_GONE)
        if answer.status in _GONE:
            raise self._not_found(answer)
        document = answer.json_object()
        if value_of(document, "id") != account_id:
            raise RejectedError(f"{call}: the target answered with something else than that account")
        return document

    def patch_user(self, account_id: str, operations: list[dict[str, Any]], version: str | None = None) -> int:
        """Change a user by a PATCH (RFC 7644 §3.5.2), if it is still at the version; return the status."""
        body = {"schemas": [PATCH_SCHEMA], "Operations": operations}
        return self._write("PATCH", account_id, body, _at(version))

    def put_user(self, account_id: str, document: Document, version: str | None) -> int:
        """Replace a user's document (RFC 7644 §3.5.1), if it is still at the version; return the status."""
        return self._write("PUT", account_id, document, _at(version))

    def delete_user(self, account_id: str, confirm: Confirm) -> bool:
        """Delete a user (RFC 7644 §3.6), and return whether there was one.

        No particular content type is asked for: some services refuse to name one for an answer without content.
        """
        return self._delete(_path(account_id), "deleting an account", confirm)

    def _delete(self, path: str, call: str, confirm: Confirm) -> bool:
        answer = self._send("DELETE", path, call=call, expect=_GONE, confirm=confirm)
        if answer.status in _GONE:
            self._make_sure_of_the_address(answer)
            return False
        return True

    def _write(self, method: str, account_id: str, body: Document, headers: dict[str, str]) -> int:
        call = "changing an account"
        answer = self._send(method, _path(account_id), call=call, body=body, headers=headers, expect=_GONE)
        if answer.status in _GONE:
            raise self._not_found(answer)
        return answer.status

    def _not_found(self, answer: Answer, what: str = "account") -> AccountNotFoundError:
        self._make_sure_of_the_address(answer)
        return AccountNotFoundError(f"{answer.call}: the target has no such {what}")

    def _make_sure_of_the_address(self, answer: Answer) -> None:
        """Tell "no such account" from "no such place".

        A proxy, or a base URL that has moved, answers 404 to everything; taken at its
        word, every account would seem gone. A SCIM error comes from the service; after
        anything else the list of users must at least be there.
        """
        if is_scim_error(answer):
            return
        try:
            self.list_users(count=1)
        except TargetUnusableError as error:
            raise TargetUnusableError(
                f"{answer.call}: the target answered {answer.status}, and lists no users either; "
                "does base_url lead to the SCIM service?"
            ) from error


def _at(version: str | None) -> dict[str, str]:
    """Return the headers of a write that is for this version alone (RFC 7644 §3.14)."""
    return _WRITE if version is None else {**_WRITE, "If-Match": version}


def _path(resource_id: str, endpoint: str = "Users") -> str:
    """Return the path of a user or group. Dots alone, or nothing, would name another place."""
    if resource_id in {"", ".", ".."}:
        raise AccountNotFoundError(f"{resource_id!r} is not an account id")
    return f"/{endpoint}/{quote(resource_id, safe='')}"


def _page(answer: Answer) -> Page:
    document = answer.json_object()
    resources, total = value_of(document, "Resources"), value_of(document, "totalResults")
    if total is None and resources is None:
        raise TargetUnusableError(
            f"{answer.call}: the answer is not a SCIM list; does base_url lead to the SCIM service?"
        )
    if not isinstance(resources, list | None):
        raise RejectedError(f"{answer.call}: Resources is not a list")
    found = tuple(each for each in resources or () if isinstance(each, dict))
    cursor = value_of(document, "nextCursor")
    try:
        return Page(
            total=None if total is None else int(total),
            resources=found,
            next_cursor=cursor if isinstance(cursor, str) else "",
        )
    except (TypeError, ValueError, OverflowError):
        raise RejectedError(f"{answer.call}: totalResults is not a number") from None
