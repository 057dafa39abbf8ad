"""Reconciliation at the command line."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scimbridge.bridge import Bridge
from scimbridge.cli import reconcile as reconcile_module
from scimbridge.domain.exclusion import Exclusion, Spared
from scimbridge.domain.times import iso
from scimbridge.store import reconciliations
from tests.cli.conftest import Terminal
from tests.services.bench import Bench


@pytest.fixture(autouse=True)
def _targets(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command asks the targets of the bench; those of the configuration are not there."""
    monkeypatch.setattr(Bridge, "fleet", bench.fleet)


def test_what_is_not_as_it_should_be_is_shown_with_what_to_do(bench: Bench, terminal: Terminal) -> None:
    bench.join()
    bench.run()
    assert "All 2 accounts are as they should be." in terminal.run("reconcile").stdout

    bench.systems["crm"].add("ghost")
    shown = terminal.run("reconcile", code=3).stdout
    assert "crm" in shown
    assert "1 orphaned: find its owner" in shown
    since = bench.clock()
    bench.clock.advance("2d")
    found = terminal.read("reconcile", "crm", code=3)["found"]
    assert [(each["name"], each["mismatches"]) for each in found] == [("ghost", ["orphaned"])]
    assert found[0]["first_seen_at"] == iso(since)
    assert terminal.read("reconcile", "--only", "drifted")["found"] == []
    # What an exclusion spares is shown, and needs nobody.
    bench.holding.exclude(Exclusion(reason="ours", spared=Spared.ACCOUNT, subject="ghost"), by="ops", now=bench.clock())
    assert "1 left alone: nothing, for as long as" in terminal.run("reconcile", "crm").stdout


def test_of_a_great_many_the_loudest_are_shown(
    bench: Bench, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.leave(bench.join())
    bench.run("7d")
    bench.systems["crm"].account("ada")["suspended"] = False
    bench.systems["crm"].add("ghost")
    monkeypatch.setattr(reconcile_module, "SHOWN", 1)

    shown = terminal.run("reconcile", "crm", code=3).stdout

    assert ("native-ada" in shown, "native-ghost" in shown) == (True, False)
    assert "… and 1 more; --json has all of them" in shown
    assert "1 orphaned: find its owner" in shown
    assert len(terminal.read("reconcile", "crm", code=3)["found"]) == 2


def test_a_target_that_does_not_answer_is_named_and_the_others_are_compared(bench: Bench, terminal: Terminal) -> None:
    from scimbridge.sdk import RetryableError

    bench.fail(RetryableError("the target does not answer"))
    nothing = terminal.run("reconcile", code=1).stdout
    assert "as they should be" not in nothing
    assert "0 accounts were compared, and not all that there are." in nothing

    bench.systems["crm"].add("ghost")
    bench.systems["directory"].add("ghost")
    bench.fail(RetryableError("the target does not answer"))

    result = terminal.run("reconcile", code=1)
    assert "crm could not list all of its accounts: the target does not answer" in result.stderr
    assert "1 orphaned" in result.stdout


def test_a_list_that_lost_much_is_believed_when_somebody_says_so(bench: Bench, terminal: Terminal) -> None:
    bench.systems["crm"].add("ghost")
    terminal.run("reconcile", "crm", code=3)
    bench.systems["crm"].accounts.clear()

    assert "`scimbridge reconcile crm --believe`" in terminal.run("reconcile", "crm", code=1).stderr
    assert "name the target" in terminal.run("reconcile", "--believe", code=2).stderr
    assert "All 0 accounts are as they should be." in terminal.run("reconcile", "crm", "--believe").stdout


def test_a_paused_target_is_not_waited_for(bench: Bench, terminal: Terminal) -> None:
    bench.operating.pause("crm", reason="upgrade", by="ops", now=bench.clock())

    assert "crm could not list all of its accounts: it is paused" in terminal.run("reconcile", code=1).stderr


def test_who_waits_for_a_worker_does_not_wait_for_a_paused_target(
    bench: Bench, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = bench.clock()
    with bench.database.write() as tx:
        run, _ = reconciliations.ask(tx, "crm", by="olga", unused_for=None, now=now)
        reconciliations.begin(tx, run.id, "a worker's", lease_until=now + timedelta(hours=1), now=now)

    def meanwhile(_seconds: float) -> None:
        bench.operating.pause("crm", reason="upgrade", by="ops", now=bench.clock())

    monkeypatch.setattr(reconcile_module, "sleep", meanwhile)

    said = terminal.run("reconcile", "crm", code=1).stderr
    assert "crm is being reconciled already: olga asked for it." in said
    assert "crm could not list all of its accounts: it is paused" in said
