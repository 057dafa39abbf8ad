"""The people of all measurements: the same documents for every server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
BULK_REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


def name_of(number: int) -> str:
    """Return somebody's userName, externalId and address."""
    return f"user{number:07d}@example.com"


def document_of(number: int) -> dict[str, Any]:
    """Return somebody's User resource."""
    name = name_of(number)
    return {
        "schemas": [USER],
        "userName": name,
        "externalId": name,
        "active": True,
        "name": {"givenName": "Ada", "familyName": "Example"},
        "emails": [{"value": name, "type": "work", "primary": True}],
    }


def bulk_of(numbers: Iterable[int]) -> dict[str, Any]:
    """Return a bulk request that creates some people."""
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": f"u{number}", "data": document_of(number)} for number in numbers
    ]
    return {"schemas": [BULK_REQUEST], "Operations": operations}
