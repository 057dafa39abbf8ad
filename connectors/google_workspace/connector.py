"""What can be done to accounts and groups in Google Workspace."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import timedelta

from connectors.google_workspace import expiring, scopes
from connectors.google_workspace.checkup import Checkup
from connectors.google_workspace.client import user_path
from connectors.google_workspace.config import GoogleWorkspaceConfig
from connectors.google_workspace.group_actions import GroupActions
from connectors.google_workspace.mail_actions import OF_MAIL, MailActions
from connectors.google_workspace.memberships import Changed
from connectors.google_workspace.notes import notes_of, text_of
from connectors.google_workspace.units import Units
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountPage,
    AccountRef,
    AccountState,
    AccountSummary,
    Action,
    Confirm,
    Done,
    Expiry,
    GroupState,
    InProgress,
    NativeState,
    NeedsPerson,
    Outcome,
    Person,
    RetryableError,
    performs,
)
from scimbridge.sdk.outcome import name_taken
from scimbridge.sdk.stamp import UNMANAGED, stamp_of, stamped, unstamped

KEPT_FOR = timedelta(days=20)
"""How long Google keeps a deleted account; https://support.google.com/a/answer/1397578."""

ASK_AGAIN = timedelta(minutes=5)
"""A transfer takes minutes to hours."""


