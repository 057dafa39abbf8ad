"""Looking through a list page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from connectors.scim.client import Page
from connectors.scim.document import Document
from scimbridge.sdk import RejectedError

MAX_PAGES = 20
"""How far a search goes at a target that answers with more than was asked for."""


def through(page_from: Callable[[int], Page], words: str, *, most: int = MAX_PAGES) -> Iterator[Document]:
    """Yield what a search finds, from its first page to its last.

    Args:
        page_from: Returns the page from an index on, which begins with 1.
        words: What this is, for an operator.
        most: How many pages there may be.

    Raises:
        RejectedError: The list is shorter than announced, or longer than any answer to the question can be.
    """
    seen = 0
    for _ in range(most):
        page = page_from(seen + 1)
        yield from page.resources
        seen += len(page.resources)
        if page.total is None or seen >= page.total:
            return
        if not page.resources:
            raise RejectedError(f"{words}: the target announced more than it sent")
    # Who lies beyond is unknown.
    raise RejectedError(f"{words}: the target sent {seen} and has more; does it filter at all?")
