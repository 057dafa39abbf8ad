"""The marks "To Be Deleted" and "Not managed", in an attribute of the account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.scim.calls import ScimCalls
from connectors.scim.document import Document, is_unmanaged, text_in
from scimbridge.sdk import AccountState, Action, Confirm, Done, Outcome, RejectedError, performs
from scimbridge.sdk.stamp import UNMANAGED, date_in, stamp_in, stamp_of, stamped, unstamped


class MarkingActions(ScimCalls):
    """The actions that write marks, and remove them."""

    @performs(Action.STAMP, undo=Action.UNSTAMP)
    def stamp(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Write the mark with its date behind what stands in the attribute."""
        return self._mark(Action.STAMP, account, lambda text: stamped(text, stamp_of(account.delete_at)))

    @performs(Action.UNSTAMP)
    def unstamp(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Take the mark off; what stands beside it stays."""
        return self._mark(Action.UNSTAMP, account, unstamped)

    @performs(Action.DISCONNECT)
    def disconnect(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Write the mark by which ``find`` passes the account over."""
        return self._mark(Action.DISCONNECT, account, lambda text: stamped(text, UNMANAGED))

    def _mark(self, action: Action, account: AccountState, edit: Callable[[str], str]) -> Outcome:
        name = self.config.stamp_attribute
        if name is None or account.is_as_wanted_by(action):
            return Done(changed=False)
        refusal = self.description.refusal_of(name)
        if refusal:
            raise RejectedError(f"writing a mark: {refusal}; choose another stamp_attribute")
        return self._anew(lambda: self._rewrite(account.id, name, edit))

    def _rewrite(self, account_id: str, name: str, edit: Callable[[str], str]) -> Outcome:
        """Change a text as it is by now; what somebody has written meanwhile stays."""
        document = self.client.get_user(account_id)
        operations = [rewriting(name, edit(text_in(document, name)))]
        return self._change(
            account_id,
            operations,
            lambda found: {name: edit(text_in(found, name)) or None},
            self._version(document),
        )

    def _marks_of(self, document: Document) -> dict[str, Any]:
        """Return what a state says of the marks."""
        name = self.config.stamp_attribute
        if name is None:
            return {}
        text = text_in(document, name)
        return {
            "stamp": stamp_in(text),
            "stamped_until": date_in(text),
            "unmanaged": is_unmanaged(document, name),
        }


def rewriting(name: str, text: str) -> dict[str, Any]:
    """Return the operation that makes this the text of an attribute."""
    return {"op": "replace", "path": name, "value": text} if text else {"op": "remove", "path": name}
