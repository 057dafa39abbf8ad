"""Any system that takes HTTP calls as a target: the configuration has the calls, this makes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.webhook.accounts import matches, ref_of, state_of
from connectors.webhook.client import WebhookClient
from connectors.webhook.config import ActionCall, WebhookConfig
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountRef,
    AccountState,
    Action,
    Capability,
    Confirm,
    Connector,
    Context,
    Done,
    Entitlement,
    NativeState,
    NeedsPerson,
    Outcome,
    Person,
    RejectedError,
    performs,
)
from scimbridge.sdk.connector import limited
from scimbridge.sdk.finding import find_by

MOST_FOUND = 50
"""More than this for one exact value: the target does not filter, and who is on its next page is unknown."""


class WebhookConnector(Connector[WebhookConfig]):
    """A system whose calls the configuration describes."""

    kind = "webhook"
    contract = 1
    config_type = WebhookConfig

    def __init__(self, config: WebhookConfig, context: Context, *, client: WebhookClient | None = None) -> None:
        super().__init__(config, context)
        self.client = client or WebhookClient(config, context)

    @classmethod
    def able(cls, config: WebhookConfig) -> Mapping[Action, Capability]:
        """Return what the configuration has a call for."""
        return limited(cls.capabilities, config.actions)

    def close(self) -> None:
        """Close all connections."""
        self.client.close()

    def check(self) -> str:
        """Make the call of ``check``, and say what cannot be verified."""
        status = self.client.check()
        unverified = sorted(self.config.unverified)
        doubt = f"; nothing tells whether {', '.join(unverified)} had an effect" if unverified else ""
        return f"answers {status}, with calls for {', '.join(sorted(self.capabilities))}{doubt}"

    def find(self, person: Person) -> AccountRef | None:
        """Search by the pairs of ``match`` in order, until one of them finds somebody."""
        sought = {pointer: scim for scim, pointer in self.config.match.items()}
        return find_by(self.config.match, person, lambda pointer, value: self._search(sought[pointer], pointer, value))

    def read(self, account_id: str) -> AccountState:
        """Return the account as ``read`` tells it; what is not told is unknown."""
        call = self.config.read
        if call is None:
            return AccountState(id=account_id, name=account_id, suspended=False)
        document = self.client.read(call, call.at, {"account": {"id": account_id}})
        state = state_of(document, self.config.account, list(self.config.match.values()))
        if state.id != account_id:
            raise RejectedError("reading an account: the target answered with something else than that account")
        return state

    def is_as_wanted(self, action: Action, account: NativeState) -> bool | None:
        """Whether an account is as an action would make it; nobody knows where no call tells."""
        return None if action in self.config.unverified else account.is_as_wanted_by(action)

    @performs(Action.SUSPEND, undo=Action.RESTORE)
    def suspend(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Make the call of ``suspend``."""
        return self._make_so(Action.SUSPEND, account, confirm)

    @performs(Action.RESTORE)
    def restore(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Make the call of ``restore``, unless the account was suspended before the bridge came."""
        return self._make_so(Action.RESTORE, account, confirm)

    @performs(Action.REVOKE_SESSIONS, after=(Action.SUSPEND,))
    def revoke_sessions(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Make the call of ``revoke_sessions``."""
        return self._make_so(Action.REVOKE_SESSIONS, account, confirm)

    @performs(Action.RESET_CREDENTIALS)
    def reset_credentials(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Make the call of ``reset_credentials``."""
        return self._make_so(Action.RESET_CREDENTIALS, account, confirm)

    @performs(Action.REMOVE_FROM_GROUPS, undo=Action.ADD_TO_GROUPS)
    def remove_from_groups(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Make the call of ``remove_from_groups`` for the groups that are to be taken."""
        return self._with(Action.REMOVE_FROM_GROUPS, account, account.removable_groups, confirm)

    @performs(Action.ADD_TO_GROUPS)
    def add_to_groups(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Make the call of ``add_to_groups`` for the groups that were taken."""
        return self._with(Action.ADD_TO_GROUPS, account, account.missing_groups, confirm)

    @performs(Action.RELEASE_LICENSES, undo=Action.ASSIGN_LICENSES)
    def release_licenses(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Make the call of ``release_licenses`` for the licenses that are to be taken."""
        return self._with(Action.RELEASE_LICENSES, account, account.removable_licenses, confirm)

    @performs(Action.ASSIGN_LICENSES)
    def assign_licenses(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Make the call of ``assign_licenses`` for the licenses that were taken."""
        return self._with(Action.ASSIGN_LICENSES, account, account.missing_licenses, confirm)

    @performs(Action.TRANSFER_OWNERSHIP)
    def transfer_ownership(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Make the call of ``transfer_ownership`` with the successor."""
        if account.successor is None:
            return NeedsPerson(
                "name a successor (`successor` of the stage), or hand over what the account owns by hand"
            )
        successor = {"id": account.successor.id, "name": account.successor.name}
        return self._make_so(Action.TRANSFER_OWNERSHIP, account, confirm, successor=successor)

    @performs(Action.ARCHIVE)
    def archive(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Make the call of ``archive``."""
        return self._make_so(Action.ARCHIVE, account, confirm)

    @performs(Action.DELETE)
    def delete(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Make the call of ``delete``; an account that is gone already is as wanted."""
        try:
            return self._make_so(Action.DELETE, account, confirm)
        except AccountNotFoundError:
            return Done(changed=False)

    def _make_so(self, action: Action, account: AccountState, confirm: Confirm, **values: Any) -> Outcome:
        if self.is_as_wanted(action, account):
            return Done(changed=False)
        status = self._call(action, account, confirm, **values)
        unverified = {"verified": False} if action in self.config.unverified else {}
        return Done(changed=True, after={"status": status, **unverified})

    def _with(self, action: Action, account: AccountState, chosen: Sequence[Entitlement], confirm: Confirm) -> Outcome:
        """Make the call for each group or license, or once for all of them."""
        if not chosen:
            return Done(changed=False)
        items = [{"id": each.id, "name": each.name} for each in chosen]
        if not self._of(action).each:
            return self._make_so(action, account, confirm, items=items)
        for item in items:
            self._call(action, account, confirm, item=item)
        return Done(changed=True, after={"calls": len(items)})

    def _call(self, action: Action, account: AccountState, confirm: Confirm, **values: Any) -> int:
        values = {"account": {"id": account.id, "name": account.name}, **values}
        return self.client.act(self._of(action), values, confirm if action.is_irreversible else None)

    def _of(self, action: Action) -> ActionCall:
        return next(call for name, call in self.config.actions.items() if name == action.value)

    def _search(self, attribute: str, pointer: str, value: str) -> Iterator[AccountRef]:
        """Yield the accounts that have exactly this value, whatever the target makes of the question."""
        found = self.client.find(attribute, value)
        if len(found) > MOST_FOUND:
            raise RejectedError(f"searching by {attribute}: the target sent {len(found)} accounts; does it filter?")
        yield from (ref_of(each, self.config.account) for each in found if matches(each, pointer, value))
