"""A load generator of its own process, lighter than what it measures.

Requests are bytes before the clock starts; of an answer it reads the status, the length and, where
asked for, the id. Each connection sends its next request when the answer to the last one is there.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, cycle, islice
from typing import Any, cast
from urllib.parse import quote, urlsplit

import uvloop

from tests.bench.people import bulk_of, document_of, name_of

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_ID = re.compile(rb'"id": ?"([^"]+)"')
_BULK_STATUS = re.compile(rb'"status": ?"(\d+)"')


@dataclass(frozen=True, slots=True)
class Load:
    """What a run came to.

    Attributes:
        per_second: Answers per second.
        latencies: Seconds, sorted.
        errors: How many answers were no success.
        ids: Of what was created.
        cpu: The share of a core that the load generator itself took; near 1 it was the limit.
    """

    per_second: float
    latencies: Sequence[float]
    errors: int
    ids: Sequence[str]
    cpu: float

    def quantile(self, share: float) -> float:
        """Return a latency in milliseconds that this share of the requests kept."""
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * share))] * 1000

    def checked(self) -> Load:
        """Return this load.

        Raises:
            RuntimeError: An answer was no success, so that the figures say nothing.
        """
        if self.errors:
            message = f"{self.errors} of {len(self.latencies)} requests failed: the run is not valid"
            raise RuntimeError(message)
        return self


def patch_active(base_url: str, token: str, ids: Sequence[str], *, connections: int, seconds: float) -> Load:
    """Deactivate and reactivate users for some time, each connection its own ones."""
    return _ordered("patch", base_url, token, connections, seconds=seconds, ids=list(ids))


def look_up(base_url: str, token: str, count: int, *, connections: int, seconds: float) -> Load:
    """Ask for people by their names for some time, of so many who are there."""
    return _ordered("look up", base_url, token, connections, seconds=seconds, count=count)


def deactivate(base_url: str, token: str, ids: Sequence[str], *, connections: int) -> Load:
    """Deactivate everybody once."""
    return _ordered("deactivate", base_url, token, connections, ids=list(ids))


def create(base_url: str, token: str, count: int, *, connections: int, first: int = 0) -> Load:
    """Create people by POST, and return their ids with the load."""
    return _ordered("create", base_url, token, connections, first=first, count=count)


def create_in_bulk(base_url: str, token: str, count: int, *, connections: int, operations: int, first: int = 0) -> Load:
    """Create people through /Bulk, so many operations in one request."""
    return _ordered("bulk", base_url, token, connections, first=first, count=count, operations=operations)


def _ordered(kind: str, base_url: str, token: str, connections: int, *, seconds: float = 1e9, **what: Any) -> Load:
    order = {"kind": kind, "base_url": base_url, "token": token, "connections": connections, "seconds": seconds}
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.load"], input=json.dumps(order | what), stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        raise RuntimeError("the load generator failed")
    return Load(**json.loads(done.stdout)).checked()


@dataclass(frozen=True, slots=True)
class _Server:
    """Where requests go, and what all of them carry."""

    host: str
    port: int
    path: str
    token: str

    def request(self, method: str, path: str, body: bytes) -> bytes:
        head = (
            f"{method} {self.path}{path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n"
            f"Authorization: Bearer {self.token}\r\nContent-Type: application/scim+json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def _active(server: _Server, ids: Sequence[str], *, active: bool) -> list[bytes]:
    operation = {"op": "replace", "path": "active", "value": active}
    body = json.dumps({"schemas": [PATCH_OP], "Operations": [operation]}).encode()
    return [server.request("PATCH", f"/Users/{user_id}", body) for user_id in ids]


def _shares(server: _Server, order: dict[str, Any]) -> list[Iterator[bytes]]:
    """Return each connection's requests."""
    match order["kind"]:
        case "patch" | "deactivate" as kind:
            return [_patches(server, ids, once=kind == "deactivate") for ids in _split(order["ids"], order)]
        case "look up":
            return [_look_ups(server, order["count"], seed) for seed in range(order["connections"])]
        case "create":
            numbers = range(order["first"], order["first"] + order["count"])
            return [_posts(server, share) for share in _split(numbers, order)]
        case "bulk":
            # One after the other from a common pile, so that no connection ends long before the rest.
            pile = _bulks(server, order)
            return [pile] * order["connections"]
        case unknown:
            raise ValueError(unknown)


