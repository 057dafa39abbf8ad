from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.google_workspace import GoogleWorkspaceConfig, GoogleWorkspaceConnector
from scimbridge.sdk import (
    NEVER,
    AccountRef,
    AccountState,
    Action,
    ConnectorError,
    Done,
    InProgress,
    NeedsPerson,
    Person,
    RejectedError,
    RetryableError,
    TargetUnusableError,
)
from scimbridge.sdk.testing import confirmed
from tests.connectors.google_bridge import LICENSES, PRODUCT, SKUS, Workspace, workspace
from tests.doubles.google import ALL_SCOPES, User
from tests.doubles.google.errors import no_such_page, refusal, throttled
from tests.doubles.serving import Answer, Fault


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Workspace]:
    with workspace(tmp_path) as found:
        yield found


@pytest.fixture
def ann(running: Workspace) -> User:
    return running.google.company.hire("ann")


@pytest.fixture
def connector(running: Workspace) -> Iterator[GoogleWorkspaceConnector]:
    made = running.connector()
    yield made
    made.close()


def perform(connector: GoogleWorkspaceConnector, action: Action, user: User, **engine: Any) -> Any:
    state = replace(connector.read(user.id), **engine)
    return connector.perform(action, state, confirmed)


def called(running: Workspace, method: str) -> list[str]:
    return [asked.path for asked in running.google.calls if asked.method == method]


# -- finding -------------------------------------------------------------------


@pytest.mark.parametrize(("match", "found"), [("primaryEmail", False), ("email", True)])
def test_an_alias_finds_only_where_match_says_so(running: Workspace, match: str, found: bool) -> None:
    ann = running.google.company.hire("ann", aliases=["anna@example.com"])
    connector = running.connector(match={"userName": match})

    ref = connector.find(Person({"userName": ("Anna@example.com",)}))

    assert (ref == AccountRef(ann.id, ann.email)) is found
    connector.close()


def test_a_search_finds_who_has_exactly_this_value(running: Workspace, connector: GoogleWorkspaceConnector) -> None:
    ann = running.google.company.hire("ann", externalIds=[{"type": "organization", "value": "E'7\\"}])

    assert connector.find(Person({"externalId": ("E'7\\",)})) == AccountRef(ann.id, ann.email)
    assert connector.find(Person({"externalId": ("e'7\\",)})) is None


def test_an_account_is_linked_by_its_id_and_not_by_an_address_that_moved_on(
    running: Workspace, ann: User, connector: GoogleWorkspaceConnector
) -> None:
    running.google.company.hire("new")
    ann.document["primaryEmail"] = "renamed@example.com"

    assert connector.read(ann.id).name == "renamed@example.com"
    with pytest.raises(ConnectorError, match="no account of this id"):
        connector.read("new@example.com")


# -- acting --------------------------------------------------------------------


def test_who_comes_back_has_the_role_and_the_delivery_that_they_had_in_a_group(
    running: Workspace, ann: User, connector: GoogleWorkspaceConnector
) -> None:
    sales, news = running.google.company.form("sales", ann), running.google.company.form("news", ann)
    sales.members[ann.id] = {"role": "MANAGER", "delivery_settings": "DIGEST"}
    original = connector.read_first(Action.SUSPEND, ann.id)
    perform(connector, Action.REMOVE_FROM_GROUPS, ann)
    assert not running.google.company.groups_of(ann)
    left = connector.read(ann.id)

    connector.perform(Action.ADD_TO_GROUPS, left.with_original(original, left), confirmed)

    assert sales.members[ann.id] == {"role": "MANAGER", "delivery_settings": "DIGEST"}
    assert news.members[ann.id] == {"role": "MEMBER", "delivery_settings": "ALL_MAIL"}


def test_a_group_that_is_gone_is_named_as_lost(
    running: Workspace, ann: User, connector: GoogleWorkspaceConnector
) -> None:
    sales = running.google.company.form("sales", ann)
    original = connector.read(ann.id)
    perform(connector, Action.REMOVE_FROM_GROUPS, ann)
    del running.google.company.groups[sales.document["id"]]
    left = connector.read(ann.id)

    outcome = connector.perform(Action.ADD_TO_GROUPS, left.with_original(original, left), confirmed)

    assert isinstance(outcome, Done)
    assert outcome.lost == ("the group sales is gone",)


