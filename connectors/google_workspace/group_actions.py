"""What the bridge does to groups that are given up."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.google_workspace import scopes
from connectors.google_workspace.calls import GoogleCalls
from connectors.google_workspace.errors import RefusedError
from connectors.google_workspace.groups import ARCHIVED, EMAIL, WHO_JOINS, WHO_POSTS, member_key
from connectors.google_workspace.memberships import add_member, remove_member
from scimbridge.sdk import (
    AccountRef,
    Action,
    Confirm,
    Done,
    GroupState,
    GroupSummary,
    NeedsPerson,
    Outcome,
    performs,
)
from scimbridge.sdk.stamp import stamp_of, stamped, unstamped

_INVITED = "INVITED_CAN_JOIN"
_RESET = ("ALL_MANAGERS_CAN_POST",)
"""Who can post in a group that Google has just let go."""


class GroupActions(GoogleCalls):
    """The actions of groups. Google's groups are in no container, so that they cannot be moved."""

    def list_groups(self) -> Iterator[GroupSummary]:
        """Yield all groups."""
        return self._groups.list()

    def find_group(self, name: str) -> AccountRef | None:
        """Return the group of this id, address or name."""
        return self._groups.find(name)

    def read_group(self, group_id: str) -> GroupState:
        """Return the group with all of its members."""
        return self._groups.read(group_id)

    @performs(Action.STAMP_GROUP, undo=Action.UNSTAMP_GROUP, needs=(scopes.GROUP,))
    def stamp_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Write the mark behind the description."""
        if group.is_as_wanted_by(Action.STAMP_GROUP):
            return Done(changed=False)
        self._groups.write_text(group.id, stamped(self._text(group), stamp_of(group.delete_at)))
        return Done(changed=True)

    @performs(Action.UNSTAMP_GROUP, needs=(scopes.GROUP,))
    def unstamp_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Take the mark off the description; the rest of it stays."""
        if group.is_as_wanted_by(Action.UNSTAMP_GROUP):
            return Done(changed=False)
        self._groups.write_text(group.id, unstamped(self._text(group)))
        return Done(changed=True)

    @performs(Action.DISABLE_GROUP, undo=Action.ENABLE_GROUP, needs=(scopes.GROUP_SETTINGS,))
    def disable_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Let nobody post, and nobody join unasked. What is shared with the group stays open to its members."""
        if group.disabled:
            return Done(changed=False)
        self._groups.set(_email(group), {ARCHIVED: "true", WHO_JOINS: _INVITED})
        return Done(changed=True)

    @performs(Action.ENABLE_GROUP, needs=(scopes.GROUP_SETTINGS,))
    def enable_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Let those post and join who could before."""
        if self.is_enabled(group) or group.original is None:
            return Done(changed=False)
        before = {
            name: values[0] for name, values in group.original.attributes.items() if name in (WHO_POSTS, WHO_JOINS)
        }
        if group.attributes.get(WHO_JOINS) != (_INVITED,):
            before.pop(WHO_JOINS, None)  # somebody else has decided about it since
        shown = self._groups.set(_email(group), {ARCHIVED: "false", **before})
        if shown.get(WHO_POSTS) != before.get(WHO_POSTS, shown.get(WHO_POSTS)):
            # Google lets only managers post in a group that comes back, whatever was asked in the same breath (?).
            self._groups.set(_email(group), {WHO_POSTS: before[WHO_POSTS]})
        lost = () if WHO_POSTS in before else ("who could post in it is not known; only its managers can now",)
        return Done(changed=True, lost=lost)

    def is_enabled(self, group: GroupState) -> bool | None:
        """Whether a group is as ``enable_group`` leaves it; who can post may take a second call, which did not come."""
        if group.disabled is False and group.original is not None and group.attributes.get(WHO_POSTS) == _RESET:
            return group.original.attributes.get(WHO_POSTS, _RESET) == _RESET
        return group.is_as_wanted_by(Action.ENABLE_GROUP)

    @performs(Action.EMPTY_GROUP, undo=Action.REFILL_GROUP, needs=(scopes.GROUP,))
    def empty_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Take all members out, one call each."""
        done, refused = 0, []
        for member in group.members or ():
            try:
                done += remove_member(self._client, group.id, member.id)
            except RefusedError:
                refused.append(member.name)
        if refused:
            return NeedsPerson(
                f"Google does not let the bridge take {', '.join(refused[:5])}{' and others' if refused[5:] else ''} "
                "out of this group: the members of a dynamic group follow its query. Change the query or take them "
                f"out by hand; {done} others are out"
            )
        return Done(changed=done > 0, after={"how many": done})

    @performs(Action.REFILL_GROUP, needs=(scopes.GROUP,))
    def refill_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Put the members back who are still there, with the role and the delivery that they had."""
        settings = group.original.attributes if group.original else {}
        done, lost = 0, []
        for member in group.missing_members:
            try:
                added = add_member(self._client, group.id, member.id, settings.get(member_key(member.id), ()))
            except RefusedError:
                lost.append(f"Google does not let {member.name} into the group")
                continue
            if added is None:
                lost.append(f"the member {member.name} is gone")
            done += added is True
        return Done(changed=done > 0, after={"how many": done}, lost=tuple(lost))

    @performs(Action.DELETE_GROUP, needs=(scopes.GROUP,))
    def delete_group(self, group: GroupState, confirm: Confirm) -> Outcome:
        """Remove the group. Google keeps nothing to bring it back from."""
        return Done(changed=self._groups.delete(group.id, confirm))

    def _text(self, group: GroupState) -> str:
        """Return the description as it is at this moment."""
        return str(self._groups.document(group.id).get("description") or "")


def _email(group: GroupState) -> str:
    return group.attributes[EMAIL][0]
