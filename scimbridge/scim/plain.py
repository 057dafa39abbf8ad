"""Users as most provisioning sends them, read without models: exact names, plain values, nothing else.

What is not exactly that goes through scim2-models, as it would without this module; a test holds the
two against each other. It takes a tenth of the time, which is most of that of an import.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from scimbridge.domain.model import EnterpriseUser
from scimbridge.scim.doubles import has_doubles
from scimbridge.scim.limits import MOST_VALUES

LONGEST_KEY = 1024
"""Bytes of a value that is looked up by an index; PostgreSQL's indexes take 2 700."""

_Reader = Callable[[Any], Any]
"""Returns a value as it is stored, or ``None`` where that takes more than this module."""


def plain_user(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the document of a POST or PUT to Users without its ``schemas``, or ``None`` if it is not plain."""
    document = _object(body, _USER)
    if document is None or len(document) != len(body) - ("schemas" in body) or "userName" not in document:
        return None
    return document


def _object(value: Mapping[str, Any], readers: Mapping[str, _Reader]) -> dict[str, Any] | None:
    """Return those of an object's values that have readers, in the readers' order."""
    found = {}
    for name, read in readers.items():
        if name in value:
            plain = read(value[name])
            if plain is None:
                return None
            found[name] = plain
    return found


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _type(value: Any) -> str | None:
    """Read what may be a canonical value; those have their own spelling, whatever case they are sent in."""
    return value if isinstance(value, str) and value and value.isascii() and value == value.lower() else None


def _key(value: Any) -> str | None:
    """Read what is looked up by an index: neither blank nor too long for it."""
    return value if isinstance(value, str) and value.strip() and len(value.encode()) <= LONGEST_KEY else None


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _whole(readers: Mapping[str, _Reader]) -> _Reader:
    def read(value: Any) -> dict[str, Any] | None:
        if not isinstance(value, dict) or not value:
            return None
        found = _object(value, readers)
        return found if found is not None and len(found) == len(value) else None

    return read


def _list(readers: Mapping[str, _Reader]) -> _Reader:
    read_one = _whole(readers)

    def read(value: Any) -> list[dict[str, Any]] | None:
        if not isinstance(value, list) or not 0 < len(value) <= MOST_VALUES:
            return None
        found = [plain for entry in value if (plain := read_one(entry)) is not None]
        primary = sum(entry.get("primary") is True for entry in found)
        return found if len(found) == len(value) and primary <= 1 and not has_doubles(found) else None

    return read


def _texts(*names: str) -> dict[str, _Reader]:
    return dict.fromkeys(names, _text)


_KIND: dict[str, _Reader] = {"display": _text, "type": _type, "primary": _boolean}
_VALUES = _list({"value": _text, **_KIND})
_ADDRESSES = _list(
    {
        **_texts("formatted", "streetAddress", "locality", "region", "postalCode", "country"),
        "type": _type,
        "primary": _boolean,
    }
)
_USER: dict[str, _Reader] = {
    "externalId": _key,
    "userName": _key,
    "name": _whole(_texts("formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix")),
    **_texts("displayName", "nickName", "title", "userType", "preferredLanguage", "locale", "timezone"),
    "active": _boolean,
    "emails": _list({"value": _key, **_KIND}),
    "phoneNumbers": _VALUES,
    "addresses": _ADDRESSES,
    "entitlements": _VALUES,
    "roles": _VALUES,
    str(EnterpriseUser.__schema__): _whole(
        {
            "employeeNumber": _key,
            **_texts("costCenter", "organization", "division", "department"),
            "manager": _whole({"value": _text}),
        }
    ),
}
"""In the order in which the models write them."""
