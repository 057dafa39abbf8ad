"""What can be done to an account or a group, and what is known about each action whatever the target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial


class Action(StrEnum):
    """One thing to do to one account, or one group. "Make it so": a second run changes nothing."""

    SUSPEND = "suspend"
    """Block sign-in; everything the account holds stays as it is."""

    RESTORE = "restore"
    """Let sign-in work again, unless the account was blocked before the bridge came."""

    REVOKE_SESSIONS = "revoke_sessions"
    """End sessions and tokens that are alive, so that nobody stays signed in."""

    RESET_CREDENTIALS = "reset_credentials"
    """Replace the password by one that nobody knows, and drop app passwords and keys."""

    TRANSFER_OWNERSHIP = "transfer_ownership"
    """Hand over what the account owns to its successor. Cannot be taken back."""

    REDIRECT_MAIL = "redirect_mail"
    """Send the account's mail to its successor."""

    RESTORE_MAIL = "restore_mail"
    """Send mail where it went before."""

    HIDE_FROM_DIRECTORY = "hide_from_directory"
    """Take the account out of address lists."""

    SHOW_IN_DIRECTORY = "show_in_directory"
    """Show the account in address lists again, if it was there before."""

    REMOVE_FROM_GROUPS = "remove_from_groups"
    """Take the account out of its groups and roles."""

    ADD_TO_GROUPS = "add_to_groups"
    """Put the account back into the groups that it was taken out of; privileged ones excepted."""

    RELEASE_LICENSES = "release_licenses"
    """Give the account's licenses back to the pool."""

    ASSIGN_LICENSES = "assign_licenses"
    """Give the account the licenses again that it had."""

    STAMP = "stamp"
    """Write "To Be Deleted" and the date onto the account, beside what stands there."""

    UNSTAMP = "unstamp"
    """Take the stamp off; what stood there stays."""

    MOVE = "move"
    """Move the account to the container of those who left."""

    MOVE_BACK = "move_back"
    """Move the account to where it was before."""

    ARCHIVE = "archive"
    """Keep the account's data elsewhere, and remove it here. Cannot be taken back."""

    DISCONNECT = "disconnect"
    """Mark the account as not managed, and leave it alone for good."""

    DELETE = "delete"
    """Remove the account. Cannot be taken back, but for the days that some targets keep it."""

    UNDELETE = "undelete"
    """Bring the account back while its target still keeps it; nobody can sign in yet."""

    PURGE = "purge"
    """Remove for good what the target still keeps of a deleted account. Cannot be taken back."""

    NOTIFY = "notify"
    """Tell the manager, the owner or an address; done by the bridge itself."""

    STAMP_GROUP = "stamp_group"
    """Write "To Be Deleted" and the date onto the group, beside what stands there."""

    UNSTAMP_GROUP = "unstamp_group"
    """Take the stamp off the group; what stood there stays."""

    DISABLE_GROUP = "disable_group"
    """Let the group open nothing any more: a security group becomes a distribution list."""

    ENABLE_GROUP = "enable_group"
    """Let the group open again what it opened before."""

    MOVE_GROUP = "move_group"
    """Move the group to the container of those that are given up."""

    MOVE_GROUP_BACK = "move_group_back"
    """Move the group to where it was before."""

    EMPTY_GROUP = "empty_group"
    """Take all members out of the group."""

    REFILL_GROUP = "refill_group"
    """Put the members back whom the bridge has taken out of the group."""

    DELETE_GROUP = "delete_group"
    """Remove the group. Cannot be taken back."""

    @property
    def facts(self) -> Facts:
        """What is known about it."""
        return FACTS[self]

    @property
    def is_irreversible(self) -> bool:
        """Whether nobody can count on it being undone."""
        return FACTS[self].is_irreversible

    @property
    def is_revoking(self) -> bool:
        """Whether this takes access away; only such actions are checked against who must be spared."""
        return FACTS[self].is_revoking

    @property
    def is_of_groups(self) -> bool:
        """Whether it is done to a group at a target, and not to an account."""
        return FACTS[self].is_of_groups

    @property
    def removes(self) -> bool:
        """Whether nothing is there afterwards."""
        return self in (Action.DELETE, Action.PURGE, Action.DELETE_GROUP)

    @property
    def is_of_deleted(self) -> bool:
        """Whether it is done to an account that was deleted, and that its target still keeps."""
        return self in (Action.UNDELETE, Action.PURGE)

    @property
    def gives_back(self) -> bool:
        """Whether this takes back what another action did."""
        return self in UNDOES


