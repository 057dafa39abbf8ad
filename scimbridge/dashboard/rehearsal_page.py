"""A rehearsal as one page that stands alone: no script, nothing fetched, light and dark, narrow and wide."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from jinja2 import Environment

from scimbridge.dashboard.assets import content_of
from scimbridge.dashboard.rendering import environment
from scimbridge.services.rehearsal import Difference, FileRehearsal, LineRehearsal, Rehearsal, words


def of_people(found: Sequence[Rehearsal], now: datetime) -> str:
    """Return the page about one person, in each source that knows the name."""
    lines = [LineRehearsal(number=0, named=one.identity.user_name, rehearsals=(one,)) for one in found]
    return _page(now, title=f"Plan for {found[0].identity.user_name}", lines=lines, summary=())


def of_file(found: FileRehearsal, summary: Sequence[str], now: datetime) -> str:
    """Return the page about a file of leavers."""
    return _page(now, title="Plan for a file of leavers", lines=found.lines, summary=summary)


def of_replay(facts: Sequence[Difference], summary: Sequence[str], now: datetime) -> str:
    """Return the page about what other rules would have made of the past."""
    return _page(now, title="What other rules would have made of the past", facts=facts, summary=summary)


def _page(now: datetime, **context: Any) -> str:
    template = _environment().get_template("rehearsal.html")
    return template.render(now=now, style=_style(), **{"lines": (), "facts": None, **context})


def _environment() -> Environment:
    made = environment()
    made.globals["words"] = words
    return made


def _style() -> str:
    return content_of("dashboard.css").decode()
