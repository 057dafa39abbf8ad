"""All accounts of a tenant, page by page, with their last sign-in where the application may see it.

https://learn.microsoft.com/graph/api/user-list
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from connectors.microsoft365.batches import Document
from connectors.microsoft365.client import GraphClient
from connectors.microsoft365.config import Microsoft365Config
from connectors.microsoft365.errors import RefusedError
from connectors.microsoft365.users import SELECT, is_blocked, text_of, values_of
from scimbridge.sdk import NEVER, AccountPage, AccountSummary, Coverage, End, Moment
from scimbridge.sdk.stamp import UNMANAGED

_PAGE = "999"
_SIGN_INS = "signInActivity"
_SIGN_INS_PAGE = "120"
"""As many users come at most where their sign-ins are asked for."""


class Listing:
    """Lists accounts."""

    def __init__(self, config: Microsoft365Config, client: GraphClient) -> None:
        self._config = config
        self._client = client

    def accounts(self) -> Iterator[AccountPage]:
        """Yield all accounts that are not deleted."""
        for page in self._pages():
            yield AccountPage(accounts=tuple(map(self._summary, page)))
        yield AccountPage(end=End(coverage=Coverage.WHOLE))

    def _pages(self) -> Iterator[list[Document]]:
        names = ("createdDateTime", *SELECT)
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

    def _summary(self, user: Document) -> AccountSummary:
        return AccountSummary(
            id=str(user["id"]),
            name=str(user["userPrincipalName"]),
            attributes={path: values_of(user, path) for path in self._config.match.values()},
            suspended=is_blocked(user),
            signed_in_at=_signed_in_at(user),
            created_at=_time(user.get("createdDateTime")),
            unmanaged=UNMANAGED in text_of(user, self._config.stamp_attribute),
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
