"""What identity providers write instead of what RFC 7643 and RFC 7644 ask for.

Everything here turns a request into the form that the models understand, without a
switch per provider. The rules come from the providers' documentation and from requests
seen in the field; each function names the one it is there for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from scim2_models import Group as _Group
from scim2_models import InvalidSyntaxException, InvalidValueException, PatchOp
from scim2_models import User as _User

from scimbridge.domain.boolean import boolean_of
from scimbridge.domain.model import EXTENSION_URNS, EnterpriseUser
from scimbridge.domain.quirk import Quirk
from scimbridge.scim.known import KNOWN_GROUP, KNOWN_USER, Known, inner_of, unknown_in
from scimbridge.scim.reading import Reading

CORE_USER = str(_User.__schema__)
CORE_GROUP = str(_Group.__schema__)
ENTERPRISE = str(EnterpriseUser.__schema__)
PATCH_OP = str(PatchOp.__schema__)

_OLD_CORE = {"urn:scim:schemas:core:1.0", "urn:scim:schemas:core:2.0"}
_OLD_ENTERPRISE = {
    "urn:scim:schemas:extension:enterprise:1.0",
    "urn:scim:schemas:extension:enterprise:2.0",
    "urn:scim:schemas:extension:enterprise:2.0:user",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0",
}
"""OneLogin's and Google's names of the schemas, from before they were given their URNs."""

_OLD = {
    CORE_USER: {"urn:scim:schemas:core:2.0:user", *_OLD_CORE, *_OLD_ENTERPRISE},
    CORE_GROUP: {"urn:scim:schemas:core:2.0:group", *_OLD_CORE},
}
_NEW = {CORE_USER: {CORE_USER.lower(), *EXTENSION_URNS}, CORE_GROUP: {CORE_GROUP.lower()}}
_KNOWN = {CORE_USER: KNOWN_USER, CORE_GROUP: KNOWN_GROUP}
_READ_ONLY = {"id", "meta", "groups"}
MEMBERS = "members"

_DEEPEST = 3
"""Names in a path: an extension, an attribute, a sub-attribute."""

_PREFIXES = sorted(
    (
        *((f"{core.lower()}:", "") for core in (CORE_USER, CORE_GROUP, *_OLD_CORE)),
        *((f"{old}:", f"{ENTERPRISE}:") for old in _OLD_ENTERPRISE),
        *((f"{lowered}:", f"{urn}:") for lowered, urn in EXTENSION_URNS.items()),
    ),
    key=lambda prefix: -len(prefix[0]),
)
"""What a path or key may begin with, longest first, and what stands for it in the models."""

_KNOWN_PREFIXES = tuple(prefix for prefix, _ in _PREFIXES)
_URI = re.compile(r"(?:urn:|https?://)[^\s\[\]\"]+", re.IGNORECASE)

_OLD_PREFIXES = {f"{old}:" for old in (*_OLD_CORE, *_OLD_ENTERPRISE)}


def check_schemas(body: Mapping[str, Any], core: str, seen: Reading, *, message: bool = False) -> None:
    """Refuse a body that is meant for something else.

    A missing or empty ``schemas`` is taken for the right one (authentik, WSO2), and further
    schemas beside a known one are nobody's mistake (Entra ID's ADSCIM Group).

    Args:
        body: A resource, or a PATCH message.
        core: The URN of the resource type.
        seen: Gets what shows of the writer.
        message: The body is a PATCH message.

    Raises:
        InvalidSyntaxException: ``schemas`` is no list of strings, or names nothing that belongs here.
    """
    schemas = take(body, "schemas")
    if not schemas and schemas in (None, []):
        seen.saw(Quirk.NO_SCHEMAS)
        return
    if not isinstance(schemas, list) or not all(isinstance(schema, str) for schema in schemas):
        raise InvalidSyntaxException(detail="schemas must be a list of URNs")
    named = {schema.lower(): schema for schema in schemas}
    new = _NEW[core] | ({PATCH_OP.lower()} if message else set())
    if not (new | _OLD[core]).intersection(named):
        expected = PATCH_OP if message else core
        raise InvalidSyntaxException(detail=f"schemas names nothing that belongs here; expected {expected}")
    if _OLD[core].intersection(named):
        seen.saw(Quirk.OLD_SCHEMA)
    _note_foreign(named, new | _OLD[core], seen)


def pass_over_schemas(value: Any, core: str, seen: Reading) -> None:
    """Take in that a PATCH writes ``schemas``, which follow from the attributes that a resource has.

    Taken at its word, a list without an extension would take all attributes of that extension away.

    Raises:
        InvalidSyntaxException: It is no list of strings.
    """
    schemas = value if isinstance(value, list) else [value]
    if not all(isinstance(schema, str) for schema in schemas):
        raise InvalidSyntaxException(detail="schemas must be a list of URNs")
    seen.saw(Quirk.READ_ONLY)
    _note_foreign({schema.lower(): schema for schema in schemas}, _NEW[core] | _OLD[core], seen)


def _note_foreign(named: Mapping[str, str], known: set[str], seen: Reading) -> None:
    foreign = [schema for lowered, schema in named.items() if lowered not in known]
    if foreign:
        seen.saw(Quirk.FOREIGN_SCHEMA)
        seen.schemas += foreign


def take(body: Mapping[str, Any], name: str) -> Any:
    """Return the value of an attribute, whose name is compared without case (RFC 7643 §2.1).

    Raises:
        InvalidSyntaxException: It is there twice, in different cases.
    """
    found = [value for key, value in body.items() if key.lower() == name.lower()]
    if len(found) > 1:
        raise InvalidSyntaxException(detail=f"{name} appears twice")
    return found[0] if found else None


def has(body: Mapping[str, Any], name: str) -> bool:
    """Whether a body has an attribute, whatever its value."""
    return any(key.lower() == name.lower() for key in body)


def resource(body: Mapping[str, Any], core: str, seen: Reading) -> dict[str, Any]:
    """Return the body of a POST or PUT with the attributes that a client may set, by their proper names.

    The members of a Group are not among them: there may be a hundred thousand (``member_ids``).
    Null means unset (Entra ID sends it for every optional attribute). What is read-only is
    ignored (RFC 7644 §3.5.1), and a password goes no further than this line. What is not
    known is left out.

    Raises:
        InvalidValueException: What should be a boolean is none, or another value cannot be what it is written as.
        InvalidSyntaxException: An attribute is there twice.
    """
    wanted: dict[str, Any] = {"schemas": [core]}
    for key, value in _items(body, core, seen):
        place = _place_of(key, _KNOWN[core], seen)
        if place is None:
            seen.attributes.append(key)
        elif _may_be_set(place[0].name, seen):
            seen.attributes += unknown_in(value, place[-1], _said(place) + place[-1].separator)
            if place[0].name != MEMBERS:
                said = with_booleans(value, place[-1], _said(place), seen)
                _put(wanted, place, _plain(place[-1].name, said, seen))
    return wanted


def _items(body: Mapping[str, Any], core: str, seen: Reading) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of a body; those under the core schema's URN are meant like the others."""
    for key, value in body.items():
        if key.lower() == core.lower() and isinstance(value, dict):
            seen.saw(Quirk.PATH_AS_KEY)
            yield from value.items()
        else:
            yield key, value


