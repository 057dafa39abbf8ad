"""Rules are drafted, tried on the past, and put in force: once, and by somebody who has looked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from scimbridge.domain.action import GuardClass
from scimbridge.domain.case import CaseState
from scimbridge.domain.guard import Guard, GuardScope, Limit
from scimbridge.domain.rules_version import RulesRead, RulesVersion, VersionState
from scimbridge.errors import NotFoundError, RulesRefusedError
from scimbridge.services import replay_in_words
from scimbridge.services.records import HistoryQuery
from tests.api.world import RULES, World, a_world

HEAD, _, STAGES = RULES.partition("[[rules]]")
TEXT = "[[rules]]" + STAGES
LATER = TEXT.replace('"1h"', '"2h"')
SOONER = TEXT.replace('"30d"', '"7d"')


@pytest.fixture
def world(tmp_path: Path, sqlite_template: bytes) -> Iterator[World]:
    """A bridge whose file's rules are version 1."""
    path = tmp_path / "bridge.db"
    path.write_bytes(sqlite_template)
    world = a_world(tmp_path, f"sqlite:///{path}")
    world.bridge.prepare_rules()
    yield world
    world.bridge.close()


def draft(world: World, text: str) -> int:
    return world.bridge.drafting.begin(text, by="ada", now=world.clock()).version


def replay(world: World, number: int) -> None:
    world.bridge.replaying.run(number, by="ada", now=world.clock())


def activate(world: World, number: int, by: str = "ada", revision: int = 1) -> None:
    drafting = world.bridge.drafting
    drafting.activate(number, revision=revision, reason="more time", by=by, now=world.clock())
    world.bridge.following.follow()


def obstacles(world: World, number: int) -> tuple[str, ...]:
    return world.bridge.drafting.look(number, world.clock()).obstacles


def test_a_draft_is_replayed_and_put_in_force_and_said_in_the_history(world: World) -> None:
    world.leaver("ada")
    number = draft(world, LATER)
    assert obstacles(world, number) == (
        "replay the past by draft 2 first, and look at who would have been treated otherwise",
    )

    replay(world, number)
    activate(world, number)

    version, former = (world.bridge.drafting.version(each) for each in (2, 1))
    assert (version.state, version.activated_by, version.reason) == (VersionState.ACTIVE, "ada", "more time")
    assert former.state is VersionState.RETIRED
    assert world.bridge.rulebook.edition.number == 2
    (entry,), _ = world.bridge.records.history(HistoryQuery(actor="ada", event="rules activated"), limit=9)
    assert entry["event"] == "rules activated"
    assert entry["details"]["changed"] == ["leavers"]
    assert (entry["details"]["former"], entry["reason"]) == (1, "version 2: more time")


def test_a_replay_counts_people_each_way_and_what_cannot_be_undone(world: World) -> None:
    world.leaver("ada")
    number = draft(world, SOONER)

    replay(world, number)

    found = world.bridge.drafting.version(number).replay
    assert found is not None
    assert found["counts"] == {"facts": 1, "same": 0, "different": 1}
    assert found["people"] == {"all": 1, "different": 1, "otherwise": 1}
    assert found["irreversible"] == ["rule leavers: delete after 7d, with an approval"]
    assert "ada" not in str(found["facts"])
    assert [fact["said"] for fact in found["facts"]] == [
        [f"{action} at crm, wiki: after 30d -> after 7d" for action in ("remove_from_groups", "delete")]
    ]


def test_rules_that_are_gone_leave_open_cases_behind_and_that_is_said(world: World) -> None:
    world.leaver("ada")
    number = draft(world, TEXT.replace('"leavers"', '"people"'))

    replay(world, number)

    found = world.bridge.drafting.version(number).replay
    assert found is not None
    assert found["left_behind"] == {"leavers": 1}
    assert any(
        "Open by rule leavers, which is gone by then: 1 case." in said for said in replay_in_words.warnings(found)
    )


def test_what_the_guard_would_have_said_is_part_of_it(world: World) -> None:

    day = timedelta(days=1)
    limit = Limit(scope=GuardScope.OVERALL, subject="", guard_class=GuardClass.ALL, window=day, count=1)
    world.bridge.replaying._guard = Guard((limit,))
    number = draft(world, LATER)
    for name in ("ada", "bob"):
        world.leaver(name)

    replay(world, number)

    found = world.bridge.drafting.version(number).replay
    assert found is not None
    assert found["guard"] == [
        {"where": "all sources and targets", "class": "all", "window_seconds": 86400.0, "room": 1.0}
        | {"before": 2, "after": 2}
    ]


