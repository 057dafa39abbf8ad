"""Leavers through the real engine at SCIM servers that nobody here wrote; the servers are asked what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.scim import ScimConfig, ScimConnector
from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.task import TaskState
from scimbridge.sdk import Connector, Context
from scimbridge.services.permit import TargetPermit
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import Bench, a_rule, a_stage
from tests.targets.foreign.servers import SERVERS, TOKEN, Foreign

TAKEN = (Action.SUSPEND, Action.REMOVE_FROM_GROUPS)


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Foreign]:
    with SERVERS[request.param](tmp_path_factory.mktemp("foreign")) as running:
        yield running
        running.http.close()


class ForeignBench(Bench):
    """A bench whose target is the SCIM connector at a server of others."""

    config: ScimConfig

    def _build(self, name: str) -> Connector[Any]:  # type: ignore[override]  # the bench knows the sample only
        permit = TargetPermit(self.fleet[name], self.database, self.leases, self.clock, self.slept.append)
        return ScimConnector(self.config, Context(target=name, permit=permit, throttled=permit.throttled))


@pytest.fixture
def bench(server: Foreign, database: Database, clock: FakeClock) -> Iterator[ForeignBench]:
    config = ScimConfig.model_validate(
        {
            "connector": "scim",
            "base_url": server.base_url,
            "token": TOKEN,
            "match": {"userName": "userName"},
            **({"groups": "on"} if server.has_groups else {}),
            **server.settings,
        }
    )
    rules = Ruleset((a_rule(a_stage("0s", *TAKEN), a_stage("30d", Action.DELETE)),))
    can = ScimConnector.able(config)
    made = ForeignBench(database, clock, rules, actions=tuple(can), capabilities=can)
    made.config = config
    yield made
    made.fleet.close()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_who_leaves_is_shut_out_and_let_in_again_and_in_the_end_deleted(bench: ForeignBench, server: Foreign) -> None:
    account, other = server.create_user("ada"), server.create_user("ben")
    groups = [server.create_group(name, account, other) for name in ("red", "blue")]
    ada_in, ben_in = (account, other) if server.members_are == "ids" else ("ada", "ben")
    taken = {ben_in} if server.has_groups else {ada_in, ben_in}
    ada = bench.join("ada", everywhere=False)
    bench.run()
    assert may_sign_in(server, "ada", account)

    bench.leave(ada)
    bench.run()
    assert not may_sign_in(server, "ada", account)
    assert [server.members(group) for group in groups] == [taken, taken]
    assert may_sign_in(server, "ben", other)

    bench.come_back(ada)
    bench.run()
    assert may_sign_in(server, "ada", account)
    assert [server.members(group) for group in groups] == [{ada_in, ben_in}, {ada_in, ben_in}]

    bench.leave(ada)
    bench.run()
    last = bench.open_case(ada).id
    bench.run("30d")
    assert server.user(account) is None
    assert [server.members(group) for group in groups] == [{ben_in}, {ben_in}]
    assert may_sign_in(server, "ben", other)
    assert next(case.state for case in bench.cases(ada) if case.id == last) is CaseState.COMPLETED
    assert {task.state for task in bench.tasks(last)} == {TaskState.DONE}


def may_sign_in(server: Foreign, name: str, account: str) -> bool:
    """Whether somebody is active, and may sign in where that can be tried."""
    user = server.user(account)
    assert user is not None
    active = bool(user["active"])
    if server.signs_in is not None:
        assert server.signs_in(name) is active
    return active
