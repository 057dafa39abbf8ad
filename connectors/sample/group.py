"""A group of a sample target, and what the connector needs of such a target to act on groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, Self

from scimbridge.sdk import AccountRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What the target holds about a group; who is in it stands with the accounts.

    Attributes:
        members: The accounts that have it among their groups.
        owners: Who answers for it.
        opens: Ids and names of what its members lose with it.
        disabled: It opens nothing any more.
        note: A text that people write; the stamp stands behind it.
        changed_at: When somebody last changed it (ISO 8601); empty where nobody knows.
        protected: Why only a person may decide about it.
    """

    id: str
    name: str
    members: tuple[AccountRef, ...] = ()
    owners: tuple[AccountRef, ...] = ()
    opens: tuple[AccountRef, ...] = ()
    disabled: bool = False
    container: str = "groups"
    note: str = ""
    changed_at: str = ""
    protected: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain data without the members; ``from_json`` reads it."""
        plain = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "members"}
        return {**plain, **{name: [[each.id, each.name] for each in plain[name]] for name in _LISTED}}

    @classmethod
    def from_json(cls, document: Mapping[str, Any], members: Sequence[AccountRef] = ()) -> Self:
        """Return the group that ``to_json`` wrote, with its members."""
        listed = {name: tuple(AccountRef(*each) for each in document.get(name, ())) for name in _LISTED}
        return cls(**{**document, **listed, "members": tuple(members)})


_LISTED = ("owners", "opens")

EditGroup = Callable[[Group], Group]


class GroupSystem(Protocol):
    """One function per call about groups; members come and go by changes of the accounts."""

    def groups(self) -> Sequence[Group]:
        """Return all groups."""

    def find_groups(self, said: str) -> Sequence[Group]:
        """Return the group of an id, or else those of a name in any case of letters."""

    def group(self, group_id: str) -> Group | None:
        """Return a group with its members."""

    def change_group(self, what: str, group_id: str, edit: EditGroup) -> bool:
        """Change a group in one go, apart from its members; False where it is gone."""

    def remove_group(self, group_id: str) -> bool:
        """Remove a group, and it from all accounts; False where it is gone already."""
