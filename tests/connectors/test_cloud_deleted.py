"""Accounts that were deleted in Google Workspace and in Microsoft 365: brought back, and in one of them purged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.google_workspace import GoogleWorkspaceConnector
from connectors.microsoft365 import Microsoft365Connector
from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseKind, CaseState
from scimbridge.domain.rule import Ruleset
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountState,
    Connector,
    Done,
    NeedsPerson,
    RejectedError,
    RetryableError,
)
from scimbridge.sdk.testing import confirmed
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.connectors.cloud_bench import CloudBench
from tests.connectors.google_bridge import PRODUCT, SKUS, Workspace, workspace
from tests.connectors.graph_bridge import Directory, directory
from tests.doubles.google.errors import refusal as google_refusal
from tests.doubles.graph import ALL_PERMISSIONS
from tests.doubles.graph.errors import refusal as graph_refusal
from tests.doubles.serving import Answer, Asked, Fault
from tests.services.bench import a_rule, a_stage

ON_ONE_STORE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # the other one proves nothing more


@pytest.fixture(scope="module")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with workspace(tmp_path_factory.mktemp("google")) as found:
        yield found


@pytest.fixture(scope="module")
def graph() -> Iterator[Directory]:
    with directory() as found:
        yield found


@pytest.fixture
def of_google(google: Workspace) -> Iterator[GoogleWorkspaceConnector]:
    made = google.connector()
    yield made
    made.close()
    google.google.faults = []


@pytest.fixture
def of_graph(graph: Directory) -> Iterator[Microsoft365Connector]:
    made = graph.connector()
    yield made
    made.close()
    graph.graph.faults, graph.graph.tokens.granted = [], ALL_PERMISSIONS


def deleted(connector: Connector[Any], account_id: str) -> AccountState:
    """Delete an account, and return what is left of it."""
    connector.perform(Action.DELETE, connector.read(account_id), confirmed)
    left = connector.read_for(Action.UNDELETE, account_id)
    assert isinstance(left, AccountState)
    return left


def undelete(connector: Connector[Any], state: AccountState) -> Any:
    return connector.perform(Action.UNDELETE, state, confirmed)


def leave_and_be_brought_back(bench: CloudBench, name: str) -> None:
    """Let somebody leave, be deleted, and be brought back by an operator."""
    user = bench.join(f"{name}@example.com", everywhere=False)
    bench.run()
    bench.leave(user)
    for span in ("0s", "7d", "83d", "10d"):
        bench.run(span)
    assert bench.case(user).state is CaseState.COMPLETED
    restored = bench.giving_back.restore(bench.case(user).id, reason="a mistake", by="eve", now=bench.clock())
    bench.run()
    (restore,) = (case for case in bench.cases(user) if case.kind is CaseKind.RESTORE)
    said = [f"{task.action} {task.state}: {task.reason}" for task in bench.tasks(restore)]
    assert (restored.lost, restore.state) == ([], CaseState.COMPLETED), said


@ON_ONE_STORE
def test_who_was_deleted_in_google_is_brought_back_with_all_that_they_had(
    google: Workspace, database: Database, clock: FakeClock
) -> None:
    can = GoogleWorkspaceConnector.capabilities
    stages = (
        a_stage("0s", Action.SUSPEND),
        a_stage("7d", Action.REMOVE_FROM_GROUPS, Action.STAMP, Action.MOVE),
        a_stage("90d", Action.DELETE),
    )
    bench = CloudBench(database, clock, Ruleset((a_rule(*stages),)), actions=tuple(can), capabilities=can)
    bench.cloud, company = google, google.google.company
    ann = company.hire("ann.leaver")
    sales = company.form("sales", ann)
    company.license(ann, PRODUCT, SKUS[0])  # it goes with the account, and by nothing else

    leave_and_be_brought_back(bench, "ann.leaver")
    bench.connector.close()

    assert not ann.is_deleted
    assert (ann.document["suspended"], ann.document["orgUnitPath"]) == (False, "/Staff")
    assert ann.document["notes"]["value"] == ""
    assert ann.id in sales.members
    assert ann.email in company.licenses[PRODUCT, SKUS[0]]


@ON_ONE_STORE
def test_who_was_deleted_in_microsoft_is_brought_back_with_all_that_they_had(
    graph: Directory, database: Database, clock: FakeClock
) -> None:
    can = Microsoft365Connector.capabilities
    stages = (a_stage("0s", Action.SUSPEND), a_stage("90d", Action.DELETE))
    bench = CloudBench(database, clock, Ruleset((a_rule(*stages),)), actions=tuple(can), capabilities=can)
    bench.cloud, tenant = graph, graph.graph.tenant
    ann = tenant.hire("ann.leaver")
    sales = tenant.form("sales", ann)
    tenant.license(ann, graph.skus[0])

    leave_and_be_brought_back(bench, "ann.leaver")
    bench.connector.close()

    assert not ann.is_deleted
    assert ann.document["accountEnabled"]
    assert ann.id in sales.members
    assert [each["skuId"] for each in ann.document["assignedLicenses"]] == [graph.skus[0]]


def test_where_the_unit_is_gone_the_account_comes_back_to_the_root(
    google: Workspace, of_google: GoogleWorkspaceConnector
) -> None:
    company = google.google.company
    company.org_units.add("/Fair")
    ann = company.hire("ann.fair", orgUnitPath="/Fair")
    left = deleted(of_google, ann.id)
    company.org_units.remove("/Fair")

    outcome = undelete(of_google, left)

    assert outcome == Done(changed=True, lost=("the organizational unit /Fair is gone; the account is in /",))
    assert ann.document["orgUnitPath"] == "/"


def test_of_several_that_had_an_address_the_one_of_the_id_comes_back(
    google: Workspace, of_google: GoogleWorkspaceConnector
) -> None:
    company = google.google.company
    first, second = company.hire("ann.twice"), company.hire("ann.once")
    deleted(of_google, first.id)
    second.document["primaryEmail"] = first.email
    deleted(of_google, second.id)

    undelete(of_google, of_google.read_deleted(first.id))

    assert (first.is_deleted, second.is_deleted) == (False, True)


def test_an_address_that_google_knows_to_be_taken_asks_a_person(
    google: Workspace, of_google: GoogleWorkspaceConnector
) -> None:
    ann = google.google.company.hire("ann.group")
    left = deleted(of_google, ann.id)
    google.google.faults = [Fault(google_refusal(409, "duplicate", "Entity already exists."), is_meant=_is_post)]

    assert isinstance(undelete(of_google, left), NeedsPerson)
    assert ann.is_deleted


def test_an_account_that_google_does_not_show_yet_is_looked_at_later(
    google: Workspace, of_google: GoogleWorkspaceConnector
) -> None:
    ann = google.google.company.hire("ann.late")
    left = deleted(of_google, ann.id)
    late = google_refusal(404, "notFound", "Resource Not Found: userKey")
    google.google.faults = [Fault(late, is_meant=lambda asked: asked.method == "PUT")]

    with pytest.raises(RetryableError, match="does not show it yet"):
        undelete(of_google, left)

    assert not ann.is_deleted
    assert not of_google.read_for(Action.UNDELETE, ann.id).deleted


def test_an_account_that_microsoft_does_not_show_yet_is_looked_at_later(
    graph: Directory, of_graph: Microsoft365Connector
) -> None:
    ann = graph.graph.tenant.hire("ann.late")
    left = deleted(of_graph, ann.id)
    late = graph_refusal(404, "Request_ResourceNotFound", "Resource does not exist.")
    graph.graph.faults = [Fault(late, is_meant=lambda asked: asked.method == "PATCH")]

    with pytest.raises(RetryableError, match="does not show it yet"):
        undelete(of_graph, left)

    assert not ann.is_deleted


def test_the_name_of_a_deleted_account_is_told_as_it_was(graph: Directory, of_graph: Microsoft365Connector) -> None:
    ann = graph.graph.tenant.hire("ann.named")

    left = deleted(of_graph, ann.id)

    assert left.name == "ann.named@example.com"
    assert left.attributes["userPrincipalName"] == ("ann.named@example.com",)


def test_a_name_that_microsoft_knows_to_be_taken_asks_a_person_and_other_refusals_are_said(
    graph: Directory, of_graph: Microsoft365Connector
) -> None:
    left = deleted(of_graph, graph.graph.tenant.hire("ann.taken").id)
    taken = "Another object with the same value for property proxyAddresses already exists."
    graph.graph.faults = [Fault(graph_refusal(400, "Request_BadRequest", taken), is_meant=_is_post)]
    assert isinstance(undelete(of_graph, left), NeedsPerson)

    graph.graph.faults = [Fault(graph_refusal(400, "Request_BadRequest", "Something else."), is_meant=_is_post)]
    with pytest.raises(RejectedError, match="undeleting an account: 400"):
        undelete(of_graph, left)


def test_an_account_that_microsoft_keeps_for_now_is_purged_by_a_person(
    graph: Directory, of_graph: Microsoft365Connector
) -> None:
    ann = graph.graph.tenant.hire("ann.kept")
    left = deleted(of_graph, ann.id)
    ann.is_kept = True

    outcome = of_graph.perform(Action.PURGE, left, confirmed)

    assert isinstance(outcome, NeedsPerson)
    assert "Deleted users" in outcome.instructions
    assert of_graph.read_for(Action.PURGE, ann.id).deleted
    graph.graph.tokens.granted = ALL_PERMISSIONS - {"User.DeleteRestore.All", "User.ReadWrite.All"}
    fresh = graph.connector()
    with pytest.raises(RejectedError, match=r"not granted: User\.DeleteRestore\.All"):
        fresh.perform(Action.PURGE, left, confirmed)
    fresh.close()


def test_what_is_deleted_and_no_user_is_not_taken_for_one(graph: Directory, of_graph: Microsoft365Connector) -> None:
    left = deleted(of_graph, graph.graph.tenant.hire("ann.other").id)
    group = Answer(status=200, body=b'{"id": "%s", "@odata.type": "#microsoft.graph.group"}' % left.id.encode())
    graph.graph.faults = [Fault(group, is_meant=lambda asked: "deletedItems" in asked.path)]

    with pytest.raises(AccountNotFoundError):
        of_graph.read_deleted(left.id)


def _is_post(asked: Asked) -> bool:
    return asked.method == "POST" and "oken" not in asked.path
