"""A bridge with people in every situation, and its web process, for browsers to look at.

Everything comes about as it would: identity providers send SCIM over HTTP, operators act through the services, sample
targets answer, and the clock is moved by hand.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from connectors.sample.errors import FAULTS, Fault
from connectors.sample.store import SampleFile
from scimbridge.asgi import create_app
from scimbridge.bridge import Bridge
from scimbridge.config import load
from scimbridge.domain.exclusion import Exclusion, Spared
from scimbridge.domain.hold import Scope
from scimbridge.domain.leavers import Leaver
from scimbridge.domain.request import Asked
from scimbridge.domain.situation import CaseQuery
from scimbridge.queue import job, worker
from scimbridge.queue.embedded import EmbeddedRedis
from scimbridge.sdk import RejectedError
from scimbridge.wire import Protocol
from tests.clock import FakeClock
from tests.processes.provider import PATCH, IdentityProvider
from tests.servers import quiet_port

CONFIGURATION = """\
data_dir = "data"

[server]
listen = "127.0.0.1:{port}"

[operators]
session = "30d"
idle = "30d"

[sources.entra]
timezone = "Europe/Berlin"

[sources.okta]

[sources.school]
guard = {{ all = {{ count = 3, window = "24h" }} }}

[targets.crm]
connector = "sample"
mode = "enforce"
file = "crm.db"

[targets.directory]
connector = "sample"
mode = "enforce"
file = "directory.db"
leavers_container = "leavers"

[targets.mail]
connector = "sample"
file = "mail.db"

[targets.wiki]
connector = "sample"
mode = "enforce"
file = "wiki.db"
granted_by = ["Wiki"]

[guard]
all = {{ count = 100, percent = 60, window = "24h" }}
delete = {{ count = 60, window = "7d" }}

[sources.okta.guard]
all = {{ count = 10, window = "24h" }}

[deadlines]
suspend = "4h"

[[freeze]]
from = "2026-03-28"
until = "2026-04-01"
reason = "end of the quarter"

[[exclusions]]
match = 'userType eq "Service"'
reason = "owned by the platform team"

[[rules]]
name = "contractors"
when = ["deactivated"]
match = 'userType eq "Contractor"'
restore = "auto"
stages = [{{ after = "10m", do = ["suspend"], targets = ["crm", "directory"] }}]

[[rules]]
name = "employees"
when = ["deactivated", "deleted"]

  [[rules.stages]]
  after = "0s"
  do = ["suspend", "revoke_sessions"]
  targets = ["crm", "directory", "mail"]

  [[rules.stages]]
  after = "7d"
  do = ["remove_from_groups"]
  targets = ["crm", "directory"]

  [[rules.stages]]
  after = "30d"
  do = ["delete"]
  targets = ["crm", "directory"]
  schedule = "0 2 * * *"

[[rules]]
name = "the wiki"
when = ["unassigned"]
stages = [{{ after = "15m", do = ["suspend"], targets = ["wiki"] }}]

[[rules]]
name = "asked for"
when = ["requested"]
stages = [{{ after = "0s", do = ["suspend"], targets = ["crm", "directory"] }}]
"""

TARGETS = ("crm", "directory", "mail", "wiki")

HOSTILE = "<script>window.broken=1</script><img src=x onerror=window.broken=1>'\"&{{7*7}}\u202e"
"""What somebody writes who means harm: markup, an attribute's end, a template, and text that runs backwards."""

GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"

PATIENCE = 30.0