def test_all_that_is_wrong_is_said_at_once_with_its_line_and_nothing_is_lost(world: World) -> None:
    wrong = TEXT.replace('"suspend"', '"suspned"').replace("restore", "restor") + "[guard]\ndelete = { count = 1 }\n"
    number = draft(world, wrong)

    look = world.bridge.drafting.look(number, world.clock())

    assert look.version.text == wrong
    lines = wrong.splitlines()
    assert [(lines[(each.line or 0) - 1].strip(), each.problem.path) for each in look.read.problems] == [
        ('restor = "auto"', "rules[1].restor"),
        ("stages = [", "rules[1].stages[0].do[0]"),
        ("[guard]", "guard"),
    ]
    assert obstacles(world, number)[0].startswith("draft 2 has 3 problems; the first: line ")


@pytest.mark.parametrize("text", ['[[rules]\nname = "x"\n', "", "x" * 300_000, "\x1b[31m\u202e"])
def test_a_text_that_is_no_set_of_rules_is_kept_and_not_put_in_force(world: World, text: str) -> None:
    number = draft(world, text)

    assert world.bridge.drafting.version(number).text == text
    assert "problem" in obstacles(world, number)[0]


def test_others_write_while_a_text_is_read(world: World) -> None:
    drafting, seen = world.bridge.drafting, []
    read = drafting._read

    def reading(text: str) -> RulesRead:
        seen.append(world.bridge.database.is_writing)
        return read(text)

    drafting._read = reading
    number = draft(world, LATER)
    drafting.change(number, SOONER, revision=1, base=1, by="ada", now=world.clock())

    assert seen == [False, False]


def test_stages_that_contradict_each_other_are_found_as_in_the_file(world: World) -> None:
    number = draft(world, TEXT.replace('["suspend"]', '["delete"]'))

    (first,) = obstacles(world, number)
    assert "each action once at a target" in first


def test_of_two_drafts_one_comes_first_and_the_other_is_told_by_whom(world: World) -> None:
    one, two = draft(world, LATER), draft(world, SOONER)
    replay(world, one)
    replay(world, two)
    activate(world, one, by="bob")

    with pytest.raises(RulesRefusedError, match="bob has put version 2 in force since draft 3 was begun"):
        activate(world, two)
    assert world.bridge.drafting.look(two, world.clock()).is_outdated

    drafting = world.bridge.drafting
    drafting.change(two, SOONER, revision=1, base=one, by="ada", now=world.clock())
    with pytest.raises(RulesRefusedError, match="replay the past by draft 3 first"):
        activate(world, two, revision=2)
    replay(world, two)
    activate(world, two, revision=2)


def test_a_draft_that_somebody_else_has_saved_is_not_written_over(world: World) -> None:
    number = draft(world, LATER)
    drafting = world.bridge.drafting
    drafting.change(number, SOONER, revision=1, base=1, by="bob", now=world.clock())

    with pytest.raises(RulesRefusedError, match="bob has saved draft 2 since you opened it"):
        drafting.change(number, LATER, revision=1, base=1, by="ada", now=world.clock())
    replay(world, number)
    with pytest.raises(RulesRefusedError, match="bob has changed draft 2 since you looked at it"):
        activate(world, number)
    assert drafting.version(number).text == SOONER


def test_a_replay_is_of_exactly_this_draft_and_not_old(world: World) -> None:
    number = draft(world, LATER)
    replay(world, number)
    world.clock.advance("25h")

    with pytest.raises(RulesRefusedError, match="older than a day"):
        activate(world, number)
    world.bridge.drafting.change(number, SOONER, revision=1, base=1, by="ada", now=world.clock())

    assert world.bridge.drafting.version(number).replay is None


def test_what_was_discarded_or_put_in_force_is_no_draft_any_more(world: World) -> None:
    drafting = world.bridge.drafting
    number = draft(world, LATER)
    drafting.discard(number, by="bob", now=world.clock())

    with pytest.raises(RulesRefusedError, match="bob has discarded draft 2"):
        activate(world, number)
    with pytest.raises(RulesRefusedError, match="make a draft of it"):
        drafting.discard(1, by="bob", now=world.clock())
    with pytest.raises(NotFoundError):
        drafting.look(99, world.clock())
    assert [each.state for each in drafting.versions()] == [VersionState.DISCARDED, VersionState.ACTIVE]


def test_what_says_the_same_or_gives_no_reason_is_not_put_in_force(world: World) -> None:
    number = draft(world, "# the same\n" + TEXT)
    assert obstacles(world, number) == ("draft 2 says what is in force already",)
    with pytest.raises(RulesRefusedError, match="say why"):
        world.bridge.drafting.activate(number, revision=1, reason=" ", by="ada", now=world.clock())


