"""Accounts, as they are found and read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from connectors.microsoft365.batches import Document, Request, demand, whole
from connectors.microsoft365.belongings import Belongings
from connectors.microsoft365.client import GraphClient, path_of
from connectors.microsoft365.config import Microsoft365Config
from connectors.microsoft365.errors import really_absent
from connectors.microsoft365.licensing import Licensing
from connectors.microsoft365.mail import Mail
from connectors.microsoft365.memberships import Memberships
from connectors.microsoft365.users import MANAGER, SELECT, has_value, is_blocked, manager_of, text_of, values_of
from scimbridge.sdk import AccountNotFoundError, AccountRef, AccountState, Entitlement, Person
from scimbridge.sdk.finding import find_by
from scimbridge.sdk.http import Answer
from scimbridge.sdk.stamp import UNMANAGED, date_in, stamp_in

_USER = "#microsoft.graph.user"
"""What Graph calls a user among other objects."""


class Accounts:
    """The users of a tenant."""

    def __init__(
        self,
        config: Microsoft365Config,
        client: GraphClient,
        memberships: Memberships,
        belongings: Belongings,
        licensing: Licensing,
        mail: Mail,
    ) -> None:
        self._config = config
        self._client = client
        self._memberships = memberships
        self._belongings = belongings
        self._licensing = licensing
        self._mail = mail

    def find(self, person: Person) -> AccountRef | None:
        """Return the account by the first pair of ``match`` that finds any; marked ones are not the bridge's."""
        return find_by(self._config.match, person, self._search)

    def document(self, account_id: str) -> Document:
        """Return a user as Graph tells it.

        Raises:
            AccountNotFoundError: There is none of this id.
        """
        answer = self._client.send("GET", _request(account_id).path, call="reading an account")
        return _document(account_id, answer)

    def read(self, account_id: str) -> AccountState:
        """Return an account with all that can be told of it, by one call.

        Raises:
            AccountNotFoundError: There is none of this id.
            RetryableError: Graph tells the account, and then knows nothing of it.
        """
        user, *more = self._client.look(
            [_request(account_id)],
            self._memberships.requests(account_id),
            self._belongings.requests(account_id),
            self._mail.requests(account_id),
            call="reading an account",
        )
        document = _document(account_id, user[0])
        with whole("an account"):
            return self._state(account_id, document, *more)

    def _state(
        self,
        account_id: str,
        document: Document,
        memberships: list[Answer],
        belongings: list[Answer],
        mail: list[Answer],
    ) -> AccountState:
        mailbox, owns = self._mail.told(mail), self._belongings.told(belongings)
        text = text_of(document, self._config.stamp_attribute)
        return AccountState(
            id=account_id,
            name=str(document["userPrincipalName"]),
            suspended=is_blocked(document),
            attributes={
                **{path: values_of(document, path) for path in self._config.match.values()},
                self._config.stamp_attribute: (text,) if text else (),
                "onPremisesSyncEnabled": ("true",) if document.get("onPremisesSyncEnabled") else (),
                MANAGER: manager_of(document),
            },
            groups=self._memberships.told(account_id, memberships),
            licenses=self._licensing.of(document),
            owns=owns,
            stamp=stamp_in(text),
            stamped_until=date_in(text),
            mail_to=mailbox.goes_to if mailbox else None,
            auto_reply=mailbox.auto_reply if mailbox else None,
            unmanaged=UNMANAGED in text,
            protected=self._protection(document, owns),
        )

    def read_deleted(self, account_id: str) -> AccountState:
        """Return a deleted account that Microsoft still keeps; of such a one, little is told.

        Raises:
            AccountNotFoundError: Microsoft keeps none of this id.
        """
        path = path_of("directory", "deletedItems", account_id)
        document = self._client.send("GET", path, call="looking for a deleted account").json_object()
        if document.get("id") != account_id or document.get("@odata.type", _USER) != _USER:
            raise AccountNotFoundError("Microsoft keeps no deleted account of this id")
        # So that the name is free, Entra ID writes the id before it: https://learn.microsoft.com/graph/api/user-delete.
        name = str(document["userPrincipalName"]).removeprefix(account_id.replace("-", ""))
        told = {**document, "userPrincipalName": name}
        return AccountState(
            id=account_id,
            name=name,
            suspended=True,
            attributes={path: values_of(told, path) for path in self._config.match.values()},
            groups=(),
            licenses=(),
            protected=self._protection(told, ()),
            deleted=True,
        )

    def is_taken(self, name: str) -> bool:
        """Whether an account that is there has a user principal name."""
        answer = self._client.send("GET", path_of("users", name), call="looking for a name", expect=(404,))
        really_absent(answer)
        return answer.status != 404

    def _search(self, attribute: str, value: str) -> Iterator[AccountRef]:
        """Yield who has exactly this value, whatever Graph takes for a match."""
        quoted = value.replace("'", "''")
        params = {"$filter": f"{attribute} eq '{quoted}'", "$select": ",".join(SELECT)}
        headers = None
        if attribute == "onPremisesImmutableId":
            # https://learn.microsoft.com/graph/aad-advanced-queries
            params["$count"], headers = "true", {"ConsistencyLevel": "eventual"}
        for document in self._client.items("/users", call="searching an account", params=params, headers=headers):
            is_marked = UNMANAGED in text_of(document, self._config.stamp_attribute)
            if has_value(document, attribute, value) and not is_marked:
                yield AccountRef(str(document["id"]), str(document["userPrincipalName"]))

    def _protection(self, document: Document, owns: Iterable[Entitlement]) -> str:
        name = str(document["userPrincipalName"]).casefold()
        if name in {each.casefold() for each in self._config.protected}:
            return "named in protected"
        lonely = self._belongings.alone_with(str(document["id"]), owns)
        return f"the last owner of {', '.join(lonely)}" if lonely else ""


def _request(account_id: str) -> Request:
    names = ",".join((*SELECT, "licenseAssignmentStates"))
    return Request.get(path_of("users", account_id), select=names, expand="manager($select=id)")


def _document(account_id: str, answer: Answer) -> Document:
    document = demand(answer)
    # Users are also found by their user principal name, which may belong to somebody else by now.
    if document.get("id") != account_id:
        raise AccountNotFoundError("Microsoft has no account of this id")
    return document
