"""Reading lists page by page: a search, or all that there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

from connectors.scim.client import Page, Place
from connectors.scim.document import Document, ref_of
from scimbridge.sdk import RejectedError, RetryableError

MAX_PAGES = 20
"""How far a search goes at a target that answers with more than was asked for."""

PageAt = Callable[[Place], Page]


def pages(
    page_at: PageAt,
    words: str,
    *,
    beginning: Place | None = None,
    first: Page | None = None,
    most: int | None = None,
    is_search: bool = False,
) -> Iterator[tuple[Document, ...]]:
    """Yield a list from its first page to its last (RFC 7644 §3.4.2.4), each resource once.

    Each page is asked for with the last resource of the one before it: where one is taken away meanwhile, all others
    move forward, and by that one it shows. Where the target gives cursors (RFC 9865), it keeps the place itself.

    Args:
        page_at: Returns the page that begins at a place.
        words: What this is, for an operator.
        beginning: Where the first one begins.
        first: That one, where it is known already.
        most: How many pages there may be.
        is_search: Few are expected, so that a target need not say how many there are.

    Raises:
        RejectedError: The list is shorter than announced, goes round in circles, or is longer than it may be; or
            nobody can tell whether it is whole.
        RetryableError: It has changed while it was read.
    """
    page = first or page_at(beginning or {})
    found, seen, passed = page.resources, 0, {""}
    is_by_cursor = bool(beginning)
    for number in count(1):
        seen += len(found)
        if found:
            yield found
        if page.next_cursor:
            if page.next_cursor in passed:
                raise RejectedError(f"{words}: the target goes round in circles")
            passed.add(page.next_cursor)
            is_by_cursor, place = True, {"cursor": page.next_cursor}
        elif page.total is None and not is_by_cursor and not is_search:
            raise RejectedError(f"{words}: the target does not say how many there are, so no list is whole")
        elif page.total is None or seen >= page.total:
            return
        elif not found or is_by_cursor:
            raise RejectedError(f"{words}: the target announced more than it sent")
        else:
            place = {"startIndex": str(seen)}
        if number == most:
            # Who lies beyond is unknown.
            raise RejectedError(f"{words}: the target sent {seen} and has more; does it filter at all?")
        before, page = page, page_at(place)
        found = page.resources if is_by_cursor else _behind(before, page, words)


def through(
    page_at: PageAt, words: str, *, beginning: Place | None = None, most: int = MAX_PAGES, is_search: bool = False
) -> Iterator[Document]:
    """Yield what ``pages`` yields, one by one."""
    for found in pages(page_at, words, beginning=beginning, most=most, is_search=is_search):
        yield from found


def _behind(before: Page, page: Page, words: str) -> tuple[Document, ...]:
    """Return the resources of a page behind the last one of the page before."""
    begins_with = ref_of(page.resources[0]).id if page.resources else ""
    if begins_with == ref_of(before.resources[-1]).id:
        return page.resources[1:]
    if begins_with == ref_of(before.resources[0]).id:
        raise RejectedError(f"{words}: the target answers with the first page again, whatever page is asked for")
    raise RetryableError(f"{words}: some came or went while they were listed; the list is begun anew")
