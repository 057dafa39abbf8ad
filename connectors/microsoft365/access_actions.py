"""What lets somebody in: sign-in, sessions, credentials, groups, roles, applications, licenses."""

from __future__ import annotations

import secrets

from connectors.microsoft365 import by_hand, permissions
from connectors.microsoft365.calls import IN_ACTIVE_DIRECTORY, GraphCalls, done, is_synchronized
from connectors.microsoft365.client import path_of
from scimbridge.sdk import AccountState, Action, Confirm, Done, NeedsPerson, Outcome, performs


class AccessActions(GraphCalls):
    """The actions of access."""

    @performs(Action.SUSPEND, undo=Action.RESTORE, needs=(permissions.READ, permissions.ENABLE))
    def suspend(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Block sign-in."""
        return self._update(Action.SUSPEND, account, {"accountEnabled": False}, "disable")

    @performs(Action.RESTORE, needs=(permissions.READ, permissions.ENABLE))
    def restore(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Let sign-in work again."""
        return self._update(Action.RESTORE, account, {"accountEnabled": True}, "enable")

    @performs(
        Action.REVOKE_SESSIONS,
        needs=(permissions.READ, permissions.REVOKE, permissions.GRANTS),
        after=(Action.SUSPEND,),
    )
    def revoke_sessions(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Revoke refresh tokens and applications' grants; after the suspension, or new ones would be given out."""
        return Done(changed=True, after=self._sessions.revoke(account.id))

    @performs(
        Action.RESET_CREDENTIALS, needs=(permissions.PASSWORD, permissions.METHODS), before=(Action.REVOKE_SESSIONS,)
    )
    def reset_credentials(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Set a password that nobody knows, and take away all other ways to sign in."""
        if is_synchronized(account):
            return NeedsPerson(IN_ACTIVE_DIRECTORY.format(what="reset the password of"))
        # Graph asks for letters of all kinds; 48 random bytes may have none of one.
        password = f"Aa1!{secrets.token_urlsafe(48)}"
        body = {"passwordProfile": {"password": password, "forceChangePasswordNextSignIn": True}}
        self._client.send("PATCH", path_of("users", account.id), call="resetting credentials", body=body)
        dropped, left = self._sessions.drop_methods(account.id)
        if left:
            return NeedsPerson(by_hand.METHODS.format(name=account.name, kinds=", ".join(left)))
        return Done(changed=True, after={"methods": dropped})

    # -- groups and licenses

    @performs(
        Action.REMOVE_FROM_GROUPS,
        undo=Action.ADD_TO_GROUPS,
        needs=(permissions.READ, permissions.MEMBERS, permissions.ROLES, permissions.APPLICATIONS),
    )
    def remove_from_groups(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Take the account out of its groups, directory roles and applications, twenty by one call."""
        if not account.removable_groups:
            return Done(changed=False)
        changed = self._memberships.leave(account.id, account.removable_groups)
        return done(changed, "take the account out of")

    @performs(Action.ADD_TO_GROUPS, needs=(permissions.READ, permissions.MEMBERS, permissions.APPLICATIONS))
    def add_to_groups(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Put the account back into its groups and applications."""
        if not account.missing_groups:
            return Done(changed=False)
        changed = self._memberships.join(account.id, account.missing_groups)
        lost = (*(f"{name} is gone" for name in changed.gone), *changed.refused)
        return Done(changed=changed.done > 0, after={"how many": changed.done}, lost=lost)

    @performs(
        Action.RELEASE_LICENSES,
        undo=Action.ASSIGN_LICENSES,
        needs=(permissions.READ, permissions.LICENSES),
        after=(Action.REMOVE_FROM_GROUPS, Action.TRANSFER_OWNERSHIP),
    )
    def release_licenses(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Give the account's own licenses back, last of all: the mailbox goes with its license."""
        released = self._licensing.release(account.id, account.removable_licenses)
        return Done(changed=released > 0, after={"how many": released})

    @performs(Action.ASSIGN_LICENSES, needs=(permissions.READ, permissions.LICENSES))
    def assign_licenses(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Give the account its licenses again, as far as there are any."""
        assigned, missing = self._licensing.assign(account.id, account.missing_licenses)
        lost = tuple(f"no license {name} is free" for name in missing)
        return Done(changed=assigned > 0, after={"how many": assigned}, lost=lost)
