"""How snapshots are shown: line by line, to give back something by hand, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from scimbridge.domain.times import moment

if TYPE_CHECKING:
    from scimbridge.sdk.native import NativeState
    from scimbridge.store.snapshots import Taken


def snapshot_lines(taken: Taken) -> Iterator[str]:
    """Yield an account or group as it was, one value a line."""
    state = taken.state
    yield f"{state.name} at {taken.target} (id {state.id}), as it was on {moment(taken.at)}:"
    for name, values in sorted(_told(state)):
        for value in values:
            yield f"  {name}: {value}"


def _told(state: NativeState) -> Iterator[tuple[str, tuple[object, ...]]]:
    yield from state.attributes.items()
    if state.container:
        yield "(container)", (state.container,)
    for kind in ("groups", "licenses", "owns", "members", "owners"):
        yield f"({kind})", tuple(f"{each.name} (id {each.id})" for each in getattr(state, kind, None) or ())
