"""The options that say which cases are meant, the same for listing and canceling."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from functools import partial, wraps
from typing import Annotated, Any

import typer

from scimbridge.cli import completing
from scimbridge.domain.situation import CaseQuery, Wanted
from scimbridge.domain.trigger import Trigger


def with_case_filters(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command all these options in place of its parameter ``query``, which gets what they ask for.

    Raises:
        BadParameter: When the command runs: a time is none.
    """
    own = inspect.signature(command, eval_str=True)
    options = inspect.signature(_query_of, eval_str=True).parameters

    @wraps(command)
    def run(**given: Any) -> None:
        query = _query_of(**{name: given.pop(name) for name in options})
        command(query=query, **given)

    parameters = [each for name in own.parameters for each in _replaced(own.parameters[name], options.values())]
    run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def _query_of(
    *,
    source: Annotated[
        str | None, typer.Option("--source", metavar="NAME", autocompletion=completing.sources, help="Of this source.")
    ] = None,
    rule: Annotated[str | None, typer.Option("--rule", metavar="NAME", help="Planned by this rule.")] = None,
    trigger: Annotated[Trigger | None, typer.Option("--trigger", help="Started by this trigger.")] = None,
    target: Annotated[
        str | None,
        typer.Option("--target", metavar="NAME", autocompletion=completing.targets, help="With work at this target."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TIME",
            help="Opened then or later; UTC unless it says otherwise. `10:00` is the most recent one.",
        ),
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Opened then or earlier.")] = None,
    flood: Annotated[str | None, typer.Option("--flood", metavar="ID", help="Held by this flood of the guard.")] = None,
    situation: Annotated[Wanted | None, typer.Option("--situation", help="Open, and in this situation.")] = None,
    search: Annotated[
        str | None, typer.Option("--search", metavar="TEXT", help="With this text in the person's userName.")
    ] = None,
) -> CaseQuery:
    return CaseQuery(
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


def _replaced(parameter: inspect.Parameter, options: Iterable[inspect.Parameter]) -> Iterable[inspect.Parameter]:
    return options if parameter.name == "query" else (parameter,)


def moment_of(text: str, now: datetime) -> datetime:
    """Return the moment (UTC) that somebody means: a date, a date with a time, or a time alone, which is the last such.

    Raises:
        BadParameter: It is none of these.
    """
    for read in (datetime.fromisoformat, partial(_last, now=now)):
        with suppress(ValueError):
            said = read(text.strip())
            return said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)
    raise typer.BadParameter(f'{text!r} is not a time; write one like "2026-11-29T10:00", or "10:00" for the last one')


def _last(text: str, now: datetime) -> datetime:
    said = time.fromisoformat(text)
    today = datetime.combine(now.astimezone(said.tzinfo or UTC), said if said.tzinfo else said.replace(tzinfo=UTC))
    return today if today <= now else today - timedelta(days=1)


def _moment(value: str | None) -> datetime | None:
    return None if value is None else moment_of(value, datetime.now(UTC))