def test_an_earlier_version_comes_back_by_a_draft_of_it(world: World) -> None:
    number = draft(world, LATER)
    replay(world, number)
    activate(world, number)

    back = draft(world, world.bridge.drafting.version(1).text)
    replay(world, back)
    activate(world, back)

    assert world.bridge.rulebook.edition.number == 3
    assert world.bridge.rulebook.rules.rules == world.bridge.settings.ruleset.rules


def test_an_approval_stands_when_other_rules_come_into_force_and_its_own_is_the_same(world: World) -> None:
    case = world.leaver("ada")
    world.run("2h")
    approving = world.bridge.approving
    approving.approve(approving.propose(case, None, world.clock()), by="bob", now=world.clock())
    number = draft(world, TEXT.replace('"1d"', '"2d"'))
    replay(world, number)
    activate(world, number)

    world.run("31d")

    story = world.bridge.stories.of(case, world.clock())
    assert "approval lapsed" not in [entry["event"] for entry in story.history]
    assert story.case.state is CaseState.COMPLETED


def test_a_replay_in_a_thread_keeps_how_far_it_has_come_with_the_draft(world: World) -> None:
    world.leaver("ada")
    number = draft(world, LATER)

    world.bridge.replaying.start(number, by="ada", now=world.clock())
    thread = world.bridge.replaying._thread
    assert thread is not None
    thread.join()

    found = world.bridge.drafting.version(number).replay
    assert found is not None
    assert found["failed"] == ""
    assert (found["done"], found["total"], found["counts"]["facts"]) == (1, 1, 1)
    activate(world, number)


def test_a_replay_is_heard_of_wherever_it_runs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.leaver("ada")
    number, seconds = draft(world, LATER), count(0, 100)
    heard: list[datetime] = []
    note = world.bridge.replaying._note

    def noting(draft: RulesVersion, said: dict[str, Any]) -> None:
        heard.append(datetime.fromisoformat(said["heard_at"]))
        note(draft, said)

    monkeypatch.setattr("scimbridge.services.replaying.time.monotonic", lambda: next(seconds))
    monkeypatch.setattr(world.bridge.replaying, "_note", noting)

    replay(world, number)

    begun, under_way, _ = heard
    assert under_way - begun == timedelta(seconds=100)


def test_a_replay_whose_process_has_ended_is_said_to_have(world: World) -> None:
    number = draft(world, LATER)
    replay(world, number)
    found = dict(world.bridge.drafting.version(number).replay or {}, ended_at=None)
    assert replay_in_words.is_running(found, world.clock())
    assert replay_in_words.progress(found, world.clock()) == "The replay is at 0 of all facts."

    world.clock.advance("2m")

    assert not replay_in_words.is_running(found, world.clock())
    assert "Start it again" in replay_in_words.progress(found, world.clock())


# -- four eyes


@pytest.fixture
def strict(tmp_path: Path, sqlite_template: bytes) -> Iterator[World]:
    """A bridge where nobody puts a draft of their own in force."""
    path = tmp_path / "bridge.db"
    path.write_bytes(sqlite_template)
    world = a_world(tmp_path, f"sqlite:///{path}", more="[operators]\nrules_approvers = 2\n")
    world.bridge.prepare_rules()
    yield world
    world.bridge.close()


def test_who_has_written_a_draft_does_not_put_it_in_force_where_it_takes_two(strict: World) -> None:
    drafting, now = strict.bridge.drafting, strict.clock()
    number = draft(strict, LATER)
    drafting.change(number, SOONER, revision=1, base=1, by="bob", now=now)
    # What is to be done first is said first.
    assert "replay the past" in drafting.look(number, now, by="ada").obstacles[0]
    replay(strict, number)

    for name in ("ada", "Ada", "ada (oidc)", "bob"):
        (why,) = drafting.look(number, now, by=name).obstacles
        assert why == (
            f"{name} has written draft {number}, and here it takes two (operators.rules_approvers = 2); "
            "let another admin look at it and put it in force"
        )
        with pytest.raises(RulesRefusedError, match="here it takes two"):
            activate(strict, number, by=name, revision=2)
    with pytest.raises(RulesRefusedError, match="may be one person"):
        activate(strict, number, by="cleo (oidc)", revision=2)
    assert obstacles(strict, number) == ()

    activate(strict, number, by="cleo", revision=2)
    assert drafting.version(number).activated_by == "cleo"


def test_over_the_api_a_second_admin_puts_a_draft_in_force(strict: World) -> None:
    number = strict.post("/rules/versions", text=LATER)["version"]
    strict.bridge.replaying.run(number, by="an-admin", now=strict.clock())
    body = {"revision": 1, "reason": "more time"}

    refused = strict.ask("POST", f"/rules/versions/{number}/activate", json=body)

    assert (refused.status_code, "here it takes two" in refused.json()["detail"]) == (409, True)
    assert "here it takes two" in strict.get(f"/rules/versions/{number}")["obstacles"][0]
