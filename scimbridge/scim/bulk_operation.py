"""One operation of a bulk request: as sent, and what has become of it (RFC 7644 §3.7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scim2_models import InvalidSyntaxException, InvalidValueException, PayloadTooLargeException

from scimbridge.scim.bulk_order import references
from scimbridge.scim.dialect import take
from scimbridge.scim.errors import Verdict
from scimbridge.scim.reading import Reading

MAX_OPERATIONS = 500
"""Operations of one request; announced in ServiceProviderConfig. So many of those that begin or end a case, which cost
the most that anybody has a reason to send, take about a second of CPU on PostgreSQL."""

BULK_REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"

_METHODS = {"POST", "PUT", "PATCH", "DELETE"}


@dataclass(slots=True)
class Operation:
    """One operation.

    Attributes:
        method: In capital letters.
        path: As sent, perhaps with a reference.
        version: The ETag that the client expects.
        data: The body, with references.
        flaw: What is wrong with the operation itself, whatever is stored.
        needs: The bulkIds that it refers to.
        resource_id: What it has created or changed.
        location: The address of that, where the path alone does not tell it.
        etag: The version after it.
        status: How it was answered; ``None`` while it has not been run.
        verdict: Why it failed, if it did.
        reading: What showed of its writer.
    """

    method: str
    path: str
    bulk_id: str | None = None
    version: str | None = None
    data: Any = None
    flaw: Exception | None = None
    needs: frozenset[str] = frozenset()
    resource_id: str | None = None
    location: str | None = None
    etag: str | None = None
    status: int | None = None
    verdict: Verdict | None = None
    reading: Reading = field(default_factory=Reading)

    @property
    def creates(self) -> str | None:
        """The bulkId under which others may refer to what it creates."""
        return self.bulk_id if self.method == "POST" and self.flaw is None else None

    def reset(self) -> None:
        """Forget what was noted: a transaction may be run a second time."""
        self.status = self.verdict = self.resource_id = self.location = self.etag = None

    def succeed(self, *, status: int, resource_id: str, location: str, etag: str | None) -> None:
        """Note what it has done."""
        self.status, self.verdict = status, None
        self.resource_id, self.location, self.etag = resource_id, location, etag

    def fail(self, verdict: Verdict) -> None:
        """Note that it has done nothing, and why."""
        self.status, self.verdict = verdict.status, verdict
        self.resource_id = self.etag = None
        if self.method == "POST":
            self.location = None

    def as_json(self, base: str) -> dict[str, Any]:
        """Return what the answer says of it: its location, too, unless it is a failed POST (RFC 7644 §3.7.3).

        Args:
            base: The address of the service provider, without a slash at the end.
        """
        said = {
            "location": self.location or self._meant(base),
            "method": self.method,
            "bulkId": self.bulk_id,
            "version": self.etag,
        }
        body: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
        if self.verdict is not None:
            body["response"] = self.verdict.body()
        return body | {"status": str(self.status)}

    def _meant(self, base: str) -> str | None:
        is_there = self.method != "POST" and self.path != "/" and not any(references(self.path))
        return base + self.path.rstrip("/") if is_there else None


def read_request(body: Mapping[str, Any]) -> tuple[list[Operation], int]:
    """Return the operations of a request, and how many may fail before it ends; 0 is any number.

    Raises:
        InvalidSyntaxException: It is no bulk request.
        InvalidValueException: ``failOnErrors`` is no number.
        PayloadTooLargeException: It has too many operations.
    """
    schemas = take(body, "schemas")
    if schemas and (not isinstance(schemas, list) or BULK_REQUEST.lower() not in _lowered(schemas)):
        raise InvalidSyntaxException(detail=f"schemas must name {BULK_REQUEST}")
    sent = take(body, "Operations")
    if not isinstance(sent, list) or not sent:
        raise InvalidSyntaxException(detail="Operations must be a list with at least one operation")
    if len(sent) > MAX_OPERATIONS:
        raise PayloadTooLargeException(
            detail=f"{len(sent)} operations; at most {MAX_OPERATIONS} (maxOperations) are taken at once"
        )
    return list(_operations(sent)), _errors_allowed(take(body, "failOnErrors"))


def _errors_allowed(value: Any) -> int:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidValueException(detail="failOnErrors must be a whole number")
    return value


def _operations(sent: list[Any]) -> Iterator[Operation]:
    taken: set[str] = set()
    for item in sent:
        operation = _operation(item)
        if operation.creates in taken:
            operation.flaw = InvalidValueException(detail=f"bulkId {operation.bulk_id!r} is there twice")
        elif operation.creates is not None:
            taken.add(operation.creates)
        yield operation


def _operation(item: Any) -> Operation:
    if not isinstance(item, dict):
        raise InvalidSyntaxException(detail="an operation must be an object")
    sent = {name: take(item, name) for name in ("method", "path", "bulkId", "version")}
    for name, value in sent.items():
        if not isinstance(value, str | None):
            raise InvalidSyntaxException(detail=f"{name} of an operation must be a string")
    method, path = (sent["method"] or "").upper(), sent["path"] or ""
    data = take(item, "data")
    return Operation(
        method=method,
        path=path if path.startswith("/") else f"/{path}",
        bulk_id=sent["bulkId"],
        version=sent["version"],
        data=data,
        flaw=_flaw(method, path, data),
        needs=frozenset(references([path, data])),
    )


def _flaw(method: str, path: str, data: Any) -> Exception | None:
    if method not in _METHODS:
        return InvalidSyntaxException(detail="method of an operation must be POST, PUT, PATCH or DELETE")
    if not path:
        return InvalidSyntaxException(detail="an operation needs a path")
    if method != "DELETE" and not isinstance(data, dict):
        return InvalidSyntaxException(detail="data of an operation must be an object")
    return None


def _lowered(schemas: list[Any]) -> set[str]:
    return {schema.lower() for schema in schemas if isinstance(schema, str)}
