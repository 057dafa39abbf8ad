"""Cases and tasks over the API: looked at, and acted on."""

from __future__ import annotations

from typing import Any

from connectors.sample.errors import Fault
from scimbridge.domain.operator import Role
from scimbridge.domain.task import TaskState
from tests.api.world import World
from tests.counting import counted


def states(world: World, case: str) -> dict[str, str]:
    return {f"{each['action']}@{each['target']}": each["state"] for each in world.get(f"/cases/{case}")["tasks"]}


def events(world: World, case: str) -> list[tuple[str, str, str]]:
    """What operators did to a case."""
    entries = world.get(f"/cases/{case}")["history"]
    return [(each["event"], each["actor"], each["reason"]) for each in entries if each["actor"].startswith("an-")]


def test_cases_come_in_pages_that_name_the_next_one(world: World) -> None:
    names = [f"p{number}" for number in range(5)]
    cases = [world.leaver(name) for name in names]

    first = world.get("/cases", limit=2, source="okta")
    pages, address = [first], first["next"]
    while address is not None:
        pages.append(world.client.get(address, headers=world.headers()).json())
        address = pages[-1]["next"]

    assert [each["id"] for page in pages for each in page["items"]] == cases[::-1]
    assert [len(page["items"]) for page in pages] == [2, 2, 1]
    assert first["next"].startswith("/api/v1/cases?limit=2&source=okta&cursor=")


def test_a_cursor_of_nobody_finds_no_page(world: World) -> None:
    for cursor in ("x", "!!", "AAAA", "bm9wZQ"):
        for path in ("/cases", "/history"):
            assert world.ask("GET", f"{path}?cursor={cursor}").status_code == 404


def test_filters_are_those_of_the_command_line(world: World) -> None:
    ada = world.leaver("ada")
    world.clock.advance("1h")
    since = world.clock().isoformat()
    ben = world.leaver("ben")

    found = {
        "search": world.get("/cases", search="AD"),
        "since": world.get("/cases", since=since),
        "until": world.get("/cases", until=since),
        "state": world.get("/cases", state="completed"),
        "situation": world.get("/cases", situation="waiting", target="crm", rule="leavers", trigger="deactivated"),
    }

    assert {name: [each["id"] for each in page["items"]] for name, page in found.items()} == {
        "search": [ada],
        "since": [ben],
        "until": [ada],
        "state": [],
        "situation": [ben],
    }


def test_a_case_is_told_and_shown(world: World) -> None:
    case = world.leaver("ada")
    world.run("2h")

    story = world.get(f"/cases/{case}", Role.VIEWER)

    assert story["told"][0].startswith("ada of source okta")
    assert [stage["number"] for stage in story["stages"]] == [1, 2]
    assert states(world, case)["suspend@crm"] == TaskState.DONE
    assert story["tasks"][0]["evidence"]["after"]["suspended"] is True
    snapshots = world.get(f"/cases/{case}/snapshots")["items"]
    assert [(each["target"], each["state"]["name"]) for each in snapshots] == [("crm", "ada")]


NOWHERE = [
    ("GET", "/cases/nope"),
    ("GET", "/cases/nope/snapshots"),
    ("POST", "/cases/nope/cancel"),
    ("GET", "/cases/nope/proposal"),
    ("POST", "/holds/nope/lift"),
    ("POST", "/exclusions/nope/end"),
    ("POST", "/inquiries/nope/confirm"),
    ("GET", "/floods/nope"),
    ("POST", "/floods/nope/release"),
    ("GET", "/targets/nope"),
    ("POST", "/targets/nope/resume"),
    ("POST", "/tasks/nope/done"),
    ("POST", "/requests/nope/withdraw"),
    ("GET", "/sources/nope"),
    ("POST", "/tokens/nope/revoke"),
    ("POST", "/operators/nope/revoke"),
]


def test_what_is_not_there_is_a_404(world: World) -> None:
    for method, path in NOWHERE:
        answer = world.ask(method, path, json={"reason": "why"})

        found = (answer.status_code, answer.headers["content-type"])
        assert found == (404, "application/problem+json"), (path, answer.text)


def test_canceling_is_once_and_in_the_history(world: World) -> None:
    case = world.leaver("ada")

    canceled = world.post(f"/cases/{case}/cancel", reason="stays")
    again = world.ask("POST", f"/cases/{case}/cancel", json={"reason": "stays"})

    assert (canceled["state"], canceled["reason"]) == ("canceled", "stays")
    assert (again.status_code, again.json()["detail"]) == (409, f"case {case} has ended")
    assert ("case canceled", "an-admin", "stays") in events(world, case)


