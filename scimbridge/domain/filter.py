"""SCIM filters over an identity: the one language for rules and exclusions."""

from __future__ import annotations

from collections.abc import Iterator

from scim2_models import SCIMException, ScimFilter
from scim2_models.path import (
    AttrPath,
    CompareOperator,
    Comparison,
    FilterNode,
    LogicalExpr,
    Not,
    Present,
    ValuePath,
)

from scimbridge.domain.identity import Identity
from scimbridge.domain.model import TOLERANT, USER
from scimbridge.domain.names import fold

Path = tuple[str, ...]
"""Where an attribute is in a User's document, in lower case; it begins with the URN of an extension."""

GROUPS: Path = ("groups",)
_CORE = "urn:ietf:params:scim:schemas:core:2.0:user"


_COMPANY = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_OF_COMPANY = frozenset({"costcenter", "department", "division", "employeenumber", "manager", "organization"})


def _said(problem: str) -> str:
    """Return what is wrong; an attribute of the enterprise extension is found by its whole name only."""
    name = problem.removeprefix("Field not found: ")
    return f"{problem}; write {_COMPANY}:{name}" if name.lower() in _OF_COMPANY else problem


class IdentityFilter:
    """A filter of RFC 7644 §3.4.2.2 over the User schema, plus ``groups.display``.

    Raises:
        ValueError: The text is no filter, or names an attribute that a User does not have.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._filter = ScimFilter[USER](text)
            # Bound filters evaluate an unknown attribute to false. In a rule that would be a
            # silent "matches nobody", so it is looked up by hand and refused.
            self._filter._validate_semantics(strict=True)
        except (SCIMException, ValueError) as error:
            raise ValueError(f"{text!r} is not a filter: {_said(str(error))}") from error

    def matches(self, identity: Identity) -> bool:
        """Whether the identity, as its source last described it, satisfies the filter."""
        document = {
            **identity.document,
            "userName": identity.user_name,
            "active": identity.active,
            "groups": [{"value": name, "display": name} for name in identity.groups],
        }
        user = USER.model_validate(document, scim_policy=TOLERANT)
        return bool(self._filter.match(user))

    @property
    def attributes(self) -> frozenset[Path]:
        """The attributes that it asks about; the groups as ``GROUPS``, whatever of them it asks."""
        return frozenset(_path(node.attr_path) for node in _terms(self._filter.ast))

    @property
    def group_names(self) -> frozenset[str] | None:
        """The folded names of the groups that matter to it; ``None`` where any may."""
        names = set()
        for node in _terms(self._filter.ast):
            if _path(node.attr_path) != GROUPS:
                continue
            match node:
                case Comparison(op=CompareOperator.eq | CompareOperator.ne, value=str() as name):
                    names.add(fold(name))
                case _:
                    return None
        return frozenset(names)

    def __repr__(self) -> str:
        return f"IdentityFilter({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IdentityFilter) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)


def _terms(node: FilterNode) -> Iterator[Comparison | Present | ValuePath]:
    match node:
        case LogicalExpr():
            for term in node.terms:
                yield from _terms(term)
        case Not():
            yield from _terms(node.expr)
        case Comparison() | Present() | ValuePath():
            yield node
        case _:  # pragma: no cover - the grammar has no others
            raise AssertionError(node)


def _path(attribute: AttrPath) -> Path:
    schema = (attribute.uri or "").lower()
    names = (schema if schema != _CORE else "", attribute.attr.lower(), (attribute.sub_attr or "").lower())
    found = tuple(name for name in names if name)
    return GROUPS if found[0] == "groups" else found
