"""Acting on many cases over the API: a preview, and what was previewed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.api.world import World, a_world


def preview(world: World, action: str, **which: Any) -> Any:
    return world.post("/cases/preview", action=action, **which)


def acting(world: World, found: Any, **which: Any) -> dict[str, Any]:
    """What is sent to do what was previewed."""
    seen = {each: found[each] for each in ("action", "count", "digest", "until")}
    return {"reason": "mistake", **seen, **which}


def test_what_was_previewed_is_done_and_not_what_came_later(world: World) -> None:
    ada, ben = world.leaver("ada"), world.leaver("ben")
    found = preview(world, "cancel", query={"source": "okta"})
    world.clock.advance("1s")
    late = world.leaver("cid")

    done = world.post("/cases/act", **acting(world, found, query={"source": "okta"}))

    assert (found["count"], [each["id"] for each in found["first"]]) == (2, [ben, ada])
    assert (found["can_be_undone"], found["left_out"]) == (False, [])
    assert (done["done"], done["more"], [each["case_id"] for each in done["results"]]) == (2, False, [ada, ben])
    assert world.get(f"/cases/{late}")["state"] == "open"


def test_another_number_than_the_preview_does_nothing(world: World) -> None:
    ada, ben = world.leaver("ada"), world.leaver("ben")
    found = preview(world, "cancel", ids=[ada, ben])
    world.post(f"/cases/{ada}/cancel", reason="stays")

    refused = world.ask("POST", "/cases/act", json=acting(world, found, ids=[ada, ben]))

    assert (refused.status_code, "preview it again" in refused.json()["detail"]) == (409, True)
    assert world.get(f"/cases/{ben}")["state"] == "open"


def test_as_many_others_than_in_the_preview_are_left_alone(world: World) -> None:
    ada, ben = world.leaver("ada"), world.leaver("ben")
    world.post("/holds", scope="case", subject=ada, reason="audit")
    query = {"situation": "held"}
    found = preview(world, "release", query=query)
    world.post("/cases/act", **acting(world, found, query=query))
    litigation = world.post("/holds", scope="case", subject=ben, reason="litigation")

    swapped = world.ask("POST", "/cases/act", json=acting(world, found, query=query))
    unseen = world.ask("POST", "/cases/act", json={**acting(world, found, query=query), "digest": None})

    assert (swapped.status_code, "than the preview said" in swapped.json()["detail"]) == (409, True)
    assert (unseen.status_code, "send the digest of the preview" in unseen.json()["detail"]) == (422, True)
    assert [hold["id"] for hold in world.get("/holds")["items"]] == [litigation["id"]]


def test_who_names_the_cases_may_say_only_how_many(world: World) -> None:
    ada = world.leaver("ada")
    found = preview(world, "hold", ids=[ada])

    done = world.post("/cases/act", **acting(world, found, ids=[ada], digest=None))

    assert (done["done"], done["more"]) == (1, False)


def test_who_is_left_out_is_named_with_the_reason(world: World) -> None:
    ada, ben = world.leaver("ada"), world.leaver("ben")
    world.post(f"/cases/{ada}/cancel", reason="stays")

    found = preview(world, "hold", ids=[ada, ben, "nope"])
    held = world.post("/cases/act", **acting(world, found, ids=[ada, ben, "nope"]))
    released = preview(world, "release", query={"situation": "held"})

    assert [(each["why"], each["count"]) for each in found["left_out"]] == [("it has ended", 1)]
    assert (found["unknown"], found["can_be_undone"]) == (["nope"], True)
    assert [(each["case_id"], each["said"]) for each in held["results"]] == [(ben, "held")]
    assert held["results"][0]["made"] == world.get("/holds")["items"][0]["id"]
    assert released["count"] == 1


def test_a_hold_on_many_may_end_by_itself(world: World) -> None:
    ada, until = world.leaver("ada"), "2026-06-30T18:00:00+02:00"
    found = preview(world, "hold", ids=[ada], hold_until=until)

    world.post("/cases/act", **acting(world, found, ids=[ada], hold_until=until))

    assert [each["until"] for each in world.get("/holds")["items"]] == ["2026-06-30T16:00:00.000Z"]
    past = {"ids": [ada], "action": "hold", "hold_until": "2026-03-01T00:00:00Z"}
    for body in (past, {**past, "action": "release", "hold_until": until}):
        assert "hold_until" in world.ask("POST", "/cases/preview", json=body).json()["detail"]


@pytest.mark.parametrize("other", [None, "2026-07-01T18:00:00+02:00"])
def test_a_hold_that_would_end_at_another_time_is_not_what_was_seen(world: World, other: str | None) -> None:
    ada, until = world.leaver("ada"), "2026-06-30T18:00:00+02:00"
    found = preview(world, "hold", ids=[ada], hold_until=until)

    answer = world.ask("POST", "/cases/act", json=acting(world, found, ids=[ada], hold_until=other))

    assert (answer.status_code, "than the preview said" in answer.json()["detail"]) == (409, True)
    assert world.get("/holds")["items"] == []


TOO_WIDE: list[dict[str, Any]] = [
    {},
    {"ids": ["x"], "query": {}},
    {"query": {}},
    {"query": {"state": "open"}},
    {"ids": []},
    {"ids": ["x"] * 1001},
    {"ids": ["x"], "stage": 2},
    {"query": {"color": "red"}},
]


def test_nobody_acts_on_everything_by_leaving_something_out(world: World) -> None:
    for body in TOO_WIDE:
        assert world.ask("POST", "/cases/preview", json={"action": "cancel", **body}).status_code == 422, body


def test_more_than_one_request_does_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from scimbridge.services import acting as service

    monkeypatch.setattr(service, "AT_ONCE", 2)
    cases = [world.leaver(f"p{number}") for number in range(3)]
    found = preview(world, "cancel", ids=cases)

    done = world.post("/cases/act", **acting(world, found, ids=cases))

    assert (done["done"], done["more"]) == (2, True)
    assert preview(world, "cancel", ids=cases)["count"] == 1


def test_a_flood_goes_on_as_it_was_seen(tmp_path: Path) -> None:
    world = a_world(
        tmp_path, f"sqlite:///{tmp_path / 'bridge.db'}", more='[guard]\nall = { count = 1, window = "1h" }\n'
    )
    for name in ("ada", "ben", "cid"):
        world.leaver(name)
    (flood,) = world.get("/floods")["items"]
    path = f"/floods/{flood['id']}/release"

    refused = world.ask("POST", path, json={"reason": "meant", "cases": flood["cases"] - 1})
    released = world.post(path, reason="meant", cases=flood["cases"])

    assert refused.status_code == 409
    assert f"by now, and not {flood['cases'] - 1}; look at it again; GET /floods/" in refused.json()["detail"]
    assert released["decision"] == "released"
    world.bridge.close()
