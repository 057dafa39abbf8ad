"""Leavers through the real engine at a system with HTTP calls of its own, and at a program."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.command import CommandConnector
from connectors.webhook import WebhookConnector
from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.task import TaskState
from scimbridge.domain.trigger import Trigger
from scimbridge.sdk import Connector
from scimbridge.services.permit import TargetPermit
from scimbridge.services.rehearsal import Rehearsing, words
from scimbridge.services.story import Stories, tell
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.connectors.crm import ACTIONS, a_team, connector, running_crm
from tests.connectors.legacy import Legacy
from tests.services.bench import Bench, a_rule, a_stage

TAKEN = (Action.SUSPEND, Action.REMOVE_FROM_GROUPS)
STAGES = (a_stage("0s", *TAKEN), a_stage("30d", Action.DELETE))


class OwnBench(Bench):
    """A bench whose target is whatever ``make`` returns."""

    make: Callable[[TargetPermit], Connector[Any]]
    made: Connector[Any]

    def _build(self, name: str) -> Connector[Any]:  # type: ignore[override]  # the bench knows the sample only
        permit = TargetPermit(self.fleet[name], self.database, self.leases, self.clock, self.slept.append)
        self.made = self.make(permit)
        return self.made


def a_bench(database: Database, clock: FakeClock, kind: type[Connector[Any]]) -> OwnBench:
    can = kind.capabilities
    return OwnBench(database, clock, Ruleset((a_rule(*STAGES),)), actions=tuple(can), capabilities=can)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_system_that_lies_is_asked_again_and_what_was_taken_comes_back(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, WebhookConnector)
    with running_crm() as crm:
        bench.make = lambda permit: connector(crm, permit)
        user = crm.add("ada", teams=[a_team("t1"), a_team("t2")])
        ada = bench.join("ada", everywhere=False)
        bench.run()

        crm.lies = True
        bench.leave(ada)
        bench.run()
        lied = [task for task in bench.tasks(bench.case(ada)) if task.action is Action.SUSPEND]
        assert [(task.state, "but the account is unchanged" in task.reason) for task in lied] == [
            (TaskState.WAITING, True)
        ]

        crm.lies = False
        bench.run("1h")
        assert (crm.users[user]["status"], crm.users[user]["teams"]) == ("disabled", [])

        bench.giving_back.restore(bench.case(ada).id, reason="a mistake", by="eve", now=bench.clock())
        bench.run()
        assert (crm.users[user]["status"], len(crm.users[user]["teams"])) == ("active", 2)
        bench.made.close()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_leaver_of_a_program_is_proven_gone(database: Database, clock: FakeClock, tmp_path: Path) -> None:
    bench = a_bench(database, clock, CommandConnector)
    legacy = Legacy(tmp_path)
    bench.make = legacy.connector
    legacy.add("ada")
    ada = bench.join("ada", everywhere=False)
    bench.run()

    bench.leave(ada)
    bench.run()
    assert legacy.accounts()["1"]["suspended"]
    bench.run("30d")

    assert legacy.accounts() == {}
    assert bench.case(ada).state is CaseState.COMPLETED
    assert {task.state for task in bench.tasks(bench.case(ada))} == {TaskState.DONE}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_where_nothing_can_be_read_back_plan_story_and_evidence_say_so(database: Database, clock: FakeClock) -> None:
    with running_crm() as crm:
        blind = connector(crm, read=None, actions={"suspend": ACTIONS["suspend"]})
        can = blind.capabilities
        rules = Ruleset((a_rule(a_stage("0s", Action.SUSPEND)),))
        bench = OwnBench(database, clock, rules, actions=tuple(can), capabilities=can)
        bench.make = lambda permit: connector(crm, permit, read=None, actions={"suspend": ACTIONS["suspend"]})
        user = crm.add("ada")
        ada = bench.join("ada", everywhere=False)
        bench.run()
        (planned,) = Rehearsing(database, bench.fleet, rules, bench.guard, ()).rehearse("ada", Trigger.DELETED, clock())

        bench.leave(ada)
        bench.run()
        case = bench.case(ada)
        bench.made.close()
        blind.close()

    (task,) = bench.tasks(case)
    story = Stories(database, bench.fleet).of(case.id, clock())
    (stage,) = planned.stages
    assert crm.users[user]["status"] == "disabled"
    assert "unverified: the target is taken at its word" in list(words.notes(stage, stage.tasks[0]))
    assert task.reason == "done, as the target says; nothing tells whether it had an effect"
    assert [story.evidence[task.id][when]["suspended"] for when in ("before", "after")] == [None, None]
    assert "suspended unknown" in "\n".join(tell(story))
