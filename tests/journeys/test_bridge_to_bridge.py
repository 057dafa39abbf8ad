"""One bridge as the target of another, end to end: whoever leaves at the first loses access behind the second."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from connectors.sample.store import SampleFile
from scimbridge.asgi import create_app
from scimbridge.bridge import Bridge
from scimbridge.config import load
from scimbridge.demo.replay import IdentityProvider
from scimbridge.domain.case import CaseState
from scimbridge.domain.situation import CaseQuery
from scimbridge.store.upgrade import upgrade
from scimbridge.wire import Protocol
from tests.journeys.processes import eventually
from tests.servers import quiet_port

pytestmark = pytest.mark.journey

NEAR = """
[sources.entra]

[targets.far]
connector = "scim"
mode = "enforce"
base_url = "{far}"
token = "{token}"
groups = "on"

[[rules]]
name = "off"
when = ["deactivated"]
restore = "auto"
stages = [{{ after = "0s", do = ["suspend", "remove_from_groups"] }}]

[[rules]]
name = "gone"
when = ["deleted"]
stages = [{{ after = "0s", do = ["delete"], approval = false }}]
"""

FAR = """
[sources.near]

[targets.crm]
connector = "sample"
mode = "enforce"
file = "crm.sqlite"

[targets.desk]
connector = "sample"
mode = "enforce"
file = "desk.sqlite"
granted_by = ["Desk"]

[[rules]]
name = "out of the group"
when = ["unassigned"]
restore = "auto"
stages = [{{ after = "0s", do = ["release_licenses"], targets = ["desk"] }}]

[[rules]]
name = "off"
when = ["deactivated"]
restore = "auto"
stages = [{{ after = "0s", do = ["suspend"] }}]

[[rules]]
name = "gone"
when = ["deleted"]
stages = [{{ after = "0s", do = ["delete"], approval = false, targets = ["crm"] }}]
"""


class Whole:
    """A bridge that is served in a thread of its own, and works when it is told to."""

    def __init__(self, folder: Path, tables: str, **values: str) -> None:
        folder.mkdir(exist_ok=True)
        self.port, nowhere = quiet_port(), quiet_port()
        config = folder / "scimbridge.toml"
        server = f'[server]\nlisten = "127.0.0.1:{self.port}"\n[queue]\nurl = "redis://127.0.0.1:{nowhere}"\n'
        config.write_text(server + tables.format(**values), encoding="utf-8")
        self.bridge = Bridge(load(config))
        upgrade(self.bridge.database)
        self.bridge.prepare_store(may_upgrade=False)
        self.base_url = f"http://127.0.0.1:{self.port}/scim/v2"

    def token(self, source: str) -> str:
        return self.bridge.tokens.create(source, by="test", now=self.bridge.clock())

    def work(self) -> None:
        """Do what is due, as worker and sweeper would."""
        for _ in range(5):
            now = self.bridge.clock()
            self.bridge.sweeping.run(now)
            for target in self.bridge.fleet:
                for account in self.bridge.sweeping.runnable(target.name, now, 100):
                    self.bridge.execution.work(account)

    def open_cases(self) -> list[str]:
        """Return the ids of the cases that have not ended."""
        listed = self.bridge.overview.list_cases(CaseQuery(), self.bridge.clock())
        return [each.case.id for each in listed if each.case.state is CaseState.OPEN]

    @contextmanager
    def served(self) -> Iterator[None]:
        server = uvicorn.Server(
            uvicorn.Config(create_app(self.bridge), port=self.port, http=Protocol, log_config=None, access_log=False)
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        eventually(lambda: server.started, "it is served")
        try:
            yield
        finally:
            server.should_exit = True
            thread.join()
            self.bridge.close()


class Both:
    """Two bridges, an identity provider before them and two applications behind them."""

    def __init__(self, folder: Path) -> None:
        (folder / "far").mkdir()
        self.crm, self.desk = (SampleFile.create(folder / "far" / f"{name}.sqlite") for name in ("crm", "desk"))
        self.far = Whole(folder / "far", FAR)
        token = self.far.token("near")
        self.near = Whole(folder / "near", NEAR, far=self.far.base_url, token=token)
        self.entra = IdentityProvider(self.near.base_url, self.near.token("entra"))
        self.users: list[dict[str, str]] = []
        self.client = httpx.Client(base_url=self.far.base_url, headers={"Authorization": f"Bearer {token}"})

    def hire(self, name: str) -> tuple[dict[str, str], str, str]:
        """Give somebody accounts everywhere. Returns their values at the provider, and their ids behind the far one."""
        mail = f"{name}@example.com"
        crm, desk = self.crm.add(mail), self.desk.add(mail, licenses=[self.desk.offer(f"seat of {name}")])
        user = self._create("Users", "User", userName=mail, active=True)
        self.users.append({"value": user})
        values = {"user_name": mail, "given": name, "family": "Example", "external_id": name}
        values |= {"employee_number": "1", "user_type": "Employee", "group": "Desk"}
        self.entra.play("entra-create-user", values)
        return values, crm, desk

    def group(self) -> None:
        """Put everybody into the group that grants ``desk`` at the far one."""
        self._create("Groups", "Group", displayName="Desk", members=self.users)

    def run(self) -> None:
        """Let both do what is due, the far one after the near one."""
        self.near.work()
        self.far.work()

    def _create(self, endpoint: str, kind: str, **document: Any) -> str:
        body = {"schemas": [f"urn:ietf:params:scim:schemas:core:2.0:{kind}"], **document}
        return str(self.client.post(endpoint, json=body).raise_for_status().json()["id"])


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Both]:
    made = Both(tmp_path)
    with ExitStack() as stack:
        stack.enter_context(made.far.served())
        stack.enter_context(made.near.served())
        stack.callback(made.entra.close)
        stack.callback(made.client.close)
        yield made


def test_who_leaves_at_the_first_loses_access_behind_the_second_and_gets_it_back(both: Both) -> None:
    ada, crm, desk = both.hire("ada")
    _, other, _ = both.hire("ben")
    both.group()
    licensed = both.desk.look(desk)

    both.entra.play("entra-disable-user", ada)
    both.run()
    away = both.crm.look(crm), both.desk.look(desk)
    open_then = [*both.near.open_cases(), *both.far.open_cases()]
    both.entra.play("entra-enable-user", ada)
    both.run()
    back = both.crm.look(crm), both.desk.look(desk)
    both.entra.play("entra-delete-user", ada)
    both.run()

    assert [bool(each and each["suspended"]) for each in away] == [True, True]
    assert away[1] is not None
    assert away[1]["licenses"] == []
    assert open_then == []
    assert [bool(each and each["suspended"]) for each in back] == [False, False]
    assert back[1] == licensed
    assert both.crm.look(crm) is None
    assert both.crm.look(other) is not None
    assert {account for _, account, _ in both.crm.writes()} == {crm}