class GoogleWorkspaceConnector(MailActions, GroupActions):
    """The accounts and groups of a Google Workspace customer, by Google's own APIs."""

    kind = "google-workspace"
    contract = 1
    config_type = GoogleWorkspaceConfig

    @classmethod
    def lacks(cls, config: GoogleWorkspaceConfig, actions: Collection[Action]) -> Iterator[tuple[str, str]]:
        """Say what has to be configured for some actions."""
        if Action.MOVE in actions and not config.disabled_ou:
            yield "disabled_ou", 'is missing, and a rule moves accounts there; e.g. disabled_ou = "/Leavers"'
        if Action.RELEASE_LICENSES in actions and not config.licenses:
            yield "licenses", 'is empty, and a rule releases licenses; e.g. licenses = ["Google-Apps/1010020020"]'
        if Action.REDIRECT_MAIL in actions and not config.mail_settings:
            yield "mail_settings", "must be true, since a rule redirects mail; Gmail's scopes are needed, too"
        if Action.DISABLE_GROUP in actions and not config.group_settings:
            yield "group_settings", "must be true, since a rule disables groups; its scope is needed, too"
        if Action.TRANSFER_OWNERSHIP in actions and not config.transfer:
            yield "transfer", 'is empty, and a rule hands over what is owned; e.g. transfer = ["drive", "calendar"]'

    def check(self) -> str:
        """Look for an account and for ``disabled_ou``, and ask for a token of each scope that the rules need."""
        return Checkup(self.config, self._client, self.used).run()

    def missing_permissions(self) -> Iterator[str]:
        """Yield the scopes that the rules need and the delegation lacks."""
        return Checkup(self.config, self._client, self.used).missing()

    def expiries(self) -> Iterator[Expiry]:
        """Yield when the key of the service account ends."""
        return expiring.expiries(self.config, self._client)

    def find(self, person: Person) -> AccountRef | None:
        """Return the account by the first pair of ``match`` that finds any."""
        return self._accounts.find(person)

    def read(self, account_id: str) -> AccountState:
        """Return the account with groups, roles, the configured licenses and, where allowed, what its mail does."""
        return self._accounts.read(account_id)

    def read_deleted(self, account_id: str) -> AccountState:
        """Return a deleted account that Google still keeps; it reads all of them."""
        return self._accounts.read_deleted(account_id)

    def list_accounts(self, since: str | None = None) -> Iterator[AccountPage]:
        """Yield all accounts; Google does not tell what has changed since."""
        del since
        return self._listing.accounts()

    def summarize(self, account_id: str) -> AccountSummary:
        """Return one account as the list has it, but for its licenses."""
        return self._listing.summary(self._accounts.document(account_id))

    def read_for(self, action: Action, native_id: str) -> NativeState:
        """Return the account or group; what Gmail tells, only where the action is about it."""
        if action.is_of_groups:
            return self._groups.read(native_id)
        if action.is_of_deleted:
            return super().read_for(action, native_id)
        return self._accounts.read(native_id, with_mail=action in OF_MAIL)

    def read_first(self, action: Action, native_id: str) -> NativeState:
        """Return it with the role and the delivery of each membership, which cost a call each."""
        if action.is_of_groups:
            return self._groups.read(native_id, with_delivery=True)
        state = self._accounts.read(native_id)
        settings = self._memberships.settings(native_id, state.groups or ())
        return replace(state, attributes={**state.attributes, **settings})

    def is_as_wanted(self, action: Action, account: NativeState) -> bool | None:
        """Whether it is as an action would make it; container, mail and settings can be told, too."""
        match action:
            case Action.MOVE:
                return account.container == self.config.disabled_ou
            case Action.REDIRECT_MAIL if isinstance(account, AccountState):
                return self.has_redirected(account)
            case Action.ENABLE_GROUP if isinstance(account, GroupState):
                return self.is_enabled(account)
            case _:
                return account.is_as_wanted_by(action)

    # -- access

    @performs(Action.SUSPEND, undo=Action.RESTORE, needs=(scopes.USER,))
    def suspend(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Block sign-in; Google then ends all sessions."""
        return self._update(Action.SUSPEND, account, {"suspended": True})

    @performs(Action.RESTORE, needs=(scopes.USER,))
    def restore(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Let sign-in work again."""
        if account.archived:
            return NeedsPerson("the account is archived: take it out of the archive in the Admin console first")
        return self._update(Action.RESTORE, account, {"suspended": False})

    @performs(Action.REVOKE_SESSIONS, needs=(scopes.SECURITY,), before=(Action.SUSPEND,))
    def revoke_sessions(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Drop app passwords and the tokens of applications, and sign out everywhere."""
        return Done(changed=True, after=self._sessions.revoke(account.id, account.name))

    @performs(Action.RESET_CREDENTIALS, needs=(scopes.USER, scopes.SECURITY), before=(Action.SUSPEND,))
    def reset_credentials(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Set a password that nobody knows, and take away app passwords, backup codes and ways to recover it."""
        body = {"password": secrets.token_urlsafe(48), "recoveryEmail": "", "recoveryPhone": ""}
        self._put(account, body, call="resetting credentials")
        dropped = self._sessions.drop_app_passwords(account.id)
        if not account.suspended:
            self._sessions.drop_backup_codes(account.id)
        return Done(changed=True, after={"app passwords": dropped})

    # -- groups and licenses

    @performs(Action.REMOVE_FROM_GROUPS, undo=Action.ADD_TO_GROUPS, needs=(scopes.GROUP, scopes.ROLES))
    def remove_from_groups(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Take the account out of its groups and administrators' roles, one call each."""
        changed = self._memberships.leave(account.id, account.removable_groups)
        if changed.refused:
            return NeedsPerson(_refused(changed, "take the account out of"))
        return Done(changed=changed.done > 0, after={"how many": changed.done})

    @performs(Action.ADD_TO_GROUPS, needs=(scopes.GROUP,))
    def add_to_groups(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Put the account back into its groups, with the role and the delivery that it had there."""
        before = account.original.attributes if account.original else {}
        changed = self._memberships.join(account.id, account.missing_groups, before)
        lost = (
            *(f"the group {name} is gone" for name in changed.gone),
            *(f"Google does not let it into the group {name}" for name in changed.refused),
        )
        return Done(changed=changed.done > 0, after={"how many": changed.done}, lost=lost)

    @performs(
        Action.RELEASE_LICENSES,
        undo=Action.ASSIGN_LICENSES,
        needs=(scopes.LICENSING,),
        after=(Action.TRANSFER_OWNERSHIP,),
    )
    def release_licenses(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Give the configured licenses back, one call each; after a transfer, which needs them."""
        released = self._licensing.release(account.name, account.removable_licenses)
        return Done(changed=released > 0, after={"how many": released})

    @performs(Action.ASSIGN_LICENSES, needs=(scopes.LICENSING,))
    def assign_licenses(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Give the account its licenses again, as far as there are any."""
        assigned, missing = self._licensing.assign(account.name, account.missing_licenses)
        lost = tuple(f"no license {name} is free" for name in missing)
        return Done(changed=assigned > 0, after={"how many": assigned}, lost=lost)

    # -- belongings, directory

    @performs(Action.TRANSFER_OWNERSHIP, needs=(scopes.TRANSFER,), before=(Action.RELEASE_LICENSES, Action.DELETE))
    def transfer_ownership(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Hand over what ``transfer`` names; a transfer to the same person that goes on already is waited for."""
        if account.handle is not None:
            return self._await(account.handle)
        if account.successor is None:
            return NeedsPerson(
                "name a successor (`successor` of the stage), or hand over what the account owns by hand"
            )
        handle = self._transfers.under_way(account.id, account.successor.id)
        return self._await(handle or self._transfers.begin(account.id, account.successor.id, confirm))

    @performs(Action.HIDE_FROM_DIRECTORY, undo=Action.SHOW_IN_DIRECTORY, needs=(scopes.USER,))
    def hide_from_directory(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Take the account out of the global address list."""
        return self._update(Action.HIDE_FROM_DIRECTORY, account, {"includeInGlobalAddressList": False})

    @performs(Action.SHOW_IN_DIRECTORY, needs=(scopes.USER,))
    def show_in_directory(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Show the account in the global address list again."""
        return self._update(Action.SHOW_IN_DIRECTORY, account, {"includeInGlobalAddressList": True})

    # -- the account itself

    @performs(Action.STAMP, undo=Action.UNSTAMP, needs=(scopes.USER,))
    def stamp(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Write the mark behind the notes."""
        text = text_of(self._accounts.document(account.id))
        return self._update(Action.STAMP, account, notes_of(stamped(text, stamp_of(account.delete_at))))

    @performs(Action.UNSTAMP, needs=(scopes.USER,))
    def unstamp(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Take the mark off the notes; the rest of them stays."""
        text = text_of(self._accounts.document(account.id))
        return self._update(Action.UNSTAMP, account, notes_of(unstamped(text)))

    @performs(Action.MOVE, undo=Action.MOVE_BACK, needs=(scopes.USER, scopes.ORG_UNIT))
    def move(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Move the account to ``disabled_ou``."""
        return self._update(Action.MOVE, account, {"orgUnitPath": self.config.disabled_ou})

    @performs(Action.MOVE_BACK, needs=(scopes.USER, scopes.ORG_UNIT))
    def move_back(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Move the account to where it was, unless that is gone."""
        if account.is_as_wanted_by(Action.MOVE_BACK) or account.original is None:
            return Done(changed=False)
        before = account.original.container or "/"
        if not Units(self.config, self._client).exists(before):
            lost = f"the organizational unit {before} is gone; the account is in {account.container}"
            return Done(changed=False, lost=(lost,))
        return self._update(Action.MOVE_BACK, account, {"orgUnitPath": before})

    @performs(Action.ARCHIVE, needs=(scopes.USER,), after=(Action.TRANSFER_OWNERSHIP,))
    def archive(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Make it an archived user, whose data Vault keeps; that takes a license for archived users."""
        return self._update(Action.ARCHIVE, account, {"archived": True}, confirm)

    @performs(Action.DISCONNECT, needs=(scopes.USER,))
    def disconnect(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Write the mark by which ``find`` passes the account over."""
        text = text_of(self._accounts.document(account.id))
        return self._update(Action.DISCONNECT, account, notes_of(stamped(text, UNMANAGED)))

    @performs(Action.DELETE, undo=Action.UNDELETE, window=KEPT_FOR, needs=(scopes.USER,))
    def delete(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Remove the account, which Google keeps for 20 days."""
        path, call = user_path(account.id), "deleting an account"
        return Done(changed=self._client.remove(path, call=call, scope=scopes.USER, confirm=confirm))

    @performs(Action.UNDELETE, needs=(scopes.USER, scopes.ORG_UNIT))
    def undelete(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Bring the account back to where it was, unless another one has its address, and block sign-in at once."""
        if not account.deleted:
            return Done(changed=False)
        if self._accounts.is_taken(account.name):
            return name_taken(account.name)
        before = account.container or "/"
        unit = before if Units(self.config, self._client).exists(before) else "/"
        path = user_path(account.id, "undelete")
        answer = self._client.send(
            "POST", path, call="undeleting an account", scope=scopes.USER, body={"orgUnitPath": unit}, expect=(409,)
        )
        if answer.status == 409:
            return name_taken(account.name)
        try:
            self._put(account, {"suspended": True}, call="suspending an account that is back")
        except AccountNotFoundError:
            raise RetryableError("Google has brought the account back, and does not show it yet") from None
        lost = () if unit == before else (f"the organizational unit {before} is gone; the account is in {unit}",)
        return Done(changed=True, lost=lost)

    # -- calls

    def _await(self, handle: str) -> Outcome:
        match self._transfers.state(handle):
            case "completed":
                return Done(changed=True, after={"transfer": handle})
            case "failed" | "gone":
                return NeedsPerson(
                    "Google could not hand over everything. Look at the transfer in the Admin console "
                    "(Account > Data migration), hand over the rest by hand, then mark this as done"
                )
            case _:
                return InProgress(handle=handle, check_after=ASK_AGAIN)


def _refused(changed: Changed, what: str) -> str:
    names = ", ".join(changed.refused)
    return (
        f"Google does not let the bridge {what} {names}: dynamic groups follow their query, and some may be changed by "
        f"others only. {what.capitalize()} them by hand; {changed.done} others are done"
    )
