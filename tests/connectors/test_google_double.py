"""The double is not shaped to our own client: Google's client library drives it, and it refuses what Google refuses."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from google.auth.exceptions import RefreshError
from google.oauth2 import service_account
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from tests.connectors.google_bridge import PRODUCT, SKUS, Workspace, workspace
from tests.doubles.google import ALL_SCOPES

ADMIN = "admin@example.com"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with workspace(tmp_path_factory.mktemp("google")) as found:
        yield found


@pytest.fixture
def service(running: Workspace) -> Iterator[Callable[..., Any]]:
    """Make clients as Google's own library makes them."""
    with ExitStack() as stack:

        def make(
            name: str, version: str, *, subject: str = ADMIN, scopes: Collection[str] = ALL_SCOPES, path: str = ""
        ) -> Any:
            key = running.google.tokens.key_file(running.url)
            signer = service_account.Credentials.from_service_account_info
            credentials = signer(key, scopes=list(scopes), subject=subject)  # type: ignore[no-untyped-call]
            options = {"api_endpoint": f"{running.url}{path}"}
            made = build(name, version, credentials=credentials, static_discovery=True, client_options=options)
            return stack.enter_context(made)

        yield make


def test_googles_own_library_takes_a_leaver_through(running: Workspace, service: Callable[..., Any]) -> None:
    company = running.google.company
    ann, bob = company.hire("ann.library"), company.hire("bob.library")
    company.form("library", ann, bob)
    company.license(ann, PRODUCT, SKUS[0])
    ann.tokens, ann.app_passwords = {"app": "An app"}, {7: "Phone"}
    directory = service("admin", "directory_v1")
    security = {key: getattr(directory, key)() for key in ("asps", "tokens", "verificationCodes")}

    found = directory.users().list(customer="my_customer", query=f"email='{ann.email}'").execute()
    assert [user["id"] for user in found["users"]] == [ann.id]
    for password in security["asps"].list(userKey=ann.id).execute()["items"]:
        security["asps"].delete(userKey=ann.id, codeId=password["codeId"]).execute()
    for token in security["tokens"].list(userKey=ann.id).execute()["items"]:
        security["tokens"].delete(userKey=ann.id, clientId=token["clientId"]).execute()
    security["verificationCodes"].invalidate(userKey=ann.id).execute()
    directory.users().signOut(userKey=ann.id).execute()
    assert directory.users().update(userKey=ann.id, body={"suspended": True}).execute()["suspensionReason"] == "ADMIN"
    for group in directory.groups().list(userKey=ann.id).execute()["groups"]:
        directory.members().delete(groupKey=group["id"], memberKey=ann.id).execute()
    transfer = service("admin", "datatransfer_v1").transfers()
    wanted = {"applicationId": "55656082996", "applicationTransferParams": []}
    body = {"oldOwnerUserId": ann.id, "newOwnerUserId": bob.id, "applicationDataTransfers": [wanted]}
    assert transfer.insert(body=body).execute()["overallTransferStatusCode"] == "new"
    licenses = service("licensing", "v1").licenseAssignments()
    licenses.delete(productId=PRODUCT, skuId=SKUS[0], userId=ann.email).execute()
    directory.users().delete(userKey=ann.id).execute()

    with pytest.raises(HttpError, match="404"):
        directory.users().get(userKey=ann.id).execute()
    deleted = directory.users().list(customer="my_customer", showDeleted="true").execute()["users"]
    assert ann.id in {user["id"] for user in deleted}
    directory.users().undelete(userKey=ann.id, body={"orgUnitPath": "/Staff"}).execute()
    assert directory.users().get(userKey=ann.email).execute()["suspended"] is True


def test_googles_own_library_redirects_mail_as_the_person(running: Workspace, service: Callable[..., Any]) -> None:
    ann = running.google.company.hire("ann.mail")
    settings = service("gmail", "v1", subject=ann.email).users().settings()

    settings.forwardingAddresses().create(userId="me", body={"forwardingEmail": "bob@example.com"}).execute()
    body = {"enabled": True, "emailAddress": "bob@example.com", "disposition": "leaveInInbox"}
    settings.updateAutoForwarding(userId="me", body=body).execute()

    running.google.company.hire("bob.mail")
    settings.delegates().create(userId="me", body={"delegateEmail": "bob.mail@example.com"}).execute()
    reply = {"enableAutoReply": True, "responseBodyPlainText": "Gone", "restrictToDomain": True}
    settings.updateVacation(userId="me", body=reply).execute()

    assert ann.mail.auto_forwarding["emailAddress"] == "bob@example.com"
    assert settings.delegates().list(userId="me").execute()["delegates"][0]["verificationStatus"] == "accepted"
    assert settings.getVacation(userId="me").execute() == reply


