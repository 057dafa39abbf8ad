"""What is done to groups that are given up: marked, emptied, deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from connectors.scim.calls import ScimCalls
from connectors.scim.document import text_in
from connectors.scim.errors import RefusedError
from connectors.scim.marking_actions import rewriting
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountRef,
    Action,
    Confirm,
    Done,
    GroupState,
    NeedsPerson,
    Outcome,
    performs,
)
from scimbridge.sdk.stamp import stamp_of, stamped, unstamped


class GroupActions(ScimCalls):
    """The actions of groups."""

    @performs(Action.STAMP_GROUP, undo=Action.UNSTAMP_GROUP)
    def stamp_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Write the mark with its date behind what stands in the attribute."""
        return self._mark_group(Action.STAMP_GROUP, group, lambda text: stamped(text, stamp_of(group.delete_at)))

    @performs(Action.UNSTAMP_GROUP)
    def unstamp_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Take the mark off; what stands beside it stays."""
        return self._mark_group(Action.UNSTAMP_GROUP, group, unstamped)

    @performs(Action.EMPTY_GROUP, undo=Action.REFILL_GROUP)
    def empty_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Take out all members that are known, so many in each call as the service takes."""
        if not group.members:
            return Done(changed=False)
        if not self._can_patch():
            return NeedsPerson(f"take all members out of {group.name} by hand: the service cannot PATCH")
        for part in self._parts(group.members):
            self.client.patch_group(group.id, self._dialect.leaving(*(each.id for each in part)))
        return Done(changed=True, after={"how many": len(group.members)})

    @performs(Action.REFILL_GROUP)
    def refill_group(self, group: GroupState, _confirm: Confirm) -> Outcome:
        """Put those back whom the bridge took out, as far as they are still there."""
        missing = group.missing_members
        if missing and not self._can_patch():
            return NeedsPerson(f"put {len(missing)} members back into {group.name} by hand: the service cannot PATCH")
        back = [each for each in missing if self._is_there(each.id)]
        lost = [f"{each.name} is gone" for each in missing if each not in back]
        for part in self._parts(back):
            lost.extend(self._put_back(group.id, part))
        done = len(missing) - len(lost)
        return Done(changed=done > 0, after={"how many": done} if done else {}, lost=tuple(lost))

    @performs(Action.DELETE_GROUP)
    def delete_group(self, group: GroupState, confirm: Confirm) -> Outcome:
        """Delete the group; its members stay."""
        return Done(changed=self.client.delete_group(group.id, confirm))

    def _put_back(self, group_id: str, members: tuple[AccountRef, ...]) -> Iterator[str]:
        """Put members into a group; yields why some are not. One that is refused stops no other.

        A 404 may be about a member, too.

        Raises:
            AccountNotFoundError: The group is gone.
        """
        try:
            self.client.patch_group(group_id, [self._dialect.joining(*(each.id for each in members))])
        except (RefusedError, AccountNotFoundError) as error:
            if len(members) > 1:
                for each in members:
                    yield from self._put_back(group_id, (each,))
                return
            self.client.get_group(group_id)
            yield f"{members[0].name}: {error}"

    def _parts(self, members: Iterable[AccountRef]) -> Iterator[tuple[AccountRef, ...]]:
        rest = iter(members)
        while part := tuple(islice(rest, self._dialect.max_members)):
            yield part

    def _is_there(self, member_id: str) -> bool:
        """Whether a member still exists, as a user or as a group."""
        for read in (self.client.get_user, self.client.get_group):
            try:
                read(member_id)
            except (AccountNotFoundError, RefusedError):
                continue
            return True
        return False

    def _mark_group(self, action: Action, group: GroupState, edit: Callable[[str], str]) -> Outcome:
        name = self.config.group_stamp_attribute
        if name is None or group.is_as_wanted_by(action):
            return Done(changed=False)
        return self._anew(lambda: self._rewrite_group(group.id, name, edit))

    def _rewrite_group(self, group_id: str, name: str, edit: Callable[[str], str]) -> Outcome:
        document = self.client.get_group(group_id)
        self.client.patch_group(group_id, [rewriting(name, edit(text_in(document, name)))], self._version(document))
        return Done(changed=True)