def _place_of(key: str, known: Known, seen: Reading) -> tuple[Known, ...] | None:
    """Return where a key of a body leads to; it may be a path (``name.givenName``)."""
    direct = known.inner.get(key.lower())
    if direct is not None:
        if direct.name != key:
            seen.saw(Quirk.OTHER_CASE)
        return (direct,)
    extension, names = _split(canonical_path(key, seen))
    path = [extension, *names] if extension else names
    if len(path) > _DEEPEST:
        return None
    place = [inner_of(known, *path[: length + 1]) for length in range(len(path))]
    if None in place:
        return None
    if names:
        seen.saw(Quirk.PATH_AS_KEY)
    return tuple(each for each in place if each is not None)


def _split(path: str) -> tuple[str, list[str]]:
    """Return the URN of the extension in a path, or an empty string, and the names after it."""
    lowered = path.lower()
    for urn in EXTENSION_URNS:
        if lowered == urn:
            return urn, []
        if lowered.startswith(f"{urn}:"):
            return urn, path[len(urn) + 1 :].split(".")
    return "", path.split(".")


def _said(place: tuple[Known, ...]) -> str:
    return "".join(each.name + each.separator for each in place[:-1]) + place[-1].name


def _may_be_set(name: str, seen: Reading) -> bool:
    if name in _READ_ONLY:
        seen.saw(Quirk.READ_ONLY)
    elif name == "password":
        seen.saw(Quirk.PASSWORD)
    return name not in _READ_ONLY and name not in {"password", "schemas"}