def _split(whole: Sequence[Any], order: dict[str, Any]) -> list[Sequence[Any]]:
    count = order["connections"]
    return [whole[number::count] for number in range(count)]


def _patches(server: _Server, ids: Sequence[str], *, once: bool) -> Iterator[bytes]:
    off, on = _active(server, ids, active=False), _active(server, ids, active=True)
    # One after the other for each User, so that every PATCH changes something, wherever a run begins.
    return iter(off) if once else cycle(chain.from_iterable(zip(off, on, strict=True)))


def _look_ups(server: _Server, count: int, seed: int) -> Iterator[bytes]:
    chance = random.Random(seed)
    while True:
        asked = quote(f'userName eq "{name_of(chance.randrange(count))}"')
        yield server.request("GET", f"/Users?filter={asked}", b"")


def _posts(server: _Server, numbers: Sequence[int]) -> Iterator[bytes]:
    return (server.request("POST", "/Users", json.dumps(document_of(number)).encode()) for number in numbers)


def _bulks(server: _Server, order: dict[str, Any]) -> Iterator[bytes]:
    numbers = iter(range(order["first"], order["first"] + order["count"]))
    while chunk := list(islice(numbers, order["operations"])):
        yield server.request("POST", "/Bulk", json.dumps(bulk_of(chunk)).encode())


class _Tally:
    """What all connections have seen."""

    def __init__(self, *, in_bulk: bool, keeps_ids: bool) -> None:
        self.latencies: list[float] = []
        self.errors = 0
        self.ids: list[str] = []
        self._in_bulk = in_bulk
        self._keeps_ids = keeps_ids

    def take(self, status: int, body: bytes, latency: float) -> None:
        self.latencies.append(latency)
        if status >= 300:
            self.errors += 1
            if self.errors == 1:
                print(f"first refusal: {status} {body[:500]!r}", file=sys.stderr)
        elif self._in_bulk:
            self.errors += sum(found[1] != b"201" for found in _BULK_STATUS.finditer(body))
        elif self._keeps_ids and (found_id := _ID.search(body)):
            self.ids.append(found_id[1].decode())


class _Connection(asyncio.Protocol):
    """Sends its requests one by one."""

    def __init__(self, requests: Iterator[bytes], until: float, tally: _Tally, done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._until = until
        self._tally = tally
        self._done = done
        self._buffer = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no subclasses
        self._next()

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        end = buffer.find(b"\r\n\r\n")
        if end < 0 or not _is_whole(buffer, end):
            self._buffer = buffer
            return
        self._buffer = b""
        self._tally.take(int(buffer[9:12]), buffer[end + 4 :], time.perf_counter() - self._sent_at)
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionResetError("the server closed a connection"))

    def _next(self) -> None:
        request = next(self._requests, None)
        self._sent_at = time.perf_counter()
        if request is None or self._sent_at >= self._until:
            self._done.set_result(None)
            self._transport.close()
            return
        self._transport.write(request)


def _is_whole(answer: bytes, end: int) -> bool:
    """Whether the body is there, after a head that ends at this place; 204 has neither length nor chunks."""
    if length := _LENGTH.search(answer, 0, end):
        return len(answer) >= end + 4 + int(length[1])
    return not _CHUNKED.search(answer, 0, end) or answer.endswith(b"\r\n0\r\n\r\n")


def _same(connection: _Connection) -> _Connection:
    return connection


async def _run(order: dict[str, Any]) -> dict[str, Any]:
    parts = urlsplit(order["base_url"])
    server = _Server(parts.hostname or "", parts.port or 80, parts.path, order["token"])
    shares = _shares(server, order)
    tally = _Tally(in_bulk=order["kind"] == "bulk", keeps_ids=order["kind"] == "create")
    loop = asyncio.get_running_loop()
    ends = [loop.create_future() for _ in shares]
    started, busy = time.perf_counter(), time.process_time()
    for share, end in zip(shares, ends, strict=True):
        connection = _Connection(share, started + order["seconds"], tally, end)
        await loop.create_connection(partial(_same, connection), server.host, server.port)
    await asyncio.gather(*ends)
    spent = time.perf_counter() - started
    return {
        "per_second": len(tally.latencies) / spent,
        "latencies": sorted(tally.latencies),
        "errors": tally.errors,
        "ids": tally.ids,
        "cpu": (time.process_time() - busy) / spent,
    }


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        json.dump(runner.run(_run(json.load(sys.stdin))), sys.stdout)
