"""``attributes`` and ``excludedAttributes`` (RFC 7644 §3.9), and what is returned without being asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from inspect import isclass
from typing import Any

from pydantic import BaseModel
from scim2_models import InvalidValueException, Returned

from scimbridge.domain.model import GROUP, USER

_Tree = dict[str, "_Tree"]
"""Names of attributes, in lower case, with those below them; an empty tree is the whole attribute."""

_DEEPEST = 3
"""Parts of a name: an extension, an attribute and a sub-attribute. Nothing has a name of more."""

_CORES = [str(model.__schema__).lower() for model in (USER, GROUP)]
_EXTENSIONS = [str(schema).lower() for model in (USER, GROUP) for schema in model.get_extension_models()]


@dataclass(frozen=True, slots=True)
class Projection:
    """Which attributes an answer has. Names that nothing has are ignored.

    Attributes:
        left_out: Those of the excluded ones that may be; all of a page's resources are told by it.
    """

    included: _Tree
    excluded: _Tree
    left_out: _Tree

    @classmethod
    def of(cls, asked: Mapping[str, Any]) -> Projection:
        """Return the projection that the parameters of a request, or the body of a search, ask for.

        Raises:
            InvalidValueException: They ask for both kinds at once, or not by names.
        """
        included, excluded = _tree(_names(asked, "attributes")), _tree(_names(asked, "excludedAttributes"))
        if included and excluded:
            raise InvalidValueException(detail="attributes and excludedAttributes exclude each other")
        return cls(included, excluded, _unlike(excluded, _ALWAYS))

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
        """Return the attributes of a resource that are wanted, and those that always are."""
        if self.included:
            picked: dict[str, Any] = _pick(_without(resource, _NEVER), self.included, _ALWAYS)
            return picked
        for tree in (_NEVER, _ON_REQUEST, self.left_out):
            resource = _without(resource, tree) if tree else resource
        return resource


def _names(asked: Mapping[str, Any], parameter: str) -> list[str]:
    value = asked.get(parameter) or []
    names = value if isinstance(value, list) else [value]
    if not all(isinstance(name, str) for name in names):
        raise InvalidValueException(detail=f"{parameter} must be names of attributes")
    # A list may be one of lists: attributes=a,b in a query, ["a", "b"] or ["a,b"] in a search.
    return [part.strip().lower() for name in names for part in name.split(",") if part.strip()]


def _tree(names: list[str]) -> _Tree:
    tree: _Tree = {}
    for parts in map(_parts, names):
        if len(parts) <= _DEEPEST:
            _put(tree, parts)
    return tree


def _put(tree: _Tree, parts: list[str]) -> None:
    *parents, last = parts
    for parent in parents:
        if tree.get(parent) == {}:
            return  # the whole of it is named already
        tree = tree.setdefault(parent, {})
    tree[last] = {}


def _parts(name: str) -> list[str]:
    for core in _CORES:
        name = name.removeprefix(f"{core}:")
    for extension in _EXTENSIONS:
        if name == extension:
            return [extension]
        if name.startswith(f"{extension}:"):
            return [extension, *name.removeprefix(f"{extension}:").split(".")]
    return name.split(".") if not name.startswith("urn:") else [name]


def _pick(value: Any, tree: _Tree, always: _Tree) -> Any:
    if not tree:
        return value
    if isinstance(value, list):
        return [_pick(item, tree, always) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _pick(item, tree.get(name.lower(), {}), always.get(name.lower(), {}))
        for name, item in value.items()
        if name.lower() in tree or always.get(name.lower()) == {}
    }


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


def _unlike(tree: _Tree, kept: _Tree) -> _Tree:
    """Return a tree without the attributes of another one."""
    return {
        name: _unlike(below, kept.get(name, {})) if below else {}
        for name, below in tree.items()
        if kept.get(name) != {}
    }


def _returned(wanted: Returned) -> _Tree:
    """Return the attributes of Users and Groups that the schema returns in a way (RFC 7643 §2.2)."""
    tree: _Tree = {}
    for model in (USER, GROUP):
        for schema, holder in {"": model, **model.get_extension_models()}.items():
            prefix = [str(schema).lower()] if schema else []
            for parts, returned in _attributes(holder):
                if returned is wanted:
                    _put(tree, prefix + parts)
    return tree


def _attributes(model: Any) -> Iterator[tuple[list[str], Returned]]:
    for field_name in model.model_fields:
        name = _alias(model, field_name)
        yield [name], model.get_field_annotation(field_name, Returned)
        inner: Any = model.get_field_root_type(field_name)
        if isclass(inner) and issubclass(inner, BaseModel):
            for part in inner.model_fields:
                yield [name, _alias(inner, part)], inner.get_field_annotation(part, Returned)  # type: ignore[attr-defined]


def _alias(model: Any, field_name: str) -> str:
    return str(model.model_fields[field_name].serialization_alias or field_name).lower()


_ALWAYS = {**_returned(Returned.always), "schemas": {}}
_NEVER = _returned(Returned.never)
_ON_REQUEST = _returned(Returned.request)
