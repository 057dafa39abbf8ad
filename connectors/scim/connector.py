"""SCIM 2.0 service providers as targets: find, suspend, restore, delete."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from threading import Lock
from typing import Any

from scim2_models import ScimFilter

from connectors.scim import signing_in
from connectors.scim.client import PAGE, ScimClient
from connectors.scim.config import ScimConfig
from connectors.scim.document import (
    Document,
    is_suspended,
    matches,
    ref_of,
    value_of,
    values_at,
    version_of,
    with_active,
)
from connectors.scim.errors import STATUS_ERRORS, explain
from connectors.scim.listing import Listing
from connectors.scim.signing_in import Tokens, authorize
from scimbridge.sdk import (
    AccountPage,
    AccountRef,
    AccountState,
    Action,
    Confirm,
    Connector,
    Context,
    Done,
    Expiry,
    Outcome,
    Person,
    RejectedError,
    performs,
)
from scimbridge.sdk.expiry import expiry_of
from scimbridge.sdk.finding import find_by
from scimbridge.sdk.http import HttpClient, Limits

MAX_PAGES = 20
"""How far a search goes at a target that answers with more users than were asked for."""


class ScimConnector(Connector[ScimConfig]):
    """A SCIM 2.0 service provider (RFC 7643, RFC 7644), as the standard has it."""

    kind = "scim"
    config_type = ScimConfig

    def __init__(
        self, config: ScimConfig, context: Context, *, http: HttpClient | None = None, tokens: Tokens | None = None
    ) -> None:
        super().__init__(config, context)
        self._tokens = tokens or (Tokens(config, context) if config.token_url else None)
        self.client = ScimClient(http or http_client(config, context), authorize(self._tokens))
        self._patches: bool | None = None if config.update == "auto" else config.update == "patch"
        self._asking = Lock()
        self._listing = Listing(config, self.client)

    def close(self) -> None:
        """Close all connections."""
        self.client.close()
        if self._tokens is not None:
            self._tokens.close()

    def check(self) -> str:
        """Ask what the service can do, and then for one user: the first may be answered to anybody (RFC 7643 §5)."""
        way = "PATCH" if self._can_patch() else "PUT"
        page = self.client.list_users(count=1)
        total = len(page.users) if page.total is None else page.total
        warning = (
            "; plain HTTP, so the credentials can be read on the way"
            if self.config.base_url.startswith("http:")
            else ""
        )
        return f"a SCIM service with {total} users, updated by {way}{warning}"

    def expiries(self) -> Iterator[Expiry]:
        """Yield when the certificate ends that the bridge shows."""
        if self.config.client_certificate is not None:
            yield expiry_of("the client certificate", self.config.client_certificate)

    def find(self, person: Person) -> AccountRef | None:
        """Search by the pairs of ``match`` in order, until one of them finds somebody."""
        return find_by(self.config.match, person, lambda path, value: map(ref_of, self._search(path, value)))

    def read(self, account_id: str) -> AccountState:
        """Return the account with the attributes that ``match`` names."""
        return self._state(self.client.get_user(account_id))

    def list_accounts(self, since: str | None = None) -> Iterator[AccountPage]:
        """Yield the users of the service, or those that it says were changed since."""
        return self._listing.accounts(since)

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
        if self._can_patch():
            operation = {"op": "replace", "path": "active", "value": active}
            status = self.client.patch_user(account_id, [operation])
            return Done(changed=True, after={"method": "PATCH", "status": status})
        document = self.client.get_user(account_id)
        if is_suspended(document) is not active:
            return Done(changed=False)
        status = self.client.put_user(account_id, with_active(document, active=active), version_of(document))
        return Done(changed=True, after={"method": "PUT", "status": status})

    def _can_patch(self) -> bool:
        """Whether accounts are changed by PATCH; asked of the service once, and again after a failure."""
        with self._asking:
            if self._patches is None:
                config = self.client.service_provider_config()
                self._patches = _announces_patch(config)
            return self._patches

    def _search(self, path: str, value: str) -> Iterator[Document]:
        """Yield the users who have exactly this value, whatever the target makes of the filter."""
        scim_filter = f"{path} eq {ScimFilter.quote(value)}"
        seen = 0
        for _ in range(MAX_PAGES):
            page = self.client.list_users(scim_filter=scim_filter, start=seen + 1, count=PAGE)
            yield from (user for user in page.users if matches(user, path, value))
            seen += len(page.users)
            if page.total is None or seen >= page.total:
                return
            if not page.users:
                raise RejectedError(f"searching by {path}: the target announced more accounts than it sent")
        # More than this for one exact value: the filter is ignored, and who lies beyond is unknown.
        raise RejectedError(
            f"searching by {path}: the target sent {seen} accounts and has more; does it filter at all?"
        )

    def _state(self, document: Document) -> AccountState:
        return AccountState(
            id=ref_of(document).id,
            name=ref_of(document).name,
            suspended=is_suspended(document),
            attributes={path: values_at(document, path) for path in self.config.match.values()},
        )


def _announces_patch(config: Document | None) -> bool:
    """Whether PATCH is announced. Where a service announces nothing, it is tried: a refusal changes nothing."""
    patch = value_of(config, "patch") if config is not None else None
    supported = value_of(patch, "supported") if isinstance(patch, dict) else None
    return str(supported).lower() != "false"


def http_client(config: ScimConfig, context: Context, **replaced: Any) -> HttpClient:
    """Return the client that the configuration describes; tests replace its limits, its clock or its transport."""
    limits = Limits(
        connect=timedelta(seconds=config.connect_timeout),
        read=timedelta(seconds=config.read_timeout),
        total=timedelta(seconds=config.total_timeout),
    )
    settings: dict[str, Any] = {
        "permit": context.permit,
        "throttled": context.throttled,
        "headers": signing_in.headers(config),
        "certificate": signing_in.certificate(config),
        "limits": limits,
        "ca_file": config.ca_file,
        "allow_link_local": config.allow_link_local,
        "errors": STATUS_ERRORS,
        "explain": explain,
    }
    return HttpClient(config.base_url, **{**settings, **replaced})