def test_a_dynamic_group_is_for_a_person_and_the_others_are_done(
    running: Workspace, ann: User, connector: GoogleWorkspaceConnector
) -> None:
    running.google.company.form("everybody", ann, is_dynamic=True)
    running.google.company.form("sales", ann)

    outcome = perform(connector, Action.REMOVE_FROM_GROUPS, ann)

    assert isinstance(outcome, NeedsPerson)
    assert "everybody" in outcome.instructions
    assert [group.document["name"] for group in running.google.company.groups_of(ann)] == ["everybody"]


def test_an_administrator_loses_the_role_and_is_protected_before(
    running: Workspace, ann: User, connector: GoogleWorkspaceConnector
) -> None:
    running.google.company.appoint(ann, "_HELP_DESK_ADMIN_ROLE")

    assert connector.read(ann.id).protection == "in role _HELP_DESK_ADMIN_ROLE, which gives power over others"
    perform(connector, Action.REMOVE_FROM_GROUPS, ann)

    assert not running.google.company.role_assignments


@pytest.mark.parametrize(
    ("email", "attributes", "why"),
    [
        ("admin@example.com", {}, "subject"),
        ("boss@example.com", {"isAdmin": True}, "super administrator"),
        ("glass@example.com", {}, "named in protected"),
        ("ann@example.com", {}, ""),
    ],
)
def test_about_some_a_person_decides(running: Workspace, email: str, attributes: dict[str, Any], why: str) -> None:
    user = running.google.company.user(email) or running.google.company.hire(email, **attributes)
    connector = running.connector(protected=["Glass@example.com"])

    assert why in connector.read(user.id).protection
    assert bool(connector.read(user.id).protection) is bool(why)
    connector.close()


def test_everything_alive_is_ended_and_counted(
    running: Workspace, ann: User, connector: GoogleWorkspaceConnector
) -> None:
    ann.sessions, ann.tokens, ann.app_passwords = 3, {"a": "A", "b/c": "B"}, {1: "Phone"}
    ann.devices = {"d1": "APPROVED"}

    outcome = perform(connector, Action.REVOKE_SESSIONS, ann)

    assert (ann.sessions, ann.tokens, ann.app_passwords) == (0, {}, {})
    assert outcome.after == {"app passwords": 1, "tokens": 2, "devices": 0}
    assert ann.devices == {"d1": "APPROVED"}, "devices are left alone unless the configuration says otherwise"


@pytest.mark.parametrize(("setting", "state"), [("wipe_account", "ACCOUNT_WIPING"), ("block", "BLOCKED")])
def test_devices_lose_the_account_where_that_is_configured(
    running: Workspace, ann: User, setting: str, state: str
) -> None:
    ann.devices = {"d/1": "APPROVED"}
    connector = running.connector(devices=setting)

    assert perform(connector, Action.REVOKE_SESSIONS, ann).after["devices"] == 1
    assert ann.devices == {"d/1": state}
    assert perform(connector, Action.REVOKE_SESSIONS, ann).after["devices"] == 0
    connector.close()


def test_backup_codes_of_a_suspended_account_are_no_failure(ann: User, connector: GoogleWorkspaceConnector) -> None:
    perform(connector, Action.SUSPEND, ann)

    assert isinstance(perform(connector, Action.RESET_CREDENTIALS, ann), Done)


