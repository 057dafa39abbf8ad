"""Each process goes by the version of the rules in force: that of the file, or what somebody has activated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from sqlalchemy import select

from connectors.sample.store import SampleFile
from scimbridge import asgi
from scimbridge.bridge import Bridge
from scimbridge.config import load, read_rules
from scimbridge.domain.action import Action
from scimbridge.domain.hold import Scope
from scimbridge.domain.resource import Received
from scimbridge.domain.rules_version import Origin, RulesVersion, VersionState
from scimbridge.errors import RulesRefusedError, StoreUnavailableError
from scimbridge.notices.notice import Kind
from scimbridge.services.eligibility import BEHIND_AGAIN, Consequence, Eligibility
from scimbridge.services.grants import Standing
from scimbridge.services.replay_in_words import warnings
from scimbridge.store import accounts, cases, holds, identities, rulesets, tasks, tokens
from scimbridge.store.schema import notices
from tests.clock import FakeClock
from tests.databases import compiled_once
from tests.store.racing import race

BEFORE = """
[store]
url = "{url}"
[queue]
url = "redis://127.0.0.1:1"
[operators]
edit_rules = {edit_rules}
[sources.okta]
[targets.crm]
connector = "sample"
file = "crm.db"
leavers_container = "leavers"
[[exclusions]]
match = 'userName eq "boss"'
reason = "never touched"
"""

RULES = """
# Whoever leaves.
[[rules]]
name = "leavers"
when = ["deactivated", "deleted"]

  [[rules.stages]]
  after = "1h"  # time to say no
  do = ["suspend"]
"""

OTHER = RULES.replace("1h", "2h")
MOVING = RULES + '\n  [[rules.stages]]\n  after = "30d"\n  do = ["move"]\n'

NOTIFY = '[notify]\nsmtp = "smtp://127.0.0.1:1"\nfrom = "bridge@example.com"\noperators = ["ops@example.com"]\n'

Start = Callable[..., Bridge]


@pytest.fixture
def start(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a process with some rules in its file."""
    SampleFile.create(tmp_path / "crm.db")
    started: list[Bridge] = []

    def start(rules: str = RULES, *, edit_rules: str = "true", before: str = BEFORE, environ: Any = None) -> Bridge:
        path = tmp_path / f"{len(started)}.toml"
        path.write_text(before.format(url=database_url, edit_rules=edit_rules) + rules, "utf-8")
        bridge = Bridge(load(path, environ or {}), clock=FakeClock())
        started.append(bridge)
        if len(started) == 1:
            compiled_once(bridge.database)
        monkeypatch.setattr(bridge.courier, "submit", lambda wakeups: None)
        bridge.prepare_store(may_upgrade=len(started) == 1)
        bridge.prepare_rules()
        with bridge.database.write() as tx:
            tokens.ensure_source(tx, "okta", bridge.clock())
        return bridge

    yield start
    for bridge in started:
        bridge.close()


def activate(bridge: Bridge, text: str) -> int:
    """Put a text in force, as an admin would."""
    read = read_rules(text, bridge.settings)
    with bridge.database.write() as tx:
        former, now = rulesets.active_number(tx), bridge.clock()
        added = rulesets.add(tx, text=text, digest=read.digest, origin=Origin.DRAFT, base=former, by="ada", now=now)
        rulesets.activate(tx, added, former, by="ada", reason="two hours", now=now)
    return added.version


def drafted(bridge: Bridge, text: str) -> int:
    """Return a draft of which the past was looked at."""
    number = bridge.drafting.begin(text, by="ada", now=bridge.clock()).version
    bridge.replaying.run(number, by="ada", now=bridge.clock())
    return number


def grace(bridge: Bridge) -> str:
    return str(bridge.rulebook.rules.rules[0].stages[0].after)


def leave(bridge: Bridge, name: str) -> Any:
    """Somebody joins and leaves. Returns the case."""
    received = Received(source="okta", method="PATCH", path="/Users", body={}, understood="test")
    user, _ = bridge.intake.create_user({"userName": name, "active": True}, received, bridge.clock())
    bridge.intake.change_user(user.identity.id, lambda had: {**had, "active": False}, received, bridge.clock())
    with bridge.database.read() as tx:
        return cases.open_case_of(tx, [user.identity.id])


def test_the_rules_of_the_file_are_the_first_version_with_their_comments(start: Start) -> None:
    bridge = start()
    bridge.prepare_rules()

    with bridge.database.read() as tx:
        (version,) = rulesets.listed(tx, 10)
    assert (version.version, version.state, version.origin) == (1, VersionState.ACTIVE, Origin.FILE)
    assert version.text == RULES.lstrip("\n")
    assert bridge.rulebook.edition.number == 1


def test_what_the_environment_says_of_rules_is_part_of_the_version(start: Start) -> None:
    bridge = start(environ={"SCIMBRIDGE_RULES__0__STAGES__0__AFTER": "3h"})

    with bridge.database.read() as tx:
        (version,) = rulesets.listed(tx, 10)
    assert 'after = "3h"' in version.text
    assert read_rules(version.text, bridge.settings).rules == bridge.settings.ruleset.rules


