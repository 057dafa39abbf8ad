"""Reconciliation by the API, and as metrics."""

from __future__ import annotations

from scimbridge import documents
from scimbridge.api.models import reconciliation as models
from scimbridge.domain.operator import Role
from scimbridge.services.findings import FindingQuery
from tests.api.world import World


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