class GuardClass(StrEnum):
    """What the guard counts apart."""

    ALL = "all"
    """Whoever is touched at all."""

    SUSPEND = "suspend"
    """Who can no longer sign in."""

    STRIP = "strip"
    """Who loses groups or licenses."""

    DELETE = "delete"
    """Who loses an account, or what is in it."""

    GROUPS = "groups"
    """The groups at targets that anything is done to; they count as nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known about an action at every target.

    Attributes:
        is_revoking: It takes something away.
        is_irreversible: Nobody can count on it being undone: its stage waits for approval.
        is_final: There is nothing to do to the account afterwards.
        follows: What an earlier stage has to do at the same target, and what is final but for this.
        undo: The action that takes it back; where this is irreversible, at some targets, and for some days.
        needs: Actions that the engine puts before it where the target can do them.
        guard: What it counts as, beside ``all``; of groups, instead of ``all``.
        is_of_groups: It is done to a group at a target, and not to an account.
    """

    is_revoking: bool = True
    is_irreversible: bool = False
    is_final: bool = False
    follows: Action | None = None
    undo: Action | None = None
    needs: tuple[Action, ...] = ()
    guard: GuardClass | None = None
    is_of_groups: bool = False


_GIVES_BACK = Facts(is_revoking=False)
_OF_GROUPS_BACK = Facts(is_revoking=False, is_of_groups=True)
_of_groups = partial(Facts, guard=GuardClass.GROUPS, is_of_groups=True)

FACTS: Mapping[Action, Facts] = {
    Action.SUSPEND: Facts(undo=Action.RESTORE, guard=GuardClass.SUSPEND),
    Action.RESTORE: _GIVES_BACK,
    Action.REVOKE_SESSIONS: Facts(),
    Action.RESET_CREDENTIALS: Facts(),
    Action.TRANSFER_OWNERSHIP: Facts(is_irreversible=True),
    Action.REDIRECT_MAIL: Facts(undo=Action.RESTORE_MAIL),
    Action.RESTORE_MAIL: _GIVES_BACK,
    Action.HIDE_FROM_DIRECTORY: Facts(undo=Action.SHOW_IN_DIRECTORY),
    Action.SHOW_IN_DIRECTORY: _GIVES_BACK,
    Action.REMOVE_FROM_GROUPS: Facts(undo=Action.ADD_TO_GROUPS, guard=GuardClass.STRIP),
    Action.ADD_TO_GROUPS: _GIVES_BACK,
    Action.RELEASE_LICENSES: Facts(undo=Action.ASSIGN_LICENSES, guard=GuardClass.STRIP),
    Action.ASSIGN_LICENSES: _GIVES_BACK,
    Action.STAMP: Facts(undo=Action.UNSTAMP),
    Action.UNSTAMP: _GIVES_BACK,
    Action.MOVE: Facts(undo=Action.MOVE_BACK),
    Action.MOVE_BACK: _GIVES_BACK,
    Action.ARCHIVE: Facts(is_irreversible=True, guard=GuardClass.DELETE),
    Action.DISCONNECT: Facts(is_final=True),
    Action.DELETE: Facts(
        is_irreversible=True,
        is_final=True,
        undo=Action.UNDELETE,
        needs=(Action.REMOVE_FROM_GROUPS,),
        guard=GuardClass.DELETE,
    ),
    Action.UNDELETE: _GIVES_BACK,
    Action.PURGE: Facts(is_irreversible=True, is_final=True, follows=Action.DELETE, guard=GuardClass.DELETE),
    Action.NOTIFY: Facts(is_revoking=False),
    Action.STAMP_GROUP: _of_groups(undo=Action.UNSTAMP_GROUP),
    Action.UNSTAMP_GROUP: _OF_GROUPS_BACK,
    Action.DISABLE_GROUP: _of_groups(undo=Action.ENABLE_GROUP),
    Action.ENABLE_GROUP: _OF_GROUPS_BACK,
    Action.MOVE_GROUP: _of_groups(undo=Action.MOVE_GROUP_BACK),
    Action.MOVE_GROUP_BACK: _OF_GROUPS_BACK,
    Action.EMPTY_GROUP: _of_groups(undo=Action.REFILL_GROUP),
    Action.REFILL_GROUP: _OF_GROUPS_BACK,
    Action.DELETE_GROUP: _of_groups(is_irreversible=True, is_final=True),
}
"""Every action. A test holds the table against the enum."""

UNDOES: Mapping[Action, Action] = {facts.undo: action for action, facts in FACTS.items() if facts.undo is not None}
"""What each undoing action takes back."""


def guard_classes(actions: frozenset[Action]) -> frozenset[GuardClass]:
    """Return what a plan with these actions counts as; nothing where it takes nothing away."""
    revoking = {action for action in actions if action.is_revoking}
    if not revoking:
        return frozenset()
    # How many people lose access says nothing about how many groups go, and the other way round.
    overall = {GuardClass.ALL for action in revoking if not action.is_of_groups}
    return frozenset({*overall, *(guard for action in revoking if (guard := action.facts.guard) is not None)})
