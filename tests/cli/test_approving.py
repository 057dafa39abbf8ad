"""``scimbridge cases approve`` and ``unapprove``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from scimbridge.bridge import Bridge
from scimbridge.domain.action import Action
from scimbridge.domain.rule import Ruleset, Terms
from scimbridge.store.database import Database
from tests.cli.conftest import Terminal
from tests.clock import FakeClock
from tests.services.bench import Bench, MemoryTarget, a_rule, a_stage


@pytest.fixture
def bench(config: Path, sqlite_template: bytes, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A leaver whose deletion takes two operators; commands reach the same accounts."""
    path = config.parent / "data" / "bridge.db"
    path.parent.mkdir()
    path.write_bytes(sqlite_template)
    database = Database(f"sqlite:///{path}")
    deleting = replace(a_stage("90d", Action.DELETE), terms=Terms(approvers=2))
    rules = Ruleset((a_rule(a_stage("7d"), deleting, name="employees"),))
    bench = Bench(database, clock, rules, {"crm": MemoryTarget()})
    monkeypatch.setattr(Bridge, "_build_connector", lambda _self, name: bench._build(name))
    yield bench
    database.close()


@pytest.fixture
def case(bench: Bench) -> str:
    ada = bench.join("ada", displayName="Ada")
    bench.leave(ada)
    bench.run("7d")
    bench.run("90d")
    return bench.case(ada).id


def test_it_shows_what_will_be_done_to_which_account_before_it_asks(terminal: Terminal, case: str) -> None:
    shown = terminal.run("cases", "approve", case, "--by", "eve", "--yes").stderr

    assert f"Stage 2 of case {case}, due 2026-05-31 09:00 UTC" in shown
    assert "ada of source idp, by rule employees." in shown
    assert "crm: account ada (native-ada)" in shown
    assert "delete -- cannot be undone" in shown
    assert "enabled: no" in shown
    assert "privileged: none" in shown
    assert "Approved by nobody yet; it takes 2." in shown


def test_nobody_is_asked_where_nobody_can_answer(terminal: Terminal, case: str, bench: Bench) -> None:
    refusal = terminal.run("cases", "approve", case, code=2).stderr

    assert "this is not a terminal, so nobody can be asked; give --yes if you are sure" in refusal
    assert bench.approving.stages(case)[1].approved_by == ()


def test_two_operators_approve_and_the_case_says_so(terminal: Terminal, case: str) -> None:
    first = terminal.run("cases", "approve", case, "--by", "eve", "--yes").stdout

    assert first.splitlines() == [
        "Stage 2 is approved by eve (1 of 2).",
        "It takes another operator before anything happens.",
    ]
    assert "waits for approval of stage 2 (1 of 2)" in terminal.run("cases", "list").stdout
    shown = terminal.run("cases", "show", case, code=3).stdout
    assert "It is open: waits for approval of stage 2 (1 of 2)." in shown
    assert f"Stage 2 waits for its approval, 1 of 2, by eve: `scimbridge cases approve {case} --stage 2`" in shown
    assert "approved by eve:" in shown
    second = terminal.read("cases", "approve", case, "--by", "bob", "--yes")
    assert (second["given"], second["wanted"], second["stage"], second["approved_by"]) == (2, 2, 2, "bob")
    assert len(second["digest"]) == 64
    assert second["plan"]["accounts"] != {}
    assert sorted(terminal.read("cases", "show", case)["stages"][1]["approved_by"]) == ["bob", "eve"]


def test_the_same_operator_twice_is_refused(terminal: Terminal, case: str) -> None:
    terminal.run("cases", "approve", case, "--by", "eve", "--yes")

    assert "eve has approved stage 2 already" in terminal.run(
        "cases", "approve", case, "--by", "Eve", "--yes", code=1
    ).stderr.replace("Eve", "eve")


def test_an_approval_can_be_taken_back(terminal: Terminal, case: str) -> None:
    terminal.run("cases", "approve", case, "--by", "eve", "--yes")

    said = terminal.run("cases", "unapprove", case, "--reason", "wrong person", "--by", "bob").stdout

    assert said == f"Stage 2 of case {case} is no longer approved.\n"
    assert "waits for approval of stage 2 (0 of 2)" in terminal.run("cases", "list").stdout
    history = terminal.read("cases", "show", case, code=3)["history"]
    (entry,) = (each for each in history if each["event"] == "approval withdrawn")
    assert (entry["actor"], entry["reason"]) == ("bob", "wrong person")
    assert "no approval" in terminal.run("cases", "unapprove", case, "--reason", "again", code=1).stderr


def test_before_it_is_due_the_case_waits_for_its_grace_and_says_what_may_be_done(
    terminal: Terminal, bench: Bench
) -> None:
    ada = bench.join("ada")
    bench.leave(ada)

    shown = terminal.run("cases", "show", bench.case(ada).id).stdout

    assert "It is open: waiting." in shown
    assert "Stage 2 waits for its approval, 0 of 2:" in shown
    assert "it may be given before it is due" in shown
    assert "The grace runs: next is suspend at crm" in shown
