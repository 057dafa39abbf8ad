"""What a connector says about groups at its target that are to be given up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from scimbridge.domain.action import Action
from scimbridge.sdk.native import NativeState
from scimbridge.sdk.state import AccountRef, AccountState


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSummary:
    """A group as a list of all groups has it: what tells whether somebody still needs it.

    What a target does not have, or would tell only by a call for each group, is ``None``.

    Attributes:
        id: The target's immutable id.
        name: What people call it.
        size: How many members it has itself.
        owners: Who answers for it.
        changed_at: When the target last saw it changed (UTC).
        container: Where it is.
        stamp: The bridge's mark "To Be Deleted", as it stands there; empty where there is none.
        protected: Why only a person may decide about it.
    """

    id: str
    name: str
    size: int | None = None
    owners: tuple[AccountRef, ...] | None = None
    changed_at: datetime | None = None
    container: str | None = None
    stamp: str | None = None
    protected: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupState(NativeState):
    """What ``read_group`` found.

    Attributes:
        disabled: Whether it opens nothing any more, like a distribution list.
        members: All that are in it themselves, accounts and groups alike.
        owners: Who answers for it.
        opens: What its members lose with it, as far as the target knows: other groups that it is in, shares.
    """

    _flags: ClassVar[tuple[str, ...]] = (*NativeState._flags, "disabled")

    disabled: bool | None = None
    members: tuple[AccountRef, ...] | None = None
    owners: tuple[AccountRef, ...] | None = None
    opens: tuple[AccountRef, ...] | None = None

    def is_as_wanted_by(self, action: Action) -> bool | None:
        """Whether the group is already what an action would make it; ``None`` where that cannot be told.

        Undo goes back to the original, no further, and leaves alone what somebody else has changed since.
        """
        told = _AS_WANTED.get(action)
        return None if told is None else told(self)

    @property
    def missing_members(self) -> tuple[AccountRef, ...]:
        """The members that the bridge took out and that are to come back."""
        return () if self._gives_power else self._taken("members")

    @property
    def withheld_members(self) -> tuple[AccountRef, ...]:
        """The members that do not come back, because the group gives power over others."""
        return self._taken("members") if self._gives_power else ()

    @property
    def names(self) -> Mapping[str, str]:
        """The names of members, owners, and what it opens."""
        return {each.id: each.name for each in (*(self.members or ()), *(self.owners or ()), *(self.opens or ()))}

    def withheld_by(self, action: Action) -> tuple[AccountRef, ...]:
        """Return the members that an action does not bring back."""
        return self.withheld_members if action is Action.REFILL_GROUP else ()

    @property
    def _gives_power(self) -> bool:
        return bool(self.protected or (self.original is not None and self.original.protected))

    @property
    def decisive(self) -> Mapping[str, Any]:
        """What an approval is given for."""
        return {
            "name": self.name,
            "enabled": None if self.disabled is None else not self.disabled,
            "container": self.container,
            "members": sorted(each.id for each in self.members or ()),
            "owners": sorted(each.id for each in self.owners or ()),
            "opens": None if self.opens is None else sorted(each.id for each in self.opens),
            "protected": self.protected,
        }

    @property
    def evidence(self) -> Mapping[str, Any]:
        """What is kept of it as proof: nobody's name, and only what the target tells."""
        told = {
            "disabled": self.disabled,
            "members": None if self.members is None else len(self.members),
            "container": self.container,
            "stamped": None if self.stamp is None else bool(self.stamp),
        }
        return {name: value for name, value in told.items() if value is not None}

    def changes_since(self, before: GroupState) -> Iterator[str]:
        """Yield what somebody has done to the group that says that they need it, as parts of a sentence.

        Fewer members are no such thing, nor is another owner.

        Args:
            before: How it was when an operator asked, or how the bridge left it last.
        """
        if self.name != before.name:
            yield f"it is called {self.name!r} now, and was {before.name!r}"
        known = {each.id for each in before.members or ()}
        came = sum(each.id not in known for each in self.members or ()) if before.members is not None else 0
        if came:
            yield f"{came} members have come" if came > 1 else "a member has come"
        if before.disabled and self.disabled is False:
            yield "it opens things again"
        opened = {each.id for each in before.opens or ()}
        more = [each.name for each in self.opens or () if before.opens is not None and each.id not in opened]
        if more:
            yield f"it opens {', '.join(more)} now"
        if before.stamp and self.stamp == "":
            yield "its stamp was taken off"
        if before.container is not None and self.container != before.container:
            yield f"it was moved to {self.container}"

    def to_json(self) -> dict[str, Any]:
        """Return plain data for the store; what the engine set is not part of it."""
        return {
            "kind": "group",
            "id": self.id,
            "name": self.name,
            "attributes": {key: list(values) for key, values in self.attributes.items()},
            "protected": self.protected,
            "stamped_until": self.stamped_until.isoformat() if self.stamped_until else None,
            **{name: getattr(self, name) for name in _PLAIN},
            **{name: _listed(getattr(self, name)) for name in _LISTED},
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> GroupState:
        """Return the state that ``to_json`` wrote."""
        until = document["stamped_until"]
        told: dict[str, Any] = {name: document[name] for name in _PLAIN}
        told |= {name: _read(document.get(name)) for name in _LISTED}
        return cls(
            id=document["id"],
            name=document["name"],
            attributes={key: tuple(values) for key, values in document["attributes"].items()},
            protected=document["protected"],
            stamped_until=datetime.fromisoformat(until) if until else None,
            **told,
        )


_PLAIN = ("container", "stamp", "unmanaged", "disabled")
_LISTED = ("members", "owners", "opens")


def state_of(document: Mapping[str, Any]) -> NativeState:
    """Return the state of the account or group that ``to_json`` wrote."""
    return (GroupState if document.get("kind") == "group" else AccountState).from_json(document)


def _listed(found: tuple[AccountRef, ...] | None) -> list[list[str]] | None:
    return None if found is None else [[each.id, each.name] for each in found]


def _read(found: list[list[str]] | None) -> tuple[AccountRef, ...] | None:
    return None if found is None else tuple(AccountRef(*each) for each in found)


def _where_told(name: str, is_so: Callable[[GroupState], bool]) -> Callable[[GroupState], bool | None]:
    """Return a question that has no answer where the target does not tell a value."""
    return lambda state: None if getattr(state, name) is None else is_so(state)


_AS_WANTED: Mapping[Action, Callable[[GroupState], bool | None]] = {
    Action.STAMP_GROUP: _where_told("stamp", lambda state: state.is_stamped),
    # Whoever moved its date has not made it theirs.
    Action.UNSTAMP_GROUP: _where_told("stamp", lambda state: not state.stamp or state.had("stamp")),
    Action.DISABLE_GROUP: lambda state: state.disabled,
    Action.ENABLE_GROUP: _where_told("disabled", lambda state: not state.disabled or state.stays("disabled")),
    Action.MOVE_GROUP_BACK: _where_told("container", lambda state: state.stays("container")),
    Action.EMPTY_GROUP: _where_told("members", lambda state: not state.members),
    Action.REFILL_GROUP: _where_told("members", lambda state: not state.missing_members),
    Action.DELETE_GROUP: lambda _state: False,
}
"""What can be told from a group itself; the container that ``move_group`` moves to is the connector's to know."""