def test_a_running_process_sees_what_was_activated_elsewhere_and_plans_by_it(start: Start) -> None:
    one, two = start(), start()
    before = leave(two, "ada")
    number = activate(one, OTHER)

    two.following.follow()

    after = leave(two, "bob")
    assert (before.ruleset, after.ruleset) == (1, number)
    assert grace(two) == "2:00:00"
    assert two.rulebook.rules.exclusions == two.settings.ruleset.exclusions
    with two.database.read() as tx:
        due = {case.id: tasks_due(tx, case.id) - case.trigger_at for case in (before, after)}
    assert [str(span) for span in due.values()] == ["1:00:00", "2:00:00"]


def tasks_due(tx: Any, case_id: str) -> Any:
    return tasks.tasks_of_case(tx, case_id)[0].due_at


def test_a_changed_file_takes_the_place_of_a_file_in_all_processes(start: Start) -> None:
    one = start()
    two = start(OTHER)

    one.following.follow()

    assert (grace(one), one.rulebook.edition.number) == ("2:00:00", 2)
    assert two.following.standing().is_file
    assert not one.following.standing().is_file


def test_a_web_process_that_is_started_again_does_not_bring_an_old_file_back(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = start(before=BEFORE + '[server]\nlisten = "127.0.0.1:0"\n')
    two = start(OTHER)
    monkeypatch.setattr(asgi._Server, "run", lambda _self, sockets: None)
    monkeypatch.setattr(asgi, "Stop", Mock)
    monkeypatch.setattr(asgi, "beside", lambda *_: nullcontext())

    asgi.run(one)

    two.following.follow()
    assert (grace(one), grace(two)) == ("2:00:00", "2:00:00")


def test_what_somebody_has_activated_stays_when_the_file_is_changed(start: Start) -> None:
    one = start()
    number = activate(one, OTHER)
    two = start(RULES.replace("1h", "3h"))

    assert (grace(two), two.rulebook.edition.number) == ("2:00:00", number)
    assert not two.following.standing().is_file


def test_where_the_file_is_the_only_authority_it_takes_the_place_of_all_others(start: Start) -> None:
    one = start()
    activate(one, OTHER)
    two = start(edit_rules="false")
    one.following.follow()

    assert (grace(one), grace(two)) == ("1:00:00", "1:00:00")
    assert one.rulebook.edition.number == two.rulebook.edition.number == 3

    activate(one, OTHER)
    two.following.follow()

    assert grace(two) == "1:00:00"


def test_a_process_that_cannot_use_a_version_keeps_the_former_and_holds_what_it_plans(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = start(), start(before=BEFORE.replace('leavers_container = "leavers"\n', ""))
    activate(one, MOVING)

    two.following.follow()

    case = leave(two, "ada")
    assert (grace(two), case.ruleset) == ("1:00:00", 1)
    with two.database.read() as tx:
        (hold,) = holds.standing_on(tx, case)
    assert hold.scope is Scope.CASE
    assert "could not use version 2" in hold.reason
    assert "leavers_container" in hold.reason
    assert two.following.standing().behind == hold.reason

    activate(one, OTHER)
    two.following.follow()

    assert not two.following.standing().behind
    assert leave(two, "bob").ruleset == 3

    monkeypatch.setattr(two.following, "_read", Mock(side_effect=KeyError("a fault")))
    activate(one, MOVING)
    two.following.follow()

    assert "(unexpected KeyError" in two.following.standing().behind


def eligibility(bridge: Bridge) -> Eligibility:
    """Return what a worker asks."""
    return Eligibility(bridge.rulebook, Standing(bridge.grants, bridge.settings.profiles), bridge.timing)


def test_a_process_that_cannot_use_a_version_does_nothing_that_cannot_be_undone(start: Start) -> None:
    deleting = RULES.replace("suspend", "delete").replace("do =", "approval = false\n  do =")
    one, two = start(deleting), start(deleting, before=BEFORE.replace('leavers_container = "leavers"\n', ""))
    case = leave(one, "ada")
    activate(one, MOVING)
    now = two.clock() + timedelta(hours=1)
    for bridge in (one, two):
        bridge.following.follow()

    with two.database.write() as tx:
        task = next(each for each in tasks.tasks_of_case(tx, case.id) if each.action is Action.DELETE)
        account = accounts.account_by_id(tx, task.account_id)
        ada = identities.identity_by_id(tx, case.identity_id, now)
        found, known = (eligibility(each).obstacle(tx, case, task, account, ada, now) for each in (two, one))

    assert known is None
    assert found is not None
    assert (found.consequence, found.until) == (Consequence.POSTPONE, now + BEHIND_AGAIN)
    why = "the rules in force cannot be used by a process that would have done it; see `scimbridge check` there"
    assert found.reason == why


def test_of_two_who_activate_at_once_one_comes_first_and_the_other_is_told(start: Start) -> None:
    one, two = start(), start()
    numbers = [drafted(bridge, RULES.replace("1h", span)) for bridge, span in ((one, "2h"), (two, "3h"))]

    results = race(
        [
            partial(bridge.drafting.activate, number, revision=1, reason="mine", by=by, now=bridge.clock())
            for bridge, number, by in ((one, numbers[0], "ada"), (two, numbers[1], "bob"))
        ]
    )

    (won,) = [each for each in results if isinstance(each, RulesVersion)]
    (lost,) = [each for each in results if isinstance(each, RulesRefusedError)]
    assert str(lost).startswith(f"{won.activated_by} has put version {won.version} in force since")
    states = [each.state for each in one.drafting.versions()]
    assert sorted(states) == [VersionState.ACTIVE, VersionState.DRAFT, VersionState.RETIRED]


def told(bridge: Bridge, kind: Kind) -> list[dict[str, Any]]:
    """Return what operators are told of a kind, in the order of versions."""
    with bridge.database.read() as tx:
        found = tx.execute(select(notices.c.details).where(notices.c.kind == kind)).scalars()
        return sorted(found, key=lambda details: details["version"])


def test_operators_are_told_when_other_rules_come_into_force(start: Start) -> None:
    one = start(before=BEFORE + NOTIFY)
    assert told(one, Kind.RULES_ACTIVATED) == []

    one.drafting.activate(drafted(one, MOVING), revision=1, reason="move, too", by="ada", now=one.clock())
    start(edit_rules="false", before=BEFORE + NOTIFY)
    start("", edit_rules="false", before=BEFORE + NOTIFY)

    by_hand, by_file, without = told(one, Kind.RULES_ACTIVATED)
    assert (by_hand["version"], by_hand["former"], by_hand["by"], by_hand["reason"]) == (2, 1, "ada", "move, too")
    assert by_hand["changes"] == by_file["changes"] == ["changed: leavers"]
    assert by_file["reason"].endswith("(operators.edit_rules = false); it says what version 1 said")
    assert by_file["by"].startswith(str(one.settings.path)[:-6])
    assert without["changes"] == ["removed: leavers"]
    assert without["warnings"] == ["there are no rules any more: whoever leaves keeps their access"]


def test_operators_are_told_once_where_a_process_does_not_go_by_what_is_in_force(start: Start) -> None:
    lacking = BEFORE.replace('leavers_container = "leavers"\n', "") + NOTIFY
    one, *others = start(before=BEFORE + NOTIFY), start(before=lacking), start(before=lacking)
    number = activate(one, MOVING)
    sole = start(MOVING, edit_rules="false", before=BEFORE + NOTIFY)

    for bridge in (one, *others, *others, sole):
        bridge.following.keep(bridge.clock())
    (unreadable,) = told(one, Kind.RULES_UNUSED)
    assert (unreadable["version"], "on " in unreadable["where"]) == (number, True)
    assert unreadable["reason"].startswith("1 problem, the first: ")
    assert unreadable["reason"].endswith("; what it plans is held")

    activate(one, OTHER)
    for bridge in (one, *others, sole, sole):
        bridge.following.keep(bridge.clock())

    _, own = told(one, Kind.RULES_UNUSED)
    assert own["reason"] == "here the file is the only authority (operators.edit_rules = false)"


def test_while_the_store_does_not_answer_the_rules_stay(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = start(), start()
    activate(one, OTHER)

    def gone(_tx: Any) -> int:
        raise StoreUnavailableError("it is away")

    with monkeypatch.context() as patch:
        patch.setattr(rulesets, "active_number", gone)
        with pytest.raises(StoreUnavailableError):
            two.following.follow()
    assert grace(two) == "1:00:00"

    two.following.follow()

    assert grace(two) == "2:00:00"


def test_a_connector_is_made_anew_where_other_actions_are_planned(start: Start) -> None:
    one, two = start(), start()
    former = two.fleet.connector("crm")
    activate(one, OTHER)
    two.following.follow()
    assert two.fleet.connector("crm") is former

    activate(one, MOVING)
    two.following.follow()

    assert two.fleet.connector("crm") is not former
    assert "move" in two.fleet.connector("crm").used


def test_rules_that_a_process_cannot_use_are_mended_by_a_draft_in_that_process(start: Start) -> None:
    one, two = start(), start(before=BEFORE.replace('leavers_container = "leavers"\n', ""))
    activate(one, MOVING)
    two.following.follow()

    number = drafted(two, OTHER)
    found = two.drafting.version(number).replay
    assert found is not None
    assert (found["against"], next(warnings(found))[:42]) == (2, "Version 2 is in force and cannot be used w")
    two.drafting.activate(number, revision=1, reason="no container", by="ada", now=two.clock())
    two.following.follow()

    assert (grace(two), two.following.standing().behind) == ("2:00:00", "")
