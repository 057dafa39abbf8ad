"""A flood told in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from scimbridge.dashboard.times import moment
from scimbridge.domain.number import number_of

if TYPE_CHECKING:
    from scimbridge.domain.flood import Flood
    from scimbridge.services.flooding import FloodStory


def tell(story: FloodStory) -> Iterator[str]:
    """Yield the lines of a flood's story."""
    flood, extent = story.flood, story.extent
    yield f"Flood {flood.id} at {flood.where}, since {moment(flood.opened_at)}: {flood.reason}."
    if flood.closed_at is not None:
        yield f"It was {flood.decision} at {moment(flood.closed_at)} by {flood.closed_by}: {flood.closing_reason}."
        if flood.settled_at is None:
            yield "Not everything has been done for that yet; the sweeper goes on."
    yield f"{number_of(extent.cases, 'case')} belong to it; it holds {extent.held}, and {extent.started} had started."
    if story.started:
        yield ""
        yield "What had started:"
        yield from _started(story.started)
    if story.held:
        yield ""
        yield "What it holds:"
        for row in story.held:
            yield f"  {row['user_name']} of {row['source']} (case {row['case_id']})"
    if len(story.held) < extent.held:
        yield f"  and {extent.held - len(story.held)} more; `scimbridge cases list --flood {flood.id}` lists them."
    if story.beside:
        yield ""
        yield from beside(story.beside)
    if flood.stands:
        yield ""
        yield f"It was meant: `scimbridge guard release {flood.id} --reason TEXT`."
        yield f"It was a mistake: `scimbridge guard cancel {flood.id} --reason TEXT`, with --restore to give back."


def beside(floods: Sequence[Flood]) -> Iterator[str]:
    """Yield which floods wait for a decision, too."""
    for flood in floods:
        yield f"Another limit has tripped by the same cases, flood {flood.id}: {flood.reason}. Decide about it, too."


def _started(rows: Sequence[Mapping[Any, Any]]) -> Iterator[str]:
    for case_id, tasks in groupby(rows, key=lambda row: row["case_id"]):
        own = list(tasks)
        did = "; ".join(
            f"{row['action']} at {row['target']}: {row['state']}"
            + (", its request may have left already" if row["is_past_the_line"] else "")
            for row in own
        )
        yield f"  {own[0]['user_name']} of {own[0]['source']} (case {case_id}): {did}"
