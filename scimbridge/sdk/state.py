"""What a connector says about accounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from scimbridge.domain.action import Action
from scimbridge.domain.names import fold
from scimbridge.sdk.native import NativeState


@dataclass(frozen=True, slots=True)
class AccountRef:
    """An account found at a target.

    Attributes:
        id: The target's immutable id: it survives renames and moves, and is what links are made of.
        name: What people call it: a user name, a DN.
    """

    id: str
    name: str


@dataclass(frozen=True, slots=True, order=True)
class Entitlement:
    """A group, role or license that an account has, or something that it owns.

    Attributes:
        id: The target's immutable id.
        name: What people call it.
        is_privileged: It gives power over others; it is never given back by the bridge.
    """

    id: str
    name: str
    is_privileged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState(NativeState):
    """What ``read`` found.

    Attributes:
        suspended: Whether sign-in is blocked, by whomever; ``None`` where the target does not tell.
        groups: The groups and roles that it is in, as far as it can be taken out of them.
        licenses: The licenses that it has by itself, not through a group.
        owns: What would be without an owner.
        hidden: Whether address lists leave it out.
        mail_to: Where its mail goes instead; empty for nowhere else.
        auto_reply: How it answers mail by itself, as the target writes it; empty where nobody has set anything.
        delegates: Who else may read its mail.
        aliases: Its further addresses, as far as they can be taken from it.
        archived: Whether its data is archived.
        successor: Who gets its mail and belongings; set by the engine where the stage names one.
        only: The folded names of groups and licenses that are taken away; all where absent; set by the engine.
        spared: The folded names of groups that nobody is taken out of; set by the engine.
    """

    _by_engine: ClassVar[tuple[str, ...]] = (*NativeState._by_engine, "successor", "only", "spared")
    _flags: ClassVar[tuple[str, ...]] = (*NativeState._flags, "suspended", "hidden", "archived")

    suspended: bool | None
    groups: tuple[Entitlement, ...] | None = None
    licenses: tuple[Entitlement, ...] | None = None
    owns: tuple[Entitlement, ...] | None = None
    hidden: bool | None = None
    mail_to: str | None = None
    auto_reply: str | None = None
    delegates: tuple[Entitlement, ...] | None = None
    aliases: tuple[Entitlement, ...] | None = None
    archived: bool | None = None
    successor: AccountRef | None = None
    only: frozenset[str] | None = None
    spared: frozenset[str] = frozenset()

    def is_as_wanted_by(self, action: Action) -> bool | None:
        """Whether the account is already what an action would make it; ``None`` where that cannot be told.

        Undo goes back to the original, no further: an account that was suspended before the bridge came
        stays so, and so does one that the bridge never touched, and what somebody else has changed since.
        """
        told = _AS_WANTED.get(action)
        return None if told is None else told(self)

    @property
    def removable_groups(self) -> tuple[Entitlement, ...]:
        """The groups that it is to be taken out of."""
        return tuple(each for each in self.groups or () if self._is_chosen(each) and fold(each.name) not in self.spared)

    @property
    def removable_licenses(self) -> tuple[Entitlement, ...]:
        """The licenses that are to be taken from it."""
        return tuple(each for each in self.licenses or () if self._is_chosen(each))

    @property
    def missing_groups(self) -> tuple[Entitlement, ...]:
        """The groups that it had and is to get back; privileged ones are for a person to give."""
        return tuple(each for each in self._taken("groups") if not each.is_privileged)

    @property
    def missing_licenses(self) -> tuple[Entitlement, ...]:
        """The licenses that it had and is to get back."""
        return tuple(each for each in self._taken("licenses") if not each.is_privileged)

    @property
    def missing_delegates(self) -> tuple[Entitlement, ...]:
        """Who could read its mail, and is to be able to again."""
        return self._taken("delegates")

    @property
    def added_delegates(self) -> tuple[Entitlement, ...]:
        """Who can read its mail because the bridge has let them, and may not any more."""
        return self._given("delegates")

    @property
    def missing_aliases(self) -> tuple[Entitlement, ...]:
        """The addresses that the bridge took from it and that are to come back."""
        return self._taken("aliases")

    @property
    def names(self) -> Mapping[str, str]:
        """The names of groups and belongings."""
        return {each.id: each.name for each in (*(self.groups or ()), *(self.owns or ()))}

    def withheld_by(self, action: Action) -> tuple[Entitlement, ...]:
        """Return the groups or licenses that an action does not give back."""
        match action:
            case Action.ADD_TO_GROUPS:
                return self.withheld_groups
            case Action.ASSIGN_LICENSES:
                return self.withheld_licenses
            case _:
                return ()

    @property
    def withheld_groups(self) -> tuple[Entitlement, ...]:
        """The groups that it had and does not get back, because they give power over others."""
        return tuple(each for each in self._taken("groups") if each.is_privileged)

    @property
    def withheld_licenses(self) -> tuple[Entitlement, ...]:
        """The licenses that it had and does not get back, because they give power over others."""
        return tuple(each for each in self._taken("licenses") if each.is_privileged)

    @property
    def protection(self) -> str:
        """Why only a person may decide about the account, as part of a sentence; empty where anybody may."""
        if self.protected:
            return self.protected
        groups = [each.name for each in self.groups or () if each.is_privileged]
        return f"in {', '.join(groups)}, which gives power over others" if groups else ""

    @property
    def decisive(self) -> Mapping[str, Any]:
        """What an approval is given for: enabled, container, privileged, owner."""
        return {
            "enabled": None if self.suspended is None else not self.suspended,
            "container": self.container,
            "privileged": sorted(each.id for each in self.groups or () if each.is_privileged),
            "protected": self.protected,
            "owns": sorted(each.id for each in self.owns or ()),
            # Only then, so that approvals of before there was such a thing stand.
            **({"deleted": True} if self.deleted else {}),
        }

    @property
    def evidence(self) -> Mapping[str, Any]:
        """What is kept of it as proof: nobody's name, and only what the target tells."""
        told = {
            "suspended": self.suspended,
            "groups": None if self.groups is None else len(self.groups),
            "licenses": None if self.licenses is None else len(self.licenses),
            "owned": None if self.owns is None else len(self.owns),
            "container": self.container,
            "stamped": None if self.stamp is None else bool(self.stamp),
            "hidden": self.hidden,
            "mail redirected": None if self.mail_to is None else bool(self.mail_to),
            "delegates": None if self.delegates is None else len(self.delegates),
            "aliases": None if self.aliases is None else len(self.aliases),
            "archived": self.archived,
        }
        # Whether one can sign in is what everybody looks for: that nobody knows is told, too.
        return {name: value for name, value in told.items() if value is not None or name == "suspended"}

    def to_json(self) -> dict[str, Any]:
        """Return plain data for the store; what the engine set is not part of it."""
        return {
            "id": self.id,
            "name": self.name,
            "suspended": self.suspended,
            "attributes": {key: list(values) for key, values in self.attributes.items()},
            **{key: _plain(value) for key in _TOLD if (value := getattr(self, key)) is not None},
            **({"stamped_until": self.stamped_until.isoformat()} if self.stamped_until else {}),
            **({"protected": self.protected} if self.protected else {}),
            **({"deleted": True} if self.deleted else {}),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> AccountState:
        """Return the state that ``to_json`` wrote."""
        until = document.get("stamped_until")
        told = {key: _read(document[key]) for key in _TOLD if key in document}
        return cls(
            id=document["id"],
            name=document["name"],
            suspended=document["suspended"],
            attributes={key: tuple(values) for key, values in document["attributes"].items()},
            stamped_until=datetime.fromisoformat(until) if until else None,
            protected=document.get("protected", ""),
            deleted=document.get("deleted", False),
            **told,
        )

    @property
    def has_mail_back(self) -> bool:
        """Whether nothing about its mail is left to undo, of what the target tells."""
        scalars = ("mail_to", "auto_reply")
        return not (self.missing_delegates or self.added_delegates or self.missing_aliases) and all(
            getattr(self, name) is None or self.stays(name) for name in scalars
        )

    def _is_chosen(self, entitlement: Entitlement) -> bool:
        return self.only is None or fold(entitlement.name) in self.only


def _where_told(name: str, is_so: Callable[[AccountState], bool]) -> Callable[[AccountState], bool | None]:
    """Return a question that has no answer where the target does not tell a value."""
    return lambda state: None if getattr(state, name) is None else is_so(state)


_AS_WANTED: Mapping[Action, Callable[[AccountState], bool | None]] = {
    Action.SUSPEND: lambda state: state.suspended,
    Action.RESTORE: _where_told("suspended", lambda state: not state.suspended or state.stays("suspended")),
    Action.DELETE: lambda _state: False,
    Action.UNDELETE: lambda state: not state.deleted,
    Action.PURGE: lambda _state: False,
    Action.REMOVE_FROM_GROUPS: _where_told("groups", lambda state: not state.removable_groups),
    Action.ADD_TO_GROUPS: _where_told("groups", lambda state: not state.missing_groups),
    Action.RELEASE_LICENSES: _where_told("licenses", lambda state: not state.removable_licenses),
    Action.ASSIGN_LICENSES: _where_told("licenses", lambda state: not state.missing_licenses),
    Action.TRANSFER_OWNERSHIP: _where_told("owns", lambda state: not state.owns),
    Action.HIDE_FROM_DIRECTORY: lambda state: state.hidden,
    Action.SHOW_IN_DIRECTORY: _where_told("hidden", lambda state: not state.hidden or state.stays("hidden")),
    Action.STAMP: _where_told("stamp", lambda state: state.is_stamped),
    # Whoever moved its date has not made it theirs: the mark says that the account will be deleted.
    Action.UNSTAMP: _where_told("stamp", lambda state: not state.stamp or state.had("stamp")),
    Action.RESTORE_MAIL: _where_told("mail_to", lambda state: state.has_mail_back),
    Action.MOVE_BACK: _where_told("container", lambda state: state.stays("container")),
    Action.ARCHIVE: lambda state: state.archived,
    Action.DISCONNECT: lambda state: state.unmanaged,
}
"""What can be told from an account itself; the rest is the connector's to know, or nobody's."""

_TOLD = (
    "groups",
    "licenses",
    "owns",
    "container",
    "stamp",
    "hidden",
    "mail_to",
    "auto_reply",
    "delegates",
    "aliases",
    "archived",
    "unmanaged",
)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [[each.id, each.name, each.is_privileged] for each in value]
    return value


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(Entitlement(*each) for each in value)
    return value


@dataclass(frozen=True, slots=True)
class Person:
    """Whom ``find`` looks for: the identity's values for the SCIM attributes that ``match`` names."""

    values: Mapping[str, tuple[str, ...]]

    def get(self, attribute: str) -> tuple[str, ...]:
        """Return the values of a SCIM attribute such as ``userName`` or ``emails.value``; empty if it has none."""
        return self.values.get(attribute, ())
