"""What the replay of a draft has found, in plain words: the same in a terminal, on a page and over the API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from scimbridge.domain.duration import format_duration
from scimbridge.domain.number import number_of, people
from scimbridge.domain.times import moment
from scimbridge.services.replaying import STALLED_AFTER

Replay = Mapping[str, Any]


def is_running(replay: Replay | None, now: datetime) -> bool:
    """Whether a replay is under way."""
    return replay is not None and not _has_ended(replay) and not _is_stalled(replay, now)


def progress(replay: Replay, now: datetime) -> str:
    """Return how far a replay is that has not come to its end, as one sentence."""
    if replay["failed"]:
        return f"The replay has ended early: {replay['failed']}. Start it again."
    if _is_stalled(replay, now):
        return "The replay has ended with its process. Start it again."
    return f"The replay is at {replay['done']} of {replay['total'] or 'all'} facts."


def findings(replay: Replay) -> Iterator[str]:
    """Yield what a replay has found that came to its end, each as one sentence."""
    counts, who = replay["counts"], replay["people"]
    since = moment(datetime.fromisoformat(replay["since"]))
    yield f"Since {since}: {number_of(counts['facts'], 'fact')} about {people(who.get('all', 0))}."
    if replay["is_shortened"]:
        yield "There are more facts than are looked at; these are the newest."
    yield f"{number_of(counts['same'], 'fact')} would have been treated the same, and {counts['different']} otherwise."
    yield f"{people(who.get('touched_only_now', 0))} would have lost access and did not."
    yield f"{people(who.get('spared_now', 0))} would have been left alone and did lose access."
    yield f"{people(who.get('otherwise', 0))} would have lost access in another way, or at another time."
    final = who.get("irreversible_only_now", 0)
    if final:
        yield f"To {people(final)} something would have been planned that cannot be undone, and was not."


def warnings(replay: Replay) -> Iterator[str]:
    """Yield what to think about before such rules are put in force, each as one sentence."""
    if replay.get("unread"):
        yield (
            f"Version {replay['against']} is in force and cannot be used where this was replayed: the draft was "
            f"compared with former rules (cases are {replay['unread']})."
        )
    for said in replay["irreversible"]:
        yield f"New, and cannot be undone: {said}."
    for name, count in sorted(replay["left_behind"].items()):
        yield (
            f"Open by rule {name}, which is gone by then: {number_of(count, 'case')}. They keep their plan, but whom "
            "that rule excluded is no longer spared, and what they took is given back only if an operator says so."
        )
    for each in replay["guard"]:
        yield _guard(each)


def _guard(each: Mapping[str, Any]) -> str:
    window = format_duration(timedelta(seconds=each["window_seconds"]))
    held = {
        (False, True): "now the guard would have held them",
        (True, False): "the guard would no longer have held them",
        (True, True): "the guard would have held them, as by the rules of now",
    }[each["before"] > each["room"], each["after"] > each["room"]]
    return (
        f"Guard, {each['class']} at {each['where']}: {each['after']} people within {window}, where there were "
        f"{each['before']} and there is room for {each['room']:g}; {held}."
    )


def _has_ended(replay: Replay) -> bool:
    return replay["ended_at"] is not None or bool(replay["failed"])


def _is_stalled(replay: Replay, now: datetime) -> bool:
    return not _has_ended(replay) and now - datetime.fromisoformat(replay["heard_at"]) > STALLED_AFTER
