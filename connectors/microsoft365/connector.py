"""What can be done to an account in Microsoft 365."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from connectors.microsoft365 import by_hand, expiring, permissions
from connectors.microsoft365.accounts import Accounts
from connectors.microsoft365.belongings import Belongings
from connectors.microsoft365.client import GraphClient, path_of
from connectors.microsoft365.config import Microsoft365Config
from connectors.microsoft365.errors import DeniedError, RefusedError, explain, is_name_taken, really_absent
from connectors.microsoft365.group_actions import GroupActions
from connectors.microsoft365.groups import Groups
from connectors.microsoft365.licensing import Licensing
from connectors.microsoft365.listing import Listing
from connectors.microsoft365.mail import Mail
from connectors.microsoft365.memberships import Changed, Memberships
from connectors.microsoft365.sessions import Sessions
from connectors.microsoft365.users import MANAGER, text_of
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountPage,
    AccountRef,
    AccountState,
    Action,
    Confirm,
    Context,
    Done,
    Expiry,
    NativeState,
    NeedsPerson,
    Outcome,
    Person,
    RejectedError,
    RetryableError,
    performs,
)
from scimbridge.sdk.outcome import name_taken
from scimbridge.sdk.stamp import UNMANAGED, stamp_of, stamped, unstamped

KEPT_FOR = timedelta(days=30)
"""How long Microsoft keeps a deleted account; https://learn.microsoft.com/graph/api/resources/directory."""

_IN_ACTIVE_DIRECTORY = (
    "the account is synchronized from Active Directory, where alone it can be changed: {what} it there (or name the "
    "directory as a target of its own), wait for the next synchronization, then retry"
)


