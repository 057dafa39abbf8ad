"""Values that an attribute has twice: one of them, with what both say (RFC 7643 §2.4).

Two entries with the same type and value are the same entry. A PATCH that adds an address once more, as
the primary one, means the address that is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scimbridge.domain.names import fold

_CASE_COUNTS = {"photos", "x509Certificates"}


def merge_doubles(document: dict[str, Any]) -> None:
    """Leave each pair of type and value once in each attribute, where it was first; the last word about it counts."""
    for name, entries in document.items():
        if isinstance(entries, list) and len(entries) > 1 and isinstance(entries[0], dict):
            document[name] = _merged(entries, name)


def has_doubles(entries: Sequence[Mapping[str, Any]]) -> bool:
    """Whether two entries of an attribute without case have the same type and value."""
    return len(entries) > 1 and len(_merged(entries, "")) < len(entries)


def _merged(entries: Sequence[Mapping[str, Any]], name: str) -> list[dict[str, Any]]:
    found: dict[Any, dict[str, Any]] = {}
    for number, entry in enumerate(entries):
        value = entry.get("value")
        # What has no value, an address for example, is like nothing else.
        key = (
            number
            if not isinstance(value, str)
            else (value if name in _CASE_COUNTS else fold(value), entry.get("type"))
        )
        kept = found.get(key)
        # The spelling of the value stays that of the first, as it does where nothing else is said.
        found[key] = dict(entry) if kept is None else {**kept, **entry, "value": kept["value"]}
    return list(found.values())
