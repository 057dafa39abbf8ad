"""All accounts of a tenant, page by page, and what has changed among them since.

https://learn.microsoft.com/graph/api/user-list
https://learn.microsoft.com/graph/api/user-delta
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from connectors.microsoft365.batches import Document, Request
from connectors.microsoft365.client import GraphClient, path_of
from connectors.microsoft365.config import Microsoft365Config
from connectors.microsoft365.errors import RefusedError
from connectors.microsoft365.licensing import Licensing
from connectors.microsoft365.roles import Roles
from connectors.microsoft365.users import SELECT, is_blocked, text_of, values_of
from scimbridge.sdk import NEVER, AccountNotFoundError, AccountPage, AccountSummary, Coverage, End, Moment
from scimbridge.sdk.increments import cursor_of, values_in
from scimbridge.sdk.stamp import UNMANAGED

_TRACKED = ("createdDateTime", *SELECT)
"""What is asked of each account, and told again when it changes."""

_LICENSES = "licenseAssignmentStates"
_SIGN_INS = "signInActivity"
"""Neither is told by a list of changes: what it does not tell is unknown."""

_PAGE = "999"
_SIGN_INS_PAGE = "120"
"""As many users come at most where their sign-ins are asked for."""

_GONE = 410
"""What Graph answers where it has forgotten a token; https://learn.microsoft.com/graph/delta-query-overview."""


class Listing:
    """Lists accounts."""

    def __init__(self, config: Microsoft365Config, client: GraphClient, licensing: Licensing) -> None:
        self._config = config
        self._client = client
        self._licensing = licensing
        self._roles = Roles(client)
        self._scope = [config.api_root, config.tenant_id, _TRACKED]

    def accounts(self, since: str | None) -> Iterator[AccountPage]:
        """Yield all accounts that are not deleted or, with a cursor that Graph still knows, what has changed since."""
        privileged = self._privileged()
        link = (values_in(since, self._scope) or {}).get("link")
        changes = self._client.changes(link, call="listing changed accounts", unless={400, _GONE}) if link else None
        if changes is None:
            yield from self._all(privileged)
            return
        for page in changes:
            told = page.get("value", [])
            gone = tuple(str(each["id"]) for each in told if "@removed" in each)
            found = tuple(self._summary(each, privileged) for each in told if "@removed" not in each)
            yield AccountPage(accounts=found, gone=gone)
        yield AccountPage(end=End(coverage=Coverage.CHANGES_AND_DELETIONS, cursor=self._cursor(page)))

    def account(self, account_id: str) -> AccountSummary:
        """Return one account that is not deleted; what only the list tells of licenses and power is not told."""
        try:
            user = self._user(account_id, (*_TRACKED, _SIGN_INS))
        except RefusedError:
            # Sign-ins take a permission and a license of their own.
            user = self._user(account_id, _TRACKED)
        return self._summary(user, None)

    def _user(self, account_id: str, names: tuple[str, ...]) -> Document:
        params = {"$select": ",".join(names)}
        answer = self._client.send("GET", path_of("users", account_id), call="reading sign-ins", params=params)
        user = answer.json_object()
        # Users are also found by their user principal name, which may belong to somebody else by now.
        if user.get("id") != account_id:
            raise AccountNotFoundError("Microsoft has no account of this id")
        return user

    def _all(self, privileged: frozenset[str] | None) -> Iterator[AccountPage]:
        # Taken before the list is read: what changes meanwhile may come twice, and is never missed.
        cursor = self._latest()
        for page in self._pages():
            yield AccountPage(accounts=tuple(self._summary(each, privileged) for each in page))
        yield AccountPage(end=End(coverage=Coverage.WHOLE, cursor=cursor))

    def _latest(self) -> str | None:
        """Return the cursor of now; ``None`` where Graph tells no changes, as in tenants of customers."""
        params = {"$select": ",".join(_TRACKED), "$deltatoken": "latest"}
        try:
            answer = self._client.send("GET", "/users/delta", call="asking where changes begin", params=params)
        except RefusedError:
            return None
        return self._cursor(answer.json_object())

    def _cursor(self, page: Document) -> str | None:
        link = page.get("@odata.deltaLink")
        return cursor_of(self._scope, link=str(link)) if link else None

    def _pages(self) -> Iterator[list[Document]]:
        names = (*_TRACKED, _LICENSES)
        has_begun = False
        try:
            # Sign-ins take a permission and a license of their own.
            for page in self._asked((*names, _SIGN_INS), _SIGN_INS_PAGE):
                has_begun = True
                yield page
        except RefusedError:
            if has_begun:
                raise
            yield from self._asked(names, _PAGE)

    def _asked(self, names: tuple[str, ...], size: str) -> Iterator[list[Document]]:
        params = {"$select": ",".join(names), "$top": size}
        return self._client.pages("/users", call="listing accounts", params=params)

    def _privileged(self) -> frozenset[str] | None:
        """Return the ids of all who have a role or may activate one; ``None`` where that may not be seen."""
        try:
            return frozenset((*self._roles.holders(), *self._members_with_roles()))
        except RefusedError:
            return None

    def _members_with_roles(self) -> Iterator[str]:
        """Yield the ids of all in groups that may be given roles."""
        params = {"$filter": "isAssignableToRole eq true", "$select": "id"}
        groups = list(self._client.items("/groups", call="listing groups that give roles", params=params))
        asked = [Request.get(path_of("groups", str(each["id"]), "members"), select="id", top="999") for each in groups]
        for answer in self._client.batch(asked, call="listing the members of groups that give roles"):
            yield from (str(each["id"]) for each in self._client.listed(answer))

    def _summary(self, user: Document, privileged: frozenset[str] | None) -> AccountSummary:
        licenses = tuple(each.name for each in self._licensing.of(user)) if _LICENSES in user else None
        return AccountSummary(
            id=str(user["id"]),
            name=str(user.get("userPrincipalName") or user["id"]),
            attributes={path: values_of(user, path) for path in self._config.match.values()},
            suspended=is_blocked(user),
            signed_in_at=_signed_in_at(user),
            created_at=_time(user.get("createdDateTime")),
            unmanaged=UNMANAGED in text_of(user, self._config.stamp_attribute),
            licenses=licenses,
            privileged=None if privileged is None else str(user["id"]) in privileged,
        )


def _signed_in_at(user: Document) -> Moment:
    """Return the later one of the sign-ins by a person and by an application in their name."""
    if _SIGN_INS not in user:
        return None
    told = user[_SIGN_INS] or {}
    times = [_time(told.get(name)) for name in ("lastSignInDateTime", "lastNonInteractiveSignInDateTime")]
    return max((each for each in times if each is not None), default=NEVER)


def _time(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo else None