def eventually(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds that the worker's threads bring about."""
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until, f"after {PATIENCE} s still not: {what}"
        time.sleep(0.02)  # they tell us nothing; polling is all there is


@dataclass
class World:
    """What tests do to the bridge, and know of it.

    Attributes:
        url: Of the web process.
        ids: Of people, by name.
        groups: Ids of groups, by name.
    """

    bridge: Bridge
    clock: FakeClock
    url: str
    systems: Mapping[str, SampleFile]
    providers: Mapping[str, IdentityProvider]
    ids: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    _offered: dict[tuple[str, str], str] = field(default_factory=dict)

    # -- what identity providers say

    def hire(
        self,
        name: str,
        source: str = "entra",
        /,
        *,
        user_type: str = "Employee",
        groups: Iterable[str] = (),
        **attributes: Any,
    ) -> str:
        """Give somebody accounts everywhere, and have their identity provider create them."""
        for target, system in self.systems.items():
            system.add(
                name, external_id=name, mail=name, sessions=1, groups=[self._offer(target, one) for one in groups]
            )
        attributes = {"displayName": name.partition("@")[0].title(), "userType": user_type, **attributes}
        self.ids[name] = self.providers[source].create(name, **attributes)
        return self.ids[name]

    def leave(self, name: str, source: str = "entra") -> None:
        """Somebody leaves."""
        self.providers[source].disable(self.ids[name])

    def come_back(self, name: str, source: str = "entra") -> None:
        """Somebody returns."""
        self.providers[source].enable(self.ids[name])

    def gather(self, source: str, name: str, members: Iterable[str]) -> None:
        """Make a group."""
        document = {"schemas": [GROUP], "displayName": name, "members": [{"value": self.ids[one]} for one in members]}
        answer = self.providers[source].send("POST", "/Groups", document)
        self.groups[name] = answer.raise_for_status().json()["id"]

    def leave_group(self, source: str, group: str, name: str) -> None:
        """Take somebody out of a group."""
        gone = {"op": "remove", "path": f'members[value eq "{self.ids[name]}"]'}
        document = {"schemas": [PATCH], "Operations": [gone]}
        self.providers[source].send("PATCH", f"/Groups/{self.groups[group]}", document).raise_for_status()

    def _offer(self, target: str, name: str) -> str:
        """Return the id of a group at a target."""
        if (target, name) not in self._offered:
            self._offered[target, name] = self.systems[target].offer(name)
        return self._offered[target, name]

    # -- what time does

    def pass_time(self, span: str | timedelta) -> None:
        """Let time pass, and do at its end all that has become due."""
        self.clock.advance(span)
        self.work()

    def work(self) -> None:
        """Do here and now what a sweeper and workers do, until nothing is left that may start."""
        while self.sweep() or self._runnable():
            for account in self._runnable():
                self.bridge.execution.work(account)

    def sweep(self) -> bool:
        """Release what is due, as the sweeper does. Returns whether anything was."""
        now = self.clock()
        swept = self.bridge.sweeping.run(now)
        self.bridge.flooding.finish(now)
        self.bridge.deadlines.run(now)
        self.bridge.census.run(now)
        self.bridge.tallying.run(now)
        return bool(swept.released or swept.ended)

    def _runnable(self) -> list[str]:
        return [one for name in TARGETS for one in self.bridge.sweeping.runnable(name, self.clock(), 1000)]

    # -- what the bridge knows

    def case_of(self, name: str) -> str:
        """Return the id of somebody's newest case."""
        found = self.bridge.overview.list_cases(CaseQuery(search=name), self.clock())
        return next(one.case.id for one in found if one.case.identity_id == self.ids[name])

    def situation(self, name: str) -> str:
        """Return what somebody's newest case is doing, as lists say it."""
        return self.bridge.stories.of(self.case_of(name), self.clock()).summary.situation

    def is_suspended(self, name: str, target: str) -> bool:
        """Whether somebody cannot sign in to a target, from the target itself."""
        (record,) = self.systems[target].find("name", name)
        return record.suspended

    def has_account(self, name: str, target: str) -> bool:
        """Whether somebody has an account at a target, from the target itself."""
        return bool(self.systems[target].find("name", name))


@contextmanager
def running_world(folder: Path) -> Iterator[World]:
    """Start the web process and a worker in threads of this process, and let half a year pass."""
    with ExitStack() as stack:
        port = quiet_port()
        path = folder / "scimbridge.toml"
        path.write_text(CONFIGURATION.format(port=port), encoding="utf-8")
        redis = EmbeddedRedis(folder / "redis")
        stack.callback(redis.stop)
        clock = FakeClock(datetime(2025, 12, 1, 8, 30, tzinfo=UTC))
        systems = {name: SampleFile.create(folder / f"{name}.db") for name in TARGETS}
        bridge = Bridge(load(path, {}), queue_url=redis.url, clock=clock)
        stack.callback(bridge.close)
        bridge.prepare_store(may_upgrade=True)
        bridge.prepare_rules()
        bridge.prepare_names()
        stack.enter_context(_serving(bridge, port))
        url = f"http://127.0.0.1:{port}"
        providers = {
            source: stack.enter_context(
                IdentityProvider(f"{url}/scim/v2", bridge.tokens.create(source, by="pat", now=clock()))
            )
            for source in ("entra", "okta", "school")
        }
        world = World(bridge, clock, url, systems, providers)
        populate(world)
        stack.enter_context(_working(bridge))
        yield world


@contextmanager
def _serving(bridge: Bridge, port: int) -> Iterator[None]:
    config = uvicorn.Config(
        create_app(bridge), host="127.0.0.1", port=port, http=Protocol, log_config=None, proxy_headers=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="web", daemon=True)
    thread.start()
    eventually(lambda: server.started, "the web process answers")
    try:
        yield
    finally:
        bridge.live.stop()
        server.should_exit = True
        thread.join(PATIENCE)


@contextmanager
def _working(bridge: Bridge) -> Iterator[None]:
    job.bind(bridge.crew.work, bridge.crew.reconcile)
    thread = threading.Thread(target=bridge.crew.run, name="crew", daemon=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "IDLE_SECONDS", 1)  # so that they end soon after they were told to
        thread.start()
        try:
            yield
        finally:
            bridge.halt.is_stopped = True
            bridge.crew.stop(PATIENCE)
            thread.join(PATIENCE)
            for each in threading.enumerate():
                if each.name.startswith("worker "):
                    each.join(PATIENCE)


# -- who is there, and what has happened to them ------------------------------

GONE, UNAPPROVED, GRACE, HELD = "ada@example.com", "bob@example.com", "carla@example.com", "dora@example.com"
FAILED, RETRYING, BACK = "erik@example.com", "fatima@example.com", "hanna@example.com"
UNLINKED, CONTRACTOR, ASKED, UNASSIGNED = "ivan@example.com", "jana@example.com", "kofi@example.com", "lena@example.com"
BAD = "mallory@example.com"
"""Whose names and groups are hostile."""

LEAVING_AT_ONCE = [
    "nadia",
    "omar",
    "petra",
    "quentin",
    "rosa",
    "samir",
    "tamara",
    "ugo",
    "vera",
    "wanda",
    "xavier",
    "yara",
    "zeno",
    "amina",
]
STAYING = [
    "boris",
    "chloe",
    "dmitri",
    "elena",
    "felix",
    "greta",
    "hugo",
    "ines",
    "jonas",
    "karin",
    "luca",
    "mona",
    "nils",
    "olga",
    "pavel",
    "ruth",
    "sven",
    "tina",
]
FLOOD = [f"{name}@example.com" for name in LEAVING_AT_ONCE]


def populate(world: World) -> None:
    """Let people come and go for three months, until somebody is in each situation."""
    _hire_everybody(world)
    world.work()
    _long_ago(world)
    _this_week(world)
    _today(world)
    _draft_rules(world)


def _draft_rules(world: World) -> None:
    """Somebody would like less time before something is deleted, and has not put it in force."""
    bridge, now = world.bridge, world.clock()
    text = bridge.file_rules.text.replace('after = "30d"', f'after = "14d"  # {HOSTILE}', 1)
    draft = bridge.drafting.begin(text, by="pat", now=now)
    bridge.replaying.run(draft.version, by="pat", now=now)


def _hire_everybody(world: World) -> None:
    for name in (GONE, UNAPPROVED, GRACE, HELD, FAILED, RETRYING, UNLINKED, ASKED, UNASSIGNED):
        world.hire(name, groups=["Staff", "Travel"])
    for name in (CONTRACTOR, BACK):
        world.hire(name, user_type="Contractor")
    for name in (*LEAVING_AT_ONCE, *STAYING):
        world.hire(f"{name}@example.com", "okta")
    world.hire("backup@example.com", "okta", user_type="Service")
    world.hire(
        BAD,
        groups=["Staff", HOSTILE],
        displayName=HOSTILE,
        title=HOSTILE,
        name={"givenName": HOSTILE, "familyName": HOSTILE},
    )
    world.gather("entra", HOSTILE, [BAD])
    world.gather("entra", "Wiki", [UNASSIGNED, GRACE])


def _long_ago(world: World) -> None:
    """Five weeks: who left then has lost everything, up to what somebody has to approve."""
    now = world.clock
    for name in (GONE, UNAPPROVED):
        world.leave(name)
    world.work()
    world.pass_time("7d")
    world.pass_time("23d")
    world.pass_time("18h")
    proposal = world.bridge.approving.propose(world.case_of(GONE), None, now())
    world.bridge.approving.approve(proposal, by="pat", now=now())
    world.work()


def _this_week(world: World) -> None:
    bridge, now = world.bridge, world.clock
    world.leave(HELD)
    world.leave(GRACE)
    world.leave(BACK)
    world.work()
    world.pass_time("1d")
    bridge.holding.place(
        Scope.IDENTITY, world.ids[HELD], reason="a lawsuit about a patent", by="kim", now=now(), is_legal=True
    )
    world.come_back(BACK)
    world.pass_time("3d")
    world.systems["crm"].fail("suspend", Fault.REJECTED)
    with refusing(HOSTILE):
        world.leave(FAILED)
        world.work()
    world.systems["crm"].add(UNLINKED, external_id=UNLINKED, mail=UNLINKED)
    world.leave(BAD)
    world.leave(UNLINKED)
    world.work()
    bridge.holding.place(Scope.IDENTITY, world.ids[BAD], reason=HOSTILE, by=HOSTILE, now=now())
    world.pass_time("1d")


def _today(world: World) -> None:
    bridge, now = world.bridge, world.clock
    world.systems["directory"].fail("suspend", Fault.UNREACHABLE, times=3)
    world.leave(RETRYING)
    world.work()
    world.leave(CONTRACTOR)
    world.leave("backup@example.com", "okta")
    world.leave_group("entra", "Wiki", UNASSIGNED)
    bridge.operating.pause("wiki", reason=f"maintenance {HOSTILE}", by="kim", now=now())
    world.pass_time("16m")
    world.providers["entra"].send("DELETE", f"/Groups/{world.groups['Wiki']}").raise_for_status()
    alone = Exclusion(reason=HOSTILE, spared=Spared.IDENTITY, subject=world.ids["boris@example.com"])
    bridge.holding.exclude(alone, by="kim", now=now())
    bridge.requesting.request(
        [Leaver(line=1, user_name=ASKED)], Asked(by="kim", reason="end of contract", date="2026-01-31"), now()
    )
    for name in FLOOD[:4]:
        world.leave(name, "okta")
    world.pass_time("5m")
    for name in FLOOD[4:]:
        world.leave(name, "okta")
    world.pass_time("1m")
    _reconcile(world)


def _reconcile(world: World) -> None:
    """Compare what targets have with what is known of it: two are whole, and one breaks off."""
    crm = world.systems["crm"]
    crm.add(HOSTILE)
    crm.add("print-service@example.com")
    world.systems["mail"].fail("list", Fault.UNREACHABLE)
    for target in ("crm", "directory", "mail"):
        run = world.bridge.reconciliation_runs.ask(target, by="kim", now=world.clock())
        world.bridge.reconciliation_work.work(run.id)


@contextmanager
def refusing(message: str) -> Iterator[None]:
    """Let targets refuse with this message."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FAULTS, Fault.REJECTED, lambda: RejectedError(message))
        yield
