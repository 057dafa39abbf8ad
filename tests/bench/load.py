"""A load generator of its own process: raw HTTP/1.1 over asyncio, so that it is faster than what it measures."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from urllib.parse import urlsplit

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass(frozen=True, slots=True)
class Load:
    """What a run came to. Latencies are in seconds, sorted."""

    per_second: float
    latencies: Sequence[float]
    errors: int

    def quantile(self, share: float) -> float:
        """Return a latency in milliseconds that this share of the requests kept."""
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * share))] * 1000


def patch_active(
    base_url: str, token: str, ids: Sequence[str], *, connections: int, seconds: float, once: bool = False
) -> Load:
    """Deactivate and reactivate users, each connection its own ones, from another process.

    With ``once`` everybody is deactivated, and that is all.
    """
    order = {
        "base_url": base_url,
        "token": token,
        "ids": list(ids),
        "connections": connections,
        "seconds": seconds,
        "once": once,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.load"], input=json.dumps(order), capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    return Load(found["per_second"], found["latencies"], found["errors"])


def _requests(path: str, host: str, token: str, ids: Sequence[str], *, once: bool) -> Iterator[bytes]:
    bodies = {}
    for active in (False, True):
        operation = {"op": "replace", "path": "active", "value": active}
        bodies[active] = json.dumps({"schemas": [PATCH_OP], "Operations": [operation]}).encode()
    for active in (False,) if once else cycle((False, True)):
        body = bodies[active]
        for user_id in ids:
            head = (
                f"PATCH {path}/Users/{user_id} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
                f"Content-Type: application/scim+json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            yield head.encode() + body


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    if length:
        await reader.readexactly(length)
    return int(head[9:12])


async def _connection(
    url: str,
    token: str,
    ids: Sequence[str],
    until: float,
    latencies: list[float],
    statuses: list[int],
    *,
    once: bool,
) -> None:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    for request in _requests(parts.path, parts.netloc, token, ids, once=once):
        started = time.perf_counter()
        if started >= until:
            break
        writer.write(request)
        statuses.append(await _answer(reader))
        latencies.append(time.perf_counter() - started)
    writer.close()


async def _run(
    base_url: str, token: str, ids: list[str], connections: int, seconds: float, *, once: bool
) -> dict[str, object]:
    latencies: list[float] = []
    statuses: list[int] = []
    started = time.perf_counter()
    shares = [ids[number::connections] for number in range(connections)]
    await asyncio.gather(
        *(_connection(base_url, token, share, started + seconds, latencies, statuses, once=once) for share in shares)
    )
    spent = time.perf_counter() - started
    return {
        "per_second": len(latencies) / spent,
        "latencies": sorted(latencies),
        "errors": sum(status >= 300 for status in statuses),
    }


if __name__ == "__main__":
    json.dump(asyncio.run(_run(**json.load(sys.stdin))), sys.stdout)
