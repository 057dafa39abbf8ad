"""A leaver of a real directory, through the real engine: gone stage by stage, or back as if nothing had been."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from connectors.ldap import LdapConnector
from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.task import TaskState
from scimbridge.sdk import Connector, Context
from scimbridge.services.permit import TargetPermit
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.lab.directories.lab import Lab
from tests.services.bench import Bench, a_rule, a_stage

pytest_plugins = ("tests.lab.fixtures",)

ON_ONE_STORE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # the other one proves nothing more
LEAVING = (
    a_stage("0s", Action.SUSPEND),
    a_stage("7d", Action.REMOVE_FROM_GROUPS, Action.STAMP, Action.MOVE),
    a_stage("90d", Action.DELETE),
)


class DirectoryBench(Bench):
    """A bench at which the target is a directory."""

    lab: Lab

    def _build(self, name: str) -> Connector:  # type: ignore[type-arg,override]  # the bench knows the sample only
        permit = TargetPermit(self.fleet[name], self.database, self.leases, self.clock, self.slept.append)
        self.connector = LdapConnector(self.lab.config(), Context(target=name, permit=permit))
        return self.connector


def a_bench(database: Database, clock: FakeClock, lab: Lab) -> DirectoryBench:
    able = [action for action in LdapConnector.capabilities if not action.is_of_groups]
    bench = DirectoryBench(database, clock, Ruleset((a_rule(*LEAVING),)), actions=able)
    bench.lab = lab
    return bench


@ON_ONE_STORE
def test_who_comes_back_finds_everything_as_it_was(database: Database, clock: FakeClock, lab: Lab) -> None:
    bench, name = a_bench(database, clock, lab), f"p{uuid.uuid4().hex[:10]}"
    account_id = lab.add_person(name, description="Third floor")
    group = lab.add_group(f"group {name}", account_id)
    before, members = lab.look(account_id), lab.members_of(group)
    user = bench.join(name, everywhere=False)
    bench.run()

    bench.leave(user)
    bench.run()
    bench.run("7d")
    gone = bench.connector.read(account_id)
    could_sign_in = lab.can_bind(account_id)
    bench.come_back(user)
    bench.run()

    bench.connector.close()
    assert (gone.suspended, gone.groups, could_sign_in) == (True, (), False)
    assert gone.container is not None
    assert gone.container.casefold() == lab.disabled.casefold()
    assert gone.stamped_until == (clock() + timedelta(days=83)).replace(microsecond=0)
    assert lab.look(account_id) == before
    assert lab.members_of(group) == members
    assert lab.can_bind(account_id)


@ON_ONE_STORE
def test_who_stays_away_is_deleted_in_the_end(database: Database, clock: FakeClock, lab: Lab) -> None:
    bench, name = a_bench(database, clock, lab), f"p{uuid.uuid4().hex[:10]}"
    account_id = lab.add_person(name)
    user = bench.join(name, everywhere=False)
    bench.run()

    bench.leave(user)
    bench.run()
    bench.run("7d")
    is_there = lab.look(account_id) is not None
    bench.run("83d")

    bench.connector.close()
    assert is_there
    assert lab.look(account_id) is None
    assert bench.case(user).state is CaseState.COMPLETED
    assert set(bench.states(bench.case(user)).values()) <= {TaskState.DONE, TaskState.SKIPPED}