def test_a_transfer_is_waited_for_and_asked_for_once(
    running: Workspace, ann: User, connector: GoogleWorkspaceConnector
) -> None:
    bob = running.google.company.hire("bob")
    to_bob = AccountRef(bob.id, bob.email)

    first = perform(connector, Action.TRANSFER_OWNERSHIP, ann, successor=to_bob)
    # The process died before it could keep the handle.
    again = perform(connector, Action.TRANSFER_OWNERSHIP, ann, successor=to_bob)
    assert isinstance(first, InProgress)
    assert again == first
    transfer = running.google.company.transfers[first.handle]
    transfer["overallTransferStatusCode"] = "completed"
    done = perform(connector, Action.TRANSFER_OWNERSHIP, ann, successor=to_bob, handle=first.handle)

    assert isinstance(done, Done)
    assert len(running.google.company.transfers) == 1
    drive = transfer["applicationDataTransfers"][0]["applicationTransferParams"]
    assert drive == [{"key": "PRIVACY_LEVEL", "value": ["PRIVATE", "SHARED"]}]


def test_a_transfer_that_failed_is_for_a_person(
    running: Workspace, ann: User, connector: GoogleWorkspaceConnector
) -> None:
    bob = running.google.company.hire("bob")
    first = perform(connector, Action.TRANSFER_OWNERSHIP, ann, successor=AccountRef(bob.id, bob.email))
    running.google.company.transfers[first.handle]["overallTransferStatusCode"] = "failed"

    assert isinstance(perform(connector, Action.TRANSFER_OWNERSHIP, ann, handle=first.handle), NeedsPerson)


def test_mail_of_a_suspended_account_cannot_be_forwarded_and_it_is_said(
    running: Workspace, ann: User, connector: GoogleWorkspaceConnector
) -> None:
    bob = running.google.company.hire("bob")
    perform(connector, Action.SUSPEND, ann)

    outcome = perform(connector, Action.REDIRECT_MAIL, ann, successor=AccountRef(bob.id, bob.email))

    assert isinstance(outcome, NeedsPerson)
    assert "suspended" in outcome.instructions


def test_what_ends_sessions_comes_before_suspend_and_licenses_go_last() -> None:
    capabilities = GoogleWorkspaceConnector.capabilities

    assert Action.SUSPEND in capabilities[Action.REVOKE_SESSIONS].before
    assert Action.SUSPEND in capabilities[Action.RESET_CREDENTIALS].before
    assert Action.DELETE in capabilities[Action.TRANSFER_OWNERSHIP].before
    assert Action.TRANSFER_OWNERSHIP in capabilities[Action.RELEASE_LICENSES].after


def test_what_google_suspended_is_not_restored(ann: User, connector: GoogleWorkspaceConnector) -> None:
    original = connector.read(ann.id)
    perform(connector, Action.SUSPEND, ann)
    ann.document["suspensionReason"] = "ABUSE"
    left = connector.read(ann.id)

    with pytest.raises(RejectedError, match="Google itself has suspended"):
        connector.perform(Action.RESTORE, left.with_original(original, left), confirmed)


def test_a_hold_in_vault_keeps_the_account(ann: User, connector: GoogleWorkspaceConnector) -> None:
    ann.is_on_hold = True

    with pytest.raises(RejectedError, match="Vault"):
        perform(connector, Action.DELETE, ann)

    assert not ann.is_deleted


# -- refusals ------------------------------------------------------------------

BUSY = [
    throttled(),
    throttled("quotaExceeded"),
    refusal(429, "rateLimitExceeded", "slow"),
    refusal(412, "conditionNotMet", "User creation is not complete"),
    refusal(503, "backendError", "Backend Error"),
    Answer(status=502, body=b"<html>", headers={"Content-Type": "text/html"}),
]


def test_an_endpoint_that_has_no_time_for_a_token_stops_nothing_for_good(running: Workspace, ann: User) -> None:
    running.google.faults = [Fault(throttled(), is_meant=running.google.is_of_tokens)]
    connector = running.connector()

    with pytest.raises(RetryableError, match="asks for fewer calls"):
        connector.read(ann.id)
    assert connector.read(ann.id).id == ann.id
    connector.close()


