"""What can be done in Microsoft 365, and what can be seen."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from connectors.microsoft365 import expiring, permissions
from connectors.microsoft365.access_actions import AccessActions
from connectors.microsoft365.belonging_actions import BelongingActions
from connectors.microsoft365.config import Microsoft365Config
from connectors.microsoft365.group_actions import GroupActions
from connectors.microsoft365.lifetime_actions import LifetimeActions
from scimbridge.sdk import (
    AccountPage,
    AccountRef,
    AccountState,
    AccountSummary,
    Action,
    Confirm,
    Expiry,
    NativeState,
    Outcome,
    Person,
)


class Microsoft365Connector(AccessActions, BelongingActions, LifetimeActions, GroupActions):
    """The users and groups of a tenant, by Microsoft Graph v1.0."""

    kind = "microsoft365"
    contract = 1
    config_type = Microsoft365Config

    @classmethod
    def lacks(cls, config: Microsoft365Config, actions: Collection[Action]) -> Iterator[tuple[str, str]]:
        """Say what has to be configured for some actions."""
        if Action.REDIRECT_MAIL in actions and not config.mail_settings:
            yield "mail_settings", "must be true, since a rule redirects mail; its permissions are needed, too"

    def check(self) -> str:
        """Read one account, and say which permissions there are of those that the rules need."""
        self._client.send("GET", "/users", call="listing accounts", params={"$top": "1", "$select": "id"}).json_object()
        needed = self._needed()
        lacks = permissions.missing(needed, self._client.granted(renew=True))
        granted = ", ".join(name for name in needed if name not in lacks)
        return f"Microsoft Graph, tenant {self.config.tenant_id}; granted: {granted}"

    def missing_permissions(self) -> Iterator[str]:
        """Yield the permissions that the rules need and are not in the token."""
        needed = self._needed()
        for name in permissions.missing(needed, self._client.granted()):
            yield f"the permission {name}, for {', '.join(needed[name])}"

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

    def summarize(self, account_id: str) -> AccountSummary:
        """Return one account as the list has it, but for its licenses and power."""
        return self._listing.account(account_id)

    def is_as_wanted(self, action: Action, account: NativeState) -> bool | None:
        """Whether the account is as an action would make it; the redirection can be told, too."""
        if isinstance(account, AccountState) and action is Action.REDIRECT_MAIL:
            return self._mail.is_redirected(account)
        if isinstance(account, AccountState) and action is Action.RESTORE_MAIL:
            return self._mail.is_restored(account)
        return account.is_as_wanted_by(action)

    def perform(self, action: Action, account: NativeState, confirm: Confirm) -> Outcome:
        """Do one action; a refusal names what the application lacks for it."""
        with self._naming(self.capabilities[action].needs):
            return super().perform(action, account, confirm)

    def _needed(self) -> dict[str, list[str]]:
        """Return what each permission is needed for, as far as the configuration leaves a use for it."""
        needed: dict[str, list[str]] = {}
        for action, capability in self.used.items():
            for name in capability.needs:
                if self.config.mail_settings or name not in {permissions.MAIL, permissions.MAIL_READ}:
                    needed.setdefault(name, []).append(action)
        if self.config.devices != "leave" and Action.REVOKE_SESSIONS in self.used:
            needed[permissions.DEVICES] = [Action.REVOKE_SESSIONS]
        if self.config.direct_reports != "leave" and Action.TRANSFER_OWNERSHIP in self.used:
            needed.setdefault(permissions.WRITE, []).append(Action.TRANSFER_OWNERSHIP)
        return needed
