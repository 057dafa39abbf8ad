"""Any system that takes HTTP calls as a target: the configuration has the calls, this makes them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from connectors.webhook.accounts import matches, ref_of, state_of
from connectors.webhook.client import WebhookClient
from connectors.webhook.config import ActionCall, WebhookConfig
from scimbridge.sdk import (
    AccountRef,
    AccountState,
    Action,
    Confirm,
    Context,
    Done,
    Outcome,
    Person,
    RejectedError,
    RetryableError,
)
from scimbridge.sdk.finding import find_by
from scimbridge.sdk.relaying import RelayingConnector

MOST_FOUND = 50
"""More than this for one exact value: the target does not filter, and who is on its next page is unknown."""


class WebhookConnector(RelayingConnector[WebhookConfig]):
    """A system whose calls the configuration describes."""

    kind = "webhook"
    contract = 1
    config_type = WebhookConfig

    def __init__(self, config: WebhookConfig, context: Context, *, client: WebhookClient | None = None) -> None:
        super().__init__(config, context)
        self.client = client or WebhookClient(config, context)

    @classmethod
    def offered(cls, config: WebhookConfig) -> Collection[str]:
        """Return the actions that the configuration has a call for."""
        return config.actions

    @classmethod
    def unverified(cls, config: WebhookConfig) -> Collection[Action]:
        """Return the actions whose effect no call tells."""
        return config.unverified

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
            return AccountState(id=account_id, name=account_id, suspended=None)
        document = self.client.read(call, call.at, {"account": {"id": account_id}})
        state = state_of(document, self.config.account, list(self.config.match.values()))
        if state.id != account_id:
            raise RejectedError("reading an account: the target answered with something else than that account")
        return state

    def is_there(self, action: Action, native_id: str) -> bool:
        """Whether an account can be read; without ``read``, the target is taken at its word that it is gone."""
        return self.config.read is not None and super().is_there(action, native_id)

    def relay(self, action: Action, account: AccountState, values: Mapping[str, Any], confirm: Confirm) -> Outcome:
        """Make the call of an action, for each group or license, or once for all of them; and ask what came of it."""
        items = values.get("items", ())
        if items and self._of(action).each:
            for item in items:
                self._call(action, account, confirm, item=item)
            said: dict[str, Any] = {"calls": len(items)}
        else:
            said = {"status": self._call(action, account, confirm, **values)}
        self._verify(action, account, values)
        unverified = {"verified": False} if action in self.config.unverified else {}
        return Done(changed=True, after={**said, **unverified})

    def _verify(self, action: Action, account: AccountState, values: Mapping[str, Any]) -> None:
        """Ask whether an action was done, where a call tells.

        Raises:
            RetryableError: It was not, or not yet.
        """
        verify = self._of(action).verify
        asked = {"account": {"id": account.id, "name": account.name}, **values}
        if verify is not None and not self.client.is_done(verify, asked):
            raise RetryableError(f"the target answered that it did {action} the account, and it is not so (yet)")

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
