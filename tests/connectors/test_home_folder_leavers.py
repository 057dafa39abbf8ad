"""A leaver's home folder through the real engine: closed, archived, removed, and given back."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.home_folder import HomeFolderConnector
from connectors.home_folder import connector as connector_module
from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.task import TaskState
from scimbridge.sdk import Connector, Context
from scimbridge.services.permit import TargetPermit
from scimbridge.store.database import Database
from scimbridge.store.schema import tasks
from tests.clock import FakeClock
from tests.connectors.homes import Homes
from tests.services.bench import Bench, a_rule, a_stage

STAGES = (a_stage("0s", Action.SUSPEND), a_stage("30d", Action.DELETE))


class FolderBench(Bench):
    """A bench at which the target is a root of home folders, and each step of an archive takes all of an attempt."""

    homes: Homes

    def _build(self, name: str) -> Connector:  # type: ignore[type-arg,override]  # the bench knows the sample only
        permit = TargetPermit(self.fleet[name], self.database, self.leases, self.clock, self.slept.append)
        ticks = itertools.count()
        return HomeFolderConnector(
            self.homes.connector().config,
            Context(target=name, permit=permit),
            monotonic=lambda: next(ticks) * (connector_module.SLICE - 1),
        )


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_folder_is_closed_archived_removed_and_brought_back(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    can = HomeFolderConnector.capabilities
    bench = FolderBench(database, clock, Ruleset((a_rule(*STAGES),)), actions=tuple(can), capabilities=can)
    bench.homes = Homes(tmp_path)
    bench.homes.add("ada", {"plan.txt": "the plan"})
    path = bench.homes.root / "ada"
    before = bench.homes.look(path)
    ada = bench.join("ada", everywhere=False)
    bench.run()
    said: set[str] = set()

    bench.leave(ada)
    bench.run()
    assert path.stat().st_mode & 0o777 == 0
    bench.run("30d")
    for _ in range(10):
        said |= {task.reason for task in bench.tasks(bench.case(ada))}
        bench.run("2s")
    assert "the target is working on it: 0 bytes of 8 bytes read back from the archive" in said
    assert len(bench.homes.made()) == 1
    assert not path.exists()
    assert bench.case(ada).state is CaseState.COMPLETED
    assert {task.state for task in bench.tasks(bench.case(ada))} == {TaskState.DONE}

    restored = bench.giving_back.restore(bench.case(ada).id, reason="a mistake", by="eve", now=bench.clock())
    bench.run()

    assert bench.homes.look(path) == before
    assert restored.lost == []
    with database.read() as tx:
        evidence = str(tx.execute(select(tasks.c.evidence)).scalars().all())
    assert "'archive': '20" in evidence
    assert "ada" not in evidence, "it is kept for good"
