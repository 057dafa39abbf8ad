from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msal
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from connectors.microsoft365 import Microsoft365Connector
from scimbridge.sdk import (
    AccountRef,
    Action,
    ConnectorError,
    Context,
    Done,
    Expiry,
    NeedsPerson,
    Person,
    RejectedError,
    RetryableError,
    TargetUnusableError,
)
from scimbridge.sdk.testing import RecordingPermit, confirmed
from tests.connectors.graph_bridge import Directory, perform
from tests.doubles.graph import ALL_PERMISSIONS, CLIENT, SECRET, TENANT, User
from tests.doubles.graph.errors import refusal, throttled
from tests.doubles.serving import Answer, Fault

pytest_plugins = ("tests.connectors.graph_fixtures",)


# -- the double is as strict as the original ---------------------------------------


class MsalHttp:
    """What msal calls, with nothing of the connector in it; msal takes https alone."""

    def get(self, url: str, **more: Any) -> httpx.Response:
        return httpx.get(url.replace("https://", "http://"), headers=more.get("headers"))

    def post(self, url: str, **more: Any) -> httpx.Response:
        return httpx.post(url.replace("https://", "http://"), data=more["data"], headers=more["headers"])

    def close(self) -> None: ...


@pytest.fixture
def graph(running: Directory) -> Iterator[httpx.Client]:
    """A client that signs in by Microsoft's own library, and knows nothing of the connector."""
    authority = f"{running.url.replace('http://', 'https://')}/{TENANT}"
    application = msal.ConfidentialClientApplication(
        CLIENT, client_credential=SECRET, authority=authority, instance_discovery=False, http_client=MsalHttp()
    )
    token = application.acquire_token_for_client(["https://graph.microsoft.com/.default"])
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    with httpx.Client(base_url=f"{running.url}/v1.0/", headers=headers) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "users/{u}?$select=nickName", None, 400, "Request_BadRequest"),
        ("GET", "users/{u}?select=id", None, 400, "BadRequest"),
        ("GET", "people", None, 400, "BadRequest"),
        ("PATCH", "users/{u}", {"enabled": False}, 400, "Request_BadRequest"),
        ("PATCH", "users/{u}", {"accountEnabled": "false"}, 400, "Request_BadRequest"),
        ("PATCH", "users/{u}", {"assignedLicenses": []}, 400, "Request_BadRequest"),
        ("POST", "users/{u}/assignLicense", {"removeLicenses": []}, 400, "BadRequest"),
        ("DELETE", "groups/{g}/owners/{u}", None, 400, "BadRequest"),
        ("PUT", "users/{u}", {}, 400, "BadRequest"),
        ("GET", "users/nobody@example.com", None, 404, "Request_ResourceNotFound"),
    ],
)
def test_the_double_refuses_what_microsoft_does_not_describe(
    running: Directory, ann: User, graph: httpx.Client, method: str, path: str, body: Any, status: int, code: str
) -> None:
    group = running.graph.tenant.form("sales", ann)
    before = dict(ann.document)

    answer = graph.request(method, path.replace("{u}", ann.id).replace("{g}", group.id), json=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert ann.document == before


def test_in_the_double_a_membership_without_ref_deletes_the_user_as_in_graph(
    running: Directory, ann: User, graph: httpx.Client
) -> None:
    group = running.graph.tenant.form("sales", ann)

    assert graph.delete(f"groups/{group.id}/members/{ann.id}").status_code == 204

    assert ann.is_deleted


def test_the_double_tells_little_of_a_user_unless_it_is_asked(ann: User, graph: httpx.Client) -> None:
    assert "accountEnabled" not in graph.get(f"users/{ann.id}").json()
    assert graph.get(f"users/{ann.id}?$select=accountEnabled").json()["accountEnabled"] is True


def test_a_user_can_be_brought_back_in_the_double(running: Directory, ann: User, graph: httpx.Client) -> None:
    running.graph.tenant.form("sales", ann)
    assert graph.delete(f"users/{ann.id}").status_code == 204
    assert graph.get(f"users/{ann.id}").status_code == 404

    assert graph.post(f"directory/deletedItems/{ann.id}/restore").status_code == 200
    assert graph.get(f"users/{ann.id}").status_code == 200


# -- finding -------------------------------------------------------------------


@pytest.mark.parametrize("attribute", ["userPrincipalName", "mail", "employeeId", "onPremisesImmutableId"])
def test_an_account_is_found_by_exactly_its_value(running: Directory, attribute: str) -> None:
    ann = running.graph.tenant.hire("ann", **{attribute: "O'Neil@example.com"})
    connector = running.connector(match={"externalId": attribute})

    assert connector.find(Person({"externalId": ("O'Neil@example.com",)})) == AccountRef(ann.id, ann.upn)
    assert connector.find(Person({"externalId": ("O'Neil@example.co",)})) is None
    connector.close()


def test_an_account_is_linked_by_its_id_and_not_by_a_name_that_moved_on(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    running.graph.tenant.hire("new")
    ann.document["userPrincipalName"] = "renamed@example.com"

    assert connector.read(ann.id).name == "renamed@example.com"
    with pytest.raises(ConnectorError, match="no account of this id"):
        connector.read("new@example.com")


# -- acting --------------------------------------------------------------------


@pytest.mark.parametrize(
    "action", [Action.SUSPEND, Action.RESET_CREDENTIALS, Action.STAMP, Action.DISCONNECT, Action.DELETE]
)
def test_what_is_synchronized_is_changed_in_active_directory(
    running: Directory, connector: Microsoft365Connector, action: Action
) -> None:
    ann = running.graph.tenant.hire("ann", onPremisesSyncEnabled=True)
    before = dict(ann.document)

    outcome = perform(connector, action, ann)

    assert isinstance(outcome, NeedsPerson)
    assert "Active Directory" in outcome.instructions
    assert ann.document == before
    assert not ann.is_deleted


def test_groups_that_follow_something_else_are_for_a_person_and_the_others_are_done(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    tenant = running.graph.tenant
    plain = tenant.form("plain", ann)
    tenant.form("dynamic", ann, groupTypes=["DynamicMembership"])
    tenant.form("synced", ann, onPremisesSyncEnabled=True)
    tenant.form("list", ann, mailEnabled=True)
    team = tenant.form("team", ann, mailEnabled=True, groupTypes=["Unified"])

    outcome = perform(connector, Action.REMOVE_FROM_GROUPS, ann)

    assert isinstance(outcome, NeedsPerson)
    for name, why in {"dynamic": "lacks a permission", "synced": "Active Directory", "list": "only Exchange"}.items():
        assert name in outcome.instructions
        assert why in outcome.instructions
    assert "2 others are done" in outcome.instructions
    assert ann.id not in plain.members | team.members


def test_a_group_that_active_directory_has_taken_over_is_said_to_be_lost(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    group = running.graph.tenant.form("sales", ann)
    original = connector.read(ann.id)
    perform(connector, Action.REMOVE_FROM_GROUPS, ann)
    group.document["onPremisesSyncEnabled"] = True
    left = connector.read(ann.id)

    outcome = connector.perform(Action.ADD_TO_GROUPS, left.with_original(original, left), confirmed)

    assert isinstance(outcome, Done)
    assert [each.partition(":")[0] for each in outcome.lost] == ["sales"]
    assert "Active Directory" in outcome.lost[0]


def test_many_groups_are_left_by_twenty_in_a_call(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    for number in range(45):
        running.graph.tenant.form(f"group-{number}", ann)
    state = connector.read(ann.id)
    running.graph.calls.clear()

    assert connector.perform(Action.REMOVE_FROM_GROUPS, state, confirmed) == Done(changed=True, after={"how many": 45})

    assert [asked.path for asked in running.graph.calls] == ["/v1.0/$batch"] * 3
    assert not ann.is_deleted


def test_a_batch_that_is_put_off_in_part_goes_on_where_it_was(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    groups = [running.graph.tenant.form(f"group-{number}", ann) for number in range(5)]
    state = connector.read(ann.id)
    running.graph.faults = [Fault(throttled(7), is_meant=lambda asked: groups[2].id in asked.path)]

    slowed: list[timedelta | None] = []
    hurried = running.connector(throttled=slowed.append)
    with pytest.raises(RetryableError, match="put off 1 of 5") as caught:
        hurried.perform(Action.REMOVE_FROM_GROUPS, state, confirmed)
    assert caught.value.retry_after is not None
    assert caught.value.retry_after.total_seconds() == 7
    hurried.close()
    assert slowed == [caught.value.retry_after]

    assert perform(connector, Action.REMOVE_FROM_GROUPS, ann).after == {"how many": 1}


def test_an_administrator_loses_the_role_and_is_protected_before(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    running.graph.tenant.appoint(ann, "Helpdesk Administrator")

    assert connector.read(ann.id).protection == "in role Helpdesk Administrator, which gives power over others"
    with pytest.raises(RejectedError, match="a role that protects it") as caught:
        perform(connector, Action.SUSPEND, ann)
    assert "not granted" not in str(caught.value)
    perform(connector, Action.REMOVE_FROM_GROUPS, ann)

    assert perform(connector, Action.SUSPEND, ann) == Done(changed=True)


def test_a_license_that_comes_through_a_group_stays_with_the_group(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    tenant, (mine, ours) = running.graph.tenant, running.skus
    tenant.license(ann, mine)
    tenant.license(ann, ours, by=tenant.form("licensed", ann))

    assert [each.name for each in connector.read(ann.id).licenses or ()] == ["SPE_E3"]
    perform(connector, Action.RELEASE_LICENSES, ann)

    assert [each["skuId"] for each in ann.document["assignedLicenses"]] == [ours]


def test_a_license_that_is_used_up_is_named_as_lost(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    running.graph.tenant.license(ann, running.skus[0])
    original = connector.read(ann.id)
    perform(connector, Action.RELEASE_LICENSES, ann)
    running.graph.tenant.seats[running.skus[0]] = 0
    left = connector.read(ann.id)

    outcome = connector.perform(Action.ASSIGN_LICENSES, left.with_original(original, left), confirmed)

    assert isinstance(outcome, Done)
    assert outcome.lost == ("no license SPE_E3 is free",)


def test_a_group_gets_its_new_owner_before_it_loses_the_old_one(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    bob = running.graph.tenant.hire("bob")
    team = running.graph.tenant.form("team")
    team.owners.add(ann.id)

    perform(connector, Action.TRANSFER_OWNERSHIP, ann, successor=AccountRef(bob.id, bob.upn))

    assert team.owners == {bob.id}


def test_a_hold_between_two_calls_keeps_the_old_owner(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    bob, team = running.graph.tenant.hire("bob"), running.graph.tenant.form("team")
    team.owners.add(ann.id)
    asked: list[int] = []

    def held_at_the_second() -> None:
        asked.append(len(asked))
        if len(asked) == 2:
            raise RejectedError("held")

    state = replace(connector.read(ann.id), successor=AccountRef(bob.id, bob.upn))
    with pytest.raises(RejectedError, match="held"):
        connector.perform(Action.TRANSFER_OWNERSHIP, state, held_at_the_second)

    assert team.owners == {ann.id, bob.id}


def test_everything_alive_is_ended_and_counted(running: Directory, ann: User) -> None:
    ann.sessions, ann.grants = 3, {"g1": "app", "g2": "other"}
    device = running.graph.tenant.enroll(ann)
    connector = running.connector(devices="disable")

    outcome = perform(connector, Action.REVOKE_SESSIONS, ann)

    assert outcome.after == {"grants": 2, "devices": 1}
    assert (ann.sessions, ann.grants) == (0, {})
    assert running.graph.tenant.devices[device]["accountEnabled"] is False
    connector.close()


def test_other_ways_to_sign_in_go_and_the_default_one_last(ann: User, connector: Microsoft365Connector) -> None:
    ann.methods = {"p1": "phone", "f1": "fido2", "m1": "microsoftauthenticator", "c1": "platformcredential"}
    ann.methods["pw"] = "password"

    outcome = perform(connector, Action.RESET_CREDENTIALS, ann)

    assert outcome.after == {"methods": 4}
    assert ann.methods == {"pw": "password"}


def test_a_way_to_sign_in_that_graph_does_not_take_is_for_a_person_and_the_others_go(
    ann: User, connector: Microsoft365Connector
) -> None:
    ann.methods = {"f1": "fido2", "p1": "phone", "q1": "qrcodepin", "pw": "password"}

    outcome = perform(connector, Action.RESET_CREDENTIALS, ann)

    assert isinstance(outcome, NeedsPerson)
    assert "by qrCodePinAuthenticationMethod, the default method, which" in outcome.instructions
    assert (set(ann.methods), bool(ann.password)) == ({"p1", "q1", "pw"}, True)
    assert len(ann.password) > 40


def test_a_way_to_sign_in_that_graph_should_take_and_refuses_is_a_failure(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    ann.methods = {"f1": "fido2", "q1": "qrcodepin"}
    refused = refusal(400, "badRequest", "The method is managed by a policy.")
    running.graph.faults = [Fault(refused, is_meant=lambda asked: asked.path.endswith("/f1"))]

    with pytest.raises(RejectedError, match="Graph refused 1 of 1: 400 Bad Request"):
        perform(connector, Action.RESET_CREDENTIALS, ann)


def test_without_a_mailbox_a_person_redirects_the_mail(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    ann.rules = None
    bob = running.graph.tenant.hire("bob")

    assert connector.read(ann.id).mail_to is None
    outcome = perform(connector, Action.REDIRECT_MAIL, ann, successor=AccountRef(bob.id, bob.upn))

    assert isinstance(outcome, NeedsPerson)
    assert "Exchange" in outcome.instructions


def test_other_rules_of_a_mailbox_are_left_alone(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    ann.rules = {"own": {"id": "own", "displayName": "Newsletters", "actions": {"delete": True}}}
    bob = running.graph.tenant.hire("bob")
    original = connector.read(ann.id)
    perform(connector, Action.REDIRECT_MAIL, ann, successor=AccountRef(bob.id, bob.upn))
    left = connector.read(ann.id)
    assert left.mail_to == bob.upn

    connector.perform(Action.RESTORE_MAIL, left.with_original(original, left), confirmed)

    assert list(ann.rules) == ["own"]


def test_sessions_end_after_the_suspension_and_licenses_go_last() -> None:
    capabilities = Microsoft365Connector.capabilities

    assert Action.SUSPEND in capabilities[Action.REVOKE_SESSIONS].after
    assert Action.REMOVE_FROM_GROUPS in capabilities[Action.RELEASE_LICENSES].after
    assert Action.RELEASE_LICENSES in capabilities[Action.REDIRECT_MAIL].before
    assert Action.DELETE in capabilities[Action.TRANSFER_OWNERSHIP].before


# -- refusals ------------------------------------------------------------------


@pytest.mark.parametrize("answer", [throttled(0), throttled(None), refusal(503, "ServiceUnavailable", "later")])
def test_what_goes_by_itself_is_tried_again_and_then_left_to_the_engine(
    running: Directory, ann: User, connector: Microsoft365Connector, answer: Answer
) -> None:
    running.graph.faults = [Fault(answer)]
    assert connector.read(ann.id).name == ann.upn

    running.graph.faults = [Fault(answer, times=100)]
    with pytest.raises(RetryableError):
        connector.read(ann.id)


def test_a_long_wait_is_left_to_the_engine(running: Directory, ann: User, connector: Microsoft365Connector) -> None:
    connector.read(ann.id)
    running.graph.faults = [Fault(throttled(600), times=100)]

    with pytest.raises(RetryableError) as caught:
        connector.read(ann.id)

    assert caught.value.retry_after is not None
    assert caught.value.retry_after.total_seconds() == 600


def test_a_lost_answer_is_not_repeated_and_the_next_attempt_finds_it_done(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    state = connector.read(ann.id)
    running.graph.faults = [Fault(is_late=True, is_meant=lambda asked: asked.method == "PATCH")]

    with pytest.raises(RetryableError):
        connector.perform(Action.SUSPEND, state, confirmed)

    assert perform(connector, Action.SUSPEND, ann) == Done(changed=False)
    assert sum(asked.method == "PATCH" for asked in running.graph.calls) == 1


def test_another_address_makes_the_target_unusable(running: Directory, ann: User) -> None:
    page = Answer(status=404, body=b"<html>", headers={"Content-Type": "text/html"})
    running.graph.faults = [Fault(page, times=100, is_meant=lambda asked: asked.path.startswith("/v1.0/"))]
    connector = running.connector()

    with pytest.raises(TargetUnusableError, match="does the address lead to Microsoft Graph"):
        connector.read(ann.id)
    connector.close()


def test_a_page_of_something_else_does_not_tell_that_an_account_is_deleted(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    page = Answer(status=404, body=b"<html>", headers={"Content-Type": "text/html"})
    running.graph.faults = [Fault(page, is_meant=lambda asked: asked.method == "DELETE")]

    with pytest.raises(RejectedError, match="404 does not come from Microsoft Graph"):
        perform(connector, Action.DELETE, ann)

    assert not ann.is_deleted


def test_a_page_at_another_address_is_not_followed(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    away = Answer(status=200, body={"value": [], "@odata.nextLink": "https://elsewhere.example.com/v1.0/x"})
    running.graph.faults = [Fault(away, is_meant=lambda asked: asked.path.endswith("memberOf"))]

    with pytest.raises(RejectedError, match="another address"):
        connector.read(ann.id)


def test_a_token_is_renewed_when_microsoft_has_forgotten_it(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    state = connector.read(ann.id)
    running.graph.tokens.forget()

    assert connector.perform(Action.SUSPEND, state, confirmed) == Done(changed=True)
    assert running.graph.tokens.issued == 2


def test_check_names_each_missing_permission_and_what_needs_it(
    running: Directory, connector: Microsoft365Connector
) -> None:
    assert connector.check().startswith(f"Microsoft Graph, tenant {TENANT}; granted: ")
    assert list(connector.missing_permissions()) == []

    running.graph.tokens.granted = ALL_PERMISSIONS - {"DelegatedPermissionGrant.ReadWrite.All"}
    assert "DelegatedPermissionGrant" not in connector.check()
    told = "the permission DelegatedPermissionGrant.ReadWrite.All, for revoke_sessions"
    assert list(connector.missing_permissions()) == [told]


@pytest.mark.parametrize(
    ("planned", "missing"),
    [
        (Action.TRANSFER_OWNERSHIP, ["the permission User.ReadWrite.All, for transfer_ownership"]),
        (Action.REVOKE_SESSIONS, ["the permission Device.ReadWrite.All, for revoke_sessions"]),
        (Action.SUSPEND, []),
    ],
)
def test_check_asks_only_for_what_rules_and_configuration_use(
    running: Directory, planned: Action, missing: list[str]
) -> None:
    running.graph.tokens.granted = ALL_PERMISSIONS - {"User.ReadWrite.All", "Device.ReadWrite.All"}
    config = running.config(devices="disable", direct_reports="successor")
    context = Context(target="m365", permit=RecordingPermit(), planned=frozenset({planned}))
    connector = Microsoft365Connector(config, context)

    assert list(connector.missing_permissions()) == missing
    connector.close()


def test_a_permission_that_another_one_includes_is_not_missed(
    running: Directory, connector: Microsoft365Connector
) -> None:
    narrow = {"User.RevokeSessions.All", "User.EnableDisableAccount.All", "GroupMember.ReadWrite.All"}
    running.graph.tokens.granted = ALL_PERMISSIONS - narrow

    assert list(connector.missing_permissions()) == []


def test_a_missing_permission_stops_only_what_needs_it(running: Directory, ann: User) -> None:
    ann.grants = {"g1": "app"}
    running.graph.tokens.granted = ALL_PERMISSIONS - {"DelegatedPermissionGrant.ReadWrite.All"}
    connector = running.connector()

    assert perform(connector, Action.SUSPEND, ann) == Done(changed=True)
    with pytest.raises(RejectedError, match=r"not granted: DelegatedPermissionGrant\.ReadWrite\.All"):
        perform(connector, Action.REVOKE_SESSIONS, ann)
    connector.close()


def test_without_the_permission_to_look_it_is_named(running: Directory, ann: User) -> None:
    running.graph.tokens.granted = frozenset({"User.EnableDisableAccount.All"})
    connector = running.connector()

    with pytest.raises(RejectedError, match=r"403 Forbidden .*; not granted: Directory\.Read\.All"):
        connector.read(ann.id)
    with pytest.raises(RejectedError, match=r"not granted: Directory\.Read\.All"):
        connector.find(Person({"userName": (ann.upn,)}))
    connector.close()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"client_secret": "wrong"}, "has it expired"),
        ({"client_id": "11111111-1111-1111-1111-111111111111"}, "no application of this client_id"),
        ({"tenant_id": "nowhere.example.com"}, "tenant_id"),
    ],
)
def test_wrong_credentials_say_which(running: Directory, ann: User, settings: dict[str, Any], said: str) -> None:
    connector = running.connector(**settings)

    with pytest.raises(TargetUnusableError, match=said):
        connector.read(ann.id)
    connector.close()


def test_a_certificate_signs_in_instead_of_a_secret(running: Directory, ann: User, tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "scimbridge")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2040, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "bridge.pem").write_bytes(private + certificate.public_bytes(encoding))
    running.graph.tokens.key = key.public_key()

    connector = running.connector(client_secret="", client_certificate=str(tmp_path / "bridge.pem"))

    assert connector.read(ann.id).name == ann.upn
    assert list(connector.expiries()) == [
        Expiry("the certificate of the application", datetime(2040, 1, 1, tzinfo=UTC))
    ]
    connector.close()
    for minutes in (-60, -4, 4, 60):
        running.graph.tokens.skew = minutes * 60
        minded = running.connector(client_secret="", client_certificate=str(tmp_path / "bridge.pem"))
        with pytest.raises(TargetUnusableError, match="clock wrong") if abs(minutes) == 60 else nullcontext():
            minded.read(ann.id)
        minded.close()


# -- configuration -------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"client_secret": ""}, "client_secret or client_certificate"),
        ({"match": {"userName": "displayName"}}, "cannot be searched for"),
        ({"stamp_attribute": "info"}, "extensionAttribute1"),
        ({"api_root": "http://graph.example.com/v1.0"}, "begins with https"),
        ({"tenant_id": "https://login.example.com"}, "write an id"),
        ({"client_certificate": "nowhere.pem"}, "there is no file"),
    ],
)
def test_a_wrong_setting_is_named(running: Directory, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said) as caught:
        running.config(**settings)

    assert SECRET not in str(caught.value)


def test_what_a_rule_cannot_do_without_is_named(running: Directory) -> None:
    lacks = Microsoft365Connector.lacks(running.config(mail_settings=False), [Action.REDIRECT_MAIL])

    assert [name for name, _ in lacks] == ["mail_settings"]
