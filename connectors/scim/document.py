"""Reading values out of a SCIM document as a target sent it.

Attribute names are compared without case (RFC 7643 §2.1). Documents are kept as
plain data: what a target adds on its own must survive a PUT.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from scimbridge.sdk import AccountRef, RejectedError
from scimbridge.sdk.stamp import UNMANAGED

Document = Mapping[str, Any]

_CASE_EXACT = frozenset({"externalid", "id"})
_READ_ONLY = frozenset({"meta", "groups"})


def value_of(document: Document, name: str) -> Any:
    """Return an attribute's value, or ``None``."""
    return next((value for key, value in document.items() if key.lower() == name.lower()), None)


def values_at(document: Document, path: str) -> tuple[str, ...]:
    """Return the values at a path such as ``userName``, ``emails.value`` or ``urn:…:User:employeeNumber``."""
    container: Any = document
    if path.lower().startswith("urn:"):
        schema, _, path = path.rpartition(":")
        # Attributes of the core schema may be written with its URN too, but lie at the top.
        extension = value_of(document, schema)
        container = extension if extension is not None else document if schema.lower() == CORE_USER.lower() else {}
    found = [container]
    for name in path.split("."):
        found = [value_of(item, name) for item in _each(found) if isinstance(item, Mapping)]
    return tuple(str(value) for value in _each(found) if isinstance(value, str | int) and value != "")


CORE_USER = "urn:ietf:params:scim:schemas:core:2.0:User"


def ref_of(document: Document) -> AccountRef:
    """Return the account that a document is about; of a group it is called like its id.

    Raises:
        RejectedError: It has no id.
    """
    account_id = value_of(document, "id")
    if not isinstance(account_id, str) or not account_id:
        raise RejectedError("the target sent an account or a group without an id")
    return AccountRef(account_id, next(iter(values_at(document, "userName")), account_id))


def matches(document: Document, path: str, value: str) -> bool:
    """Whether the document has exactly this value there, as RFC 7643 compares it (§4.1.1, §3.1).

    Plain lower case, and not case folding, by which two people's names could become equal (``ß`` and ``ss``).
    """
    if path.lower() in _CASE_EXACT:
        return value in values_at(document, path)
    return value.lower() in {held.lower() for held in values_at(document, path)}


def is_suspended(document: Document) -> bool:
    """Whether the account cannot sign in. A target that does not say ``active`` has not said no."""
    active = value_of(document, "active")
    if isinstance(active, str):
        return active.strip().lower() == "false"
    return active is False


def text_in(document: Document, attribute: str | None) -> str:
    """Return the text of an attribute; empty where there is none."""
    found = value_of(document, attribute) if attribute is not None else None
    return found if isinstance(found, str) else ""


def is_unmanaged(document: Document, attribute: str | None) -> bool | None:
    """Whether the mark that keeps the bridge away stands in an attribute; ``None`` where none is configured."""
    return None if attribute is None else UNMANAGED in text_in(document, attribute)


def writable(document: Document, edited: Mapping[str, Any], spare: Collection[str] = ()) -> dict[str, Any]:
    """Return the whole document for a PUT: as it was read but for what is edited, and what only the target may set.

    Args:
        document: As it was read.
        edited: What is sent instead.
        spare: What else need not be sent, in lower case; an ``id`` stays.
    """
    replaced = {*_READ_ONLY, *spare, *(name.lower() for name in edited)} - {"id"}
    return {**{key: value for key, value in document.items() if key.lower() not in replaced}, **edited}


def version_of(document: Document) -> str | None:
    """Return the version for If-Match (RFC 7644 §3.14), if the target gives one."""
    meta = value_of(document, "meta")
    version = value_of(meta, "version") if isinstance(meta, Mapping) else None
    return version if isinstance(version, str) and version.isascii() and version.isprintable() and version else None


def time_in(document: Document, name: str) -> datetime | None:
    """Return a time of ``meta`` (RFC 7643 §3.1); ``None`` where it tells none."""
    meta: Any = value_of(document, "meta")
    text = value_of(meta, name) if isinstance(meta, Mapping) else None
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if at is None:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _each(values: list[Any]) -> list[Any]:
    """Return the values with lists taken apart."""
    return [item for value in values for item in (value if isinstance(value, list) else [value])]
