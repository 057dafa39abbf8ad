"""``--until``: when a hold or an exclusion ends."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from scimbridge.domain.lifecycle import read_end

Until = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help="When it ends; a date ends with its day, in UTC.")
]


def until_of(text: str | None) -> datetime | None:
    """Return when something is to end; ``None`` where that is not said."""
    if text is None:
        return None
    at = read_end(text, UTC).at
    if at is None:
        raise typer.BadParameter("write a date like 2026-12-31, or a time like 2026-12-31T18:00", param_hint="--until")
    return at


def require_ahead(until: datetime | None, now: datetime) -> None:
    """Refuse an end that has passed."""
    if until is not None and until <= now:
        raise typer.BadParameter("that has passed", param_hint="--until")