def _plain(name: str, value: Any, seen: Reading) -> Any:
    """Return a value without nulls, and in the form that the models take."""
    if name == "active" and value is not None:  # null says nothing of it (RFC 7643 §2.5)
        return boolean(value, name, seen)
    if name == "manager":
        value = manager(value, seen)
    elif name in EXTENSION_URNS.values() and isinstance(value, dict):
        value = {key: _plain(_extension_name(key), item, seen) for key, item in value.items()}
    elif is_cleared(name, value):
        seen.saw(Quirk.EMPTY_STRING)
        return None
    return without_nulls(value, seen)


def is_cleared(name: str, value: Any) -> bool:
    """Whether an empty string says that an attribute has no value.

    Two people without externalId are not the same person; nor are those for whom a mapping joins nothing by a space.
    """
    match name.lower():
        case "externalid":
            return isinstance(value, str) and not value.strip()
        case "enddate":
            return bool(value == "")
        case _:
            return False


def _extension_name(key: str) -> str:
    return {"manager": "manager", "enddate": "endDate"}.get(key.lower(), key)


def _put(wanted: dict[str, Any], place: tuple[Known, ...], value: Any) -> None:
    if value is None or (value == {} and place[-1].inner):
        return
    *parents, last = (each.name for each in place)
    for parent in parents:
        wanted = wanted.setdefault(parent, {})
        if not isinstance(wanted, dict):
            raise InvalidSyntaxException(detail=f"{parent} is written in two ways")
    there = wanted.get(last)
    if isinstance(there, dict) and isinstance(value, dict) and not set(there) & set(value):
        there |= value
    elif last in wanted:
        raise InvalidSyntaxException(detail=f"{last} appears twice")
    else:
        wanted[last] = value


def without_nulls(value: Any, seen: Reading) -> Any:
    """Return a value without the members that are null."""
    if isinstance(value, dict):
        return {key: without_nulls(item, seen) for key, item in value.items() if _is_set(item, seen)}
    if isinstance(value, list):
        return [without_nulls(item, seen) for item in value if _is_set(item, seen)]
    _is_set(value, seen)
    return value


def _is_set(value: Any, seen: Reading) -> bool:
    if value is None:
        seen.saw(Quirk.NULL_VALUE)
    return value is not None


def boolean(value: Any, name: str, seen: Reading) -> bool:
    """Return what the attribute of this name says, which is true or false, also as a string.

    Raises:
        InvalidValueException: It is neither true nor false.
    """
    found = boolean_of(value)
    if found is None:
        raise InvalidValueException(detail=f"{name} must be true or false")
    if isinstance(value, str):
        seen.saw(Quirk.STRING_BOOLEAN)
    return found


