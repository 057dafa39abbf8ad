"""All accounts of a SCIM service provider, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from connectors.scim.client import Page, Place, ScimClient
from connectors.scim.config import ScimConfig
from connectors.scim.document import Document, is_suspended, is_unmanaged, ref_of, time_in, value_of, values_at
from scimbridge.sdk import AccountPage, AccountSummary, Coverage, End, RejectedError, RetryableError
from scimbridge.sdk.increments import HighWater, cursor_of
from scimbridge.sdk.increments import time_in as time_of

PAGE = 100


class Listing:
    """Lists accounts by their index (RFC 7644 §3.4.2.4), each page with the last account of the one before it.

    A service that takes somebody out meanwhile moves all others forward; by that account it shows. Where the service
    gives cursors (RFC 9865), it keeps the place itself.

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

    def _pages(self, page: Page, scim_filter: str | None) -> Iterator[tuple[Document, ...]]:
        users, seen, passed = page.resources, 0, {""}
        while True:
            seen += len(users)
            if users:
                yield users
            if page.next_cursor:
                if page.next_cursor in passed:
                    raise RejectedError("listing users: the target goes round in circles")
                passed.add(page.next_cursor)
                page = self._at({"cursor": page.next_cursor}, scim_filter)
                users = page.resources
                continue
            is_by_cursor = bool(self._client.beginning) or len(passed) > 1
            if page.total is None and not is_by_cursor:
                raise RejectedError("listing users: the target does not say how many there are, so no list is whole")
            if page.total is None or seen >= page.total:
                return
            if not users or is_by_cursor:
                raise RejectedError("listing users: the target announced more accounts than it sent")
            last, first = ref_of(users[-1]).id, ref_of(page.resources[0]).id
            page = self._at({"startIndex": str(seen)}, scim_filter)
            users = _behind(last, first, page)

    def _at(self, place: Place, scim_filter: str | None) -> Page:
        return self._client.list_users(scim_filter=scim_filter, place=place, count=PAGE)

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


def _behind(last: str, first: str, page: Page) -> tuple[Document, ...]:
    """Return the accounts of a page behind the last one of the page before."""
    begins_with = ref_of(page.resources[0]).id if page.resources else ""
    if begins_with == last:
        return page.resources[1:]
    if begins_with == first:
        raise RejectedError("listing users: the target answers with the first page again, whatever page is asked for")
    raise RetryableError("listing users: accounts came or went while they were listed; the list is begun anew")
