"""SCIM 2.0 service providers as targets: find, suspend, restore, delete."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scim2_models import ScimFilter

from connectors.scim.belonging_actions import BelongingActions, not_configured
from connectors.scim.client import PAGE
from connectors.scim.config import ScimConfig
from connectors.scim.dialect import dialect
from connectors.scim.document import (
    Document,
    is_suspended,
    is_unmanaged,
    matches,
    ref_of,
    values_at,
)
from connectors.scim.errors import RefusedError
from connectors.scim.group_actions import GroupActions
from connectors.scim.group_states import GroupStates
from connectors.scim.listing import Listing
from connectors.scim.marking_actions import MarkingActions
from connectors.scim.paging import through
from scimbridge.sdk import (
    Abilities,
    AccountPage,
    AccountRef,
    AccountState,
    Action,
    Confirm,
    Context,
    Done,
    Expiry,
    GroupState,
    GroupSummary,
    Outcome,
    Person,
    performs,
    without,
)
from scimbridge.sdk.expiry import expiry_of
from scimbridge.sdk.finding import find_by


class ScimConnector(BelongingActions, MarkingActions, GroupActions):
    """A SCIM 2.0 service provider (RFC 7643, RFC 7644), as the standard has it."""

    kind = "scim"
    contract = 1
    config_type = ScimConfig

    def __init__(self, config: ScimConfig, context: Context, **replaced: Any) -> None:
        super().__init__(config, context, **replaced)
        self._listing = Listing(config, self.client, self.description.filters)
        self._group_states = GroupStates(config, self.client)

    def check(self) -> str:
        """Ask what the service can do, and then for one user: the first may be answered to anybody (RFC 7643 §5)."""
        way = "PATCH" if self._can_patch() else "PUT"
        page = self.client.list_users(count=1)
        total = len(page.resources) if page.total is None else page.total
        groups = ""
        if self.config.groups == "on":
            page = self.client.list_groups()
            groups = f" and {len(page.resources) if page.total is None else page.total} groups"
        what = "a SCIM service" if self.config.dialect == "standard" else self._dialect.title
        return "; ".join((f"{what} with {total} users{groups}, updated by {way}", *self._warnings()))

    def _warnings(self) -> Iterator[str]:
        """Yield what an operator should change, each as part of a sentence."""
        if self.config.base_url.startswith("http:"):
            yield "plain HTTP, so the credentials can be read on the way"
        if self.config.groups == "on" and not self.description.has_groups():
            yield "the application says that it has no groups"
        if self.config.stamp_attribute is not None:
            refusal = self.description.refusal_of(self.config.stamp_attribute)
            yield from [f"no mark can be written: {refusal}"] if refusal else []
        if self._dialect.rate_limit is not None and self.config.rate_limit is None:
            yield f'rate_limit = "{self._dialect.rate_limit}" keeps to what is allowed there'

    def expiries(self) -> Iterator[Expiry]:
        """Yield when the certificate ends that the bridge shows."""
        if self.config.client_certificate is not None:
            yield expiry_of("the client certificate", self.config.client_certificate)

    def find(self, person: Person) -> AccountRef | None:
        """Search by the pairs of ``match`` in order, until one of them finds somebody."""
        return find_by(self.config.match, person, lambda path, value: map(ref_of, self._search(path, value)))

    def read(self, account_id: str) -> AccountState:
        """Return the account with the attributes that ``match`` names and, where configured, what it is in and has."""
        return self._state(self.client.get_user(account_id))

    @classmethod
    def able(cls, config: ScimConfig) -> Abilities:
        """Return what a target can do with these settings: groups, roles and entitlements have to be asked for."""
        return without(cls.capabilities, {*not_configured(config), *dialect(config.dialect).lacks})

    def list_accounts(self, since: str | None = None) -> Iterator[AccountPage]:
        """Yield the users of the service, or those that it says were changed since."""
        return self._listing.accounts(since)

    def list_groups(self) -> Iterator[GroupSummary]:
        """Yield the groups of the service."""
        return self._group_states.all()

    def find_group(self, name: str) -> AccountRef | None:
        """Return the group of this id or name."""
        return self._group_states.find(name)

    def read_group(self, group_id: str) -> GroupState:
        """Return a group with its members, as far as the service shows them."""
        return self._group_states.read(group_id)

    @performs(Action.SUSPEND, undo=Action.RESTORE)
    def suspend(self, account: AccountState, confirm: Confirm) -> Outcome:  # noqa: ARG002  # it can be taken back
        """Set ``active`` to false; everything else stays as it is."""
        if account.is_as_wanted_by(Action.SUSPEND):
            return Done(changed=False)
        return self._set_active(account.id, active=False)

    @performs(Action.RESTORE)
    def restore(self, account: AccountState, confirm: Confirm) -> Outcome:  # noqa: ARG002  # it can be taken back
        """Set ``active`` to true, unless the account was suspended before the bridge came."""
        if account.is_as_wanted_by(Action.RESTORE):
            return Done(changed=False)
        return self._set_active(account.id, active=True)

    @performs(Action.DELETE)
    def delete(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Delete the account; what the target keeps of it is the target's business."""
        return Done(changed=self.client.delete_user(account.id, confirm))

    def _set_active(self, account_id: str, *, active: bool) -> Outcome:
        operation = self._dialect.setting(active=active)
        return self._change(
            account_id,
            [operation],
            lambda document: {"active": active} if is_suspended(document) is active else None,
        )

    def _search(self, path: str, value: str) -> Iterator[Document]:
        """Yield the users who have exactly this value, whatever the target makes of the filter."""
        asked = self._dialect.asked_as.get(path, path)
        try:
            found = list(self._users(path, f"{asked} eq {ScimFilter.quote(value)}"))
        except RefusedError:
            # It cannot be asked so. Whoever is meant is among all of them.
            found = list(self._users(path))
        marked_in = self.config.stamp_attribute
        return (user for user in found if matches(user, path, value) and not is_unmanaged(user, marked_in))

    def _users(self, path: str, scim_filter: str | None = None) -> Iterator[Document]:
        return through(
            lambda place: self.client.list_users(scim_filter=scim_filter, place=place, count=PAGE),
            f"searching by {path}",
            beginning=self.client.beginning,
            is_search=scim_filter is not None,
        )

    def _state(self, document: Document) -> AccountState:
        return AccountState(
            id=ref_of(document).id,
            name=ref_of(document).name,
            suspended=is_suspended(document),
            attributes={
                **{path: values_at(document, path) for path in self.config.match.values()},
                **self._kept(document),
            },
            groups=self._groups_of(document),
            licenses=self._licenses_of(document),
            **self._marks_of(document),
        )
