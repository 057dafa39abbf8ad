"""What all actions of Microsoft 365 work with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from connectors.microsoft365 import permissions
from connectors.microsoft365.accounts import Accounts
from connectors.microsoft365.belongings import Belongings
from connectors.microsoft365.client import GraphClient, path_of
from connectors.microsoft365.config import Microsoft365Config
from connectors.microsoft365.errors import DeniedError
from connectors.microsoft365.groups import Groups
from connectors.microsoft365.licensing import Licensing
from connectors.microsoft365.listing import Listing
from connectors.microsoft365.mail import Mail
from connectors.microsoft365.memberships import Changed, Memberships
from connectors.microsoft365.sessions import Sessions
from connectors.microsoft365.users import text_of
from scimbridge.sdk import AccountState, Action, Connector, Context, Done, NeedsPerson, Outcome

IN_ACTIVE_DIRECTORY = (
    "the account is synchronized from Active Directory, where alone it can be changed: {what} it there (or name the "
    "directory as a target of its own), wait for the next synchronization, then retry"
)
"""What a person is asked to do there."""


class GraphCalls(Connector[Microsoft365Config]):
    """The parts of a connector, and the calls that several actions make."""

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

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _by_hand(self, instructions: str) -> Outcome:
        """Have a person do something, where the bridge might do it itself: not while it only observes."""
        self.context.permit(writes=True)
        return NeedsPerson(instructions)

    def _update(self, action: Action, account: AccountState, body: Mapping[str, Any], what: str) -> Outcome:
        if self.is_as_wanted(action, account):
            return Done(changed=False)
        if is_synchronized(account):
            return NeedsPerson(IN_ACTIVE_DIRECTORY.format(what=what))
        call = f"{action.replace('_', ' ')} of an account"
        self._client.send("PATCH", path_of("users", account.id), call=call, body=body)
        return Done(changed=True)

    def _write(self, action: Action, account: AccountState, edit: Callable[[str], str]) -> Outcome:
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


def is_synchronized(account: AccountState) -> bool:
    """Whether Active Directory is where an account is changed."""
    return bool(account.attributes.get("onPremisesSyncEnabled"))


def done(changed: Changed, what: str) -> Outcome:
    """Return what came of a change of several things; a person is asked for what was refused."""
    if not changed.refused:
        return Done(changed=changed.done > 0, after={"how many": changed.done})
    return NeedsPerson(
        f"Microsoft does not let the bridge {what} everything. By hand: {'; '.join(changed.refused)}. "
        f"{changed.done} others are done"
    )
