"""All accounts of a customer, page by page. Google does not tell what has changed since an earlier list.

https://developers.google.com/workspace/admin/directory/reference/rest/v1/users/list
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from connectors.google_workspace import scopes
from connectors.google_workspace.client import Document, GoogleClient, user_path
from connectors.google_workspace.config import GoogleWorkspaceConfig
from connectors.google_workspace.licensing import Licensing
from connectors.google_workspace.notes import text_of
from connectors.google_workspace.users import is_blocked, values_of
from scimbridge.sdk import NEVER, AccountPage, AccountSummary, Coverage, End, Moment
from scimbridge.sdk.stamp import UNMANAGED

_PAGE = "500"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""What Google writes for who has never signed in."""


class Listing:
    """Lists accounts."""

    def __init__(self, config: GoogleWorkspaceConfig, client: GoogleClient, licensing: Licensing) -> None:
        self._config = config
        self._client = client
        self._licensing = licensing

    def accounts(self) -> Iterator[AccountPage]:
        """Yield all accounts that are not deleted."""
        params = {"customer": self._config.customer, "maxResults": _PAGE, "projection": "full"}
        users = self._client.pages(user_path(), "users", call="listing accounts", scope=scopes.USER, params=params)
        held: Mapping[str, tuple[str, ...]] | None = None
        for page in users:
            if held is None and page:
                # The list of licenses wants the customer's true id, which each user has.
                held = self._licensing.holders(str(page[0]["customerId"]))
            yield AccountPage(accounts=tuple(self.summary(user, held) for user in page))
        yield AccountPage(end=End(coverage=Coverage.WHOLE))

    def summary(self, user: Document, held: Mapping[str, tuple[str, ...]] | None = None) -> AccountSummary:
        """Return what a user's document tells, beside the licenses that are held, by address."""
        blocked = is_blocked(user)
        return AccountSummary(
            id=str(user["id"]),
            name=str(user["primaryEmail"]),
            attributes={path: values_of(user, path) for path in self._config.match.values()},
            suspended=blocked,
            suspended_since=_time(user, "suspensionTime") if blocked else None,
            signed_in_at=_signed_in_at(user),
            created_at=_time(user, "creationTime"),
            container=user.get("orgUnitPath"),
            unmanaged=UNMANAGED in text_of(user),
            privileged=bool(user.get("isAdmin") or user.get("isDelegatedAdmin")),
            licenses=held.get(str(user["primaryEmail"]).casefold(), ()) if held is not None else None,
        )


def _signed_in_at(user: Document) -> Moment:
    at = _time(user, "lastLoginTime")
    return NEVER if at == _EPOCH else at


def _time(user: Document, name: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(user[name]))
    except (KeyError, ValueError):
        return None
    return at.astimezone(UTC) if at.tzinfo else None
