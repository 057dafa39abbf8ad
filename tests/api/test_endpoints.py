"""Everything else that the API does, one promise at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from connectors.sample.errors import Fault
from scimbridge import documents
from scimbridge.admission import staying
from scimbridge.api.app import ENDPOINTS
from scimbridge.api.endpoint import Answer
from scimbridge.api.models import access, cases, plans, protection, reports, rules, targets
from scimbridge.domain.inquiry import Cause
from scimbridge.domain.leavers import Leaver, LeaversFile
from scimbridge.domain.operator import Permission, Role
from scimbridge.domain.session import Visitor
from scimbridge.domain.situation import CaseQuery
from scimbridge.domain.trigger import Trigger
from scimbridge.store import groups, inquiries
from tests.api.world import RULES, World

# -- who may what


def test_what_acts_takes_more_than_looking() -> None:
    assert {each.permission for each in ENDPOINTS if each.acts} == {Permission.ACT, Permission.ADMINISTER}
    assert all(each.permission is Permission.ADMINISTER for each in ENDPOINTS if each.shows_secret)


def test_every_endpoint_has_a_name_and_a_summary_of_its_own() -> None:
    assert len({each.name for each in ENDPOINTS}) == len(ENDPOINTS)
    assert len({each.summary for each in ENDPOINTS}) == len(ENDPOINTS)
    assert all(each.summary for each in ENDPOINTS)


def test_other_methods_are_told_which_ones_there_are(world: World) -> None:
    answer = world.ask("DELETE", "/holds")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    assert answer.headers["content-type"] == "application/problem+json"
    assert world.ask("HEAD", "/holds").status_code == 200


def test_nothing_on_the_way_keeps_an_answer(world: World) -> None:
    key, hold = {"Idempotency-Key": "7f3c"}, {"scope": "source", "subject": "okta", "reason": "audit"}

    answers = [
        world.ask("GET", "/holds"),
        world.ask("POST", "/holds", headers=key, json=hold),
        world.ask("POST", "/holds", headers=key, json=hold),
        world.ask("POST", "/sources/okta/tokens", json={"expires": "1d"}),
        world.ask("DELETE", "/holds"),
        world.ask("GET", "/cases/nope"),
        world.ask("GET", "/holds", headers={"Authorization": "Bearer nobody"}),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 405, 404, 401]
    assert [answer.headers.get("cache-control") for answer in answers] == ["no-store"] * len(answers)


# -- the answers are what --json answers


def test_nothing_of_a_document_is_left_out(world: World) -> None:
    case = world.leaver("ada")
    world.run("2h")
    bridge, now = world.bridge, world.clock()
    world.post("/holds", scope="target", subject="wiki", reason="audit")
    world.post("/exclusions", of="target", subject="wiki", reason="legacy")
    world.post("/sources/okta/tokens", expires="1d")
    exclusion, row = bridge.holding.exclusions()[0]
    story = documents.story_document(bridge.stories.of(case, now))
    (run,) = next(each["attempts"] for each in story["tasks"] if each["attempts"])
    file = LeaversFile([Leaver(line=1, user_name="ben")])
    world.join("ben")
    plan = documents.plan_document(bridge.rehearsing.rehearse_file(file, Trigger.DELETED, now))
    (person,) = plan["lines"][0]["plans"]
    report = documents.report_document(
        bridge.board.counts(now), bridge.charting.charts(2, now), bridge.charting.ahead(2, now)
    )
    draft = bridge.drafting.begin(bridge.file_rules.text + "#", by="test", now=now).version
    bridge.replaying.run(draft, by="test", now=now)
    look = bridge.drafting.look(draft, now)
    (leaver,) = (documents.leaver_document(each) for each in bridge.leaver_report.all(CaseQuery(), now))
    plan.pop("ignored_columns")  # of a file
    pairs: list[tuple[type[Answer], dict[str, Any]]] = [
        (cases.CaseStory, {**story, "told": []}),
        (cases.TaskStory, story["tasks"][0]),
        (cases.StageLine, story["stages"][0]),
        (cases.Run, run),
        (cases.Entry, story["history"][0]),
        (cases.Sent, story["requests"][0]),
        (cases.CaseLine, documents.case_document(bridge.stories.of(case, now).summary)),
        (targets.TargetLine, documents.target_document(bridge.overview.targets(now)[0])),
        (targets.AccountLine, documents.account_document(next(iter(bridge.inventory.accounts("crm"))))),
        (protection.HoldLine, documents.hold_document(bridge.holding.standing()[0])),
        (protection.ExclusionLine, documents.exclusion_document(exclusion, row)),
        (access.SourceLine, documents.source_document(bridge.sources.one("okta", now))),
        (access.TokenLine, documents.token_document(bridge.tokens.all()[0], now)),
        (plans.Plans, plan),
        (plans.PlanCounts, plan["counts"]),
        (plans.PlannedPerson, plan["lines"][0]),
        (plans.Plan, person),
        (plans.PlannedStage, person["stages"][0]),
        (plans.PlannedTask, person["stages"][0]["tasks"][0]),
        (plans.GuardAnswer, person["guard"][0]),
        (reports.Report, report),
        (reports.DayAhead, report["ahead"][0]),
        (rules.VersionStory, documents.look_document(look, now)),
        (rules.VersionLine, documents.version_document(look.version)),
        (rules.ReplayStory, documents.look_document(look, now)["replay"]),
        (reports.LeaverLine, leaver),
        (reports.LeaverStage, leaver["stages"][0]),
    ]

    for model, document in pairs:
        names = {field.alias or name for name, field in model.model_fields.items()}
        assert document.keys() == names, model.__name__


# -- what keeps work back


def test_a_person_is_held_by_name_and_let_go_again(world: World) -> None:
    ada = world.join("ada")
    until = "2026-06-30T18:00:00+02:00"
    hold = world.post("/holds", scope="identity", subject="Ada", reason="litigation", legal=True, until=until)
    case = world.leave(ada)
    world.run("2h")

    assert world.get(f"/cases/{case}")["situation"] == "held"
    assert (hold["subject"], hold["legal"], hold["too_late_for"]) == (ada, True, [])
    assert hold["until"] == "2026-06-30T16:00:00.000Z"
    assert world.ask("POST", f"/holds/{hold['id']}/lift", json={}).status_code == 422
    assert world.post(f"/holds/{hold['id']}/lift", reason="settled")["id"] == hold["id"]
    assert world.get("/holds")["items"] == []
    over = {"scope": "everything", "until": "2026-03-02T08:59:59Z"}
    for body in ({"scope": "everything", "subject": "x"}, {"scope": "target"}, over):
        assert world.ask("POST", "/holds", json={"reason": "x", **body}).status_code == 422


def test_whom_an_exclusion_spares_is_told_at_once(world: World) -> None:
    world.join("ada")
    until = world.clock().replace(year=2030).isoformat()

    found = world.post("/exclusions", of="match", match='userName eq "ada"', reason="returns", until=until)
    world.post("/exclusions", of="identity", subject="ada", reason="returns")
    world.clock.advance("1s")
    world.post("/exclusions", of="account", subject="ada", target="crm", reason="service")
    world.post(f"/exclusions/{found['id']}/end")

    left = world.get("/exclusions")["items"]
    assert (found["reach"], [(each["of"], each["from"]) for each in left]) == (
        1,
        [("identity", "run time"), ("account", "run time"), ("match", "configuration")],
    )
    for body in (
        {"of": "match"},
        {"of": "match", "match": "nonsense"},
        {"of": "target", "subject": "wiki", "target": "crm"},
        {"of": "target", "subject": "wiki", "until": "2020-01-01T00:00:00Z"},
    ):
        assert world.ask("POST", "/exclusions", json={"reason": "x", **body}).status_code == 422


def test_an_inquiry_is_shown_answered_and_kept(world: World) -> None:
    with world.bridge.database.write() as tx:
        group = groups.insert_group(tx, "okta", {"displayName": "CRM people"}, world.clock())
        inquiry = inquiries.open_inquiry(
            tx,
            inquiries.About(users=["somebody who is gone"]),
            source="okta",
            cause=Cause.RENAMED,
            group_id=group.id,
            display_name="CRM users",
            targets=("crm",),
            now=world.clock(),
        )

    assert inquiry is not None
    asked = world.get(f"/inquiries/{inquiry.id}")
    world.post(f"/inquiries/{inquiry.id}/dismiss", reason="moved")
    (answered,) = world.get("/inquiries", answered=True)["items"]

    assert (asked["group"], asked["count"], asked["about"], asked["verdict"]) == ("CRM users", 0, [], None)
    assert (answered["verdict"], answered["closed_by"]) == ("moved", "an-admin")
    assert world.get("/inquiries")["items"] == []


def test_a_target_is_paused_and_armed(world: World) -> None:
    assert world.post("/targets/crm/pause", reason="upgrade") == {"changed": True}
    assert world.post("/targets/crm/pause", reason="upgrade") == {"changed": False}
    assert world.get("/targets/crm")["pause"] == "paused by an-admin: upgrade"
    assert world.post("/targets/crm/resume") == {"changed": True}

    world.leaver("ada")
    armed = world.ask("POST", "/targets/wiki/arm", json={"for": "4h", "reason": "trial"}).json()
    assert (armed["tasks"], armed["people"]) == (1, 1)
    assert world.get("/targets/wiki")["armed_by"] == "an-admin"
    assert world.ask("POST", "/targets/wiki/arm", json={"for": "4w", "reason": "trial"}).status_code == 409
    assert world.post("/targets/wiki/disarm", reason="enough") == {"changed": True}


def test_accounts_of_a_target_are_listed_in_parts(world: World) -> None:
    for name in ("ada", "ben", "cid"):
        world.join(name)

    first = world.get("/targets/crm/accounts", limit=2)
    rest = world.get("/targets/crm/accounts", limit=2, offset=2)

    assert (len(first["items"]), first["more"], len(rest["items"]), rest["more"]) == (2, True, 1, False)
    assert world.get("/targets/crm/accounts", unused_for="90d")["items"] == []


def test_what_waits_and_what_a_check_finds(world: World) -> None:
    world.crm.fail("suspend", Fault.REJECTED)
    world.leaver("ada")
    world.run("2h")

    queues = world.get("/queues")
    checks = world.post("/targets/crm/check")

    assert [(each["target"], each["failed"], each["depth"]) for each in queues["items"]] == [
        ("crm", 1, None),
        ("wiki", 0, None),
    ]
    assert queues["redis_answers"] is False
    assert (checks["ok"], [each["about"] for each in checks["items"]][:1]) == (True, ["reach"])
    assert world.bridge.preflight.kept()["crm"].findings


def test_what_waits_for_a_person_at_a_target_is_tried_again(world: World) -> None:
    assert world.get("/targets/crm/check") == {"at": None, "ok": False, "items": []}
    world.post("/targets/crm/check")
    world.crm.fail("suspend", Fault.REJECTED)
    world.leaver("ada")
    world.run("2h")

    assert world.post("/targets/crm/retry", reason="mended") == {"count": 1, "left": 0}
    assert world.get("/targets/crm/check")["ok"] is True
    assert world.ask("POST", "/targets/nowhere/retry", json={"reason": "x"}).status_code == 404
    assert world.get("/queues")["items"][0]["last_irreversible_at"] is None


# -- what would happen, and how it went


def test_a_plan_says_what_would_happen_and_touches_nothing(world: World) -> None:
    ada = world.join("ada")
    world.join("boss")
    people = [{"user_name": "ADA"}, {"user_name": "boss"}, {"email": "nobody@example.com"}, {}]

    found = world.post("/plan", Role.VIEWER, people=people, trigger="deleted")

    assert found["counts"]["would_act"] == 1
    assert found["counts"]["excluded"] == 1
    assert [each["problem"] for each in found["lines"]] == [
        None,
        None,
        "no source knows such a person",
        "it names nobody",
    ]
    (plan,) = found["lines"][0]["plans"]
    assert (plan["identity_id"], plan["rule"], plan["trigger"]) == (ada, "leavers", "deleted")
    final = {task["action"] for stage in plan["stages"] for task in stage["tasks"] if task["irreversible"]}
    assert ([each["number"] for each in plan["stages"]], final) == ([1, 2], {"delete"})
    assert world.get("/cases")["items"] == []
    assert world.ask("POST", "/plan", json={"people": []}).status_code == 422


def test_a_plan_by_other_rules_says_what_they_would_do_and_keeps_nothing(world: World) -> None:
    world.join("ada")
    world.join("boss")
    ask = {"people": [{"user_name": "ada"}, {"user_name": "boss"}]}
    sooner = RULES[RULES.index("[[rules]]") :].replace('"30d"', '"7d"').replace('name = "leavers"', 'name = "sooner"')

    found = world.post("/plan", Role.VIEWER, rules=sooner, **ask)
    usual = world.post("/plan", Role.VIEWER, **ask)

    (plan,) = found["lines"][0]["plans"]
    assert (plan["rule"], plan["stages"][1]["after_seconds"]) == ("sooner", 7 * 86400)
    assert usual["lines"][0]["plans"][0]["rule"] == "leavers"
    # Who is never touched is not, by whatever rules.
    assert found["counts"]["excluded"] == 1
    assert world.bridge.drafting.versions() == []

    for text, said in (
        (sooner.replace('"suspend"', '"suspent"'), "rules: line "),
        ("[guard]\nall = { count = 1 }\n" + sooner, "guard"),
        ("x" * 300_000, ""),
        ("", "there are none"),
    ):
        refused = world.ask("POST", "/plan", json={**ask, "rules": text})
        assert (refused.status_code, said in refused.text) == (422, True), refused.text


def test_a_report_has_the_numbers_of_the_board_and_the_charts(world: World) -> None:
    world.leaver("ada")
    world.run("2h")
    world.clock.advance("5m")
    world.bridge.tallying.run(world.clock())

    found = world.get("/report", Role.VIEWER, days=2, days_ahead=40)

    assert (found["days"], len(found["ahead"]), found["cases"]["grace"]) == (2, 40, 1)
    assert sum(found["leavers"]["deactivated"].values()) == 1
    assert [each["action"] for each in found["time_to_revoke"]] == ["suspend"]
    assert sum(day["irreversible"] for day in found["ahead"]) == 2
    assert world.ask("GET", "/report", params={"days": 0}).status_code == 422


def test_leavers_and_whom_nothing_is_done_about_come_in_pages(world: World) -> None:
    for name in ("ada", "ben", "cid"):
        world.leaver(name)
    world.run("2h")
    boss = world.join("boss")
    for _ in range(2):
        for active in (False, True):
            world.clock.advance("1s")
            world.say(boss, active=active)

    page = world.get("/leavers", limit=2)
    rest = world.client.get(page["next"], headers=world.headers()).json()
    alone = world.get("/left-alone", limit=1)
    older = world.client.get(alone["next"], headers=world.headers()).json()

    assert [each["user_name"] for each in [*page["items"], *rest["items"]]] == ["cid", "ben", "ada"]
    assert {each["stages"][0]["finished"] for each in page["items"]} == {2}
    assert (rest["next"], world.get("/leavers", until="2020-01-01T00:00:00Z")["items"]) == (None, [])
    assert [each["verdict"] for each in [*alone["items"], *older["items"]]] == ["excluded: never touched"] * 2
    assert alone["items"][0]["id"] > older["items"][0]["id"]
    assert world.get("/left-alone", since="2030-01-01T00:00:00Z") == {"items": [], "next": None}
    assert world.ask("GET", "/leavers", params={"cursor": "bm9wZQ"}).status_code == 404


def test_a_case_is_proved_and_the_history_verified(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    case = world.leaver("ada")
    world.post(f"/cases/{case}/cancel", reason="stays")
    before = world.get(f"/cases/{case}/evidence", Role.AUDITOR)
    world.bridge.sealing.run(world.clock())
    world.leaver("ben")
    world.bridge.sealing.run(world.clock())
    monkeypatch.setattr("scimbridge.api.endpoints.evidence.AT_ONCE", 1)

    bundle = world.get(f"/cases/{case}/evidence", Role.AUDITOR)
    key = world.get("/evidence/key", Role.VIEWER)
    checked = world.post("/evidence/verify", Role.AUDITOR, proof=bundle["proof"], public_keys=[key["public_key"]])
    bundle["proof"]["entries"][0]["reason"] = "another"
    first = world.get("/evidence/verification")
    rest = world.client.get(first["next"], headers=world.headers()).json()
    head = f"{rest['head']['number']}:{rest['head']['digest']}"

    assert (before["waiting"] > 0, bundle["waiting"], bundle["public_key"]) == (True, 0, key["public_key"])
    assert any("stays" in line for line in bundle["told"])
    assert checked == {"intact": True, "findings": []}
    assert world.post("/evidence/verify", proof=bundle["proof"])["intact"] is False
    assert (first["intact"], first["waiting"], rest["intact"], rest["next"]) == (True, None, True, None)
    assert world.get("/evidence/verification", expect=head)["intact"] is True
    assert world.get("/evidence/sample", size=5, seed=7) == {"seed": 7, "cases": [case]}
    assert world.ask("GET", f"/cases/{case}/evidence", Role.VIEWER).status_code == 403
    assert world.ask("GET", "/evidence/verification", params={"cursor": "bm9wZQ"}).status_code == 404
    refused = world.ask("POST", "/evidence/verify", json={"proof": {}, "public_keys": ["x"]})
    assert (refused.status_code, "GET /evidence/key" in refused.json()["detail"]) == (422, True)


# -- who leaves, and who there is


def test_a_request_with_a_date_is_listed_and_taken_back(world: World) -> None:
    world.join("ada")
    report = world.post("/requests", reason="retires", date="2026-12-31", people=[{"user_name": "ada"}])
    (line,) = world.get("/requests")["items"]

    world.post(f"/requests/{line['id']}/withdraw", reason="stays on")

    assert [each["outcome"] for each in report["lines"]] == ["dated"]
    assert (line["user_name"], line["requested_by"]) == ("ada", "an-admin")
    assert world.get("/requests")["items"] == []


def test_people_are_found_by_what_they_are_called(world: World) -> None:
    ada = world.join("ada", emails=[{"value": "ada@example.com"}])
    world.join("adam")

    found = {
        said: sorted(each["user_name"] for each in world.get("/people", search=said)["items"])
        for said in ("AD", "Ada@Example.com", "ext-adam", ada, "%", "nobody")
    }

    assert found == {
        "AD": ["ada", "adam"],
        "Ada@Example.com": ["ada"],
        "ext-adam": ["adam"],
        ada: ["ada"],
        "%": [],
        "nobody": [],
    }
    world.leave(ada)
    assert [each["user_name"] for each in world.get("/people", active=True)["items"]] == ["adam"]


def test_somebody_whom_the_source_has_deleted_is_erased(world: World) -> None:
    ada = world.join("ada")
    refused = world.ask("POST", f"/people/{ada}/erase", json={"reason": "asked to be forgotten"})
    world.delete(ada)
    world.post(f"/cases/{world.case(ada)}/cancel", reason="nothing to take")

    erased = world.post(f"/people/{ada}/erase", Role.ADMIN, reason="asked to be forgotten")

    assert (refused.status_code, "still has this User" in refused.text) == (409, True)
    assert erased == {"identity_id": ada, "cases": 1, "entries": 1, "requests": 2, "restorable": []}
    assert world.get("/people", search="ada")["items"] == []


def test_a_search_finds_people_targets_and_errors(world: World) -> None:
    world.crm.fail("suspend", Fault.REJECTED)
    case = world.leaver("crumb")
    world.run("2h")
    (task,) = world.get("/tasks", needs_person=True)["items"]

    found = world.get("/search", Role.VIEWER, text="CR")
    by_error = world.get("/search", text=task["reason"][:12])

    assert [(each["user_name"], each["case_id"], each["state"]) for each in found["people"]] == [
        ("crumb", case, "inactive")
    ]
    assert found["targets"] == ["crm"]
    assert [each["id"] for each in by_error["tasks"]] == [task["id"]]
    assert world.ask("GET", "/search", params={"text": "c"}).status_code == 422


def test_the_history_and_what_was_received_are_read_backwards(world: World) -> None:
    ada = world.join("ada")
    case = world.leave(ada)
    world.post(f"/cases/{case}/cancel", reason="stays")

    (canceled,) = world.get("/history", event="case canceled", actor="an-admin", case=case)["items"]
    pages = world.get("/history", limit=1)
    received = world.get("/received", resource=ada, source="okta")["items"]

    assert (canceled["reason"], canceled["identity_id"]) == ("stays", ada)
    assert pages["items"][0]["id"] == canceled["id"]
    assert world.client.get(pages["next"], headers=world.headers()).json()["items"][0]["id"] == canceled["id"] - 1
    assert "personal" not in canceled
    assert [(each["method"], each["received"]) for each in received] == [
        ("PATCH", {"from": "okta"}),
        ("POST", {"from": "okta"}),
    ]
    assert world.get("/received", since="2030-01-01T00:00:00Z")["items"] == []


def test_events_go_on_behind_the_last_one_that_arrived(world: World) -> None:
    case = world.leaver("ada")
    before = world.bridge.overview.newest_entry()
    world.post(f"/cases/{case}/cancel", reason="stays")

    answer = world.ask("GET", "/events", Role.VIEWER, headers={"Last-Event-ID": str(before)})

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert "event: history" in answer.text
    assert f'"event":"case canceled","case_id":"{case}"' in answer.text
    assert "stays" not in answer.text
    assert world.ask("GET", "/events", headers={"Last-Event-ID": "x"}).status_code == 422


def test_events_end_with_the_token_that_lets_somebody_listen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.headers(Role.VIEWER)

    async def listen(_after: int | None) -> AsyncIterator[None]:
        yield None
        world.bridge.operators.revoke("an-viewer", reason="left", by="test", now=world.clock())
        yield None

    monkeypatch.setattr(staying, "CHECKED_EVERY", 0)
    monkeypatch.setattr(world.bridge.live, "listen", listen)

    assert world.ask("GET", "/events", Role.VIEWER).text == "retry: 2000\n\n: still here\n\n"


# -- who is let in


def test_an_operator_has_tokens_of_which_each_ends_alone(world: World) -> None:
    first = world.post("/operators", name="grace", role="operator")
    second = world.post("/operators/grace/tokens", name="hr-sync", expires="90d")
    listed = world.get("/operators/grace/tokens")["items"]

    def status(token: str) -> int:
        return world.client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code

    assert [(each["name"], each["hint"]) for each in listed] == [
        ("", first["token"][:8] + "…"),
        ("hr-sync", second["token"][:8] + "…"),
    ]
    assert world.ask("POST", f"/operator-tokens/{listed[1]['id']}/revoke", json={}).status_code == 422
    world.post(f"/operator-tokens/{listed[1]['id']}/revoke", reason="the job is gone")
    assert (status(first["token"]), status(second["token"])) == (200, 401)
    world.post("/operators/grace/revoke", reason="left")
    assert status(first["token"]) == 401
    assert world.ask("POST", "/operators/grace/tokens", json={"name": "x"}).status_code == 404


def test_an_operator_changes_role_signs_in_by_a_link_and_is_signed_out(world: World) -> None:
    world.post("/operators", name="grace", role="viewer")
    bridge, now = world.bridge, world.clock()
    for _ in range(2):
        link = world.post("/operators/grace/sign-in")
        bridge.signing_in.by_link(link["link"].rpartition("=")[2], Visitor(address="192.0.2.1"), now)
    sessions = world.get("/operators/grace/sessions", Role.AUDITOR)["items"]

    one = world.post("/operators/grace/end-sessions", session=sessions[0]["id"], reason="a lost laptop")
    others = world.post("/operators/grace/end-sessions", reason="a lost laptop")
    changed = world.post("/operators/grace/role", role="operator", reason="moved")

    assert [(each["way"], each["address"]) for each in sessions] == [("link", "192.0.2.1")] * 2
    assert (one, others) == ({"ended": 1}, {"ended": 1})
    assert (changed["role"], changed["has_password"], changed["tokens"]) == ("operator", False, 1)
    told = [(each["event"], each["reason"]) for each in world.get("/history", limit=3)["items"]]
    assert told == [("operator role changed", "moved"), *[("session ended", "a lost laptop")] * 2]
    for path, body in (
        ("/operators/nobody/role", {"role": "viewer"}),
        ("/operators/nobody/end-sessions", {}),
        ("/operators/nobody/readmit", {}),
        ("/operators/grace/end-sessions", {"session": "x"}),
    ):
        assert world.ask("POST", path, json={"reason": "x", **body}).status_code in (404, 409), path


def test_what_helps_is_said_in_words_for_programs(world: World) -> None:
    for _ in range(2):
        world.post("/sources/okta/tokens")
    hold = world.post("/holds", scope="target", subject="crm", reason="audit", legal=True)

    said = [
        world.ask("POST", path, json=body).json()["detail"]
        for path, body in (
            ("/sources/okta/tokens", {}),
            (f"/holds/{hold['id']}/lift", {}),
            ("/cases/nope/cancel", {"reason": "x"}),
            ("/operators/an-admin/readmit", {"reason": "x"}),
        )
    ]

    assert said == [
        (
            "okta has 2 live tokens already; revoke the one that is not used anymore: "
            "GET /tokens, then POST /tokens/{token}/revoke"
        ),
        f"hold {hold['id']} is a legal one: give a reason why it may be lifted",
        "no case 'nope'; GET /cases shows what there is",
        "create an-admin anew, with a role",
    ]


def test_a_token_says_whose_it_is(world: World) -> None:
    assert world.get("/me", Role.AUDITOR) == {
        "name": "an-auditor",
        "role": "auditor",
        "permissions": ["look", "audit"],
    }


def test_sources_have_tokens_and_clients(world: World) -> None:
    token = world.post("/sources/okta/tokens", expires="1d")
    client = world.ask("POST", "/sources/entra/clients", json={}).json()

    (line,) = world.get("/tokens")["items"]
    world.post(f"/tokens/{line['id']}/revoke")
    world.post(f"/clients/{client['client_id']}/revoke")

    assert token["token"].startswith("scb_")
    assert client["token_endpoint"] == "http://testserver/oauth/token"
    assert [each["is_live"] for each in world.get("/tokens")["items"]] == [False]
    assert [each["name"] for each in world.get("/sources")["items"]] == ["entra", "okta"]
    assert world.ask("POST", "/sources/@crm/tokens", json={}).status_code == 404
    assert world.ask("POST", "/sources/okta/clients", json={"keys": "nonsense"}).status_code == 422


def test_rules_limits_and_counts(world: World) -> None:
    world.leaver("ada")

    assert [each["name"] for each in world.get("/rules")["items"]] == ["groups", "leavers"]
    assert [each["approvers"] for each in world.get("/rules")["items"][1]["stages"]] == [0, 1]
    assert {each["class"] for each in world.get("/limits")["items"]} == {"all", "groups"}
    url = next(each for each in world.get("/settings")["items"] if each["path"] == "server.public_url")
    assert (url["value"], url["origin"]) == ("http://testserver", "file")
    assert (world.get("/settings")["unusable"], world.get("/settings")["file"]) == ({}, str(world.bridge.settings.path))
    assert {(each["counted"], each["room"]) for each in world.get("/limits")["items"] if each["class"] == "all"} == {
        (1, 100.0)
    }
    assert {each["kind"] for each in world.get("/connectors")["items"]} >= {"sample", "ldap"}
    assert world.get("/schedules") == {"stages": [], "freezes": [], "deadlines": {}}
    assert (sum(world.get("/stats")["board"].values()), world.get("/stats")["returning"]) == (1, 0)
    assert [each["user_name"] for each in world.get("/cases", column="grace")["items"]] == ["ada"]
    assert world.get("/cases", column="done")["items"] == []
    assert (world.get("/stats")["open_cases"], world.get("/stats")["situations"]["waiting"]) == (1, 1)


def test_rules_are_drafted_replayed_and_put_in_force(world: World) -> None:
    world.bridge.prepare_rules()
    world.leaver("ada")
    text = world.get("/rules/versions/1")["text"]

    draft = world.post("/rules/versions", text=text.replace('"suspend"', '"suspned"'))
    assert [each["path"] for each in draft["problems"]] == ["rules[1].stages[0].do[0]"]
    assert not world.post("/rules/check", text=draft["text"])["ok"]
    later = text.replace('"1h"', '"2h"')
    draft = world.post("/rules/versions/2/change", text=later, revision=1, base=1)
    assert (draft["revision"], draft["problems"]) == (2, [])
    refused = world.ask("POST", "/rules/versions/2/activate", json={"revision": 2, "reason": "x"})
    assert (refused.status_code, refused.json()["detail"][:30]) == (409, "replay the past by draft 2 fir")
    world.post("/rules/versions/2/replay", span="30d")
    thread = world.bridge.replaying._thread
    assert thread is not None
    thread.join()
    replay = world.get("/rules/versions/2")["replay"]
    assert (replay["state"], replay["counts"]["different"]) == ("ended", 1)

    made = world.post("/rules/versions/2/activate", revision=2, reason="more time")

    assert (made["state"], made["activated_by"]) == ("active", "an-admin")
    assert world.get("/rules")["version"] == 2
    assert world.get("/cases")["items"][0]["rules_version"] == 1
    world.post("/rules/versions", of=1)
    world.post("/rules/versions/3/discard", reason="no")
    first = world.get("/rules/versions", limit=2)
    assert [each["state"] for each in first["items"]] == ["discarded", "active"]
    second = dict(parse_qsl(urlsplit(first["next"]).query))
    assert [each["version"] for each in world.get("/rules/versions", **second)["items"]] == [1]
    assert world.ask("GET", "/rules/versions/99999999999999999999").status_code == 404
