"""Looking through a list page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from connectors.scim.client import Page, Place
from connectors.scim.document import Document
from scimbridge.sdk import RejectedError

MAX_PAGES = 20
"""How far a search goes at a target that answers with more than was asked for."""


def through(
    page_at: Callable[[Place], Page], words: str, *, beginning: Place | None = None, most: int = MAX_PAGES
) -> Iterator[Document]:
    """Yield what a search finds, from its first page to its last.

    Args:
        page_at: Returns the page that begins at a place.
        words: What this is, for an operator.
        beginning: Where the first one begins.
        most: How many pages there may be.

    Raises:
        RejectedError: The list is shorter than announced, or longer than any answer to the question can be.
    """
    seen, place = 0, beginning or {}
    for _ in range(most):
        page = page_at(place)
        yield from page.resources
        seen += len(page.resources)
        if page.next_cursor and page.next_cursor != place.get("cursor"):
            place = {"cursor": page.next_cursor}
        elif page.total is None or seen >= page.total:
            return
        elif not page.resources or "cursor" in place:
            raise RejectedError(f"{words}: the target announced more than it sent")
        else:
            place = {"startIndex": str(seen + 1)}
    # Who lies beyond is unknown.
    raise RejectedError(f"{words}: the target sent {seen} and has more; does it filter at all?")
