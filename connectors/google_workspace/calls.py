"""What all actions have in common: the parts that call Google, and how an account is changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.google_workspace import scopes
from connectors.google_workspace.accounts import Accounts
from connectors.google_workspace.aliases import Aliases
from connectors.google_workspace.client import GoogleClient, user_path
from connectors.google_workspace.config import GoogleWorkspaceConfig
from connectors.google_workspace.groups import Groups
from connectors.google_workspace.licensing import Licensing
from connectors.google_workspace.listing import Listing
from connectors.google_workspace.mail import Mail
from connectors.google_workspace.memberships import Memberships
from connectors.google_workspace.roles import Roles
from connectors.google_workspace.sessions import Sessions
from connectors.google_workspace.transfers import Transfers
from scimbridge.sdk import AccountState, Action, Confirm, Connector, Context, Done, Outcome


class GoogleCalls(Connector[GoogleWorkspaceConfig]):
    """The parts that a connector at Google is made of."""

    def __init__(self, config: GoogleWorkspaceConfig, context: Context, *, client: GoogleClient | None = None) -> None:
        super().__init__(config, context)
        self._client = client or GoogleClient(config, context)
        roles = Roles(config, self._client)
        self._memberships = Memberships(self._client, roles)
        self._groups = Groups(config, self._client, roles)
        self._licensing = Licensing(config, self._client)
        self._mail = Mail(config, self._client)
        self._aliases = Aliases(self._client)
        self._sessions = Sessions(config, self._client)
        self._transfers = Transfers(config, self._client)
        self._listing = Listing(config, self._client, self._licensing)
        self._accounts = Accounts(config, self._client, self._memberships, self._licensing, self._mail)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _update(
        self, action: Action, account: AccountState, body: Mapping[str, Any], confirm: Confirm | None = None
    ) -> Outcome:
        if self.is_as_wanted(action, account):
            return Done(changed=False)
        self._put(account, body, call=f"{action.replace('_', ' ')} of an account", confirm=confirm)
        return Done(changed=True)

    def _put(
        self, account: AccountState, body: Mapping[str, Any], *, call: str, confirm: Confirm | None = None
    ) -> None:
        """Change some fields; Google's PUT leaves the others alone."""
        self._client.send("PUT", user_path(account.id), call=call, scope=scopes.USER, body=body, confirm=confirm)
