"""Reconciliation by the API, and as metrics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.sample.store import SampleFile
from scimbridge import documents
from scimbridge.api.models import reconciliation as models
from scimbridge.domain.operator import Role
from scimbridge.services.findings import FindingQuery
from tests.api.world import World, a_world

DESK = """
[targets.desk]
connector = "sample"
file = "desk.db"
mode = "enforce"
stale_after = "90d"
[[rules]]
name = "unused"
when = ["stale"]
restore = "auto"
stages = [
  { after = "14d", do = ["release_licenses"] },
  { after = "30d", do = ["suspend"] },
]
"""


def test_a_run_is_asked_for_and_its_findings_are_listed(world: World) -> None:
    world.join("ada")
    world.run()
    world.crm.add("ghost")
    world.crm.add("spirit")
    assert world.ask("POST", "/reconciliation/targets/crm", Role.VIEWER, json={}).status_code == 403
    assert world.ask("POST", "/reconciliation/targets/nowhere", json={}).status_code == 404

    asked = world.post("/reconciliation/targets/crm", unused_for="90d")
    again = world.post("/reconciliation/targets/crm", believe=True)
    assert (again["id"], asked["outcome"], asked["unused_for_seconds"]) == (asked["id"], None, 90 * 86400)
    (crm,) = (each for each in world.get("/reconciliation")["items"] if each["target"] == "crm")
    assert (crm["under_way"]["id"], crm["shown"], crm["has_list"]) == (asked["id"], None, None)
    world.run()

    run = world.get(f"/reconciliation/runs/{asked['id']}", Role.VIEWER)
    assert (run["outcome"], run["accounts"], run["asked_by"]) == ("complete", 3, "an-admin")
    assert (asked["believed"], run["believed"]) == (False, True)
    (crm,) = (each for each in world.get("/reconciliation")["items"] if each["target"] == "crm")
    assert (crm["counts"]["orphaned"], crm["counts"]["drifted"], crm["shown"]) == (2, 0, run)
    first = world.get("/reconciliation/findings", limit=1)
    rest = world.client.get(first["next"], headers=world.headers()).json()
    names = [each["name"] for each in (*first["items"], *rest["items"])]
    assert (sorted(names), rest["next"]) == (["ghost", "spirit"], None)
    assert [each["name"] for each in world.get("/reconciliation/findings", search="GHO")["items"]] == ["ghost"]
    assert world.get("/reconciliation/findings", kind="stale")["items"] == []
    finding = first["items"][0]
    assert world.get(f"/reconciliation/findings/{finding['id']}") == finding
    assert world.ask("GET", "/reconciliation/findings/none").status_code == 404
    entries = {each["event"]: each["actor"] for each in world.get("/history", target="crm")["items"]}
    assert (entries["reconciliation asked"], entries["reconciliation ended"]) == ("an-admin", "scimbridge")

    # The same as metrics, and nothing of a document is left out.
    world.clock.advance("1h")
    scraped = world.client.get("/metrics").text
    assert 'scimbridge_reconciliation_findings{kind="orphaned",target="crm"} 2.0' in scraped
    assert 'scimbridge_reconciliation_findings{kind="left over",target="crm"} 0.0' in scraped
    assert 'scimbridge_reconciliation_age_seconds{target="crm"} 3600.0' in scraped
    assert 'target="wiki"' not in "".join(line for line in scraped.splitlines() if "reconciliation" in line)
    (found, *_) = world.bridge.findings.listed(FindingQuery(), limit=1)
    for model, document in (
        (models.ReconciledLine, documents.reconciled_document(world.bridge.findings.targets(world.clock())[0])),
        (models.MismatchLine, documents.mismatch_document(found)),
    ):
        assert document.keys() == model.model_fields.keys()


@pytest.fixture
def desk(tmp_path: Path) -> SampleFile:
    return SampleFile.create(tmp_path / "desk.db")


@pytest.fixture
def office(desk: SampleFile, tmp_path: Path, database_url: str) -> Iterator[World]:
    """A world where a rule takes away what nobody uses at the desk."""
    made = a_world(tmp_path, database_url, more=DESK)
    yield made
    made.bridge.close()


def test_an_account_that_nobody_uses_goes_and_comes_back_with_whoever_signs_in(office: World, desk: SampleFile) -> None:
    times = {"created_at": "2024-01-01T00:00:00+00:00", "signed_in_at": "2025-10-01T09:00:00+00:00"}
    plan = desk.offer("plan", seats=2)
    ada, bob = (desk.add(name, licenses=[plan], **times) for name in ("ada", "bob"))
    people = {name: office.join(name) for name in ("ada", "bob")}
    office.run()

    def signs_in(account: str) -> None:
        desk.edit(account, lambda record: replace(record, signed_in_at=office.clock().isoformat()))

    signs_in(bob)
    run = office.post("/reconciliation/targets/desk")
    office.run()
    (finding,) = office.get("/reconciliation/findings", kind="stale")["items"]
    assert finding["owners"][0]["case_id"] is None
    assert office.bridge.stale_accounts.run(office.clock()) == 1

    (finding,) = office.get("/reconciliation/findings", kind="stale")["items"]
    case = office.get(f"/cases/{finding['owners'][0]['case_id']}")
    assert (case["id"], case["trigger"]) == (office.case(people["ada"]), "stale")
    assert run["id"] in office.get("/history", case=case["id"])["items"][-1]["reason"]
    office.run("14d")
    assert (desk.look(ada) or {})["licenses"] == []
    signs_in(ada)
    office.run("16d")

    account = desk.look(ada) or {}
    assert (account["licenses"], account["suspended"]) == ([plan], False)
    assert office.get(f"/cases/{case['id']}")["state"] == "completed"
    assert office.get("/cases", trigger="stale")["items"][0]["id"] == case["id"]
    assert (desk.look(bob) or {})["licenses"] == [plan]
