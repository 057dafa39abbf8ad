"""Microsoft's own description of Graph v1.0: types and their properties, actions, and who may call what.

``v1.json`` is the part that a leaver touches, of the metadata (schemas/v1.0-Prod.csdl of
microsoftgraph/msgraph-metadata) and of the application permissions (permissions.json of
microsoftgraph/microsoft-graph-devx-content), both MIT.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.doubles.graph.errors import bad_request, denied

_FILE = Path(__file__).parent / "v1.json"

# Not in that part of the tables; https://learn.microsoft.com/graph/api/group-post-members,
# https://learn.microsoft.com/graph/api/directory-deleteditems-get and -delete, and
# https://learn.microsoft.com/graph/api/application-list.
_MORE: Mapping[str, Mapping[str, list[str]]] = {
    "/groups/{id}/members": {"POST": ["GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All"]},
    "/applications": {
        "GET": ["Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"]
    },
    "/directory/deleteditems/microsoft.graph.user": {"GET": ["User.Read.All", "Directory.Read.All"]},
    "/directory/deleteditems/{id}": {
        "GET": ["User.Read.All", "Directory.Read.All"],
        "DELETE": ["User.DeleteRestore.All", "User.ReadWrite.All"],
    },
}

# https://learn.microsoft.com/graph/api/user-update: the least that each property needs.
_OF_PROPERTY: Mapping[str, frozenset[str]] = {
    "accountEnabled": frozenset({"User.EnableDisableAccount.All", "User.ReadWrite.All", "Directory.ReadWrite.All"}),
    "passwordProfile": frozenset({"User-PasswordProfile.ReadWrite.All"}),
}
_OTHER_PROPERTIES = frozenset({"User.ReadWrite.All", "Directory.ReadWrite.All"})
_READ_ONLY = frozenset({"id", "assignedLicenses", "licenseAssignmentStates", "onPremisesSyncEnabled", "signInActivity"})

_PLAIN: Mapping[str, type] = {"Edm.String": str, "Edm.Boolean": bool, "Edm.Int32": int, "Edm.Guid": str}


@dataclass(frozen=True, slots=True)
class Call:
    """Which call a request is.

    Attributes:
        name: The described path, folded, with ``{id}`` where a key is, and what comes after ``/$ref`` cut off.
        keys: The keys in the path.
        is_reference: Whether the path ends in ``/$ref``.
    """

    method: str
    name: str
    keys: tuple[str, ...]
    is_reference: bool


def find(method: str, path: str, granted: frozenset[str]) -> Call:
    """Return which call a request is, if the application may make it.

    Raises:
        GraphError: As Graph refuses it.
    """
    parts = path.strip("/").split("/")
    is_reference = parts[-1] == "$ref"
    parts = parts[:-1] if is_reference else parts
    for name, methods in _permissions().items():
        keys = _keys(name.strip("/").split("/"), parts)
        if keys is None:
            continue
        if method not in methods:
            raise bad_request(f"The OData request is not supported: {method}.", "BadRequest")
        if not granted & set(methods[method]):
            raise denied()
        return Call(method, name, keys, is_reference)
    raise bad_request(f"Resource not found for the segment '{parts[0]}'.", "BadRequest")


def check_body(kind: str, body: Any, granted: frozenset[str] | None = None) -> dict[str, Any]:
    """Return a body, if its type is described so.

    Args:
        kind: The type, or ``action:NAME`` for the parameters of an action.
        body: What was sent.
        granted: For a user: the permissions, since some properties need others.

    Raises:
        GraphError: As Graph refuses it.
    """
    if not isinstance(body, dict):
        raise bad_request("An object is wanted.", "BadRequest")
    if kind.startswith("action:"):
        properties: Mapping[str, Any] = _described()["actions"][kind.removeprefix("action:")]["params"]
        for name, (_, may_be_null) in properties.items():
            if not may_be_null and name not in body:
                raise bad_request(f"The parameter '{name}' is required.", "BadRequest")
    else:
        properties = _properties(kind)
    for name, value in body.items():
        if name not in properties:
            raise bad_request(f"Invalid property '{name}'.")
        if name in _READ_ONLY and kind == "user":
            raise bad_request(f"Property '{name}' is read-only and cannot be set.")
        _check(name, value, *properties[name])
        if granted is not None and not granted & _OF_PROPERTY.get(name, _OTHER_PROPERTIES):
            raise denied()
    return body


def check_names(kind: str, names: Iterable[str]) -> None:
    """Check the names of a ``$select``.

    Raises:
        GraphError: One of them is no property.
    """
    known = _properties(kind)
    for name in names:
        if name not in known and name != "id":
            raise bad_request(f"Could not find a property named '{name}' on type 'microsoft.graph.{kind}'.")


def _check(name: str, value: Any, kind: str, may_be_null: bool) -> None:
    if value is None:
        if not may_be_null:
            raise bad_request(f"The property '{name}' cannot be null.")
    elif kind.startswith("Collection("):
        if not isinstance(value, list):
            raise bad_request(f"A list is wanted for '{name}'.")
        for each in value:
            _check(name, each, kind.removeprefix("Collection(").removesuffix(")"), may_be_null=False)
    elif kind in _PLAIN:
        if not isinstance(value, _PLAIN[kind]) or (
            kind == "Edm.Guid" and not re.fullmatch(r"[0-9a-f-]{36}", str(value))
        ):
            raise bad_request(f"Invalid value specified for property '{name}'.")
    elif kind in _described()["types"]:
        check_body(kind, value)


def _properties(kind: str) -> Mapping[str, Any]:
    described = _described()["types"][kind]
    return {**(_properties(described["base"]) if described["base"] else {}), **described["props"]}


def _keys(described: list[str], parts: list[str]) -> tuple[str, ...] | None:
    if len(described) != len(parts):
        return None
    keys: list[str] = []
    for wanted, part in zip(described, parts, strict=True):
        if wanted == "{id}":
            keys.append(part)
        elif wanted != part.casefold():
            return None
    return tuple(keys)


@cache
def _permissions() -> Mapping[str, Mapping[str, list[str]]]:
    described: dict[str, dict[str, list[str]]] = _described()["permissions"]
    names = [*described, *(name for name in _MORE if name not in described)]
    # What is spelled out comes before what has a key there: /users/delta before /users/{id}.
    return {
        name: {**described.get(name, {}), **_MORE.get(name, {})} for name in sorted(names, key=lambda name: "{" in name)
    }


@cache
def _described() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return found
