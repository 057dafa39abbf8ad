"""The page of reconciliation: how far each target is, what was found, and what to do about it."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

from sqlalchemy import text

from scimbridge.domain.operator import Role
from scimbridge.domain.reconciliation import Mismatch, RunOutcome
from scimbridge.sdk import RetryableError
from scimbridge.store import reconciliations
from tests.counting import counted
from tests.dashboard.conftest import Browse, Browser, text_of
from tests.services.bench import Bench

HERE = "/reconciliation"

MANY = text(
    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :most)"
    " INSERT INTO findings (run_id, id, kind, native_id, name, owners, first_seen_at)"
    " SELECT :run, printf('%036d', i), 'orphaned', 'n' || i, 'g' || i, '[]', :now FROM n"
)


def reconcile(browser: Browser, bench: Bench, target: str = "crm", do: str = "reconcile") -> str:
    """Have somebody ask for a run, and a worker do it. Returns what was said."""
    said = browser.send(HERE, do=do, target=target)
    assert said.headers["location"] == HERE
    for wakeup in bench.wakeups:
        browser.bridge.reconciliation_work.work(wakeup.account_id)
    bench.wakeups.clear()
    return text_of(browser.get(HERE).text)


def test_an_operator_asks_for_a_run_and_sees_what_it_found_and_what_to_do(bench: Bench, browse: Browse) -> None:
    browser = browse()
    assert "Nobody has looked yet." in text_of(browser.get(HERE).text)
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run("7d")
    bench.systems["crm"].account("ada")["suspended"] = False
    case = bench.open_case(ada).id
    bench.systems["crm"].add("<b>ghost</b>")
    # While their case is open, nobody can have them leave once more.
    assert "Their case is open. Find out who let it in, and block it there." in reconcile(browser, bench)
    bench.operating.cancel(case, reason="over", by="ops", now=bench.clock())

    seen = reconcile(browser, bench)
    html = browser.get(HERE).text

    assert "crm is reconciled as soon as a worker takes it up." in seen
    assert "complete now" in seen
    assert "<b>" not in html
    assert "<b>ghost</b> crm native-<b>ghost</b> orphaned nobody's now" in seen
    assert "ada crm native-ada drifted ada (gone) idp , linked now" in seen
    assert f'href="/people/{ada}#actions"' in html
    assert "find its owner, or end it by hand" in seen.lower()
    drifted = text_of(browser.get(f"{HERE}?kind=drifted&q=A%00D").text)
    assert ("native-ada" in drifted, "native-<b>" in drifted) == (True, False)
    assert "Nothing like that was found." in text_of(browser.get(f"{HERE}?kind=stale").text)
    assert browser.get(f"{HERE}?target=nowhere").status_code == 404

    # Whoever only looks has nothing to ask with, and no names of people to take away.
    viewer = browse(Role.VIEWER, "vera").get(HERE).text
    assert ("Reconcile now" in viewer, "Have them leave" in viewer, "/reconciliation.csv" in viewer) == (
        False,
        False,
        False,
    )
    rows = list(csv.reader(io.StringIO(browser.get(f"{HERE}.csv?target=crm&kind=drifted").text.removeprefix("\ufeff"))))
    assert [row[1:5] for row in rows[1:]] == [["crm", "ada", "native-ada", "drifted"]]
    assert rows[1][8] == "ada (idp, gone)"


def test_who_has_a_case_for_it_already_is_not_to_be_asked_whether_they_use_it(bench: Bench, browse: Browse) -> None:
    browser = browse()
    ada = bench.join("ada")
    bench.run()
    old = {"created_at": "2024-01-01T00:00:00+00:00", "signed_in_at": "2025-01-01T00:00:00+00:00"}
    bench.systems["crm"].account("ada").update(old)
    run = browser.bridge.reconciliation_runs.ask("crm", by="olga", now=bench.clock(), unused_for=timedelta(days=90))
    browser.bridge.reconciliation_work.work(run.id)
    bench.wakeups.clear()
    assert "Ask its person. What each means" in text_of(browser.get(f"{HERE}?kind=stale").text)

    bench.leave(ada)

    assert "Their case is open. What each means" in text_of(browser.get(f"{HERE}?kind=stale").text)


def test_a_run_that_broke_off_and_one_that_waits_are_told(bench: Bench, browse: Browse) -> None:
    browser = browse()
    bench.systems["crm"].add("ghost")
    bench.fail(RetryableError("the target does not answer"))
    broken = reconcile(browser, bench)
    assert "broke off now" in broken
    assert "the target does not answer . What it had found stands, and is not all." in broken
    assert "complete" not in broken.partition("crm broke off")[2][:200]

    reconcile(browser, bench)
    bench.clock.advance("1d")
    bench.fail(RetryableError("the target does not answer"))
    assert "What stands is older." in reconcile(browser, bench)

    bench.systems["crm"].accounts.clear()
    doubted = reconcile(browser, bench)
    assert ("not believed" in doubted, "after 0 accounts" in doubted) == (True, True), doubted
    assert "and believe it" in doubted
    believed = reconcile(browser, bench, do="believe")
    assert "It is believed, of however few accounts it tells." in believed
    assert ("not believed" in believed, "and believe it" in believed) == (False, False)

    bench.operating.pause("crm", reason="upgrade", by="ops", now=bench.clock())
    browser.send(HERE, do="reconcile", target="crm")
    waiting = browser.get(HERE)
    assert "crm is paused; it is reconciled once somebody has resumed it." in text_of(waiting.text)
    assert "waiting 0 accounts so far" in text_of(waiting.text)
    assert 'hx-trigger="every 3s"' in waiting.text
    browser.send(HERE, do="reconcile", target="nowhere")
    assert "Not done: no target 'nowhere'" in text_of(browser.get(HERE).text)
    assert browser.send(HERE, do="dance", target="crm").status_code == 303


def test_a_page_of_a_hundred_thousand_findings_costs_as_much_as_one_of_few(bench: Bench, browse: Browse) -> None:
    browser = browse()
    reconcile(browser, bench)
    reconcile(browser, bench, "directory")

    def cost(query: str = "") -> int:
        with counted(bench.database) as statements:
            assert browser.get(f"{HERE}{query}").status_code == 200
        return len(statements)

    few = [cost(), cost("?kind=orphaned")]
    now, most = bench.clock(), 100_000
    with bench.database.write() as tx:
        run, _ = reconciliations.ask(tx, "crm", by="olga", unused_for=None, now=now)
        assert reconciliations.begin(tx, run.id, "turn", lease_until=now, now=now)
        # By the database alone: as rows of Python it would take seconds.
        tx.execute(MANY, {"run": run.id, "most": most, "now": "2026-03-02 09:00:00.000000"})
        run = reconciliations.run_by_id(tx, run.id)
        counts = {Mismatch.ORPHANED: most}
        assert reconciliations.end(tx, run, RunOutcome.COMPLETE, reason="", counts=counts, now=now)

    assert [cost(), cost("?kind=orphaned")] == few
    html = browser.get(HERE).text
    assert (f"{most} orphaned" in html, "g99999" in html, len(html) < 150_000) == (True, True, True)


def test_the_report_says_where_everything_stands_and_has_the_lists_as_files(bench: Bench, browse: Browse) -> None:
    browser = browse()
    bench.leave(bench.join("ada"))
    bench.systems["crm"].add("ghost")
    reconcile(browser, bench)
    browser.bridge.tallying.run(bench.clock.advance("1h"))

    html = browser.get("/reports").text

    seen = text_of(html)
    assert "People began to leave 1 deactivated" in seen
    assert "crm 1 orphaned, 1 hour ago" in seen or "crm 1 orphaned, 1h ago" in seen
    assert "directory not known" in seen
    files = re.findall(r'href="(/[a-z-]+\.csv[^"]*)"', html)
    assert len(files) == 5
    assert {browser.get(each).status_code for each in files} == {200}
    assert ".csv" not in browse(Role.VIEWER, "vera").get("/reports").text
