"""Lists of accounts, and of what has changed since."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.microsoft365 import Microsoft365Connector, client
from scimbridge.sdk import NEVER, AccountNotFoundError, AccountPage, AccountSummary, Coverage, End, RejectedError
from tests.connectors.graph_bridge import Directory
from tests.doubles.graph import ALL_PERMISSIONS, User
from tests.doubles.graph.errors import refusal
from tests.doubles.serving import Answer, Fault

pytest_plugins = ("tests.connectors.graph_fixtures",)


def accounts(pages: list[AccountPage]) -> dict[str, AccountSummary]:
    return {each.id: each for page in pages for each in page.accounts}


def end(pages: list[AccountPage]) -> End:
    found = pages[-1].end
    assert found is not None
    return found


def test_a_list_tells_the_later_sign_in_and_who_never_did(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    activity = {
        "lastSignInDateTime": "2026-01-02T08:00:00Z",
        "lastNonInteractiveSignInDateTime": "2026-02-03T08:00:00Z",
    }
    bob = running.graph.tenant.hire("bob", signInActivity=activity)

    listed = {each.id: each for page in connector.list_accounts() for each in page.accounts}

    assert listed[ann.id].signed_in_at == NEVER
    assert listed[bob.id].signed_in_at == datetime(2026, 2, 3, 8, tzinfo=UTC)
    assert connector.summarize(bob.id).signed_in_at == datetime(2026, 2, 3, 8, tzinfo=UTC)


def test_without_the_permission_for_sign_ins_they_are_unknown(running: Directory, ann: User) -> None:
    running.graph.tokens.granted = ALL_PERMISSIONS - {"AuditLog.Read.All"}
    connector = running.connector()

    listed = {each.id: each for page in connector.list_accounts() for each in page.accounts}

    assert listed[ann.id].signed_in_at is None
    assert connector.summarize(ann.id).signed_in_at is None
    with pytest.raises(AccountNotFoundError):
        connector.summarize(str(ann.document["userPrincipalName"]))
    connector.close()


def test_a_list_tells_licenses_that_somebody_has_themselves_and_who_has_power(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    tenant, (mine, ours) = running.graph.tenant, running.skus
    tenant.license(ann, mine)
    tenant.license(ann, ours, by=tenant.form("licensed", ann))
    powerful = [tenant.hire(name) for name in ("role", "eligible", "scheduled", "member")]
    tenant.appoint(powerful[0], "Helpdesk Administrator")
    tenant.make_eligible(powerful[1], "Global Administrator")
    tenant.schedule(powerful[2], "Exchange Administrator")
    tenant.form("admins", powerful[3], isAssignableToRole=True)

    listed = accounts(list(connector.list_accounts()))

    assert listed[ann.id].licenses == ("SPE_E3",)
    assert {key for key, each in listed.items() if each.privileged} == {user.id for user in powerful}
    assert listed[ann.id].privileged is False


def test_who_has_power_is_unknown_where_roles_may_not_be_seen(running: Directory, ann: User) -> None:
    running.graph.tokens.granted = frozenset({"User.Read.All"})
    connector = running.connector()

    assert accounts(list(connector.list_accounts()))[ann.id].privileged is None
    connector.close()


def test_changes_come_page_by_page_and_tell_who_is_gone(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    tenant = running.graph.tenant
    bob = tenant.hire("bob")
    cursor = end(list(connector.list_accounts())).cursor
    assert cursor is not None
    assert [len(page.accounts) for page in connector.list_accounts(cursor)] == [0, 0]

    new = {tenant.hire(f"new-{number}").id for number in range(150)}
    ann.document = {**ann.document, "accountEnabled": False}
    tenant.bury(bob)
    pages = list(connector.list_accounts(cursor))

    assert end(pages).coverage is Coverage.CHANGES_AND_DELETIONS
    assert set(accounts(pages)) == {ann.id, *new}
    assert accounts(pages)[ann.id].suspended is True
    # Neither is told by a list of changes, and "never" or "none" would be a lie.
    assert (accounts(pages)[ann.id].signed_in_at, accounts(pages)[ann.id].licenses) == (None, None)
    assert [each for page in pages for each in page.gone] == [bob.id]
    assert accounts(list(connector.list_accounts(end(pages).cursor))) == {}


def test_what_changes_while_the_list_is_read_is_told_by_the_next_one(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    pages = []
    for page in connector.list_accounts():
        pages.append(page)
        ann.document = {**ann.document, "accountEnabled": False}

    assert ann.id in accounts(list(connector.list_accounts(end(pages).cursor)))


@pytest.mark.parametrize("why", ["forgotten", "refused", "another tenant's"])
def test_a_cursor_that_graph_does_not_know_any_more_leads_to_a_whole_list(
    running: Directory, ann: User, connector: Microsoft365Connector, why: str
) -> None:
    cursor = end(list(connector.list_accounts())).cursor
    if why == "forgotten":
        running.graph.tenant.forget_changes()
    elif why == "refused":
        refused = refusal(400, "Directory_ExpiredPageToken", "The specified page token value has expired.")
        running.graph.faults = [Fault(refused, is_meant=lambda asked: asked.path.endswith("delta"))]
    else:
        cursor = (cursor or "").replace('"scope": "', '"scope": "x')

    pages = list(connector.list_accounts(cursor))

    assert end(pages).coverage is Coverage.WHOLE
    assert ann.id in accounts(pages)
    assert end(pages).cursor


def test_a_link_to_another_address_is_not_followed(running: Directory, connector: Microsoft365Connector) -> None:
    away = {"value": [], "@odata.deltaLink": "https://elsewhere.example.com/v1.0/users/delta?$deltatoken=1"}
    running.graph.faults = [Fault(Answer(status=200, body=away), is_meant=lambda asked: asked.path.endswith("delta"))]
    cursor = end(list(connector.list_accounts())).cursor

    with pytest.raises(RejectedError, match="another address"):
        list(connector.list_accounts(cursor))


def test_a_tenant_that_tells_no_changes_is_listed_as_a_whole(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    refused = refusal(400, "Request_UnsupportedQuery", "Change tracking is not supported.")
    running.graph.faults = [Fault(refused, is_meant=lambda asked: asked.path.endswith("delta"))]

    pages = list(connector.list_accounts())

    assert (end(pages).coverage, end(pages).cursor) == (Coverage.WHOLE, None)
    assert ann.id in accounts(pages)


def test_a_list_that_is_refused_on_its_way_is_not_begun_anew(
    running: Directory, connector: Microsoft365Connector
) -> None:
    for number in range(130):
        running.graph.tenant.hire(f"person-{number}")
    refused = refusal(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    running.graph.faults = [Fault(refused, is_meant=lambda asked: "$skiptoken" in asked.query)]
    pages: list[AccountPage] = []

    with pytest.raises(RejectedError, match="403 Forbidden"):
        pages.extend(connector.list_accounts())

    assert all(page.end is None for page in pages)


def test_a_list_that_goes_round_in_circles_is_left(
    running: Directory, ann: User, connector: Microsoft365Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MAX_PAGES", 2)
    circle = {"value": [], "@odata.nextLink": f"{running.url}/v1.0/users?$skiptoken=0"}
    running.graph.faults = [
        Fault(Answer(status=200, body=circle), times=9, is_meant=lambda asked: asked.path.endswith("/users"))
    ]

    with pytest.raises(RejectedError, match="does not end"):
        list(connector.list_accounts())
