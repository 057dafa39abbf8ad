"""Whether a browser says that a request comes from a page of ours."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request


def is_foreign(request: Request) -> bool:
    """Whether a browser says that another site, or nobody, has made it send this.

    Every browser since 2020 sends one of the two headers with every form; they cannot be set by a page's script.
    What sends neither is no browser, and has no cookies that somebody else could use.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return True
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != request.headers.get("host")


def is_own(request: Request) -> bool:
    """Whether a browser says that a page of ours has made it send this: for forms that carry nothing secret yet."""
    has_said = "sec-fetch-site" in request.headers or "origin" in request.headers
    return has_said and not is_foreign(request)