def test_googles_own_library_gives_up_a_group_and_moves_an_address(
    running: Workspace, service: Callable[..., Any]
) -> None:
    ann, bob = running.google.company.hire("ann.group", aliases=["anna.group@example.com"]), running.google.admin
    group = running.google.company.form("given-up", ann)
    directory = service("admin", "directory_v1")
    settings = service("groupssettings", "v1", path="/groups/v1/groups/").groups()

    directory.groups().patch(groupKey=group.id, body={"description": "Old"}).execute()
    closed = settings.patch(groupUniqueId=group.email, body={"archiveOnly": "true"}).execute()
    assert closed["whoCanPostMessage"] == "NONE_CAN_POST"
    opened = settings.patch(groupUniqueId=group.email, body={"archiveOnly": "false"}).execute()
    assert opened["whoCanPostMessage"] == "ALL_MANAGERS_CAN_POST"
    found = directory.groups().list(customer="my_customer", query="name='given-up'").execute()["groups"]
    assert found[0]["directMembersCount"] == "1"
    directory.members().delete(groupKey=group.id, memberKey=ann.id).execute()
    directory.groups().delete(groupKey=group.id).execute()
    aliases = directory.users().aliases()
    with pytest.raises(HttpError, match="409"):
        aliases.insert(userKey=bob.id, body={"alias": "anna.group@example.com"}).execute()
    aliases.delete(userKey=ann.id, alias="anna.group@example.com").execute()
    aliases.insert(userKey=bob.id, body={"alias": "anna.group@example.com"}).execute()

    assert group.id not in running.google.company.groups
    assert bob.document["aliases"] == ["anna.group@example.com"]


def test_it_refuses_what_google_does_not_describe(running: Workspace, service: Callable[..., Any]) -> None:
    ann = running.google.company.hire("ann.strict")
    users = service("admin", "directory_v1").users()
    before = dict(ann.document)

    refused = {
        "an unknown field": {"suspend": True},
        "a field of another type": {"suspended": "true"},
        "an unknown field below": {"name": {"nickName": "Annie"}},
        "no such unit": {"orgUnitPath": "/Nowhere"},
    }
    for what, body in refused.items():
        with pytest.raises(HttpError) as caught:
            users.update(userKey=ann.id, body=body).execute()
        assert caught.value.status_code == 400, what

    # Read-only fields are ignored, as Google does.
    users.update(userKey=ann.id, body={"isAdmin": True, "suspensionReason": "x"}).execute()
    assert ann.document == before


def test_it_refuses_a_token_without_the_scope(running: Workspace, service: Callable[..., Any]) -> None:
    ann = running.google.company.hire("ann.scope")
    only = {"https://www.googleapis.com/auth/admin.directory.group"}

    with pytest.raises(HttpError) as caught:
        service("admin", "directory_v1", scopes=only).users().get(userKey=ann.id).execute()

    assert caught.value.status_code == 403
    assert "insufficientPermissions" in str(caught.value.content)


@pytest.mark.parametrize(
    ("claim", "value", "error"),
    [
        ("subject", "nobody@example.com", "Invalid email"),
        ("scopes", [*ALL_SCOPES, "https://www.googleapis.com/auth/drive"], "unauthorized"),
    ],
)
def test_it_refuses_a_token_as_google_does(service: Callable[..., Any], claim: str, value: Any, error: str) -> None:
    users = service("admin", "directory_v1", **{claim: value}).users()

    with pytest.raises(RefreshError, match=error):
        users.get(userKey=ADMIN).execute()


def test_who_is_no_administrator_is_refused(running: Workspace, service: Callable[..., Any]) -> None:
    ann = running.google.company.hire("ann.nobody")

    with pytest.raises(HttpError, match="Not Authorized"):
        service("admin", "directory_v1", subject=ann.email).users().get(userKey=ADMIN).execute()
