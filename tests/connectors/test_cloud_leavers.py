"""A leaver of Google Workspace and of Microsoft 365, through the real engine, in fair weather and in a storm."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.google_workspace import GoogleWorkspaceConnector
from connectors.microsoft365 import Microsoft365Connector
from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.rule import Ruleset, Terms
from scimbridge.domain.task import TaskState
from scimbridge.services.stale_groups import StaleGroups
from scimbridge.store import targets
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.connectors.cloud_bench import CloudBench, doubled, storm
from tests.connectors.google_bridge import PRODUCT, SKUS, workspace
from tests.connectors.graph_bridge import directory
from tests.doubles.google.errors import throttled as google_throttled
from tests.doubles.graph.errors import throttled as graph_throttled
from tests.services.bench import a_rule, a_stage
from tests.services.retired import a_group_rule, approve, give_up

ON_ONE_STORE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # the other one proves nothing more

ACCESS = a_stage("0s", Action.SUSPEND, Action.REVOKE_SESSIONS, Action.RESET_CREDENTIALS)
OF_GOOGLE = (
    ACCESS,
    a_stage(
        "7d",
        Action.REMOVE_FROM_GROUPS,
        Action.RELEASE_LICENSES,
        Action.HIDE_FROM_DIRECTORY,
        Action.STAMP,
        Action.MOVE,
    ),
    a_stage("90d", Action.DELETE),
)
OF_MICROSOFT = (
    ACCESS,
    a_stage("7d", Action.REMOVE_FROM_GROUPS, Action.RELEASE_LICENSES, Action.STAMP),
    a_stage("90d", Action.DELETE),
)


def google_bench(database: Database, clock: FakeClock) -> CloudBench:
    rules = Ruleset((a_rule(*OF_GOOGLE),))
    can = GoogleWorkspaceConnector.capabilities
    return CloudBench(database, clock, rules, actions=tuple(can), capabilities=can)


def graph_bench(database: Database, clock: FakeClock) -> CloudBench:
    rules = Ruleset((a_rule(*OF_MICROSOFT),))
    can = Microsoft365Connector.capabilities
    return CloudBench(database, clock, rules, actions=tuple(can), capabilities=can)


def was_throttled(bench: CloudBench) -> bool:
    with bench.database.read() as tx:
        return targets.all_targets(tx)["crm"]["refused_at"] is not None


def persist(bench: CloudBench, user: str, finished: int) -> None:
    """Let days pass until so many tasks have come to their end."""
    for _ in range(40):
        bench.run("6h")
        if sum(task.is_finished for case in bench.cases(user) for task in bench.tasks(case)) >= finished:
            return
    pytest.fail(f"not done: {[bench.states(case) for case in bench.cases(user)]}")


@ON_ONE_STORE
@pytest.mark.parametrize("in_a_storm", [False, True], ids=["fair weather", "storm"])
def test_a_leaver_of_google_is_gone_in_the_end_and_nothing_is_done_twice(
    database: Database, clock: FakeClock, tmp_path: Path, in_a_storm: bool
) -> None:
    with workspace(tmp_path) as cloud:
        google, bench = cloud.google, google_bench(database, clock)
        bench.cloud = cloud
        ann = google.company.hire("ann")
        for number in range(4):
            google.company.form(f"group-{number}", ann)
        google.company.license(ann, PRODUCT, SKUS[0])
        ann.tokens, ann.app_passwords = {"app": "An app"}, {7: "Phone"}
        user = bench.join("ann@example.com", everywhere=False)
        bench.run()

        if in_a_storm:
            google.faults = storm(7, google_throttled())
        bench.leave(user)
        persist(bench, user, 3)
        assert (ann.document["suspended"], ann.tokens, ann.app_passwords, ann.sessions) == (True, {}, {}, 0)
        bench.run("7d")
        persist(bench, user, 8)
        assert ann.document["orgUnitPath"] == "/Leavers"
        bench.run("83d")
        persist(bench, user, 9)
        google.faults = []
        bench.connector.close()

        assert ann.is_deleted
        assert was_throttled(bench) is in_a_storm
        assert bench.case(user).state is CaseState.COMPLETED
        assert set(bench.states(bench.case(user)).values()) <= {TaskState.DONE}
        repeatable = ("signOut", "invalidate", '"password"')
        assert [each for each in doubled(google.carried_out) if not any(word in each for word in repeatable)] == []
        if not in_a_storm:
            # Password, app password, codes, token, sign-out, suspend; 4 groups, license, hide, stamp, move; delete.
            assert google.writes() == len(google.carried_out) == 15
            assert [each.body for each in google.carried_out if b"suspended" in each.body] == [
                google.carried_out[5].body
            ]


@ON_ONE_STORE
def test_a_leaver_of_google_who_comes_back_has_all_again_though_google_shows_changes_late(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    redirecting = a_stage("0s", Action.REDIRECT_MAIL, terms=Terms(successor="bob@example.com"))
    with workspace(tmp_path) as cloud:
        google = cloud.google
        cloud.settings = {"auto_reply": "Ask {successor}.", "delegates": "successor", "aliases": "successor"}
        can = GoogleWorkspaceConnector.capabilities
        rules = Ruleset((a_rule(redirecting, replace(ACCESS, after=timedelta(days=1)), OF_GOOGLE[1]),))
        bench = CloudBench(database, clock, rules, actions=tuple(can), capabilities=can)
        bench.cloud = cloud
        ann, bob = google.company.hire("ann", aliases=["anna@example.com"]), google.company.hire("bob")
        ann.mail.vacation, ann.mail.delegates = (
            {"enableAutoReply": False, "responseSubject": "x"},
            {bob.email: "accepted"},
        )
        google.company.license(ann, PRODUCT, SKUS[0])
        groups = [google.company.form(f"group-{number}", ann) for number in range(2)]
        people = {name: bench.join(f"{name}@example.com", everywhere=False) for name in ("ann", "bob")}
        bench.run()
        before = json.dumps([ann.document, vars(ann.mail), [each.members for each in groups]], sort_keys=True)

        google.lag.seconds, google.lag.clock = 1800, lambda: clock().timestamp()
        bench.leave(people["ann"])
        for _ in range(4):
            bench.run("5m")
        persist(bench, people["ann"], 9)
        assert max(task.attempts for task in bench.tasks(bench.case(people["ann"]))) > 2, "it was patient"
        assert (bob.document["aliases"], ann.mail.vacation["enableAutoReply"]) == (["anna@example.com"], True)
        assert (ann.document["suspended"], ann.document["orgUnitPath"]) == (True, "/Leavers")
        bench.come_back(people["ann"])
        persist(bench, people["ann"], 16)
        bench.connector.close()

        states = [set(bench.states(case).values()) for case in bench.cases(people["ann"])]
        assert states == [{TaskState.DONE}, {TaskState.DONE}]
        ann.mail.forwarding_addresses.clear()  # the successor stays one that mail may be forwarded to
        left_over = {"notes", "recoveryEmail", "recoveryPhone"}
        ann.document = {name: value for name, value in ann.document.items() if name not in left_over}
        assert json.dumps([ann.document, vars(ann.mail), [each.members for each in groups]], sort_keys=True) == before
        assert google.company.licenses[PRODUCT, SKUS[0]] == {ann.email}


@ON_ONE_STORE
def test_a_group_of_google_is_given_up_and_comes_back_when_it_is_called_off(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    with workspace(tmp_path) as cloud:
        google, can = cloud.google, GoogleWorkspaceConnector.capabilities
        bench = CloudBench(database, clock, Ruleset((a_group_rule(),)), actions=tuple(can), capabilities=can)
        bench.cloud = cloud
        ann, bob = google.company.hire("ann"), google.company.hire("bob")
        fair = google.company.form("Fair 2019", ann, bob)
        fair.members[bob.id] = {"role": "OWNER", "delivery_settings": "DIGEST"}
        fair.document["description"] = "Made for the fair"
        before = json.dumps([fair.document, fair.settings, fair.members], sort_keys=True)
        stale = StaleGroups(database, bench.fleet)
        assert stale.at("crm", clock()) == []

        retired = give_up(bench)
        bench.run("30d")
        bench.run("60d")
        assert ("[To Be Deleted" in fair.document["description"], fair.members) == (True, {})
        assert fair.settings["archiveOnly"] == "true"
        assert [each.reasons for each in stale.at("crm", clock())] == [("has no members",)]
        bench.giving_back.restore(retired.id, reason="needed", by="eve", now=clock())
        bench.run()
        assert json.dumps([fair.document, fair.settings, fair.members], sort_keys=True) == before

        again = give_up(bench)
        for span in ("30d", "60d", "275d"):
            bench.run(span)
        approve(bench, again)
        bench.connector.close()
        assert google.company.groups == {}


@ON_ONE_STORE
@pytest.mark.parametrize("in_a_storm", [False, True], ids=["fair weather", "storm"])
def test_a_leaver_of_microsoft_is_gone_in_the_end_and_nothing_is_done_twice(
    database: Database, clock: FakeClock, in_a_storm: bool
) -> None:
    with directory() as cloud:
        graph, bench = cloud.graph, graph_bench(database, clock)
        bench.cloud = cloud
        ann = graph.tenant.hire("ann")
        groups = [graph.tenant.form(f"group-{number}", ann) for number in range(25)]
        for sku in cloud.skus:
            graph.tenant.license(ann, sku)
        ann.grants, ann.methods = {"g1": "app"}, {"p1": "phone", "f1": "fido2"}
        user = bench.join("ann@example.com", everywhere=False)
        bench.run()

        if in_a_storm:
            graph.faults = storm(7, graph_throttled())
        bench.leave(user)
        persist(bench, user, 3)
        assert (ann.document["accountEnabled"], ann.grants, ann.methods) == (False, {}, {})
        bench.run("7d")
        persist(bench, user, 6)
        assert not any(ann.id in group.members for group in groups)
        assert ann.document["assignedLicenses"] == []
        bench.run("83d")
        persist(bench, user, 7)
        graph.faults = []
        bench.connector.close()

        assert ann.is_deleted
        assert was_throttled(bench) is in_a_storm
        assert bench.case(user).state is CaseState.COMPLETED
        assert set(bench.states(bench.case(user)).values()) <= {TaskState.DONE}
        repeatable = ("revokeSignInSessions", "passwordProfile")
        assert [each for each in doubled(graph.carried_out) if not any(word in each for word in repeatable)] == []
        if not in_a_storm:
            # Disable, revoke, grant, password, 2 methods; 25 groups, licenses, stamp; delete.
            assert graph.writes() == len(graph.carried_out) == 34
            batches = [json.loads(asked.body) for asked in graph.calls if asked.path.endswith("$batch")]
            assert sum(any(each["method"] != "GET" for each in batch["requests"]) for batch in batches) == 5
            # All calls, looks before and after each change among them.
            assert graph.succeeded <= 1.2 * len(graph.carried_out)


@ON_ONE_STORE
def test_a_leaver_of_microsoft_who_comes_back_has_all_again_though_graph_shows_changes_late(
    database: Database, clock: FakeClock
) -> None:
    redirecting = a_stage("0s", Action.REDIRECT_MAIL, terms=Terms(successor="bob@example.com"))
    with directory() as cloud:
        graph, tenant = cloud.graph, cloud.graph.tenant
        cloud.settings = {"auto_reply": "Ask {successor}."}
        can = Microsoft365Connector.capabilities
        rules = Ruleset((a_rule(redirecting, replace(ACCESS, after=timedelta(days=1)), OF_MICROSOFT[1]),))
        bench = CloudBench(database, clock, rules, actions=tuple(can), capabilities=can)
        bench.cloud = cloud
        ann, _ = tenant.hire("ann"), tenant.hire("bob")
        tenant.license(ann, cloud.skus[0])
        groups = [tenant.form(f"group-{number}", ann) for number in range(2)]
        tenant.assign(ann, tenant.publish("CRM"))
        people = {name: bench.join(f"{name}@example.com", everywhere=False) for name in ("ann", "bob")}
        bench.run()

        def held() -> str:
            assigned = [each["resourceId"] for each in tenant.assignments.values()]
            licenses = [each["skuId"] for each in ann.document["assignedLicenses"]]
            marks = ann.document["onPremisesExtensionAttributes"]
            has = [ann.document["accountEnabled"], marks, licenses, assigned, ann.reply["status"], ann.rules]
            return repr([*has, [sorted(each.members) for each in groups]])

        before = held()
        graph.lag.seconds, graph.lag.clock = 1800, lambda: clock().timestamp()
        bench.leave(people["ann"])
        persist(bench, people["ann"], 7)
        assert max(task.attempts for task in bench.tasks(bench.case(people["ann"]))) > 1, "it was patient"
        assert (ann.document["accountEnabled"], ann.reply["status"], ann.document["assignedLicenses"]) == (
            False,
            "alwaysEnabled",
            [],
        )
        assert not any(each.members for each in groups)
        bench.come_back(people["ann"])
        persist(bench, people["ann"], 12)
        bench.connector.close()

        states = [set(bench.states(case).values()) for case in bench.cases(people["ann"])]
        assert states == [{TaskState.DONE}, {TaskState.DONE}]
        assert held() == before


@ON_ONE_STORE
def test_the_mailbox_of_a_leaver_keeps_its_license_until_a_person_has_kept_it(
    database: Database, clock: FakeClock
) -> None:
    with directory() as cloud:
        rules = Ruleset((a_rule(a_stage("0s", Action.RELEASE_LICENSES, Action.ARCHIVE)),))
        can = Microsoft365Connector.capabilities
        bench = CloudBench(database, clock, rules, actions=tuple(can), capabilities=can)
        bench.cloud = cloud
        ann = cloud.graph.tenant.hire("ann")
        cloud.graph.tenant.license(ann, cloud.skus[0])
        user = bench.join("ann@example.com", everywhere=False)
        bench.run()
        bench.leave(user)
        bench.run("1h")
        asked = next(task for task in bench.tasks(bench.case(user)) if task.needs_person)
        assert asked.action is Action.ARCHIVE
        assert "Set-Mailbox -Identity ann@example.com -Type Shared" in asked.reason
        assert ann.document["assignedLicenses"]

        bench.operating.done_by_hand(asked.id, reason="it is a shared one now", by="ops", now=clock.now)
        bench.run("1h")
        bench.connector.close()

        assert ann.document["assignedLicenses"] == []
        assert bench.case(user).state is CaseState.COMPLETED
