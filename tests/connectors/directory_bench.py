"""A bench at which the target is a directory."""

from __future__ import annotations

from connectors.ldap import LdapConnector
from scimbridge.domain.action import Action
from scimbridge.domain.rule import Ruleset
from scimbridge.sdk import Connector, Context
from scimbridge.services.permit import TargetPermit
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.lab.directories.lab import Lab
from tests.services.bench import Bench, a_rule, a_stage

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
        self.connector = LdapConnector(self.lab.config(snapshot_attributes=["*"]), Context(target=name, permit=permit))
        return self.connector


def a_bench(database: Database, clock: FakeClock, lab: Lab, *more: Action) -> DirectoryBench:
    """Return a bench at a directory, whose leavers meet with more on the seventh day where a test says so."""
    able = [action for action in LdapConnector.capabilities if not action.is_of_groups]
    first, second, last = LEAVING
    rule = a_rule(first, a_stage("7d", *second.actions, *more), last)
    bench = DirectoryBench(database, clock, Ruleset((rule,)), actions=able)
    bench.lab = lab
    return bench
