"""The page of a case: its story, its stages, what one can do to it, and what came of it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from scimbridge.dashboard.rendering import with_code
from scimbridge.domain.action import Action
from scimbridge.domain.hold import Scope
from scimbridge.domain.operator import Role
from scimbridge.domain.rule import Ruleset, Stage, Terms
from scimbridge.domain.task import TaskState
from scimbridge.sdk import RejectedError
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.counting import counted
from tests.dashboard.conftest import Browse, text_of
from tests.services.bench import FEW_ACTIONS, Bench, MemoryTarget, a_rule, a_stage

FINAL = Stage(after=timedelta(days=90), actions=(Action.DELETE,), terms=Terms(approvers=1))


@pytest.fixture
def bench(sqlite: Database, clock: FakeClock) -> Bench:
    rules = Ruleset((a_rule(a_stage("0s"), FINAL, name="employees"),))
    return Bench(sqlite, clock, rules, {"crm": MemoryTarget(), "directory": MemoryTarget()}, actions=FEW_ACTIONS)


@pytest.fixture
def case(bench: Bench) -> str:
    """Somebody is suspended, and will be deleted."""
    bench.leave(bench.join("ada", displayName="Ada <b>L</b>"))
    bench.run()
    return bench.overview.case_named("ada")


def plain(html: str) -> str:
    """What a reader sees, without the spaces that come from markup."""
    return re.sub(r" (?=[:;,.)])", "", text_of(html)).replace("( ", "(")


def shown(browse: Browse, case_id: str, **how: Any) -> str:
    return plain(browse(**how).get(f"/cases/{case_id}").text)


def events(bench: Bench, case_id: str) -> list[tuple[str, str, str]]:
    """What operators did, as the history has it."""
    from scimbridge.store import journal

    with bench.database.read() as tx:
        rows = journal.entries_of_case(tx, case_id)
    return [(row["event"], row["actor"], row["reason"]) for row in rows if row["actor"] == "local"]


def test_the_story_is_told_with_stages_and_what_was_read(browse: Browse, case: str) -> None:
    text = shown(browse, case)

    assert "ada (Ada <b>L</b>) of source idp was deactivated at 2026-03-02 09:00 UTC." in text
    assert "Stage 1 done 2 done: suspend suspend at crm done done, and read back suspended: no → yes" in text
    assert "All that was read, before and after Fact Before After suspended no yes changed" in text
    assert "1 attempt 2026-03-02 09:00:00 UTC by bench: done" in text
    assert "approval Stage 2 waits for its approval, 0 of 1:" in text


def test_the_point_of_no_return_is_drawn_once_before_what_cannot_be_undone(browse: Browse, case: str) -> None:
    html = browse().get(f"/cases/{case}").text

    assert html.count("Point of no return") == 1
    assert html.index("Point of no return") < html.index("<strong>delete</strong>")
    assert html.rindex("<strong>suspend</strong>") < html.index("Point of no return")
    assert re.search(r'in 90d</span>\s*<time datetime="2026-05-31', html)


def test_what_the_source_sent_is_for_those_who_audit(browse: Browse, case: str) -> None:
    assert "POST /Users: test, answered 201, created" in shown(browse, case)
    assert "Requests as they came are shown to auditors, operators and admins." in shown(
        browse, case, role=Role.VIEWER, name="vera"
    )


def test_who_may_only_look_is_offered_nothing_and_refused(bench: Bench, browse: Browse, case: str) -> None:
    browser = browse(role=Role.VIEWER, name="vera")

    page = browser.get(f"/cases/{case}").text
    answer = browser.post(f"/cases/{case}", {"do": "cancel", "reason": "x", "sure": "yes"})

    assert not re.search(r'name="do"|/approve/', page)
    assert answer.status_code == 403
    assert browser.get(f"/cases/{case}/approve/2").status_code == 403
    assert bench.case(_person(bench)).state == "open"


def _person(bench: Bench) -> str:
    from scimbridge.store import naming

    with bench.database.read() as tx:
        (found,) = naming.by_name_anywhere(tx, "ada")
    return found


@pytest.mark.parametrize(
    ("form", "event", "said"),
    [
        ({"do": "hold"}, "hold placed", "Done. The case is held: nothing of it is released or started."),
        ({"do": "cancel", "sure": "yes"}, "case canceled", "Done. The case is called off."),
        (
            {"do": "expedite", "stage": "2", "sure": "yes"},
            "expedited",
            "Done. Stage 2 skips its grace: 2 tasks are due",
        ),
    ],
)
def test_an_action_is_done_once_and_stands_in_the_history(
    bench: Bench, browse: Browse, case: str, form: dict[str, str], event: str, said: str
) -> None:
    browser = browse()

    answer = browser.send(f"/cases/{case}", reason="ticket 17", **form)

    assert (answer.status_code, answer.headers["location"]) == (303, f"/cases/{case}")
    assert said in text_of(browser.get(f"/cases/{case}").text)
    did = [each for each in events(bench, case) if event in each[0]]
    assert did
    assert {(actor, reason) for _, actor, reason in did} == {("local", "ticket 17")}


@pytest.mark.parametrize("do", ["hold", "cancel", "expedite", "retry", "restore"])
def test_an_action_takes_a_reason(bench: Bench, browse: Browse, case: str, do: str) -> None:
    browser = browse()

    browser.send(f"/cases/{case}", do=do, reason="  ", sure="yes", stage="2")

    assert "Refused. Not done: give a reason; it is kept in the history." in text_of(browser.get(f"/cases/{case}").text)
    assert events(bench, case) == []


@pytest.mark.parametrize("do", ["cancel", "expedite", "restore"])
def test_what_cannot_be_undone_takes_a_confirmation(bench: Bench, browse: Browse, case: str, do: str) -> None:
    browser = browse()

    browser.send(f"/cases/{case}", do=do, reason="x", stage="2")

    assert "Not done: confirm it by its box" in text_of(browser.get(f"/cases/{case}").text)
    assert events(bench, case) == []


def test_a_form_sent_twice_does_no_harm(bench: Bench, browse: Browse, case: str) -> None:
    browser = browse()
    for _ in range(2):
        browser.send(f"/cases/{case}", do="cancel", reason="wrong person", sure="yes", seen_on="/")

    assert "Refused. Not done: case" in text_of(browser.get(f"/cases/{case}").text)
    assert [event for event, *_ in events(bench, case)].count("case canceled") == 1


@pytest.mark.parametrize("form", [{"do": "explode"}, {}, {"do": "expedite", "stage": "x", "sure": "yes"}])
def test_a_form_that_says_nothing_is_refused(browse: Browse, case: str, form: dict[str, str]) -> None:
    browser = browse()

    browser.send(f"/cases/{case}", reason="x", **form)

    assert "Refused. Not done: " in text_of(browser.get(f"/cases/{case}").text)


def test_a_hold_is_lifted_where_it_is_shown(bench: Bench, browse: Browse, case: str) -> None:
    placed = bench.holding.place(Scope.CASE, case, reason="litigation", by="legal", now=bench.clock())
    browser = browse()
    before = plain(browser.get(f"/cases/{case}").text)

    browser.send(f"/cases/{case}", do="lift", hold=placed.hold.id, reason="settled")

    assert "Holds on it hold on case since now (2026-03-02 09:00 UTC), by legal: litigation Look" in before
    assert "Holds on it" not in text_of(browser.get(f"/cases/{case}").text)


def test_a_form_about_what_is_of_another_case_is_refused(bench: Bench, browse: Browse, case: str) -> None:
    bench.leave(bench.join("bob"))
    bench.fail(RejectedError("protected"))
    bench.run()
    other = bench.overview.case_named("bob")
    (task,) = (one.id for one in bench.tasks(other) if one.needs_person)
    now = bench.clock()
    placed = [
        bench.holding.place(scope, subject, reason="x", by="legal", now=now).hold.id
        for scope, subject in ((Scope.CASE, other), (Scope.TARGET, "crm"), (Scope.EVERYTHING, ""))
    ]
    browser = browse()
    forged = [
        *({"do": "lift", "hold": hold} for hold in (*placed, "")),
        *({"do": do, "task": it, "account": "native-bob"} for do in ("done", "link") for it in (task, "")),
    ]

    statuses = [browser.send(f"/cases/{case}", reason="x", **form).status_code for form in forged]

    assert statuses == [404] * len(forged)
    assert {hold.id for hold in bench.holding.standing()} == set(placed)
    assert [one.id for one in bench.tasks(other) if one.needs_person] == [task]


def test_what_failed_is_tried_again_or_seen_to_by_hand(bench: Bench, browse: Browse) -> None:
    bench.leave(bench.join("ada"))
    bench.fail(RejectedError("<b>protected</b>"))
    bench.run()
    case = bench.overview.case_named("ada")
    browser = browse()
    html = browser.get(f"/cases/{case}").text
    (task,) = re.findall(r'id="done-([0-9a-f-]+)-reason"', html)

    browser.send(f"/cases/{case}", do="retry", reason="mended")
    retried = text_of(browser.get(f"/cases/{case}").text)
    bench.fail(RejectedError("protected"))
    bench.run()
    browser.send(f"/cases/{case}", do="done", task=task, reason="by hand in the console")

    assert "<b>protected" not in html
    assert "needs a person" in text_of(html)
    assert "Done. Tried again: 1 task." in retried
    assert "was done by hand. The case goes on." in text_of(browser.get(f"/cases/{case}").text)
    assert {task.state for task in bench.tasks(case) if task.action is Action.SUSPEND} == {
        TaskState.DONE,
        TaskState.SKIPPED,
    }


def test_one_chooses_among_accounts(bench: Bench, browse: Browse) -> None:
    person = bench.join("ada")
    bench.systems["crm"].accounts["native-other"] = {**bench.systems["crm"].account("ada")}
    bench.leave(person)
    bench.run()
    case = bench.case(person)
    browser = browse()
    (task,) = re.findall(
        r'name="task" value="([^"]+)">\s*<p class="field"><label', browser.get(f"/cases/{case.id}").text
    )

    browser.send(f"/cases/{case.id}", do="link", task=task, account="native-other")
    bench.run()

    assert "suspend at crm goes on with that account." in text_of(browser.get(f"/cases/{case.id}").text)
    assert bench.systems["crm"].accounts["native-other"]["suspended"]


def test_a_stage_is_approved_as_it_was_seen(bench: Bench, browse: Browse, case: str) -> None:
    browser = browse()
    page = browser.get(f"/cases/{case}/approve/2").text
    (seen,) = re.findall(r'name="digest" value="([0-9a-f]+)"', page)
    assert "crm: ada native-ada delete cannot be undone" in plain(page)

    browser.send(f"/cases/{case}/approve/2", digest=seen, sure="yes")
    approved = text_of(browser.get(f"/cases/{case}").text)
    browser.send(f"/cases/{case}", do="withdraw", stage="2", reason="not sure")

    assert "Done. Stage 2 is approved by local (1 of 1)." in approved
    assert "Done. Stage 2 is no longer approved." in text_of(browser.get(f"/cases/{case}").text)


def test_what_has_changed_since_it_was_seen_is_not_approved(bench: Bench, browse: Browse, case: str) -> None:
    browser = browse()
    (seen,) = re.findall(r'name="digest" value="([0-9a-f]+)"', browser.get(f"/cases/{case}/approve/2").text)
    bench.systems["crm"].account("ada")["container"] = "elsewhere"

    answer = browser.send(f"/cases/{case}/approve/2", digest=seen, sure="yes")

    assert answer.headers["location"] == f"/cases/{case}/approve/2"
    assert "Not done: something has changed since you looked" in text_of(browser.get(f"/cases/{case}").text)


def test_where_nothing_is_to_be_approved_the_page_says_so(browse: Browse, case: str) -> None:
    assert "There is nothing to approve here." in text_of(browse().get(f"/cases/{case}/approve/1").text)
    assert browse().get(f"/cases/{case}/approve/7").status_code == 404


def test_restoring_leads_to_the_case_that_gives_back(bench: Bench, browse: Browse, case: str) -> None:
    browser = browse()

    answer = browser.send(f"/cases/{case}", do="restore", reason="stays", sure="yes")

    assert answer.headers["location"] != f"/cases/{case}"
    assert "This case gives back what the other one took." in text_of(browser.get(answer.headers["location"]).text)


def test_a_case_costs_the_same_however_much_was_tried(bench: Bench, browse: Browse, case: str) -> None:
    browser = browse()

    def cost() -> int:
        browser.get(f"/cases/{case}")
        with counted(bench.database) as statements:
            browser.get(f"/cases/{case}")
        return len(statements)

    before = cost()
    bench.fail(*[RejectedError("no")] * 4)
    bench.operating.cancel(case, reason="again", by="ops", now=bench.clock())

    assert before <= 30
    assert cost() <= before


@pytest.mark.parametrize(
    ("said", "markup"),
    [
        ("run `a <b>` now", "run <code>a &lt;b&gt;</code> now"),
        ("`a` and `b`", "<code>a</code> and <code>b</code>"),
        ("it's 5` long", "it&#39;s 5` long"),
        ("<i>", "&lt;i&gt;"),
        ("ada\u202e was deactivated at 02:30", "ada\ufffd was deactivated at 02:30"),
    ],
)
def test_commands_in_sentences_are_code(said: str, markup: str) -> None:
    assert with_code(said) == markup
