"""Groups at targets that are given up: how tests of services ask for it, and what they look at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from scimbridge.domain.action import Action, GuardClass
from scimbridge.domain.case import Case
from scimbridge.domain.guard import Guard, GuardScope, Limit
from scimbridge.domain.request import Asked
from scimbridge.domain.retirement import GroupFinding, NamedGroup
from scimbridge.domain.rule import Rule, Ruleset, Terms
from scimbridge.domain.task import TaskState
from scimbridge.domain.trigger import Trigger
from scimbridge.services.approving import Proposal
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import Bench, a_rule, a_stage

STAGES = (
    a_stage("0s", Action.STAMP_GROUP),
    a_stage("30d", Action.DISABLE_GROUP, Action.MOVE_GROUP),
    a_stage("90d", Action.EMPTY_GROUP),
    a_stage("365d", Action.DELETE_GROUP, terms=Terms(approvers=1)),
)


def a_group_rule(*stages: Any, **settings: Any) -> Rule:
    when = frozenset({Trigger.REQUESTED})
    return a_rule(*(stages or STAGES), **{"name": "old groups", "when": when, **settings})


def a_bench(database: Database, clock: FakeClock, *stages: Any, exclusions: Any = (), **settings: Any) -> Bench:
    rules = Ruleset((a_rule(a_stage("0s", Action.SUSPEND)), a_group_rule(*stages)), exclusions)
    return Bench(database, clock, rules, **settings)


def form(bench: Bench, name: str = "Fair 2019", *members: str, **values: Any) -> str:
    """A group at the target, with members who have accounts there."""
    crm = bench.systems["crm"]
    for member in members:
        if f"native-{member}" not in crm.accounts:
            crm.add(member)
    return crm.form(name, *members, note="Made for the fair", **values)


def ask(bench: Bench, *names: str, **settings: Any) -> Sequence[GroupFinding]:
    named = [NamedGroup(line=line, said=name) for line, name in enumerate(names, start=1)]
    asked = Asked(by="eve", reason="nobody uses it", again=settings.pop("again", False))
    return bench.retiring.request("crm", named, asked, bench.clock(), **settings).findings


def give_up(bench: Bench, name: str = "Fair 2019") -> Case:
    """Ask, and let what is due at once be done."""
    (finding,) = ask(bench, name)
    assert finding.case_id is not None, finding.why
    bench.run()
    return case(bench, finding.case_id)


def case(bench: Bench, case_id: str) -> Case:
    from scimbridge.store import cases

    with bench.database.read() as tx:
        return cases.case_by_id(tx, case_id)


def approve(bench: Bench, case: Case, number: int | None = None, by: str = "dan") -> Proposal:
    proposal = bench.approving.propose(case.id, number, bench.clock())
    bench.approving.approve(proposal, by=by, now=bench.clock())
    bench.run()
    return proposal


def states(bench: Bench, case: Case) -> dict[str, TaskState]:
    return {task.action.value: task.state for task in bench.tasks(case)}


def asks(bench: Bench, case: Case) -> list[str]:
    return [task.reason for task in bench.tasks(case) if task.needs_person]


def a_limit(count: int, guard_class: GuardClass = GuardClass.GROUPS) -> Guard:
    limit = Limit(
        scope=GuardScope.OVERALL, subject="", guard_class=guard_class, window=timedelta(hours=24), count=count
    )
    return Guard((limit,))
