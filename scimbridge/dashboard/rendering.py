"""How templates become pages, and the headers that pages go out with."""

from __future__ import annotations

from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from scimbridge.dashboard.assets import address_of
from scimbridge.dashboard.browsers import browser_in_words
from scimbridge.dashboard.next_steps import on_a_page
from scimbridge.dashboard.times import distance, exactly, lasting, moment
from scimbridge.domain.directions import in_order
from scimbridge.domain.pace import format_rate

HEADERS: Mapping[str, str] = {
    # Only what the bridge itself serves is loaded, nothing in a page runs, and no other page may embed it.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # With "no-referrer", browsers would say of our own forms that they come from nowhere ("Origin: null").
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def environment() -> Environment:
    """Return what renders the pages' templates."""
    environment = Environment(
        loader=PackageLoader("scimbridge.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["moment"] = moment
    environment.filters["breaking"] = _breaking
    environment.filters["exactly"] = exactly
    environment.filters["distance"] = distance
    environment.filters["lasting"] = lasting
    environment.filters["rate"] = format_rate
    environment.filters["with_code"] = with_code
    environment.filters["told"] = _told
    environment.filters["browser"] = browser_in_words
    environment.globals["asset"] = address_of
    return environment


def _breaking(name: str) -> Markup:
    """Return a name that breaks before its "@" where it is too long for its place."""
    return Markup("<wbr>@").join(name.split("@"))


def _told(text: str) -> Markup:
    """Return a sentence in the pages' own words; what commands are left in it, as code."""
    return with_code(on_a_page(text))


def with_code(text: str) -> Markup:
    """Return a sentence as markup, with what stands between backticks, a command mostly, as code."""
    parts = [escape(part) for part in in_order(text).split("`")]
    # An odd one is no pair: it stays what it is.
    last = parts.pop() if len(parts) % 2 == 0 else None
    said = Markup("").join(Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts))
    return said if last is None else said + Markup("`") + last
