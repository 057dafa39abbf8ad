"""What the bridge does to the groups of a tenant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from connectors.microsoft365 import permissions
from connectors.microsoft365.batches import Request, refusal_of
from connectors.microsoft365.calls import GraphCalls
from connectors.microsoft365.client import path_of
from connectors.microsoft365.errors import is_absent, is_there_already, really_absent
from connectors.microsoft365.group import hindrance, is_elsewhere
from connectors.microsoft365.groups import STAMPED
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
from scimbridge.sdk.http import Answer
from scimbridge.sdk.stamp import stamp_of, stamped, unstamped

_NO_SWITCH = (
    "a security group opens what it opens as long as it has members, and Microsoft has no switch for that: have it "
    "emptied instead (`empty_group`), or take away what it opens"
)


class GroupActions(GraphCalls):
    """The actions of groups."""

    def list_groups(self) -> Iterator[GroupSummary]:
        """Yield all groups of the tenant."""
        return self._groups.list()

    def find_group(self, name: str) -> AccountRef | None:
        """Return the group of this id or name."""
        return self._groups.find(name)

    def read_group(self, group_id: str) -> GroupState:
        """Return the group with members, owners, and what it opens."""
        return self._groups.read(group_id)

    @performs(Action.STAMP_GROUP, undo=Action.UNSTAMP_GROUP, needs=(permissions.READ, permissions.OWNERS))
    def stamp_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Write the mark with its date behind what stands in the description."""
        return self._mark(Action.STAMP_GROUP, group, lambda text: stamped(text, stamp_of(group.delete_at)))

    @performs(Action.UNSTAMP_GROUP, needs=(permissions.READ, permissions.OWNERS))
    def unstamp_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Take the mark off; what stands beside it stays."""
        return self._mark(Action.UNSTAMP_GROUP, group, unstamped)

    @performs(Action.DISABLE_GROUP, undo=Action.ENABLE_GROUP, needs=(permissions.READ, permissions.OWNERS))
    def disable_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Let a Microsoft 365 group count for nothing but its own mail and files; a security group is for a person."""
        if group.disabled:
            return Done(changed=False)
        if "Unified" not in group.attributes["groupTypes"] and not is_elsewhere(group.attributes):
            return NeedsPerson(_NO_SWITCH)
        return self._change_group(group, {"securityEnabled": False}, "disabling a group")

    @performs(Action.ENABLE_GROUP, needs=(permissions.READ, permissions.OWNERS))
    def enable_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Let the group count for access again."""
        if group.is_as_wanted_by(Action.ENABLE_GROUP):
            return Done(changed=False)
        return self._change_group(group, {"securityEnabled": True}, "enabling a group")

    @performs(Action.EMPTY_GROUP, undo=Action.REFILL_GROUP, needs=(permissions.READ, permissions.MEMBERS))
    def empty_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Take all members out, twenty by one call."""
        members = group.members or ()
        if not members:
            return Done(changed=False)
        if said := hindrance(group.attributes):
            return NeedsPerson(f"take all members out of {group.name}: {said}")
        # Without $ref, Graph would delete the members and not the memberships.
        requests = [
            Request(method="DELETE", path=path_of("groups", group.id, "members", each.id, "$ref")) for each in members
        ]
        answers = self._client.batch(requests, call="taking the members out of a group")
        done, refused = _sorted_out(members, answers, lambda answer: not is_absent(answer))
        if refused:
            return NeedsPerson(f"take these members out of {group.name}: {'; '.join(refused)}. {done} others are out")
        return Done(changed=done > 0, after={"how many": done})

    @performs(Action.REFILL_GROUP, needs=(permissions.READ, permissions.MEMBERS))
    def refill_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Put the members back who are still there."""
        missing = group.missing_members
        if not missing:
            return Done(changed=False)
        requests = [
            Request(
                method="POST",
                path=path_of("groups", group.id, "members", "$ref"),
                body=self._client.reference(each.id),
            )
            for each in missing
        ]
        answers = self._client.batch(requests, call="putting the members of a group back")
        done, lost = _sorted_out(missing, answers, lambda answer: not is_there_already(answer))
        return Done(changed=done > 0, after={"how many": done}, lost=tuple(f"the member {each}" for each in lost))

    @performs(Action.DELETE_GROUP, needs=(permissions.READ, permissions.OWNERS))
    def delete_group(self, group: GroupState, confirm: Confirm) -> Outcome:
        """Remove the group. An administrator can bring a Microsoft 365 group back for 30 days."""
        if said := is_elsewhere(group.attributes):
            return NeedsPerson(f"delete the group {group.name}: {said}")
        answer = self._client.send(
            "DELETE", path_of("groups", group.id), call="deleting a group", expect=(404,), confirm=confirm
        )
        really_absent(answer)
        return Done(changed=answer.status != 404)

    # -- calls

    def _mark(self, action: Action, group: GroupState, edit: Callable[[str], str]) -> Outcome:
        """Change the description, as it is by now."""
        if group.is_as_wanted_by(action):
            return Done(changed=False)
        if said := is_elsewhere(group.attributes):
            return NeedsPerson(f"change the description of {group.name}: {said}")
        text = edit(self._groups.text(group.id))
        # Graph takes no empty text, but it takes none.
        return self._change_group(group, {STAMPED: text or None}, "marking a group")

    def _change_group(self, group: GroupState, body: Mapping[str, Any], call: str) -> Outcome:
        if said := is_elsewhere(group.attributes):
            return NeedsPerson(f"{call}: {said}")
        self._client.send("PATCH", path_of("groups", group.id), call=call, body=body)
        return Done(changed=True)


def _sorted_out(
    members: Sequence[AccountRef], answers: Sequence[Answer], is_refusal: Callable[[Answer], bool]
) -> tuple[int, list[str]]:
    """Return how many requests were carried out, and whose were refused, with the reason."""
    done, refused = 0, []
    for each, answer in zip(members, answers, strict=True):
        if answer.status // 100 == 2:
            done += 1
        elif is_refusal(answer):
            refused.append(f"{each.name} is gone" if is_absent(answer) else f"{each.name}: {refusal_of(answer)}")
    return done, refused
