"""Judging what a hostile request does to a started server."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx

from tests.processes.serving import Cost, Meter, Server
from tests.scim.wire import JSON, Answer, Wire, written

Content = bytes | str | dict[str, Any] | None

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
MOST_CPU = 1.0
"""Seconds of CPU for a request, whatever is in it."""

MOST_MEMORY = 64 * 1024 * 1024
"""Bytes by which the server may grow for it."""

MOST_WAITING = 0.1
"""Seconds of CPU that the server may spend before it says that it is well: what a machine without other work takes."""

TRIES = 3
"""How often a request is sent that cost too much: a busy machine adds to what is measured, and takes nothing away."""


@dataclass(frozen=True, slots=True)
class Ordeal:
    """What a hostile request was answered, and what it cost.

    Attributes:
        waited: Seconds of CPU that the server spent until it had answered who asked for its health meanwhile.
    """

    answer: Answer
    cost: Cost
    waited: float


class Attacker:
    """Sends requests to a server, and looks after it meanwhile."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.token = server.new_source()
        self.client = server.client(self.token)

    def send(
        self,
        method: str,
        path: str,
        content: Content | Callable[[httpx.Client], Content] = None,
        *,
        query: dict[str, Any] | list[tuple[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
        anew: Callable[[], None] = lambda: None,
        most_cpu: float = MOST_CPU,
    ) -> Ordeal:
        """Send a request, and ask for the server's health when all but its last byte has gone, and when it has gone.

        Args:
            method: The verb.
            path: The address below that of SCIM.
            content: The body; or makes it each time, with a new source, where a second time would change nothing.
            query: The parameters.
            headers: Beside the usual ones.
            anew: Called before each try, for a request that costs less where it was sent before.
            most_cpu: Seconds of CPU that it may cost.

        Returns:
            What came of it the first time.

        Raises:
            AssertionError: It costs more than a request may, or others have to wait for it, however often it is sent.
        """

        def raw() -> bytes:
            anew()
            body = content(self._renewed()) if callable(content) else content
            return written(method, self._address(path, query), self._headers() | (headers or {}), _bytes(body))

        first = self._send(raw())
        faults = _faults(first, most_cpu)
        for _ in range(TRIES - 1):
            if not faults:
                break
            faults = _faults(self._send(raw()), most_cpu)
        assert not faults, f"{method} {path[:60]}: {first.answer.status}, {', '.join(faults)}"
        return first

    def _renewed(self) -> httpx.Client:
        """Return the client of a source that nobody has used; it is this attacker's from now on."""
        self.client.close()
        self.token = self.server.new_source()
        self.client = self.server.client(self.token)
        return self.client

    def _send(self, raw: bytes) -> Ordeal:
        meter = Meter(self.server.process)
        with Wire(self.server.url) as wire, Wire(self.server.url) as nurse:
            wire.send(raw[:-1])
            _ask_for_health(nurse)
            assert nurse.answer().status == 200
            wire.send(raw[-1:])
            _ask_for_health(nurse)
            assert nurse.answer().status == 200
            waited = meter.cost().cpu
            answer = wire.answer()
        return Ordeal(answer, meter.cost(), waited)

    def refused(self, *request: Any, status: int, scim_type: str | None = None, **more: Any) -> Answer:
        """Send a request that must be refused, and leave nothing behind.

        Raises:
            AssertionError: It is not, or does.
        """
        before = self.server.rows()
        answer = self.send(*request, **more).answer
        assert_refused(answer, status, scim_type)
        assert self.server.rows() == before
        return answer

    def _address(self, path: str, query: Any) -> str:
        return f"/scim/v2{path}" + (f"?{urlencode(query)}" if query else "")

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Content-Type": JSON}


def _faults(ordeal: Ordeal, most_cpu: float) -> list[str]:
    """Say what of a request cost too much."""
    cost = ordeal.cost
    measured = {
        f"{cost.cpu:.2f} s of CPU": cost.cpu > most_cpu,
        f"{cost.memory / 2**20:.0f} MB more": cost.memory > MOST_MEMORY,
        f"others waited {ordeal.waited:.2f} s": ordeal.waited > MOST_WAITING,
    }
    return [fault for fault, too_much in measured.items() if too_much]


def assert_refused(answer: Answer, status: int, scim_type: str | None) -> None:
    """Check that an answer is an error as RFC 7644 §3.12 writes it."""
    assert answer.status == status, answer.content[:300]
    assert answer.headers["Content-Type"] == JSON
    body = answer.json()
    assert (body["schemas"], body["status"]) == ([ERROR], str(status))
    assert body.get("scimType") == scim_type, body
    assert "Traceback" not in body["detail"]


def _bytes(content: Content) -> bytes | None:
    match content:
        case None | bytes():
            return content
        case str():
            return content.encode("utf-8")
        case _:
            return json.dumps(content).encode("utf-8")


def _ask_for_health(wire: Wire) -> None:
    wire.send(written("GET", "/healthz", {}))
