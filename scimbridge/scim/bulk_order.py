"""The order of a bulk request's operations, and the references between them (RFC 7644 §3.7.1, §3.7.2).

A reference ``bulkId:qwerty`` may stand before the operation that creates what it names. Such an
operation waits for the other one; apart from that, the order is the client's. Operations that refer
to each other in a circle are one unit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Any

_REFERENCE = re.compile(r"((?:.*/)?)bulkId:([^/\"]+)")
_IN_FILTER = re.compile(r'"bulkId:([^"]+)"')

Resolve = Callable[[str], str | None]
"""Returns the id of what a bulkId has created, or ``None`` where there is none yet."""


def references(value: Any) -> Iterator[str]:
    """Yield the bulkIds that a value refers to, however deep."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
        elif isinstance(item, str) and "bulkId:" in item:
            whole = _REFERENCE.fullmatch(item)
            yield from [whole[2]] if whole else _IN_FILTER.findall(item)


def resolved(value: Any, resolve: Resolve) -> Any:
    """Return a value with ids in the place of references.

    What refers to something that is not there yet is left out: the attribute, or the entry of a list.
    """
    return _resolved(value, resolve, is_root=True)


def _resolved(value: Any, resolve: Resolve, *, is_root: bool = False) -> Any:
    if isinstance(value, str):
        return _text(value, resolve)
    if isinstance(value, list):
        found = [_resolved(item, resolve) for item in value]
        return [item for item, sent in zip(found, value, strict=True) if item is not None or sent is None]
    if not isinstance(value, dict):
        return value
    inner = {key: _resolved(item, resolve) for key, item in value.items()}
    lacking = {key for key, item in inner.items() if item is None and value[key] is not None}
    # {"value": "bulkId:x"} says nothing without its value; what stands around it still does.
    if not is_root and any(isinstance(value[key], str) for key in lacking):
        return None
    return {key: item for key, item in inner.items() if key not in lacking}


def _text(text: str, resolve: Resolve) -> str | None:
    if "bulkId:" not in text:
        return text
    whole = _REFERENCE.fullmatch(text)
    if whole:
        found = resolve(whole[2])
        return None if found is None else whole[1] + found
    named = {bulk_id: resolve(bulk_id) for bulk_id in _IN_FILTER.findall(text)}
    if None in named.values():
        return None
    return _IN_FILTER.sub(lambda match: f'"{named[match[1]]}"', text)


def units(needs: Sequence[set[int]]) -> list[list[int]]:
    """Return the operations in the order in which they are run, circles together.

    Args:
        needs: For each operation, those that must have run before.
    """
    if not any(needs):
        return [[index] for index in range(len(needs))]
    circles = _Circles(needs).found()
    circle_of = {index: number for number, circle in enumerate(circles) for index in circle}
    waits_for = [
        {circle_of[need] for index in circle for need in needs[index]} - {n} for n, circle in enumerate(circles)
    ]
    return [sorted(circles[number]) for number in _sorted(circles, waits_for)]


def _sorted(circles: Sequence[Sequence[int]], waits_for: Sequence[set[int]]) -> Iterator[int]:
    """Yield the circles such that each comes after what it waits for, and else as early as it was sent."""
    followers: Mapping[int, list[int]] = {number: [] for number in range(len(circles))}
    for number, others in enumerate(waits_for):
        for other in others:
            followers[other].append(number)
    lacking = [len(others) for others in waits_for]
    ready = [(min(circle), number) for number, circle in enumerate(circles) if not lacking[number]]
    heapify(ready)
    while ready:
        _, number = heappop(ready)
        yield number
        for follower in followers[number]:
            lacking[follower] -= 1
            if not lacking[follower]:
                heappush(ready, (min(circles[follower]), follower))


class _Circles:
    """Strongly connected components by Tarjan's algorithm, without recursion: a chain may be long."""

    def __init__(self, needs: Sequence[set[int]]) -> None:
        self._needs = needs
        self._number: dict[int, int] = {}
        self._lowest: dict[int, int] = {}
        self._open: list[int] = []
        self._is_open: set[int] = set()
        self._path: list[tuple[int, Iterator[int]]] = []
        self._found: list[list[int]] = []

    def found(self) -> list[list[int]]:
        """Return them; those that others lead to come first."""
        for root in range(len(self._needs)):
            if root not in self._number:
                self._enter(root)
                while self._path:
                    self._step(*self._path[-1])
        return self._found

    def _step(self, node: int, rest: Iterator[int]) -> None:
        for need in rest:
            if need not in self._number:
                self._enter(need)
                return
            if need in self._is_open:
                self._lowest[node] = min(self._lowest[node], self._number[need])
        self._leave(node)

    def _enter(self, node: int) -> None:
        self._number[node] = self._lowest[node] = len(self._number)
        self._open.append(node)
        self._is_open.add(node)
        self._path.append((node, iter(self._needs[node])))

    def _leave(self, node: int) -> None:
        self._path.pop()
        if self._path:
            parent = self._path[-1][0]
            self._lowest[parent] = min(self._lowest[parent], self._lowest[node])
        if self._lowest[node] == self._number[node]:
            start = self._open.index(node)
            self._found.append(self._open[start:])
            self._is_open.difference_update(self._open[start:])
            del self._open[start:]
