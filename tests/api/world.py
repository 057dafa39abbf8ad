"""A bridge with people, cases in every situation, and a client of its API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
from starlette.testclient import TestClient

from connectors.sample.store import SampleFile
from scimbridge.asgi import create_app
from scimbridge.bridge import Bridge
from scimbridge.config import load
from scimbridge.domain.operator import Role
from scimbridge.domain.resource import Received
from scimbridge.domain.wakeup import WakeUp, Work
from scimbridge.queue.courier import Courier
from scimbridge.store import cases, tokens
from tests.clock import FakeClock
from tests.databases import compiled_once

CONFIG = """
[store]
url = "{url}"
[queue]
url = "redis://127.0.0.1:1"
[server]
public_url = "{public_url}"
[sources.okta]
token_lifetime = "90d"
[targets.crm]
connector = "sample"
file = "crm.db"
mode = "enforce"
groups_container = "old groups"
[targets.wiki]
connector = "sample"
file = "wiki.db"
"""

RULES = """
[[exclusions]]
match = 'userName eq "boss"'
reason = "never touched"
[[rules]]
name = "groups"
when = ["requested"]
stages = [{ after = "1d", do = ["empty_group"] }]
[[rules]]
name = "leavers"
when = ["deactivated", "deleted", "requested"]
restore = "auto"
stages = [
  { after = "1h", do = ["suspend"] },
  { after = "30d", do = ["delete"] },
]
"""


@dataclass
class World:
    """Everything a test needs; ``work`` and ``sweep`` are what the processes would do."""

    bridge: Bridge
    clock: FakeClock
    crm: SampleFile
    client: TestClient
    wakeups: list[WakeUp] = field(default_factory=list)
    tokens: dict[Role, str] = field(default_factory=dict)

    def join(self, name: str, **attributes: Any) -> str:
        """Somebody is created in the source, with an account. Returns the SCIM id."""
        self.crm.add(name)
        document = {"userName": name, "active": True, "externalId": f"ext-{name}", **attributes}
        user, _ = self.bridge.intake.create_user(document, self._received("POST"), self.clock())
        return user.identity.id

    def leave(self, person: str) -> str:
        """The source says that somebody has left. Returns the case."""
        self.clock.advance("1s")
        self.say(person, active=False)
        return self.case(person)

    def say(self, person: str, **attributes: Any) -> None:
        """The source says something about somebody."""
        self.bridge.intake.change_user(
            person, lambda document: {**document, **attributes}, self._received("PATCH", person), self.clock()
        )

    def delete(self, person: str) -> None:
        """The source deletes somebody."""
        self.bridge.intake.delete_user(person, self._received("DELETE", person), self.clock())

    def leaver(self, name: str) -> str:
        """Somebody joins and leaves. Returns the case."""
        return self.leave(self.join(name))

    def case(self, person: str) -> str:
        with self.bridge.database.read() as tx:
            found = cases.open_case_of(tx, [person])
        assert found is not None
        return found.id

    def run(self, span: str | timedelta | None = None) -> None:
        """Let time pass, sweep, and work until nothing is left to do."""
        if span is not None:
            self.clock.advance(span)
        self.bridge.sweeping.run(self.clock())
        while self.wakeups:
            wakeup = self.wakeups.pop(0)
            worker = self.bridge.execution if wakeup.work is Work.ACCOUNT else self.bridge.reconciliation_work
            worker.work(wakeup.account_id)
            self.bridge.sweeping.run(self.clock())

    def headers(self, role: Role = Role.ADMIN) -> dict[str, str]:
        """What somebody of a role sends."""
        if role not in self.tokens:
            self.tokens[role] = self.bridge.operators.create(f"an-{role}", role, by="test", now=self.clock())
        return {"Authorization": f"Bearer {self.tokens[role]}"}

    def get(self, path: str, as_: Role = Role.ADMIN, **query: Any) -> Any:
        """Return what is answered, which has to be good."""
        answer = self.ask("GET", path, as_, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, as_: Role = Role.ADMIN, **body: Any) -> Any:
        """Do something, which has to be done; and return the answer."""
        answer = self.ask("POST", path, as_, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ask(
        self, method: str, path: str, role: Role = Role.ADMIN, headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx2.Response:
        return self.client.request(method, f"/api/v1{path}", headers={**self.headers(role), **(headers or {})}, **more)

    def _received(self, method: str, person: str = "") -> Received:
        path = f"/Users/{person}" if person else "/Users"
        return Received(source="okta", method=method, path=path, body={"from": "okta"}, understood="test")


class Notebook(Courier):
    """Takes note of messages; nothing carries them."""

    def __init__(self, wakeups: list[WakeUp]) -> None:
        self._wakeups = wakeups

    def submit(self, wakeups: Any) -> None:
        self._wakeups.extend(wakeups)

    def queued(self, _target: str) -> frozenset[str]:
        return frozenset()

    def close(self) -> None:
        """There is nothing to close."""


def a_world(folder: Path, database_url: str, *, public_url: str = "http://testserver", more: str = "") -> World:
    """Return a new world; the caller closes its bridge.

    Args:
        folder: Where its files are.
        database_url: Its store.
        public_url: Where browsers find it.
        more: Further tables of its configuration.
    """
    path = folder / "scimbridge.toml"
    path.write_text(CONFIG.format(url=database_url, public_url=public_url) + more + RULES, "utf-8")
    crm = SampleFile.create(folder / "crm.db")
    SampleFile.create(folder / "wiki.db")
    clock = FakeClock()
    bridge = Bridge(load(path, {}), clock=clock)
    wakeups: list[WakeUp] = []
    bridge.courier = Notebook(wakeups)
    bridge.live.stop()  # streams would have no end
    compiled_once(bridge.database)
    bridge.prepare_store(may_upgrade=True)
    with bridge.database.write() as tx:
        tokens.ensure_source(tx, "okta", clock())
    client = TestClient(create_app(bridge), base_url="http://testserver")
    return World(bridge, clock, crm, client, wakeups)
