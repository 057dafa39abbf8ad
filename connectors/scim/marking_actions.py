"""The mark "To Be Deleted", in an attribute of the account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.scim.calls import ScimCalls
from connectors.scim.document import Document, value_of
from scimbridge.sdk import AccountState, Action, Confirm, Done, Outcome, performs
from scimbridge.sdk.stamp import date_in, stamp_in, stamp_of, stamped, unstamped


class MarkingActions(ScimCalls):
    """The actions that write and remove the mark."""

    @performs(Action.STAMP, undo=Action.UNSTAMP)
    def stamp(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Write the mark with its date behind what stands in the attribute."""
        return self._mark(Action.STAMP, account, lambda text: stamped(text, stamp_of(account.delete_at)))

    @performs(Action.UNSTAMP)
    def unstamp(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Take the mark off; what stands beside it stays."""
        return self._mark(Action.UNSTAMP, account, unstamped)

    def _mark(self, action: Action, account: AccountState, edit: Callable[[str], str]) -> Outcome:
        name = self.config.stamp_attribute
        if name is None or account.is_as_wanted_by(action):
            return Done(changed=False)
        # As it is by now; a text that somebody has written meanwhile stays.
        text = edit(self._text(self.client.get_user(account.id)))
        operation: dict[str, Any] = (
            {"op": "replace", "path": name, "value": text} if text else {"op": "remove", "path": name}
        )
        return self._change(account.id, [operation], lambda document: {name: edit(self._text(document)) or None})

    def _stamp_of(self, document: Document) -> dict[str, Any]:
        """Return what a state says of the mark."""
        if self.config.stamp_attribute is None:
            return {}
        text = self._text(document)
        return {"stamp": stamp_in(text), "stamped_until": date_in(text)}

    def _text(self, document: Document) -> str:
        found = value_of(document, self.config.stamp_attribute or "")
        return found if isinstance(found, str) else ""