def with_booleans(value: Any, known: Known, name: str, seen: Reading) -> Any:
    """Return a value with booleans where it has strings instead, however deep. Null stays.

    Args:
        value: The value of an attribute.
        known: The attribute.
        name: What it is called in an error.
        seen: Gets what shows of the writer.

    Raises:
        InvalidValueException: What should be a boolean is neither true nor false.
    """
    if value is None:
        return None
    if known.is_boolean:
        return boolean(value, name, seen)
    if isinstance(value, list) and known.inner:
        return [with_booleans(item, known, f"{name}[{number}]", seen) for number, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    found = dict(value)
    for key, item in value.items():
        part = known.inner.get(key.lower())
        if part is not None:
            found[key] = with_booleans(item, part, f"{name}{known.separator}{part.name}", seen)
    return found


def manager(value: Any, seen: Reading) -> dict[str, Any] | None:
    """Return a manager as an object, or ``None`` where it is to be cleared.

    Entra ID sends a bare id, an object, or a list of one object, and "" to clear it. The
    manager's displayName is read-only (RFC 7643 §4.3).

    Raises:
        InvalidValueException: It is none of these.
    """
    if isinstance(value, list | str):
        seen.saw(Quirk.MANAGER_FORM)
    if isinstance(value, list):
        if len(value) > 1:
            raise InvalidValueException(detail="a User has one manager")
        value = value[0] if value else None
    if isinstance(value, str):
        value = {"value": value.strip()}
    if value is None:
        return None
    if not isinstance(value, dict):
        raise InvalidValueException(detail="manager must be the id of a User, or an object with it")
    kept = {key: item for key, item in value.items() if key.lower() != "displayname" and item not in (None, "")}
    return kept or None


def members(body: Mapping[str, Any], seen: Reading) -> Any:
    """Return what a body of a POST or PUT says about members, and ``None`` where it says nothing.

    Raises:
        InvalidSyntaxException: They are written twice, or in parts.
    """
    named = [(place, value) for key, value in _items(body, CORE_GROUP, seen) if (place := _members_at(key, seen))]
    if len(named) > 1 or any(len(place) > 1 for place, _ in named):
        raise InvalidSyntaxException(detail=f"{MEMBERS} must be one list")
    return named[0][1] if named else None


def _members_at(key: str, seen: Reading) -> tuple[Known, ...] | None:
    place = _place_of(key, KNOWN_GROUP, seen)
    return place if place is not None and place[0].name == MEMBERS else None


def member_ids(value: Any, seen: Reading) -> list[str]:
    """Return the ids of the members that a value names: a list, or one of them alone.

    Raises:
        InvalidValueException: One of them has no id.
    """
    entries = value if isinstance(value, list) else [value]
    if not isinstance(value, list) or str in set(map(type, entries)):
        seen.saw(Quirk.MEMBER_FORM)
    return [_member_id(entry) for entry in entries]


def _member_id(entry: Any) -> str:
    # There may be a hundred thousand: nearly all are spelled like this.
    found = (entry.get("value") or take(entry, "value")) if isinstance(entry, dict) else entry
    if not isinstance(found, str) or not found:
        raise InvalidValueException(detail="a member needs the id of a User or Group as its value")
    return found


def canonical_path(path: str, seen: Reading) -> str:
    """Return a path with the URNs that the models know in place of older ones; the core schema's are left out."""
    path = path.strip()
    lowered = path.lower()
    if lowered in _OLD_ENTERPRISE:
        seen.saw(Quirk.OLD_SCHEMA)
        return ENTERPRISE
    if lowered in EXTENSION_URNS:
        return EXTENSION_URNS[lowered]
    for prefix, canonical in _PREFIXES:
        if lowered.startswith(prefix):
            if prefix in _OLD_PREFIXES:
                seen.saw(Quirk.OLD_SCHEMA)
            return canonical + path[len(prefix) :]
    return path


def is_foreign(path: str) -> bool:
    """Whether a path is a URN or an address, and not below a schema that is known here."""
    text = path.strip()
    return _URI.fullmatch(text) is not None and not text.lower().startswith(_KNOWN_PREFIXES)
