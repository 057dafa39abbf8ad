"""Connectors that hand actions on as they are, to whatever the configuration names: a call, a program, a queue."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from scimbridge.domain.action import Action
from scimbridge.domain.capability import Capability
from scimbridge.sdk.connector import ConfigT, Confirm, Connector, limited, performs
from scimbridge.sdk.errors import AccountNotFoundError
from scimbridge.sdk.native import NativeState
from scimbridge.sdk.outcome import Done, NeedsPerson, Outcome
from scimbridge.sdk.state import AccountState, Entitlement

__all__ = ["RelayedAction", "RelayingConnector"]

RelayedAction = Literal[
    "suspend",
    "restore",
    "revoke_sessions",
    "reset_credentials",
    "remove_from_groups",
    "add_to_groups",
    "release_licenses",
    "assign_licenses",
    "transfer_ownership",
    "archive",
    "delete",
]
"""What a configuration may name; as the type of a key, it refuses everything else."""


class RelayingConnector(Connector[ConfigT]):
    """A connector whose configuration says which actions there are, and that does each of them in the same way.

    Subclasses implement ``offered`` and ``relay`` beside ``check``, ``find`` and ``read``; and ``unverified``, where
    ``read`` does not tell whether something was done. What is as wanted already is not relayed.
    """

    @classmethod
    @abstractmethod
    def offered(cls, config: ConfigT) -> Collection[str]:
        """Return the actions that the configuration says how to do, as it spells them."""

    @classmethod
    def unverified(cls, config: ConfigT) -> Collection[Action]:  # noqa: ARG003
        """Return the actions whose effect ``read`` does not tell: the target is taken at its word."""
        return ()

    @abstractmethod
    def relay(self, action: Action, account: AccountState, values: Mapping[str, Any], confirm: Confirm) -> Outcome:
        """Have an action done to an account that is not yet as wanted.

        Args:
            action: One of those that are offered.
            account: As it was read.
            values: ``items``, the groups or licenses that are to be taken or given, or ``successor``; each has ``id``
                and ``name``. Empty for all other actions.
            confirm: To be called right before a request that cannot be taken back.
        """

    @classmethod
    def able(cls, config: ConfigT) -> Mapping[Action, Capability]:
        """Return what the configuration offers."""
        doubted = frozenset(cls.unverified(config))
        offered = limited(cls.capabilities, cls.offered(config))
        return {action: replace(can, verified=action not in doubted) for action, can in offered.items()}

    def is_as_wanted(self, action: Action, account: NativeState) -> bool | None:
        """Whether an account is as an action would make it; nobody knows where ``read`` does not tell."""
        own = self.capabilities.get(action)
        return None if own is not None and not own.verified else account.is_as_wanted_by(action)

    @performs(Action.SUSPEND, undo=Action.RESTORE)
    def suspend(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Have sign-in blocked."""
        return self._make_so(Action.SUSPEND, account, confirm)

    @performs(Action.RESTORE)
    def restore(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Have sign-in allowed, unless the account was suspended before the bridge came."""
        return self._make_so(Action.RESTORE, account, confirm)

    @performs(Action.REVOKE_SESSIONS, after=(Action.SUSPEND,))
    def revoke_sessions(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Have sessions ended."""
        return self._make_so(Action.REVOKE_SESSIONS, account, confirm)

    @performs(Action.RESET_CREDENTIALS)
    def reset_credentials(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Have the password replaced."""
        return self._make_so(Action.RESET_CREDENTIALS, account, confirm)

    @performs(Action.REMOVE_FROM_GROUPS, undo=Action.ADD_TO_GROUPS)
    def remove_from_groups(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Have the account taken out of the groups that are to be taken."""
        return self._with(Action.REMOVE_FROM_GROUPS, account, account.removable_groups, confirm)

    @performs(Action.ADD_TO_GROUPS)
    def add_to_groups(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Have the account put back into the groups that it was taken out of."""
        return self._with(Action.ADD_TO_GROUPS, account, account.missing_groups, confirm)

    @performs(Action.RELEASE_LICENSES, undo=Action.ASSIGN_LICENSES)
    def release_licenses(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Have the licenses taken that are to be taken."""
        return self._with(Action.RELEASE_LICENSES, account, account.removable_licenses, confirm)

    @performs(Action.ASSIGN_LICENSES)
    def assign_licenses(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Have the licenses given back that were taken."""
        return self._with(Action.ASSIGN_LICENSES, account, account.missing_licenses, confirm)

    @performs(Action.TRANSFER_OWNERSHIP)
    def transfer_ownership(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Have the successor take over."""
        if account.successor is None:
            return NeedsPerson(
                "name a successor (`successor` of the stage), or hand over what the account owns by hand"
            )
        successor = {"id": account.successor.id, "name": account.successor.name}
        return self._make_so(Action.TRANSFER_OWNERSHIP, account, confirm, successor=successor)

    @performs(Action.ARCHIVE)
    def archive(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Have the account's data archived."""
        return self._make_so(Action.ARCHIVE, account, confirm)

    @performs(Action.DELETE)
    def delete(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Have the account deleted; one that is gone already is as wanted."""
        try:
            return self._make_so(Action.DELETE, account, confirm)
        except AccountNotFoundError:
            return Done(changed=False)

    def _with(self, action: Action, account: AccountState, chosen: Sequence[Entitlement], confirm: Confirm) -> Outcome:
        if not chosen:
            return Done(changed=False)
        items = [{"id": each.id, "name": each.name} for each in chosen]
        return self._make_so(action, account, confirm, items=items)

    def _make_so(self, action: Action, account: AccountState, confirm: Confirm, **values: Any) -> Outcome:
        if self.is_as_wanted(action, account):
            return Done(changed=False)
        return self.relay(action, account, values, confirm)
