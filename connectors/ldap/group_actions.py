"""What the bridge does to the groups of a directory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from connectors.ldap.calls import LdapCalls, name_of
from connectors.ldap.entry import Change, Edit
from connectors.ldap.errors import CLASS_VIOLATION, ENTRY_EXISTS, NO_SUCH_ATTRIBUTE, UNWILLING, VALUE_EXISTS
from connectors.ldap.groups import STAND_IN
from connectors.ldap.members import by_attribute, values_of
from scimbridge.sdk import (
    AccountRef,
    Action,
    Confirm,
    Done,
    GroupState,
    GroupSummary,
    Outcome,
    RejectedError,
    performs,
)
from scimbridge.sdk.stamp import stamp_of

MEMBERS_AT_ONCE = 500
"""How many members one request takes out or puts in."""


class GroupActions(LdapCalls):
    """The actions of groups."""

    def list_groups(self) -> Iterator[GroupSummary]:
        """Yield all groups beneath ``groups_dn``."""
        yield from self._groups.list()

    def find_group(self, name: str) -> AccountRef | None:
        """Return the group of this id or ``cn``."""
        return self._groups.find(name)

    def read_group(self, group_id: str) -> GroupState:
        """Return the group with all of its members."""
        return self._groups.read(group_id)

    @performs(Action.STAMP_GROUP, undo=Action.UNSTAMP_GROUP, needs=("write group_stamp_attribute",))
    def stamp_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Write the mark with its date behind what stands in ``group_stamp_attribute``."""
        if group.is_as_wanted_by(Action.STAMP_GROUP):
            return Done(changed=False)
        return self._stamp(group, {self.config.group_stamp_attribute: stamp_of(group.delete_at)})

    @performs(Action.UNSTAMP_GROUP, needs=("write group_stamp_attribute",))
    def unstamp_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Take the mark off; what stands beside it stays."""
        if group.is_as_wanted_by(Action.UNSTAMP_GROUP):
            return Done(changed=False)
        return self._unstamp(group, (self.config.group_stamp_attribute,))

    @performs(Action.DISABLE_GROUP, undo=Action.ENABLE_GROUP, needs=("write the groups' groupType",))
    def disable_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Turn a security group into a distribution group, which opens nothing. Active Directory only."""
        if group.disabled:
            return Done(changed=False)
        return self._edit(group, self._flavor.disable_group(group.attributes))

    @performs(Action.ENABLE_GROUP, needs=("write the groups' groupType",))
    def enable_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Turn a distribution group back into the security group that it was."""
        if group.is_as_wanted_by(Action.ENABLE_GROUP):
            return Done(changed=False)
        return self._edit(group, self._flavor.enable_group(group.attributes))

    @performs(Action.MOVE_GROUP, undo=Action.MOVE_GROUP_BACK, needs=("move groups",))
    def move_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Move the group to ``disabled_groups_ou``, under its name or, where that is taken, under one like it."""
        if self.is_as_wanted(Action.MOVE_GROUP, group):
            return Done(changed=False)
        return self._move(group, "disabled_groups_ou")

    @performs(Action.MOVE_GROUP_BACK, needs=("move groups",))
    def move_group_back(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Move the group to where it was, under the name that it had, unless that is gone or taken."""
        if group.is_as_wanted_by(Action.MOVE_GROUP_BACK):
            return Done(changed=False)
        return self._move_back(group)

    @performs(Action.EMPTY_GROUP, undo=Action.REFILL_GROUP, needs=("write the groups' members",))
    def empty_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Take all members out, many at once; not those whose primary group it is, who stand nowhere in it."""
        members = group.members or ()
        if not members:
            return Done(changed=False)
        for attribute, names in self._by_attribute(group, [each.name for each in members]).items():
            for start in range(0, len(names), MEMBERS_AT_ONCE):
                self._take(group, attribute, names[start : start + MEMBERS_AT_ONCE])
        return Done(changed=True, after={"how many": len(members)})

    @performs(Action.REFILL_GROUP, needs=("write the groups' members",))
    def refill_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Put the members back who are still there, under the names that they have now."""
        missing = group.missing_members
        if not missing:
            return Done(changed=False)
        there = self._memberships.entries_of([each.id for each in missing])
        wanted: dict[str, list[str]] = {}
        lost: list[str] = []
        for each in missing:
            (attribute,) = self._by_attribute(group, [each.name])
            values = values_of(there[each.id], attribute) if each.id in there else ()
            if values:
                wanted.setdefault(attribute, []).append(each.name if each.name in values else values[0])
            else:
                lost.append(f"the member {each.name} is gone")
        for attribute, names in wanted.items():
            for start in range(0, len(names), MEMBERS_AT_ONCE):
                self._give(group, attribute, names[start : start + MEMBERS_AT_ONCE])
        self._dismiss_the_stand_in(group)
        how_many = sum(map(len, wanted.values()))
        return Done(changed=bool(how_many), after={"how many": how_many}, lost=tuple(lost))

    @performs(Action.DELETE_GROUP, needs=("delete groups",))
    def delete_group(self, group: GroupState, confirm: Confirm) -> Outcome:
        """Remove the group. The directory keeps nothing to bring it back from."""
        done, code = self._remove(group, confirm, accept=(ENTRY_EXISTS,))
        if code == ENTRY_EXISTS:
            raise RejectedError("it is somebody's primary group (primaryGroupID): give them another one first")
        return done

    # -- members

    def _by_attribute(self, group: GroupState, names: Sequence[str]) -> Mapping[str, Sequence[str]]:
        return by_attribute(names, group.attributes.get("objectClass", ()), self.config.member_attributes)

    def _take(self, group: GroupState, attribute: str, names: Sequence[str]) -> None:
        """Take members out in one request; one by one where one of them has gone by himself."""
        code = self._change_members(group, Change(attribute, remove=tuple(names)))
        if code == CLASS_VIOLATION:
            stand_in = self.config.group_stand_in
            if stand_in is None:
                raise RejectedError("such a group must have a member: name a group_stand_in, or delete the group")
            code = self._change_members(group, Change(attribute, add=(stand_in,), remove=tuple(names)))
        if code and len(names) > 1:
            for name in names:
                self._take(group, attribute, [name])
        elif code and self._memberships.names(group.id, attribute, names[0]):
            raise RejectedError(f"the directory refuses to take a member out ({code})")

    def _give(self, group: GroupState, attribute: str, names: Sequence[str]) -> None:
        """Put members in by one request; one by one where one of them has come by himself."""
        code = self._change_members(group, Change(attribute, add=tuple(names)))
        if code and len(names) > 1:
            for name in names:
                self._give(group, attribute, [name])
        elif code and not self._memberships.names(group.id, attribute, names[0]):
            raise RejectedError(f"the directory refuses to take a member in ({code})")

    def _dismiss_the_stand_in(self, group: GroupState) -> None:
        had_it = group.original is not None and bool(group.original.attributes.get(STAND_IN))
        if group.attributes.get(STAND_IN) and not had_it and self.config.group_stand_in is not None:
            (attribute,) = self._by_attribute(group, [self.config.group_stand_in])
            self._change_members(group, Change(attribute, remove=(self.config.group_stand_in,)))

    def _change_members(self, group: GroupState, change: Change) -> int:
        return self._unless_moved(
            group,
            lambda: self.directory.modify(
                self._flavor.address(group.id, name_of(group)),
                Edit((change,)),
                only_if=self._flavor.condition(group.id),
                right=f"write access to {change.attribute} of the groups",
                accept=(NO_SUCH_ATTRIBUTE, VALUE_EXISTS, UNWILLING, ENTRY_EXISTS, CLASS_VIOLATION),
            ),
        )
