"""What identity providers write instead of what RFC 7643 and RFC 7644 ask for.

Everything here turns a request into the form that the models understand, without a
switch per provider. The rules come from the providers' documentation and from requests
seen in the field; each function names the one it is there for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from scim2_models import Group as _Group
from scim2_models import InvalidSyntaxException, InvalidValueException, PatchOp
from scim2_models import User as _User

from scimbridge.domain.model import EnterpriseUser

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

_KNOWN = {
    CORE_USER: {CORE_USER.lower(), "urn:scim:schemas:core:2.0:user", ENTERPRISE.lower(), *_OLD_CORE, *_OLD_ENTERPRISE},
    CORE_GROUP: {CORE_GROUP.lower(), "urn:scim:schemas:core:2.0:group", *_OLD_CORE},
}
_READ_ONLY = {"id", "meta", "groups", "schemas"}


def check_schemas(body: Mapping[str, Any], core: str, *, message: bool = False) -> None:
    """Refuse a body that is meant for something else.

    A missing or empty ``schemas`` is taken for the right one (authentik, WSO2), and further
    schemas beside a known one are nobody's mistake (Entra ID's ADSCIM Group).

    Args:
        body: A resource, or a PATCH message.
        core: The URN of the resource type.
        message: The body is a PATCH message.

    Raises:
        InvalidSyntaxException: ``schemas`` is no list of strings, or names nothing that belongs here.
    """
    schemas = take(body, "schemas")
    if schemas is None:
        return
    if not isinstance(schemas, list) or not all(isinstance(schema, str) for schema in schemas):
        raise InvalidSyntaxException(detail="schemas must be a list of URNs")
    known = _KNOWN[core] | ({PATCH_OP.lower()} if message else set())
    if schemas and not known.intersection(schema.lower() for schema in schemas):
        raise InvalidSyntaxException(detail=f"schemas names none of this resource type; expected {core}")


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


def resource(body: Mapping[str, Any], core: str) -> dict[str, Any]:
    """Return the body of a POST or PUT with the attributes that a client may set.

    Null means unset (Entra ID sends it for every optional attribute). What is read-only is
    ignored (RFC 7644 §3.5.1), and a password goes no further than this line.

    Raises:
        InvalidValueException: ``active`` is no boolean.
    """
    ignored = _READ_ONLY | ({"password"} if core == CORE_USER else set())
    wanted: dict[str, Any] = {"schemas": [core]}
    for key, value in body.items():
        if key.lower() in ignored:
            continue
        if core == CORE_USER and key.lower() == "active":
            wanted["active"] = boolean(value)
        elif core == CORE_USER and key.lower() in _OLD_ENTERPRISE | {ENTERPRISE.lower()}:
            wanted |= _extension(value)
        else:
            wanted[key] = without_nulls(value)
    return wanted


def _extension(value: Any) -> dict[str, Any]:
    if value is None or value == {}:
        return {}
    if not isinstance(value, dict):
        raise InvalidValueException(detail=f"{ENTERPRISE} must be an object")
    kept = {key: manager(item) if key.lower() == "manager" else without_nulls(item) for key, item in value.items()}
    return {"schemas": [CORE_USER, ENTERPRISE], ENTERPRISE: without_nulls(kept)}


def without_nulls(value: Any) -> Any:
    """Return a value without the members that are null."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value if item is not None]
    return value


def boolean(value: Any) -> bool:
    """Return what ``active`` says. Entra ID and Keycloak write it as a string.

    Nothing else is taken for a boolean: a 0 or a "no" that is a mistake must not cut anybody off.

    Raises:
        InvalidValueException: It is neither true nor false.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise InvalidValueException(detail="active must be true or false")


def manager(value: Any) -> dict[str, Any] | None:
    """Return a manager as an object, or ``None`` where it is to be cleared.

    Entra ID sends a bare id, an object, or a list of one object, and "" to clear it. The
    manager's displayName is read-only (RFC 7643 §4.3).

    Raises:
        InvalidValueException: It is none of these.
    """
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


def member_ids(value: Any) -> list[str]:
    """Return the ids of the members that a value names: a list, or one of them alone.

    Raises:
        InvalidValueException: One of them has no id.
    """
    entries = value if isinstance(value, list) else [value]
    return [_member_id(entry) for entry in entries]


def _member_id(entry: Any) -> str:
    found = take(entry, "value") if isinstance(entry, dict) else entry
    if not isinstance(found, str) or not found:
        raise InvalidValueException(detail="a member needs the id of a User or Group as its value")
    return found


def canonical_path(path: str) -> str:
    """Return a PATCH path with the URNs that the models know in place of older ones."""
    path = path.strip()
    lowered = path.lower()
    for old in sorted(_OLD_ENTERPRISE, key=len, reverse=True):
        if lowered == old:
            return ENTERPRISE
        if lowered.startswith(f"{old}:") and not lowered.startswith(f"{ENTERPRISE.lower()}"):
            return f"{ENTERPRISE}:{path[len(old) + 1 :]}"
    return path


def listed(names: Iterable[str], most: int = 20) -> str:
    """Return names for a sentence; a body with thousands of attributes gets no sentence of thousands of words."""
    found = list(dict.fromkeys(name[:80] for name in names))
    return ", ".join(found[:most]) + (f" and {len(found) - most} more" if len(found) > most else "")
