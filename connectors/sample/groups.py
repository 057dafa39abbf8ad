"""Everything that the bridge can do to a group, at a target that can do everything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from connectors.sample.calls import SampleCalls
from connectors.sample.group import EditGroup, Group
from connectors.sample.record import Edit
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountRef,
    Action,
    AmbiguousAccountError,
    Confirm,
    Done,
    GroupState,
    GroupSummary,
    Outcome,
    RejectedError,
    performs,
)
from scimbridge.sdk.stamp import date_in, stamp_in, stamp_of, stamped, unstamped


class GroupActions(SampleCalls):
    """What the sample connector does to groups."""

    def list_groups(self) -> Iterator[GroupSummary]:
        """Yield all groups."""
        for group in self._enter(writes=False).groups():
            yield GroupSummary(
                id=group.id,
                name=group.name,
                size=len(group.members),
                owners=group.owners,
                changed_at=datetime.fromisoformat(group.changed_at) if group.changed_at else None,
                container=group.container,
                stamp=stamp_in(group.note),
                protected=group.protected,
            )

    def find_group(self, name: str) -> AccountRef | None:
        """Return the group of this id or name."""
        found = [AccountRef(group.id, group.name) for group in self._enter(writes=False).find_groups(name)]
        if len(found) > 1:
            raise AmbiguousAccountError(f"{len(found)} groups are called {name!r}", found)
        return found[0] if found else None

    def read_group(self, group_id: str) -> GroupState:
        """Return the group with all that can be told of it."""
        group = self._enter(writes=False).group(group_id)
        if group is None:
            raise AccountNotFoundError("the target has no such group")
        return _state(group)

    @performs(Action.STAMP_GROUP, undo=Action.UNSTAMP_GROUP)
    def stamp_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Write the mark behind the note."""
        if group.is_as_wanted_by(Action.STAMP_GROUP):
            return Done(changed=False)
        mark = stamp_of(group.delete_at)
        self._change_group(Action.STAMP_GROUP, group, lambda found: replace(found, note=stamped(found.note, mark)))
        return Done(changed=True, after={"stamp": mark})

    @performs(Action.UNSTAMP_GROUP)
    def unstamp_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Take the mark off the note; the rest of it stays."""
        if group.is_as_wanted_by(Action.UNSTAMP_GROUP):
            return Done(changed=False)
        self._change_group(Action.UNSTAMP_GROUP, group, lambda found: replace(found, note=unstamped(found.note)))
        return Done(changed=True)

    @performs(Action.DISABLE_GROUP, undo=Action.ENABLE_GROUP)
    def disable_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Let the group open nothing."""
        return self._set_group(Action.DISABLE_GROUP, group, disabled=True)

    @performs(Action.ENABLE_GROUP)
    def enable_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Let the group open things again."""
        return self._set_group(Action.ENABLE_GROUP, group, disabled=False)

    @performs(Action.MOVE_GROUP, undo=Action.MOVE_GROUP_BACK)
    def move_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Move the group to ``groups_container``."""
        container = self.config.groups_container
        if not self._enter(writes=False).has_container(container):
            raise RejectedError(f"there is no container {container!r} (groups_container)")
        return self._set_group(Action.MOVE_GROUP, group, container=container)

    @performs(Action.MOVE_GROUP_BACK)
    def move_group_back(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Move the group to where it was, unless that is gone."""
        if group.is_as_wanted_by(Action.MOVE_GROUP_BACK) or group.original is None:
            return Done(changed=False)
        before = group.original.container or ""
        if not self._enter(writes=False).has_container(before):
            return Done(changed=False, lost=(f"the container {before} is gone; the group is in {group.container}",))
        return self._set_group(Action.MOVE_GROUP_BACK, group, container=before)

    @performs(Action.EMPTY_GROUP, undo=Action.REFILL_GROUP)
    def empty_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Take the members out, one call each; who is gone is not in it either."""
        members = group.members or ()
        for member in members:
            self._enter(writes=True).change(Action.EMPTY_GROUP, member.id, _without(group.id))
        return Done(changed=bool(members), after={"how many": len(members)})

    @performs(Action.REFILL_GROUP)
    def refill_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Put the members back who are still there."""
        missing = group.missing_members
        lost = tuple(
            f"the account {member.name} is gone"
            for member in missing
            if not self._enter(writes=True).change(Action.REFILL_GROUP, member.id, _within(group.id))
        )
        given = len(missing) - len(lost)
        return Done(changed=given > 0, after={"how many": given}, lost=lost)

    @performs(Action.DELETE_GROUP)
    def delete_group(self, group: GroupState, confirm: Confirm) -> Outcome:
        """Remove the group."""
        system = self._enter(writes=True)
        confirm()
        return Done(changed=system.remove_group(group.id))

    def _set_group(self, action: Action, group: GroupState, **values: object) -> Outcome:
        if self.is_as_wanted(action, group):
            return Done(changed=False)
        self._change_group(action, group, lambda found: replace(found, **values))  # type: ignore[arg-type]  # its fields
        return Done(changed=True)

    def _change_group(self, action: Action, group: GroupState, edit: EditGroup) -> None:
        if not self._enter(writes=True).change_group(action, group.id, edit):
            raise AccountNotFoundError("the target has no such group")


def _state(group: Group) -> GroupState:
    return GroupState(
        id=group.id,
        name=group.name,
        container=group.container,
        stamp=stamp_in(group.note),
        stamped_until=date_in(group.note),
        protected=group.protected,
        disabled=group.disabled,
        members=group.members,
        owners=group.owners,
        opens=group.opens,
    )


def _without(group_id: str) -> Edit:
    return lambda record: replace(record, groups=tuple(each for each in record.groups if each != group_id))


def _within(group_id: str) -> Edit:
    return lambda record: replace(record, groups=(*(each for each in record.groups if each != group_id), group_id))
