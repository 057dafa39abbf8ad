"""The names that the models know, for telling the unknown ones in a body."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scim2_models import Attribute

from scimbridge.domain.model import GROUP, USER, USER_EXTENSIONS


@dataclass(frozen=True, slots=True)
class Known:
    """An attribute, an extension, or a whole resource.

    Attributes:
        name: As its schema spells it.
        inner: What it consists of, by lower-case name; empty for what is no object.
        separator: What stands between its name and an inner one in a path.
        is_boolean: Whether its value is true or false.
    """

    name: str
    inner: Mapping[str, Known] = field(default_factory=dict)
    separator: str = "."
    is_boolean: bool = False


_COMMON = ("schemas", "id", "externalId")
_META = ("resourceType", "created", "lastModified", "location", "version")


def _attributes(attributes: Iterable[Any] | None) -> dict[str, Known]:
    return {
        str(each.name).lower(): Known(
            str(each.name), _attributes(each.sub_attributes), is_boolean=each.type is Attribute.Type.boolean
        )
        for each in attributes or ()
    }


def _resource(model: Any, extensions: tuple[Any, ...] = ()) -> Known:
    inner = {name.lower(): Known(name) for name in _COMMON}
    inner["meta"] = Known("meta", {name.lower(): Known(name) for name in _META})
    inner |= _attributes(model.to_schema().attributes)
    for extension in extensions:
        urn = str(extension.__schema__)
        inner[urn.lower()] = Known(urn, _attributes(extension.to_schema().attributes), ":")
    return Known("", inner, "")


KNOWN_USER = _resource(USER, USER_EXTENSIONS)
KNOWN_GROUP = _resource(GROUP)


def unknown_in(value: Any, known: Known, at: str = "") -> Iterator[str]:
    """Yield the names in a value that are not known, as paths.

    Args:
        value: A body, or the value of an attribute.
        known: What the value is of.
        at: What stands before the names.
    """
    if not known.inner:
        return
    for entry in value if isinstance(value, list) else (value,):
        if not isinstance(entry, dict):
            continue
        for key, item in entry.items():
            inner = known.inner.get(key.lower())
            if inner is None:
                yield at + key
            elif inner.inner and isinstance(item, dict | list):
                yield from unknown_in(item, inner, at + inner.name + inner.separator)


def inner_of(known: Known, *names: str) -> Known | None:
    """Return what names lead to, or ``None`` where they lead nowhere."""
    for name in names:
        found = known.inner.get(name.lower())
        if found is None:
            return None
        known = found
    return known
