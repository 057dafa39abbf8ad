"""The end of an account: its marks, its deletion, and what Microsoft keeps of it."""

from __future__ import annotations

from datetime import timedelta

from connectors.microsoft365 import by_hand, permissions
from connectors.microsoft365.calls import IN_ACTIVE_DIRECTORY, GraphCalls, is_synchronized
from connectors.microsoft365.client import path_of
from connectors.microsoft365.errors import DeniedError, RefusedError, explain, is_name_taken, really_absent
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountState,
    Action,
    Confirm,
    Done,
    NeedsPerson,
    Outcome,
    RejectedError,
    RetryableError,
    performs,
)
from scimbridge.sdk.outcome import name_taken
from scimbridge.sdk.stamp import UNMANAGED, stamp_of, stamped, unstamped

KEPT_FOR = timedelta(days=30)
"""How long Microsoft keeps a deleted account; https://learn.microsoft.com/graph/api/resources/directory."""


class LifetimeActions(GraphCalls):
    """The actions of an account's end."""

    @performs(Action.STAMP, undo=Action.UNSTAMP, needs=(permissions.READ, permissions.WRITE))
    def stamp(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Write the mark behind what stands in ``stamp_attribute``."""
        return self._write(Action.STAMP, account, lambda text: stamped(text, stamp_of(account.delete_at)))

    @performs(Action.UNSTAMP, needs=(permissions.READ, permissions.WRITE))
    def unstamp(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Take the mark off; what stands beside it stays."""
        return self._write(Action.UNSTAMP, account, unstamped)

    @performs(Action.DISCONNECT, needs=(permissions.READ, permissions.WRITE))
    def disconnect(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Write the mark by which ``find`` passes the account over."""
        return self._write(Action.DISCONNECT, account, lambda text: stamped(text, UNMANAGED))

    @performs(
        Action.DELETE,
        undo=Action.UNDELETE,
        window=KEPT_FOR,
        needs=(permissions.DELETE,),
        after=(Action.TRANSFER_OWNERSHIP,),
    )
    def delete(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Remove the account, which Microsoft keeps for 30 days."""
        if is_synchronized(account):
            return NeedsPerson(IN_ACTIVE_DIRECTORY.format(what="delete"))
        answer = self._client.send(
            "DELETE", path_of("users", account.id), call="deleting an account", expect=(404,), confirm=confirm
        )
        really_absent(answer)
        return Done(changed=answer.status != 404)

    @performs(Action.UNDELETE, needs=(permissions.READ, permissions.DELETE, permissions.ENABLE))
    def undelete(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Bring the account back, unless another one has its name, and block sign-in at once."""
        if not account.deleted:
            return Done(changed=False)
        if self._accounts.is_taken(account.name):
            return name_taken(account.name)
        path = path_of("directory", "deletedItems", account.id, "restore")
        answer = self._client.send("POST", path, call="undeleting an account", expect=(400, 409))
        if is_name_taken(answer):
            return name_taken(account.name)
        if answer.status in (400, 409):
            raise RefusedError(f"undeleting an account: {answer.status} ({explain(answer)})")
        try:
            body = {"accountEnabled": False}
            self._client.send(
                "PATCH", path_of("users", account.id), call="disabling an account that is back", body=body
            )
        except AccountNotFoundError:
            raise RetryableError("Microsoft has brought the account back, and does not show it yet") from None
        return Done(changed=True)

    @performs(Action.PURGE, needs=(permissions.READ, permissions.DELETE))
    def purge(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Remove for good what Microsoft keeps of a deleted account; a person is asked where it lets nobody else."""
        if not account.deleted:
            raise RejectedError("the account is not deleted")
        path = path_of("directory", "deletedItems", account.id)
        try:
            answer = self._client.send("DELETE", path, call="purging an account", expect=(404,), confirm=confirm)
        except DeniedError:
            if permissions.missing((permissions.DELETE,), self._client.granted()):
                raise
            return NeedsPerson(by_hand.PURGE.format(name=account.name))
        really_absent(answer)
        return Done(changed=answer.status != 404)
