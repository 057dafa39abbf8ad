"""``attributes`` and ``excludedAttributes`` (RFC 7644 §3.9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scim2_models import InvalidValueException

from scimbridge.scim.dialect import CORE_GROUP, CORE_USER, ENTERPRISE

_ALWAYS = {"id", "schemas"}
_Tree = dict[str, "_Tree"]


@dataclass(frozen=True, slots=True)
class Projection:
    """Which attributes an answer has. Names that nothing has are ignored."""

    included: _Tree
    excluded: _Tree

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Projection:
        """Return the projection that a query asks for.

        Raises:
            InvalidValueException: It asks for both kinds at once.
        """
        included, excluded = _tree(query.get("attributes", "")), _tree(query.get("excludedAttributes", ""))
        if included and excluded:
            raise InvalidValueException(detail="attributes and excludedAttributes exclude each other")
        return cls(included, excluded)

    @property
    def is_asked_for(self) -> bool:
        """Whether the client named attributes at all."""
        return bool(self.included or self.excluded)

    def wants(self, name: str) -> bool:
        """Whether an attribute will be in the answer, so that it need not be loaded otherwise."""
        if self.included:
            return name.lower() in self.included
        return self.excluded.get(name.lower()) != {}

    def apply(self, resource: dict[str, Any]) -> dict[str, Any]:
        """Return the attributes of a resource that are wanted; ``id`` and ``schemas`` always are."""
        if self.included:
            kept: dict[str, Any] = _pick(resource, self.included)
            return {name: resource[name] for name in resource if name in _ALWAYS or name in kept} | kept
        if not self.excluded:
            return resource
        always = {name: resource[name] for name in resource if name in _ALWAYS}
        rest: dict[str, Any] = _without(resource, self.excluded)
        return always | rest


def _tree(names: str) -> _Tree:
    tree: _Tree = {}
    for name in filter(None, (part.strip().lower() for part in names.split(","))):
        *parents, last = _parts(name)
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[last] = {}
    return tree


def _parts(name: str) -> list[str]:
    for core in (CORE_USER.lower(), CORE_GROUP.lower()):
        name = name.removeprefix(f"{core}:")
    extension = ENTERPRISE.lower()
    if name == extension:
        return [extension]
    if name.startswith(f"{extension}:"):
        return [extension, *name.removeprefix(f"{extension}:").split(".")]
    return name.split(".") if not name.startswith("urn:") else [name]


def _pick(value: Any, tree: _Tree) -> Any:
    if not tree:
        return value
    if isinstance(value, list):
        return [_pick(item, tree) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: _pick(item, tree[name.lower()]) for name, item in value.items() if name.lower() in tree}


def _without(value: Any, tree: _Tree) -> Any:
    if isinstance(value, list):
        return [_without(item, tree) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _without(item, tree[name.lower()]) if tree.get(name.lower()) else item
        for name, item in value.items()
        if tree.get(name.lower()) != {}
    }
