"""Resources as the answer shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from starlette.responses import Response

from scimbridge.domain.resource import Member, MemberKind, StoredGroup, StoredUser
from scimbridge.scim.call import etag
from scimbridge.scim.media import ScimResponse
from scimbridge.scim.projection import Projection
from scimbridge.services.lookup import Page

LIST_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:ListResponse"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rendering:
    """Turns stored resources into JSON.

    Attributes:
        base: The address of the service provider, without a slash at the end.
    """

    base: str

    def user(self, user: StoredUser) -> dict[str, Any]:
        """Return a User with ``id``, ``meta`` and its groups."""
        body = {"schemas": [], "id": user.identity.id, **user.identity.document}
        if user.groups:
            body["groups"] = [self._reference(group, type="direct") for group in user.groups]
        body["meta"] = self._meta(user, user.identity.id, MemberKind.USER)
        return body

    def group(self, group: StoredGroup) -> dict[str, Any]:
        """Return a Group, with its members where they were loaded."""
        body = {"schemas": [], "id": group.id, **group.document}
        if group.members is not None:
            body["members"] = [self._reference(member, type=member.kind.value) for member in group.members]
        body["meta"] = self._meta(group, group.id, MemberKind.GROUP)
        return body

    def location(self, kind: MemberKind, resource_id: str) -> str:
        """Return the address of a resource."""
        return f"{self.base}/{kind}s/{resource_id}"

    def _reference(self, member: Member, *, type: str) -> dict[str, Any]:  # noqa: A002 - SCIM's word
        reference = {"value": member.id, "$ref": self.location(member.kind, member.id), "type": type}
        return reference if member.display is None else {**reference, "display": member.display}

    def _meta(self, stored: StoredUser | StoredGroup, resource_id: str, kind: MemberKind) -> dict[str, Any]:
        return {
            "resourceType": str(kind),
            "created": moment(stored.created_at),
            "lastModified": moment(stored.modified_at),
            "location": self.location(kind, resource_id),
            "version": etag(stored.version),
        }


def moment(value: datetime) -> str:
    """Return a time in full precision, so that a filter with it means exactly this time."""
    return f"{value.astimezone(UTC).isoformat(timespec='microseconds')[:-6]}Z"


def resource_response(body: dict[str, Any], projection: Projection, status: int = 200) -> Response:
    """Return the answer with one resource (RFC 7644 §3.3, §3.4.1)."""
    meta = body["meta"]
    headers = {"ETag": meta["version"]} | ({"Location": meta["location"]} if status == 201 else {})
    return ScimResponse(projection.apply(body), status, headers=headers)


def list_response(page: Page[T], render: Callable[[T], dict[str, Any]], projection: Projection) -> Response:
    """Return a page of a list (RFC 7644 §3.4.2, RFC 9865 §2)."""
    body = _list(page.total, page.start_index, [projection.apply(render(item)) for item in page.items])
    cursors = {"nextCursor": page.next_cursor, "previousCursor": page.previous_cursor}
    return ScimResponse(body | {name: cursor for name, cursor in cursors.items() if cursor is not None})


def whole_list_response(resources: Iterable[dict[str, Any]]) -> Response:
    """Return a list of everything there is."""
    found = list(resources)
    return ScimResponse(_list(len(found), 1, found))


def _list(total: int, start_index: int | None, resources: list[dict[str, Any]]) -> dict[str, Any]:
    place = {} if start_index is None else {"startIndex": start_index}
    return {
        "schemas": [LIST_RESPONSE],
        "totalResults": total,
        **place,
        "itemsPerPage": len(resources),
        "Resources": resources,
    }