@pytest.mark.parametrize("answer", BUSY, ids=lambda answer: str(answer.status))
def test_what_goes_by_itself_is_tried_again_and_then_left_to_the_engine(
    running: Workspace, ann: User, answer: Answer
) -> None:
    slowed: list[timedelta | None] = []
    connector = running.connector(throttled=slowed.append)
    state = connector.read(ann.id)
    once, forever = Fault(answer), Fault(answer, times=100)
    running.google.faults = [once]
    assert connector.perform(Action.SUSPEND, state, confirmed) == Done(changed=True)

    running.google.faults = [forever]
    with pytest.raises(RetryableError):
        connector.read(ann.id)
    connector.close()
    assert bool(slowed) is (answer.status in {403, 429})


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (refusal(403, "forbidden", "Not Authorized"), RejectedError, "subject"),
        (refusal(400, "invalid", "Invalid Input: INVALID_OU_ID"), RejectedError, "organizational unit"),
        (refusal(409, "duplicate", "Entity already exists."), RejectedError, "duplicate"),
        (no_such_page().answer, TargetUnusableError, "does the address lead to Google's API"),
    ],
)
def test_a_refusal_says_what_to_do(
    running: Workspace, ann: User, connector: GoogleWorkspaceConnector, answer: Answer, kind: type[Exception], said: str
) -> None:
    state = connector.read(ann.id)
    running.google.faults = [Fault(answer, times=100)]

    with pytest.raises(kind, match=said) as caught:
        connector.perform(Action.SUSPEND, state, confirmed)

    assert ann.email not in str(caught.value)


@pytest.mark.parametrize("path", ["/licensing/", "/orgunits/"])
def test_a_page_of_something_else_is_no_sign_that_there_is_nothing(running: Workspace, ann: User, path: str) -> None:
    elsewhere = Fault(no_such_page().answer, times=100, is_meant=lambda asked: path in asked.path)
    running.google.faults = [elsewhere]
    connector = running.connector()

    with pytest.raises(TargetUnusableError, match="does not come from Google"):
        connector.read(ann.id) if path == "/licensing/" else connector.check()
    connector.close()


def test_some_of_googles_errors_have_a_status_and_no_reason(
    running: Workspace, ann: User, connector: GoogleWorkspaceConnector
) -> None:
    gone = Answer(status=404, body={"error": {"code": 404, "message": "Gone.", "status": "NOT_FOUND"}})
    running.google.faults = [Fault(gone, times=100, is_meant=lambda asked: "/licensing/" in asked.path)]

    assert connector.read(ann.id).licenses == ()


def test_a_lost_answer_is_not_repeated_and_the_next_attempt_finds_it_done(
    running: Workspace, ann: User, connector: GoogleWorkspaceConnector
) -> None:
    state = connector.read(ann.id)
    running.google.faults = [Fault(is_late=True, is_meant=lambda asked: asked.method == "PUT")]

    with pytest.raises(RetryableError):
        connector.perform(Action.SUSPEND, state, confirmed)

    assert len(called(running, "PUT")) == 1
    assert perform(connector, Action.SUSPEND, ann) == Done(changed=False)


def test_google_may_show_a_change_late(running: Workspace, ann: User, connector: GoogleWorkspaceConnector) -> None:
    seconds = [0.0]
    running.google.lag.seconds, running.google.lag.clock = 60, lambda: seconds[0]
    state = connector.read(ann.id)

    connector.perform(Action.SUSPEND, state, confirmed)

    assert not connector.read(ann.id).suspended, "as it was"
    seconds[0] = 60
    assert connector.read(ann.id).suspended


def test_a_token_is_renewed_when_google_has_forgotten_it(
    running: Workspace, ann: User, connector: GoogleWorkspaceConnector
) -> None:
    state = connector.read(ann.id)
    running.google.tokens.forget()

    assert connector.perform(Action.SUSPEND, state, confirmed) == Done(changed=True)


def test_a_token_is_asked_for_once_for_each_scope(
    running: Workspace, ann: User, connector: GoogleWorkspaceConnector
) -> None:
    for _ in range(3):
        connector.read(ann.id)

    # Users, groups, licenses, and Gmail in the person's own name.
    assert running.google.tokens.issued == 4


