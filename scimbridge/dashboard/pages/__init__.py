"""The pages, one module each."""

from __future__ import annotations

from scimbridge.dashboard.page import Page
from scimbridge.dashboard.pages.board import BoardPage
from scimbridge.dashboard.pages.case import CasePage

PAGES: tuple[type[Page], ...] = (
    BoardPage,
    CasePage,
)
"""All of them; a page that is not here has no address."""
