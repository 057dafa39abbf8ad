"""All accounts of a SCIM service provider, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from connectors.scim.client import Page, ScimClient
from connectors.scim.config import ScimConfig
from connectors.scim.document import Document, is_suspended, is_unmanaged, ref_of, time_in, value_of, values_at
from connectors.scim.paging import pages
from scimbridge.sdk import AccountPage, AccountSummary, Coverage, End, RejectedError
from scimbridge.sdk.increments import HighWater, cursor_of
from scimbridge.sdk.increments import time_in as time_of

PAGE = 100


class Listing:
    """Lists accounts, or what has changed among them.

    Args:
        config: What accounts are found by.
        client: Asks the service.
        filters: Whether the service says that it filters.
    """

    def __init__(self, config: ScimConfig, client: ScimClient, filters: Callable[[], bool]) -> None:
        self._config = config
        self._client = client
        self._filters = filters
        self._scope = [config.base_url, config.match]

    def accounts(self, since: str | None) -> Iterator[AccountPage]:
        """Yield all accounts, or those that were changed since, where the service says that it filters."""
        filters = self._filters()
        begun_at = time_of(since, self._scope, "changed") if filters else None
        scim_filter = f'meta.lastModified gt "{begun_at:%Y-%m-%dT%H:%M:%SZ}"' if begun_at is not None else None
        first = self._first(scim_filter) if scim_filter is not None else None
        if first is None:
            begun_at = scim_filter = None
            first = self._client.list_users(place=self._client.beginning, count=PAGE)
        seen, has_times = HighWater(begun_at), True
        for users in self._pages(first, scim_filter):
            for user in users:
                changed_at = time_in(user, "lastModified")
                seen.saw(changed_at)
                has_times = has_times and changed_at is not None
            yield AccountPage(accounts=tuple(map(self._summary, users)))
        mark = seen.mark if filters and has_times else None
        cursor = cursor_of(self._scope, changed=mark.isoformat()) if mark is not None else None
        yield AccountPage(end=End(coverage=Coverage.CHANGES if scim_filter else Coverage.WHOLE, cursor=cursor))

    def _first(self, scim_filter: str) -> Page | None:
        """Return the first page of what has changed; ``None`` where the service does not take the filter after all.

        The newest account of the list before is always behind the mark. Where not even that comes, the service has
        taken the filter and matched nothing with it.
        """
        try:
            page = self._client.list_users(scim_filter=scim_filter, place=self._client.beginning, count=PAGE)
        except RejectedError:
            return None
        return page if page.resources else None

    def _pages(self, first: Page, scim_filter: str | None) -> Iterator[tuple[Document, ...]]:
        return pages(
            lambda place: self._client.list_users(scim_filter=scim_filter, place=place, count=PAGE),
            "listing users",
            beginning=self._client.beginning,
            first=first,
        )

    def _summary(self, user: Document) -> AccountSummary:
        ref = ref_of(user)
        return AccountSummary(
            id=ref.id,
            name=ref.name,
            attributes={path: values_at(user, path) for path in self._config.match.values()},
            suspended=is_suspended(user) if value_of(user, "active") is not None else None,
            created_at=time_in(user, "created"),
            unmanaged=is_unmanaged(user, self._config.stamp_attribute),
        )