@pytest.mark.parametrize("minutes", [-4, 4, -90, 90])
def test_a_clock_that_is_wrong_is_said_where_google_minds(
    running: Workspace, ann: User, connector: GoogleWorkspaceConnector, minutes: int
) -> None:
    running.google.tokens.skew = minutes * 60

    if abs(minutes) < 5:
        assert connector.read(ann.id).name == ann.email
    else:
        with pytest.raises(TargetUnusableError, match="clock"):
            connector.read(ann.id)


def test_a_token_that_google_has_no_time_for_does_not_pause_the_target(
    running: Workspace, ann: User, connector: GoogleWorkspaceConnector
) -> None:
    running.google.faults = [Fault(throttled(), times=100, is_meant=running.google.is_of_tokens)]

    with pytest.raises(RetryableError, match="fewer calls"):
        connector.read(ann.id)


def test_a_missing_scope_is_named_and_stops_only_what_needs_it(running: Workspace, ann: User) -> None:
    running.google.tokens.granted = frozenset(each for each in ALL_SCOPES if not each.endswith("user.security"))
    connector = running.connector()

    assert "user.security" not in connector.check()
    told = "the scope admin.directory.user.security, for reset_credentials, revoke_sessions"
    assert list(connector.missing_permissions()) == [told]
    assert perform(connector, Action.SUSPEND, ann) == Done(changed=True)
    with pytest.raises(RejectedError, match=r"scope \S+admin\.directory\.user\.security"):
        perform(connector, Action.REVOKE_SESSIONS, ann)
    connector.close()


def test_check_says_what_is_there(running: Workspace, connector: GoogleWorkspaceConnector) -> None:
    said = connector.check()

    assert said.startswith("Google Workspace, acting for admin@example.com; granted: admin.directory.user, ")
    assert "apps.groups.settings" in said
    assert list(connector.missing_permissions()) == []
    running.google.company.org_units.remove("/Leavers")
    with pytest.raises(RejectedError, match="/Leavers"):
        connector.check()


LOOKING = {"admin.directory.user", "admin.directory.group", "admin.directory.rolemanagement"}


@pytest.mark.parametrize(
    ("planned", "settings", "more"),
    [
        ((), {"mail_settings": False}, set()),
        ((Action.SUSPEND,), {"devices": "block"}, {"gmail.settings.basic"}),
        ((Action.SUSPEND,), {"licenses": LICENSES, "mail_settings": False}, {"apps.licensing"}),
        (
            (Action.REVOKE_SESSIONS,),
            {"devices": "block", "mail_settings": False},
            {"admin.directory.user.security", "admin.directory.device.mobile.action"},
        ),
        ((Action.REDIRECT_MAIL,), {}, {"gmail.settings.basic", "gmail.settings.sharing"}),
        (
            (Action.MOVE, Action.DISABLE_GROUP),
            {"mail_settings": False},
            {"apps.groups.settings", "admin.directory.orgunit.readonly"},
        ),
    ],
)
def test_check_asks_for_the_scopes_that_the_rules_have_a_use_for(
    running: Workspace, planned: tuple[Action, ...], settings: dict[str, Any], more: set[str]
) -> None:
    connector = running.connector(planned=planned, **{"licenses": [], "disabled_ou": None} | settings)

    assert set(connector.check().partition("granted: ")[2].split(", ")) == LOOKING | more
    connector.close()


def test_an_archived_account_is_blocked_and_a_person_takes_it_out(
    ann: User, connector: GoogleWorkspaceConnector
) -> None:
    original = connector.read(ann.id)
    perform(connector, Action.ARCHIVE, ann)
    left = connector.read(ann.id)

    assert left.suspended
    assert isinstance(connector.perform(Action.RESTORE, left.with_original(original, left), confirmed), NeedsPerson)


def test_without_a_license_for_archived_users_nothing_changes(
    running: Workspace, ann: User, connector: GoogleWorkspaceConnector
) -> None:
    running.google.company.archived_seats = 0

    with pytest.raises(RejectedError, match="no free license for archived users"):
        perform(connector, Action.ARCHIVE, ann)

    assert not ann.document["archived"]