def test_expediting_names_what_it_means(world: World) -> None:
    case = world.leaver("ada")

    for body in ({}, {"stage": 1, "task": "x"}):
        assert world.ask("POST", f"/cases/{case}/expedite", json={"reason": "now", **body}).status_code == 422
    came = world.post(f"/cases/{case}/expedite", reason="now", stage=1)
    world.run("1s")

    assert {each["action"] for each in came["tasks"]} == {"suspend"}
    assert states(world, case)["suspend@crm"] == TaskState.DONE
    assert world.post(f"/cases/{case}/expedite", reason="now", stage=1)["tasks"] == []


def test_what_failed_is_tried_again_and_what_was_taken_is_given_back(world: World) -> None:
    world.crm.fail("suspend", Fault.REJECTED)
    case = world.leaver("ada")
    world.run("2h")
    assert [each["user_name"] for each in world.get("/tasks", needs_person=True)["items"]] == ["ada"]

    retried = world.post(f"/cases/{case}/retry", reason="mended")
    world.run("1s")
    partly = world.ask("POST", f"/cases/{case}/restore", json={"reason": "back", "targets": ["crm"]})
    restored = world.post(f"/cases/{case}/restore", reason="back")
    refused = world.ask("POST", f"/cases/{case}/restore", json={"reason": "back", "targets": ["nope"]})

    assert [each["action"] for each in retried["tasks"]] == ["suspend"]
    assert [each["action"] for each in restored["tasks"]] == ["restore"]
    assert (partly.status_code, refused.status_code) == (409, 404)


def test_an_approval_is_of_exactly_what_was_proposed(world: World) -> None:
    case = world.leaver("ada")
    world.run("2h")
    world.run("31d")
    proposal = world.get(f"/cases/{case}/proposal")
    crm = next(each for each in proposal["accounts"] if each["target"] == "crm")
    body = {"stage": proposal["stage"], "digest": proposal["digest"]}

    other = world.ask("POST", f"/cases/{case}/approve", json={**body, "digest": "0" * 64})
    approved = world.post(f"/cases/{case}/approve", **body)
    twice = world.ask("POST", f"/cases/{case}/approve", json=body)
    withdrawn = world.post(f"/cases/{case}/unapprove", reason="wait", stage=2)

    assert [each["action"] for each in crm["tasks"]] == ["remove_from_groups", "delete"]
    assert (other.status_code, "look again" in other.json()["detail"]) == (409, True)
    assert (approved["given"], approved["wanted"], approved["digest"]) == (1, 1, proposal["digest"])
    assert twice.status_code == 409
    assert withdrawn == {"stage": 2, "too_late_for": []}


def test_a_person_sees_to_a_task(world: World) -> None:
    world.crm.add("ada")  # two accounts of one name: nobody guesses
    case = world.leaver("ada")
    world.run("2h")
    (task,) = world.get("/tasks", needs_person=True, target="crm", case=case)["items"]

    candidates = world.get(f"/tasks/{task['id']}/candidates")["items"]
    wrong = world.ask("POST", f"/tasks/{task['id']}/link", json={"account": "nope"})
    linked = world.post(f"/tasks/{task['id']}/link", account=candidates[0]["id"])
    again = world.ask("POST", f"/tasks/{task['id']}/done", json={"reason": "by hand"})

    assert ([each["name"] for each in candidates], wrong.status_code) == (["ada", "ada"], 404)
    assert (linked["case_id"], linked["state"]) == (case, "ready")
    assert again.status_code == 409


def lists(world: World) -> list[str]:
    return [
        "/cases",
        "/tasks",
        "/people",
        "/history",
        "/received",
        "/floods",
        "/holds",
        "/groups",
        "/targets",
        "/stats",
    ]


def test_lists_cost_no_question_for_each_line(world: World) -> None:
    world.leaver("ada")
    before = {path: _questions(world, path) for path in lists(world)}
    for number in range(5):
        world.leaver(f"p{number}")

    assert {path: _questions(world, path) for path in lists(world)} == before


def test_a_story_costs_no_question_for_each_task(world: World) -> None:
    case = world.leaver("ada")

    assert _questions(world, f"/cases/{case}") < 30


def _questions(world: World, path: str) -> int:
    headers: Any = world.headers()
    with counted(world.bridge.database) as statements:
        assert world.client.get(f"/api/v1{path}", headers=headers).status_code == 200
    return len(statements)
