"""Resources as the answer shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

from starlette.responses import Response

from scimbridge.domain.resource import Member, MemberKind, Members, StoredGroup, StoredUser
from scimbridge.scim.call import etag
from scimbridge.scim.media import ScimResponse, as_json, written_response
from scimbridge.scim.projection import Projection
from scimbridge.services.lookup import Page, Resource

R = TypeVar("R", bound=Resource)

LIST_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:ListResponse"

_WRITTEN_TOGETHER = 1000
"""Members that are objects of JSON at a time: those take several times the space of their bytes."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """Turns stored resources into JSON.

    Attributes:
        base: The address of the service provider, without a slash at the end.
    """

    base: str

    def answer(self, stored: Resource, projection: Projection, status: int = 200) -> Response:
        """Return the answer with one resource (RFC 7644 §3.3, §3.4.1)."""
        headers = {"ETag": etag(stored.version)}
        if status == 201:
            headers["Location"] = self.location(*_named(stored))
        return written_response(self.written(stored, projection), status, headers)

    def page(self, page: Page[R], projection: Projection) -> Response:
        """Return the answer with a page of a list (RFC 7644 §3.4.2, RFC 9865 §2)."""
        return written_response(self._listed(page, projection))

    def written(self, stored: Resource, projection: Projection) -> Iterator[bytes]:
        """Yield a User, or a Group with its members where they were loaded, as pieces of JSON."""
        if isinstance(stored, StoredUser):
            yield as_json(projection.apply(self.user(stored)))
            return
        body = as_json(projection.apply(self._group(stored)))
        if stored.members is None:
            yield body
            return
        yield body.removesuffix(b"}") + b',"members":['
        yield from self._members(stored.members, projection)
        yield b"]}"

    def user(self, user: StoredUser) -> dict[str, Any]:
        """Return a User with ``id``, ``meta`` and its groups."""
        body = {"schemas": [], "id": user.identity.id, **user.identity.document}
        if user.groups:
            body["groups"] = [self._reference(group, type="direct") for group in user.groups]
        body["meta"] = self._meta(user)
        return body

    def location(self, kind: MemberKind, resource_id: str) -> str:
        """Return the address of a resource."""
        return f"{self.base}/{kind}s/{resource_id}"

    def _group(self, group: StoredGroup) -> dict[str, Any]:
        return {"schemas": [], "id": group.id, **group.document, "meta": self._meta(group)}

    def _members(self, members: Members, projection: Projection) -> Iterator[bytes]:
        """Yield the entries of the list of members."""
        references = (self._reference(member, type=member.kind.value) for member in members)
        comma = b""
        while some := list(islice(references, _WRITTEN_TOGETHER)):
            yield comma + as_json(projection.apply({"members": some})["members"])[1:-1]
            comma = b","

    def _listed(self, page: Page[R], projection: Projection) -> Iterator[bytes]:
        cursors = {"nextCursor": page.next_cursor, "previousCursor": page.previous_cursor}
        head = _head(page.total, page.start_index, page.items)
        head |= {name: cursor for name, cursor in cursors.items() if cursor is not None}
        yield as_json(head).removesuffix(b"}") + b',"Resources":['
        for number, stored in enumerate(page.items):
            if number:
                yield b","
            yield from self.written(stored, projection)
        yield b"]}"

    def _reference(self, member: Member, *, type: str) -> dict[str, Any]:  # noqa: A002 - SCIM's word
        reference = {"value": member.id, "$ref": self.location(member.kind, member.id), "type": type}
        return reference if member.display is None else {**reference, "display": member.display}

    def _meta(self, stored: Resource) -> dict[str, Any]:
        kind, resource_id = _named(stored)
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


def whole_list_response(resources: Iterable[dict[str, Any]]) -> Response:
    """Return a list of everything there is."""
    found = list(resources)
    return ScimResponse({**_head(len(found), 1, found), "Resources": found})


def _named(stored: Resource) -> tuple[MemberKind, str]:
    """Return what a resource is, and its id."""
    if isinstance(stored, StoredUser):
        return MemberKind.USER, stored.identity.id
    return MemberKind.GROUP, stored.id


def _head(total: int, start_index: int | None, resources: Sequence[Any]) -> dict[str, Any]:
    """Return a list without its resources."""
    place = {} if start_index is None else {"startIndex": start_index}
    return {"schemas": [LIST_RESPONSE], "totalResults": total, **place, "itemsPerPage": len(resources)}
