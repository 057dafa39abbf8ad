"""What a connector says about accounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from scimbridge.domain.action import Action


@dataclass(frozen=True, slots=True)
class AccountRef:
    """An account found at a target.

    Attributes:
        id: The target's immutable id: it survives renames and moves, and is what links are made of.
        name: What people call it: a user name, a DN.
    """

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """What ``read`` found. The first one is the snapshot that undo works from.

    Attributes:
        id: The target's immutable id.
        name: What people call the account.
        suspended: Whether sign-in is blocked, by whomever.
        attributes: Values by the target's attribute name; at least those that ``match`` names.
        original: The state before the bridge first touched the account; set by the engine.
    """

    id: str
    name: str
    suspended: bool
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    original: AccountState | None = None

    def is_as_wanted_by(self, action: Action) -> bool:
        """Whether the account is already what an action would make it.

        Undo goes back to the original, no further: an account that was suspended before the
        bridge came stays so, and so does one that the bridge never touched.
        """
        match action:
            case Action.SUSPEND:
                return self.suspended
            case Action.RESTORE:
                return not self.suspended or self.original is None or self.original.suspended
            case Action.DELETE:
                return False

    def with_original(self, original: AccountState | None) -> AccountState:
        """Return this state beside the snapshot."""
        return replace(self, original=original)

    def to_json(self) -> dict[str, Any]:
        """Return plain data for the store."""
        return {
            "id": self.id,
            "name": self.name,
            "suspended": self.suspended,
            "attributes": {key: list(values) for key, values in self.attributes.items()},
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> AccountState:
        """Return the state that ``to_json`` wrote."""
        return cls(
            id=document["id"],
            name=document["name"],
            suspended=document["suspended"],
            attributes={key: tuple(values) for key, values in document["attributes"].items()},
        )


@dataclass(frozen=True, slots=True)
class Person:
    """Whom ``find`` looks for: the identity's values for the SCIM attributes that ``match`` names."""

    values: Mapping[str, tuple[str, ...]]

    def get(self, attribute: str) -> tuple[str, ...]:
        """Return the values of a SCIM attribute such as ``userName`` or ``emails.value``; empty if it has none."""
        return self.values.get(attribute, ())
