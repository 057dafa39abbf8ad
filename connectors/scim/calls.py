"""What all actions at a SCIM target have in common: the client, and how an account is changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from connectors.scim import signing_in
from connectors.scim.belonging import Groups
from connectors.scim.client import ScimClient
from connectors.scim.config import ScimConfig
from connectors.scim.describing import Description
from connectors.scim.dialect import dialect
from connectors.scim.document import Document, version_of, writable
from connectors.scim.errors import STATUS_ERRORS, RefusedError, StaleError, explain
from connectors.scim.signing_in import Tokens, authorize
from scimbridge.sdk import Connector, Context, Done, Outcome
from scimbridge.sdk.http import HttpClient, Limits

_TRIES = 3
"""How often something is sent that follows from what was read right before it."""


class ScimCalls(Connector[ScimConfig]):
    """A SCIM service provider that can be called.

    Args:
        config: Addresses and credentials.
        context: Whose permit is asked before each call.
        http: Another client than the configuration describes, for tests.
        tokens: Other tokens, likewise.
    """

    def __init__(
        self, config: ScimConfig, context: Context, *, http: HttpClient | None = None, tokens: Tokens | None = None
    ) -> None:
        super().__init__(config, context)
        self._tokens = tokens or (Tokens(config, context) if config.token_url else None)
        self._dialect = dialect(config.dialect)
        http = http or http_client(config, context)
        spoken = self._dialect
        self.client = ScimClient(
            http, authorize(self._tokens), counts=spoken.count, by_cursor=spoken.paging == "cursor"
        )
        way = self._dialect.update if config.update == "auto" else config.update
        self._patches: bool | None = None if way == "auto" else way == "patch"
        self.description = Description(self.client)
        self._groups = Groups(self.client, self._dialect, config.privileged_groups, self.description.bulk)

    def close(self) -> None:
        """Close all connections."""
        self.client.close()
        if self._tokens is not None:
            self._tokens.close()

    def _change(
        self,
        account_id: str,
        operations: list[dict[str, Any]],
        edit: Callable[[Document], dict[str, Any] | None],
        version: str | None = None,
    ) -> Outcome:
        """Change an account by PATCH, or by PUT where the service has no other way.

        Args:
            account_id: Its id.
            operations: What a PATCH says.
            edit: Returns the attributes that a PUT sends instead of those that were read; ``None`` where nothing
                is left to do.
            version: Of the document that the operations were made from, where that matters.
        """
        if self._can_patch():
            try:
                status = self.client.patch_user(account_id, operations, version)
            except RefusedError:
                # It may have lost what it was said to be able to; what it says now decides.
                self.description.forget()
                if self._can_patch():
                    raise
            else:
                return Done(changed=True, after={"method": "PATCH", "status": status})
        return self._anew(lambda: self._put(account_id, edit))

    def _put(self, account_id: str, edit: Callable[[Document], dict[str, Any] | None]) -> Outcome:
        """Replace an account's document, as it is by now."""
        document = self.client.get_user(account_id)
        edited = edit(document)
        if edited is None:
            return Done(changed=False)
        whole = writable(document, edited, self.description.spare())
        status = self.client.put_user(account_id, whole, version_of(document))
        return Done(changed=True, after={"method": "PUT", "status": status})

    @staticmethod
    def _anew(write: Callable[[], Outcome]) -> Outcome:
        """Do what begins with a look; again where somebody else has changed what was seen (412)."""
        for _ in range(_TRIES - 1):
            try:
                return write()
            except StaleError:
                continue
        return write()

    def _version(self, document: Document) -> str | None:
        """Return the version that a PATCH names, where the service says that it minds versions."""
        return version_of(document) if self.description.versions() else None

    def _can_patch(self) -> bool:
        """Whether accounts are changed by PATCH: as configured, or as the service says."""
        return self.description.patches() if self._patches is None else self._patches


def http_client(config: ScimConfig, context: Context, **replaced: Any) -> HttpClient:
    """Return the client that the configuration describes; tests replace its limits, its clock or its transport."""
    limits = Limits(
        connect=timedelta(seconds=config.connect_timeout),
        read=timedelta(seconds=config.read_timeout),
        total=timedelta(seconds=config.total_timeout),
    )
    settings: dict[str, Any] = {
        "headers": signing_in.headers(config),
        "certificate": signing_in.certificate(config),
        "limits": limits,
        "ca_file": config.ca_file,
        "errors": STATUS_ERRORS,
        "explain": explain,
    }
    return HttpClient.for_target(config.base_url, config, context, **{**settings, **replaced})
