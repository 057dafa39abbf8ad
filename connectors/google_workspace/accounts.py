"""Accounts, as they are found and read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from connectors.google_workspace import scopes
from connectors.google_workspace.client import Document, GoogleClient, quoted, user_path
from connectors.google_workspace.config import GoogleWorkspaceConfig
from connectors.google_workspace.licensing import Licensing
from connectors.google_workspace.mail import Mail, Mailbox
from connectors.google_workspace.memberships import Memberships
from connectors.google_workspace.notes import text_of
from connectors.google_workspace.users import has_value, is_blocked, values_of
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountRef,
    AccountState,
    Entitlement,
    Person,
)
from scimbridge.sdk.finding import find_by
from scimbridge.sdk.stamp import UNMANAGED, date_in, stamp_in

FIXED = "nonEditableAliases"
"""Where a state keeps the addresses that nobody can take: those of domain aliases, and Google's own."""

_SEARCHED = {"primaryEmail": "email", "email": "email", "externalIds.value": "externalId"}
"""What the words of ``match`` are called in a search."""


class Accounts:
    """The users of a customer."""

    def __init__(
        self,
        config: GoogleWorkspaceConfig,
        client: GoogleClient,
        memberships: Memberships,
        licensing: Licensing,
        mail: Mail,
    ) -> None:
        self._config = config
        self._client = client
        self._memberships = memberships
        self._licensing = licensing
        self._mail = mail

    def find(self, person: Person) -> AccountRef | None:
        """Return the account by the first pair of ``match`` that finds any; marked ones are not the bridge's."""
        return find_by(self._config.match, person, self._search)

    def document(self, account_id: str) -> Document:
        """Return a user as Google tells it.

        Raises:
            AccountNotFoundError: There is none of this id.
        """
        answer = self._client.send(
            "GET", user_path(account_id), call="reading an account", scope=scopes.USER, params={"projection": "full"}
        )
        document = answer.json_object()
        # Users are also found by an address, which may belong to somebody else by now.
        if document.get("id") != account_id:
            raise AccountNotFoundError("Google has no account of this id")
        return document

    def read(self, account_id: str, *, with_mail: bool = True) -> AccountState:
        """Return an account with all that can be told of it; ``with_mail`` asks Gmail, too."""
        document = self.document(account_id)
        email, blocked = str(document["primaryEmail"]), is_blocked(document)
        mailbox = self._mail.read(email) if with_mail and not document["suspended"] else Mailbox()
        return replace(
            self._state(document, mailbox),
            suspended=blocked,
            groups=self._memberships.of(document),
            licenses=self._licensing.of(email),
        )

    def read_deleted(self, account_id: str) -> AccountState:
        """Return a deleted account that Google still keeps. There is no way to ask for one of them alone.

        Raises:
            AccountNotFoundError: Google keeps none of this id.
        """
        params = {"customer": self._config.customer, "showDeleted": "true", "projection": "full", "maxResults": "500"}
        for document in self._client.items(
            user_path(), "users", call="looking among deleted accounts", scope=scopes.USER, params=params
        ):
            if document.get("id") == account_id:
                return replace(self._state(document, Mailbox()), deleted=True)
        raise AccountNotFoundError("Google keeps no deleted account of this id")

    def is_taken(self, email: str) -> bool:
        """Whether an account that is there has an address."""
        return self._client.look(user_path(email), call="looking for an address", scope=scopes.USER) is not None

    def _state(self, document: Document, mailbox: Mailbox) -> AccountState:
        """Return what a user's document tells: nothing of groups and licenses, and not who can sign in."""
        text = text_of(document)
        return AccountState(
            id=str(document["id"]),
            name=str(document["primaryEmail"]),
            suspended=True,
            attributes={
                **{path: values_of(document, path) for path in self._config.match.values()},
                "notes": (text,) if text else (),
                FIXED: tuple(map(str, document.get(FIXED, ()))),
            },
            groups=(),
            licenses=(),
            container=document.get("orgUnitPath"),
            stamp=stamp_in(text),
            stamped_until=date_in(text),
            hidden=document.get("includeInGlobalAddressList") is False,
            mail_to=mailbox.forwards_to,
            auto_reply=mailbox.auto_reply,
            delegates=mailbox.delegates,
            aliases=tuple(Entitlement(str(each).casefold(), str(each)) for each in document.get("aliases", ())),
            archived=bool(document.get("archived")),
            unmanaged=UNMANAGED in text,
            protected=self._protection(document),
        )

    def _search(self, attribute: str, value: str) -> Iterator[AccountRef]:
        """Yield who has exactly this value, whatever Google takes for a match."""
        params = {
            "customer": self._config.customer,
            "query": f"{_SEARCHED[attribute]}={quoted(value)}",
            "projection": "full",
        }
        for document in self._client.items(
            user_path(), "users", call="searching an account", scope=scopes.USER, params=params
        ):
            if has_value(document, attribute, value) and UNMANAGED not in text_of(document):
                yield AccountRef(str(document["id"]), str(document["primaryEmail"]))

    def _protection(self, document: Document) -> str:
        email = str(document["primaryEmail"]).casefold()
        if email == self._config.subject.casefold():
            return "the administrator that the bridge acts for (subject)"
        if email in {each.casefold() for each in self._config.protected}:
            return "named in protected"
        return "a super administrator" if document.get("isAdmin") else ""