def test_lists_are_read_to_their_end(running: Workspace, ann: User, connector: GoogleWorkspaceConnector) -> None:
    for number in range(450):
        running.google.company.form(f"group-{number}", ann)

    state: AccountState = connector.read(ann.id)

    assert len(state.groups or ()) == 450


def test_a_list_says_who_never_signed_in_who_is_suspended_and_who_has_licenses_and_power(
    running: Workspace, ann: User, connector: GoogleWorkspaceConnector
) -> None:
    bob = running.google.company.hire("bob", lastLoginTime="2026-02-03T08:00:00.000Z")
    perform(connector, Action.SUSPEND, bob)
    for number in range(101):
        running.google.company.license(running.google.company.hire(f"other-{number}"), PRODUCT, SKUS[0])
    for sku in (SKUS[1], "another"):
        running.google.company.license(bob, PRODUCT, sku)

    listed = {each.id: each for page in connector.list_accounts() for each in page.accounts}

    assert (listed[ann.id].licenses, listed[bob.id].licenses) == ((), (LICENSES[1],))
    assert sum(each.licenses == (LICENSES[0],) for each in listed.values()) == 101
    assert [each.name for each in listed.values() if each.privileged] == ["admin@example.com"]

    assert listed[ann.id].signed_in_at == NEVER
    assert listed[bob.id].signed_in_at == datetime(2026, 2, 3, 8, tzinfo=UTC)
    assert listed[bob.id].suspended_since is not None
    assert (listed[ann.id].suspended, listed[bob.id].suspended) == (False, True)


def test_an_account_of_which_google_does_not_say_whether_it_is_suspended_is_left_alone(
    ann: User, connector: GoogleWorkspaceConnector
) -> None:
    del ann.document["suspended"]

    with pytest.raises(RejectedError, match="does not say"):
        connector.read(ann.id)


# -- configuration -------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("subject", "admin", "not an e-mail address"),
        ("match", {"userName": "mail"}, "cannot be searched for"),
        ("disabled_ou", "Leavers", "whole path"),
        ("licenses", ["1010020020"], "not a product and SKU"),
        ("api_root", "admin.googleapis.com", "write an address"),
        ("credentials_file", "nowhere.json", "cannot read"),
        ("transfer", ["photos"], "drive"),
    ],
)
def test_a_wrong_setting_is_named(running: Workspace, setting: str, value: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said) as caught:
        running.config(**{setting: value})

    assert caught.value.errors()[0]["loc"][0] == setting


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("no json", "is not JSON"),
        ("[]", "lacks client_email"),
        ('{"client_email": "a"}', "lacks private_key, token_uri"),
    ],
)
def test_a_wrong_key_file_is_said_and_not_shown(running: Workspace, tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "wrong.json"
    file.write_text(content, encoding="utf-8")

    with pytest.raises(ValidationError, match=said):
        running.config(credentials_file=str(file))


def test_a_key_that_cannot_be_read_makes_the_target_unusable(running: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "broken.json"
    key = running.google.tokens.key_file(running.url)
    file.write_text(json.dumps(key | {"private_key": "-----BEGIN PRIVATE KEY-----secret"}), encoding="utf-8")

    with pytest.raises(TargetUnusableError, match="credentials_file") as caught:
        running.connector(credentials_file=str(file))

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("action", "settings", "key"),
    [
        (Action.MOVE, {"disabled_ou": None}, "disabled_ou"),
        (Action.RELEASE_LICENSES, {"licenses": []}, "licenses"),
        (Action.REDIRECT_MAIL, {"mail_settings": False}, "mail_settings"),
        (Action.TRANSFER_OWNERSHIP, {"transfer": []}, "transfer"),
        (Action.DISABLE_GROUP, {"group_settings": False}, "group_settings"),
    ],
)
def test_what_a_rule_cannot_do_without_is_named(
    running: Workspace, action: Action, settings: dict[str, Any], key: str
) -> None:
    config: GoogleWorkspaceConfig = running.config(**settings)

    assert [name for name, _ in GoogleWorkspaceConnector.lacks(config, [action])] == [key]
    assert not list(GoogleWorkspaceConnector.lacks(running.config(), [action]))