class Microsoft365Connector(GroupActions):
    """The users and groups of a tenant, by Microsoft Graph v1.0."""

    kind = "microsoft365"
    config_type = Microsoft365Config

    def __init__(self, config: Microsoft365Config, context: Context, *, client: GraphClient | None = None) -> None:
        super().__init__(config, context)
        self._client = client or GraphClient(config, context)
        self._memberships = Memberships(self._client)
        self._belongings = Belongings(config, self._client)
        self._licensing = Licensing(self._client)
        self._groups = Groups(self._client, self._licensing)
        self._mail = Mail(config, self._client)
        self._sessions = Sessions(config, self._client)
        self._listing = Listing(config, self._client, self._licensing)
        self._accounts = Accounts(
            config, self._client, self._memberships, self._belongings, self._licensing, self._mail
        )

    @classmethod
    def lacks(cls, config: Microsoft365Config, actions: Collection[Action]) -> Iterator[tuple[str, str]]:
        """Say what has to be configured for some actions."""
        if Action.REDIRECT_MAIL in actions and not config.mail_settings:
            yield "mail_settings", "must be true, since a rule redirects mail; its permissions are needed, too"

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def check(self) -> str:
        """Read one account, and compare the permissions in the token with those that the actions need."""
        self._client.send("GET", "/users", call="listing accounts", params={"$top": "1", "$select": "id"}).json_object()
        needed = self._needed()
        lacks = permissions.missing(needed, self._client.granted(renew=True))
        missing = [f"{name} ({', '.join(needed[name])})" for name in lacks]
        told = f"these permissions are not granted: {', '.join(missing)}" if missing else "all permissions are granted"
        return f"Microsoft Graph, tenant {self.config.tenant_id}; {told}"

    def expiries(self) -> Iterator[Expiry]:
        """Yield when the application's secret or certificate ends."""
        return expiring.expiries(self.config, self._client)

    def find(self, person: Person) -> AccountRef | None:
        """Return the account by the first pair of ``match`` that finds any."""
        with self._naming((permissions.READ,)):
            return self._accounts.find(person)

    def read(self, account_id: str) -> AccountState:
        """Return the account with groups, roles, its own licenses, what it owns and, where allowed, its redirection."""
        mail = (permissions.MAIL_READ,) if self.config.mail_settings else ()
        with self._naming((permissions.READ, *mail)):
            return self._accounts.read(account_id)

    def read_deleted(self, account_id: str) -> AccountState:
        """Return a deleted account that Microsoft still keeps."""
        with self._naming((permissions.READ,)):
            return self._accounts.read_deleted(account_id)

    def list_accounts(self, since: str | None = None) -> Iterator[AccountPage]:
        """Yield all accounts, or what has changed since, deletions among it."""
        return self._listing.accounts(since)

    def is_as_wanted(self, action: Action, account: NativeState) -> bool | None:
        """Whether the account is as an action would make it; the redirection can be told, too."""
        if isinstance(account, AccountState) and action is Action.REDIRECT_MAIL:
            return self._mail.is_redirected(account)
        return account.is_as_wanted_by(action)

    def perform(self, action: Action, account: NativeState, confirm: Confirm) -> Outcome:
        """Do one action; a refusal names what the application lacks for it."""
        with self._naming(self.capabilities[action].needs):
            return super().perform(action, account, confirm)

    # -- access

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
        if _is_synchronized(account):
            return NeedsPerson(_IN_ACTIVE_DIRECTORY.format(what="reset the password of"))
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
        return _done(changed, "take the account out of")

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

    # -- belongings and mail

    @performs(
        Action.TRANSFER_OWNERSHIP,
        needs=(permissions.READ, permissions.OWNERS, permissions.OWNED_APPLICATIONS),
        before=(Action.RELEASE_LICENSES, Action.DELETE),
    )
    def transfer_ownership(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Make the successor the owner of groups and applications and, where configured, the manager of reports."""
        if not account.owns:
            return Done(changed=False)
        if account.successor is None:
            return NeedsPerson(
                "name a successor (`successor` of the stage), or hand over what the account owns by hand"
            )
        self._client.send("GET", path_of("users", account.successor.id), call="looking for the successor")
        changed = self._belongings.hand_over(account.id, account.successor, account.owns, confirm)
        return _done(changed, "hand over")

    @performs(
        Action.REDIRECT_MAIL,
        undo=Action.RESTORE_MAIL,
        needs=(permissions.MAIL_READ, permissions.MAIL),
        before=(Action.RELEASE_LICENSES,),
    )
    def redirect_mail(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Redirect mail to the successor by a rule of the mailbox, and tell senders where that is configured."""
        if self.is_as_wanted(Action.REDIRECT_MAIL, account):
            return Done(changed=False)
        if account.successor is None:
            return NeedsPerson("name a successor (`successor` of the stage) who gets the mail")
        if not self._mail.redirect(account, account.successor):
            return NeedsPerson("there is no mailbox that Graph can see; redirect the mail in the Exchange admin center")
        return Done(changed=True)

    @performs(Action.RESTORE_MAIL, needs=(permissions.MAIL_READ, permissions.MAIL))
    def restore_mail(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Take the bridge's rule away, others were never touched; and bring back the reply from before."""
        if account.original is None or self.is_as_wanted(Action.RESTORE_MAIL, account):
            return Done(changed=False)
        if not self._mail.restore(account, account.original):
            return Done(changed=False, lost=("there is no mailbox any more that Graph can see",))
        return Done(changed=True)

    @performs(Action.ARCHIVE, before=(Action.RELEASE_LICENSES, Action.DELETE))
    def archive(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Have a person keep the mailbox and the files: Graph can do nothing of the kind."""
        confirm()
        return self._by_hand(by_hand.ARCHIVE.format(name=account.name))

    @performs(
        Action.HIDE_FROM_DIRECTORY,
        undo=Action.SHOW_IN_DIRECTORY,
        needs=(permissions.READ, permissions.WRITE),
        # Where the tenant is the source, too, whoever gets these is known by the manager.
        after=(Action.TRANSFER_OWNERSHIP, Action.REDIRECT_MAIL),
    )
    def hide_from_directory(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Take the account off its manager, and so out of the organization chart; address lists are for a person."""
        if _is_synchronized(account):
            return NeedsPerson(_IN_ACTIVE_DIRECTORY.format(what=by_hand.HIDE_SYNCHRONIZED))
        if account.attributes.get(MANAGER):
            path = path_of("users", account.id, "manager", "$ref")
            answer = self._client.send("DELETE", path, call="taking the manager off", expect=(404,))
            really_absent(answer)
        return self._by_hand(by_hand.HIDE.format(name=account.name, hidden="true"))

    @performs(Action.SHOW_IN_DIRECTORY, needs=(permissions.READ, permissions.WRITE))
    def show_in_directory(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Give the account its manager back; address lists are for a person."""
        if _is_synchronized(account):
            return NeedsPerson(_IN_ACTIVE_DIRECTORY.format(what=by_hand.SHOW_SYNCHRONIZED))
        manager = account.original.attributes.get(MANAGER) if account.original else None
        lost = ""
        if manager and not account.attributes.get(MANAGER):
            path, body = path_of("users", account.id, "manager", "$ref"), self._client.reference(manager[0])
            answer = self._client.send("PUT", path, call="giving the manager back", body=body, expect=(404,))
            really_absent(answer)
            lost = "; the manager is gone: name another one" if answer.status == 404 else ""
        return self._by_hand(by_hand.SHOW.format(name=account.name, hidden="false") + lost)

    # -- the account itself

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
        if _is_synchronized(account):
            return NeedsPerson(_IN_ACTIVE_DIRECTORY.format(what="delete"))
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

    # -- calls

    def _by_hand(self, instructions: str) -> Outcome:
        """Have a person do something, where the bridge might do it itself: not while it only observes."""
        self.context.permit(writes=True)
        return NeedsPerson(instructions)

    def _update(self, action: Action, account: AccountState, body: Mapping[str, Any], what: str) -> Outcome:
        if self.is_as_wanted(action, account):
            return Done(changed=False)
        if _is_synchronized(account):
            return NeedsPerson(_IN_ACTIVE_DIRECTORY.format(what=what))
        call = f"{action.replace('_', ' ')} of an account"
        self._client.send("PATCH", path_of("users", account.id), call=call, body=body)
        return Done(changed=True)

    def _write(self, action: Action, account: AccountState, edit: Any) -> Outcome:
        """Change the text in ``stamp_attribute``, as it is by now."""
        if self.is_as_wanted(action, account):
            return Done(changed=False)
        attribute = self.config.stamp_attribute
        text = edit(text_of(self._accounts.document(account.id), attribute))
        return self._update(action, account, {"onPremisesExtensionAttributes": {attribute: text or None}}, "mark")

    @contextmanager
    def _naming(self, needs: Iterable[str]) -> Iterator[None]:
        """Name the permissions that are missing where Graph, which does not, refuses something."""
        try:
            yield
        except DeniedError as error:
            missing = permissions.missing(needs, self._client.granted())
            if not missing:
                raise
            raise DeniedError(f"{error}; not granted: {', '.join(missing)}") from error

    def _needed(self) -> dict[str, list[str]]:
        """Return what each permission is needed for, as far as the configuration leaves a use for it."""
        needed: dict[str, list[str]] = {}
        for action, capability in self.used.items():
            for name in capability.needs:
                if self.config.mail_settings or name not in {permissions.MAIL, permissions.MAIL_READ}:
                    needed.setdefault(name, []).append(action)
        if self.config.devices != "leave":
            needed[permissions.DEVICES] = [Action.REVOKE_SESSIONS]
        if self.config.direct_reports != "leave":
            needed[permissions.WRITE].append(Action.TRANSFER_OWNERSHIP)
        return needed


def _is_synchronized(account: AccountState) -> bool:
    return bool(account.attributes.get("onPremisesSyncEnabled"))


def _done(changed: Changed, what: str) -> Outcome:
    if not changed.refused:
        return Done(changed=changed.done > 0, after={"how many": changed.done})
    return NeedsPerson(
        f"Microsoft does not let the bridge {what} everything. By hand: {'; '.join(changed.refused)}. "
        f"{changed.done} others are done"
    )
