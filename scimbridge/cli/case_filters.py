"""The options that say which cases are meant, the same for listing and canceling."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from scimbridge.domain.situation import CaseQuery, Wanted
from scimbridge.domain.trigger import Trigger

if TYPE_CHECKING:
    from scimbridge.domain.case import CaseState


def _moment(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        said = datetime.fromisoformat(value.strip())
    except ValueError as error:
        raise typer.BadParameter(f'{value!r} is no time; write one like "2026-11-29T10:00"') from error
    return said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)


Source = Annotated[str | None, typer.Option("--source", metavar="NAME", help="Of this source.")]
RuleName = Annotated[str | None, typer.Option("--rule", metavar="NAME", help="Planned by this rule.")]
OfTrigger = Annotated[Trigger | None, typer.Option("--trigger", help="Begun by such a fact.")]
OfTarget = Annotated[str | None, typer.Option("--target", metavar="NAME", help="With work at this target.")]
Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Opened then or later; UTC unless it says otherwise.")
]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Opened then or earlier.")]
Flood = Annotated[str | None, typer.Option("--flood", metavar="ID", help="Of this flood of the guard.")]
InSituation = Annotated[Wanted | None, typer.Option("--situation", help="Open, and like this.")]
Search = Annotated[str | None, typer.Option("--search", metavar="TEXT", help="With this in the person's userName.")]


def query_of(
    *,
    state: CaseState | None = None,
    source: str | None,
    rule: str | None,
    trigger: Trigger | None,
    target: str | None,
    since: str | None,
    until: str | None,
    flood: str | None,
    situation: Wanted | None,
    search: str | None,
) -> CaseQuery:
    """Return what the options ask for.

    Raises:
        BadParameter: A time is none.
    """
    return CaseQuery(
        state=state,
        source=source,
        rule=rule,
        trigger=trigger,
        target=target,
        since=_moment(since),
        until=_moment(until),
        flood_id=flood,
        situation=situation,
        search=search,
    )
