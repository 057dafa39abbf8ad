"""Roles, applications, what somebody owns, managers, and what senders are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from pydantic import ValidationError

from connectors.microsoft365 import Microsoft365Connector
from connectors.microsoft365.reply import is_same, kept
from scimbridge.sdk import AccountRef, Action, Done, NeedsPerson, RejectedError, RetryableError
from scimbridge.sdk.testing import confirmed
from tests.connectors.graph_bridge import Directory, perform
from tests.doubles.graph import ALL_PERMISSIONS, User
from tests.doubles.graph.errors import refusal
from tests.doubles.serving import Fault

pytest_plugins = ("tests.connectors.graph_fixtures",)

ROLES = "RoleManagement.ReadWrite.Directory"
REPLY = "{name} has left. Please write to {successor_name} ({successor}), who\nhas taken over <all> the work & more."


@pytest.fixture
def bob(running: Directory) -> AccountRef:
    user = running.graph.tenant.hire("bob")
    return AccountRef(user.id, user.upn)


# -- roles ---------------------------------------------------------------------


def test_roles_that_wait_to_be_activated_protect_somebody_and_are_taken_by_privileged_identity_management(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    tenant = running.graph.tenant
    tenant.make_eligible(ann, "Global Administrator")
    tenant.make_eligible(ann, "User Administrator", "/administrativeUnits/north")
    tenant.schedule(ann, "Exchange Administrator")
    tenant.make_eligible(tenant.hire("bob"), "Global Administrator")

    assert connector.read(ann.id).protection == (
        "in eligible role Global Administrator, eligible role User Administrator within /administrativeUnits/north, "
        "scheduled role Exchange Administrator, which gives power over others"
    )
    assert perform(connector, Action.REMOVE_FROM_GROUPS, ann) == Done(changed=True, after={"how many": 3})
    assert not connector.read(ann.id).protection
    assert (len(tenant.eligible), len(tenant.scheduled)) == (1, 0)


def test_a_role_that_is_in_force_is_told_once_though_two_lists_have_it(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    running.graph.tenant.appoint(ann, "Helpdesk Administrator")
    running.graph.tenant.schedule(ann, "Helpdesk Administrator")
    running.graph.tenant.make_eligible(ann, "Helpdesk Administrator")

    # Whoever loses it could activate it again.
    told = [each.name for each in connector.read(ann.id).groups or ()]
    assert told == ["role Helpdesk Administrator", "eligible role Helpdesk Administrator"]


def test_a_role_that_went_by_itself_meanwhile_counts_as_taken(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    running.graph.tenant.make_eligible(ann, "Global Administrator")
    state = connector.read(ann.id)
    running.graph.tenant.eligible.clear()

    assert connector.perform(Action.REMOVE_FROM_GROUPS, state, confirmed) == Done(changed=False, after={"how many": 0})


def test_a_role_that_microsoft_keeps_is_for_a_person_with_the_place_to_do_it(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    running.graph.tenant.make_eligible(ann, "Global Administrator")
    refused = refusal(400, "RoleAssignmentRequestPolicyValidationFailed", "The following policy rules failed: …")
    running.graph.faults = [Fault(refused, is_meant=lambda asked: asked.path.endswith("ScheduleRequests"))]

    outcome = perform(connector, Action.REMOVE_FROM_GROUPS, ann)

    assert isinstance(outcome, NeedsPerson)
    assert "eligible role Global Administrator: 400 Bad Request (RoleAssignmentRequestPolicy" in outcome.instructions
    assert "Privileged Identity Management > Microsoft Entra roles" in outcome.instructions


@pytest.mark.parametrize("why", ["no license", "no permission"])
def test_where_eligible_roles_cannot_be_seen_the_others_are(running: Directory, ann: User, why: str) -> None:
    running.graph.tenant.appoint(ann, "Helpdesk Administrator")
    running.graph.tenant.make_eligible(ann, "Global Administrator")
    running.graph.tenant.has_premium = why != "no license"
    running.graph.tokens.granted = ALL_PERMISSIONS - ({ROLES} if why == "no permission" else set())
    connector = running.connector()

    assert [each.name for each in connector.read(ann.id).groups or ()] == ["role Helpdesk Administrator"]
    connector.close()


# -- applications --------------------------------------------------------------


def test_assignments_to_applications_are_taken_and_given_back_and_those_of_groups_go_with_the_group(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    tenant = running.graph.tenant
    crm, wiki = tenant.publish("CRM"), tenant.publish("Wiki")
    tenant.assign(ann, crm)
    tenant.assign(tenant.form("readers", ann), wiki)
    original = connector.read(ann.id)
    assert {each.name for each in original.groups or ()} == {"application CRM", "readers"}

    assert perform(connector, Action.REMOVE_FROM_GROUPS, ann) == Done(changed=True, after={"how many": 2})
    assert [each["resourceId"] for each in tenant.assignments.values()] == [wiki.id]

    left = connector.read(ann.id)
    connector.perform(Action.ADD_TO_GROUPS, left.with_original(original, left), confirmed)
    assert {each["resourceId"] for each in tenant.assignments.values() if each["principalId"] == ann.id} == {crm.id}
    again = connector.read(ann.id).with_original(original, left)
    assert connector.perform(Action.ADD_TO_GROUPS, again, confirmed) == Done(changed=False)


def test_an_application_that_is_gone_is_said_to_be_lost(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    tenant = running.graph.tenant
    tenant.assign(ann, tenant.publish("CRM"))
    original = connector.read(ann.id)
    perform(connector, Action.REMOVE_FROM_GROUPS, ann)
    tenant.applications.clear()
    left = connector.read(ann.id)

    outcome = connector.perform(Action.ADD_TO_GROUPS, left.with_original(original, left), confirmed)

    assert outcome == Done(changed=False, after={"how many": 0}, lost=("application CRM is gone",))


def test_an_assignment_that_went_meanwhile_is_no_failure(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    tenant = running.graph.tenant
    tenant.assign(ann, tenant.publish("CRM"))
    state = connector.read(ann.id)
    tenant.assignments.clear()

    assert connector.perform(Action.REMOVE_FROM_GROUPS, state, confirmed) == Done(changed=False, after={"how many": 0})


# -- what somebody owns, and who reports to them -------------------------------


@pytest.mark.parametrize("kind", ["application", "servicePrincipal"])
def test_an_application_gets_its_new_owner_before_it_loses_the_old_one(
    running: Directory, ann: User, bob: AccountRef, connector: Microsoft365Connector, kind: str
) -> None:
    owned = running.graph.tenant.publish("Deploy tool", kind)
    owned.owners.add(ann.id)

    assert perform(connector, Action.TRANSFER_OWNERSHIP, ann, successor=bob) == Done(
        changed=True, after={"how many": 1}
    )

    assert owned.owners == {bob.id}
    methods = [asked.method for asked in running.graph.batched if asked.writes]
    assert methods == ["POST", "DELETE"]


def test_the_last_owner_of_a_group_that_gives_roles_is_protected_and_one_of_several_is_not(
    running: Directory, ann: User, bob: AccountRef, connector: Microsoft365Connector
) -> None:
    admins, team = running.graph.tenant.form("admins", isAssignableToRole=True), running.graph.tenant.form("team")
    admins.owners.add(ann.id)
    team.owners.add(ann.id)
    assert connector.read(ann.id).protection == "the last owner of admins"

    admins.owners.add(bob.id)
    assert not connector.read(ann.id).protection


def test_what_the_successor_may_not_own_keeps_its_owner_and_is_named(
    running: Directory, ann: User, bob: AccountRef, connector: Microsoft365Connector
) -> None:
    owned = running.graph.tenant.publish("Deploy tool", "application")
    owned.owners.add(ann.id)
    refused = refusal(400, "Directory_QuotaExceeded", "The directory object quota limit is exceeded.")
    running.graph.faults = [Fault(refused, is_meant=lambda asked: asked.path.endswith("/owners/$ref"))]

    outcome = perform(connector, Action.TRANSFER_OWNERSHIP, ann, successor=bob)

    assert isinstance(outcome, NeedsPerson)
    assert "application Deploy tool: 400 Bad Request (Directory_QuotaExceeded" in outcome.instructions
    assert owned.owners == {ann.id}


@pytest.fixture
def over_reports(running: Directory, ann: User) -> Iterator[Microsoft365Connector]:
    """A connector that gives those a new manager who report to ann."""
    connector = running.connector(direct_reports="successor")
    yield connector
    connector.close()


def test_who_reported_to_the_leaver_reports_to_the_successor_where_that_is_configured(
    running: Directory,
    ann: User,
    bob: AccountRef,
    connector: Microsoft365Connector,
    over_reports: Microsoft365Connector,
) -> None:
    cid, managers = running.graph.tenant.hire("cid"), running.graph.tenant.managers
    managers[cid.id] = ann.id
    assert perform(connector, Action.TRANSFER_OWNERSHIP, ann, successor=bob) == Done(changed=False)

    assert [each.name for each in over_reports.read(ann.id).owns or ()] == [f"manager of {cid.upn}"]
    perform(over_reports, Action.TRANSFER_OWNERSHIP, ann, successor=bob)

    assert managers == {cid.id: bob.id}
    assert perform(over_reports, Action.TRANSFER_OWNERSHIP, ann, successor=bob) == Done(changed=False)


def test_a_successor_who_reported_to_the_leaver_and_synchronized_reports_are_for_a_person(
    running: Directory, ann: User, bob: AccountRef, over_reports: Microsoft365Connector
) -> None:
    cid, managers = running.graph.tenant.hire("cid", onPremisesSyncEnabled=True), running.graph.tenant.managers
    managers |= {bob.id: ann.id, cid.id: ann.id}

    outcome = perform(over_reports, Action.TRANSFER_OWNERSHIP, ann, successor=bob)

    assert isinstance(outcome, NeedsPerson)
    assert f"{bob.name}: nobody is their own manager" in outcome.instructions
    assert f"manager of {cid.upn}: 400 Bad Request" in outcome.instructions
    assert "Active Directory" in outcome.instructions
    assert managers == {bob.id: ann.id, cid.id: ann.id}


def test_hiding_takes_the_manager_off_and_showing_gives_it_back(
    running: Directory, ann: User, bob: AccountRef, connector: Microsoft365Connector
) -> None:
    managers = running.graph.tenant.managers
    managers[ann.id] = bob.id
    original = connector.read(ann.id)

    for _ in range(2):
        outcome = perform(connector, Action.HIDE_FROM_DIRECTORY, ann)
        assert isinstance(outcome, NeedsPerson)
        assert f"Set-Mailbox -Identity {ann.upn} -HiddenFromAddressListsEnabled $true" in outcome.instructions
    assert managers == {}
    assert running.graph.writes() == 1

    left = connector.read(ann.id)
    back = connector.perform(Action.SHOW_IN_DIRECTORY, left.with_original(original, left), confirmed)
    assert isinstance(back, NeedsPerson)
    assert "-HiddenFromAddressListsEnabled $false" in back.instructions
    assert managers == {ann.id: bob.id}


def test_a_new_manager_stays_and_one_who_is_gone_is_named(
    running: Directory, ann: User, bob: AccountRef, connector: Microsoft365Connector
) -> None:
    tenant = running.graph.tenant
    tenant.managers[ann.id] = bob.id
    original = connector.read(ann.id)
    tenant.managers[ann.id] = tenant.hire("new").id
    before = dict(tenant.managers)
    now = connector.read(ann.id)
    connector.perform(Action.SHOW_IN_DIRECTORY, now.with_original(original, now), confirmed)
    assert tenant.managers == before

    tenant.managers.clear()
    tenant.bury(tenant.users[bob.id])
    now = connector.read(ann.id)
    outcome = connector.perform(Action.SHOW_IN_DIRECTORY, now.with_original(original, now), confirmed)
    assert isinstance(outcome, NeedsPerson)
    assert outcome.instructions.endswith("the manager is gone: name another one")


@pytest.mark.parametrize("action", [Action.HIDE_FROM_DIRECTORY, Action.SHOW_IN_DIRECTORY])
def test_of_who_is_synchronized_active_directory_knows_the_manager(
    running: Directory, bob: AccountRef, connector: Microsoft365Connector, action: Action
) -> None:
    ann = running.graph.tenant.hire("synced", onPremisesSyncEnabled=True)
    running.graph.tenant.managers[ann.id] = bob.id

    outcome = perform(connector, action, ann)

    assert isinstance(outcome, NeedsPerson)
    assert "msExchHideFromAddressLists" in outcome.instructions
    assert running.graph.writes() == 0


# -- what senders are told -----------------------------------------------------


@pytest.fixture
def replying(running: Directory) -> Iterator[Microsoft365Connector]:
    """A connector that has senders told."""
    connector = running.connector(auto_reply=REPLY, auto_reply_to="anybody")
    yield connector
    connector.close()


def test_senders_are_told_who_has_taken_over_and_the_reply_from_before_comes_back(
    running: Directory, ann: User, bob: AccountRef, replying: Microsoft365Connector
) -> None:
    ann.document["displayName"], running.graph.tenant.users[bob.id].document["displayName"] = "Ann Smith", "Bob"
    before = {"status": "alwaysEnabled", "externalAudience": "none", "internalReplyMessage": "<html>Holidays</html>"}
    ann.reply = dict(before)
    original = replying.read(ann.id)

    assert perform(replying, Action.REDIRECT_MAIL, ann, successor=bob) == Done(changed=True)

    assert (ann.reply["status"], ann.reply["externalAudience"]) == ("alwaysEnabled", "all")
    assert "Ann Smith has left. Please write to Bob (bob&#64;example.com), who<br>" in ann.reply["externalReplyMessage"]
    assert "&lt;all&gt; the work &amp; more" in ann.reply["internalReplyMessage"]
    writes = running.graph.writes()
    assert perform(replying, Action.REDIRECT_MAIL, ann, successor=bob) == Done(changed=False)
    assert running.graph.writes() == writes

    left = replying.read(ann.id)
    assert replying.perform(Action.RESTORE_MAIL, left.with_original(original, left), confirmed) == Done(changed=True)
    assert {name: ann.reply[name] for name in before} == before
    assert ann.rules == {}
    again = replying.read(ann.id).with_original(original, left)
    assert replying.perform(Action.RESTORE_MAIL, again, confirmed) == Done(changed=False)


@pytest.mark.parametrize("change", [{"status": "disabled"}, {"externalAudience": "none"}])
def test_a_reply_that_does_not_reach_everybody_is_not_as_wanted(
    running: Directory, ann: User, bob: AccountRef, replying: Microsoft365Connector, change: dict[str, str]
) -> None:
    perform(replying, Action.REDIRECT_MAIL, ann, successor=bob)
    ann.reply |= change

    assert perform(replying, Action.REDIRECT_MAIL, ann, successor=bob) == Done(changed=True)

    assert [asked.method for asked in running.graph.carried_out] == ["POST", "PATCH", "PATCH"]
    assert (ann.reply["status"], ann.reply["externalAudience"]) == ("alwaysEnabled", "all")
    assert len(ann.rules or {}) == 1


def test_a_reply_that_somebody_else_has_written_since_stays(
    ann: User, bob: AccountRef, replying: Microsoft365Connector
) -> None:
    original = replying.read(ann.id)
    perform(replying, Action.REDIRECT_MAIL, ann, successor=bob)
    left = replying.read(ann.id)
    ann.reply = {"status": "disabled", "externalAudience": "all"}

    replying.perform(Action.RESTORE_MAIL, replying.read(ann.id).with_original(original, left), confirmed)

    assert ann.reply == {"status": "disabled", "externalAudience": "all"}
    assert ann.rules == {}


def test_a_redirection_that_somebody_else_has_changed_stays_and_the_reply_comes_back(
    ann: User, bob: AccountRef, replying: Microsoft365Connector
) -> None:
    original = replying.read(ann.id)
    perform(replying, Action.REDIRECT_MAIL, ann, successor=bob)
    left = replying.read(ann.id)
    (rule,) = (ann.rules or {}).values()
    rule["actions"] = {"redirectTo": [{"emailAddress": {"address": "else@example.com"}}]}

    replying.perform(Action.RESTORE_MAIL, replying.read(ann.id).with_original(original, left), confirmed)

    assert list((ann.rules or {}).values()) == [rule]
    assert ann.reply["status"] == "disabled"


def test_the_bridge_finds_its_own_rule_among_many(ann: User, bob: AccountRef, connector: Microsoft365Connector) -> None:
    ann.rules = {f"own{number}": {"id": f"own{number}", "displayName": "News", "actions": {}} for number in range(120)}

    assert perform(connector, Action.REDIRECT_MAIL, ann, successor=bob) == Done(changed=True)

    assert connector.read(ann.id).mail_to == bob.name
    assert perform(connector, Action.REDIRECT_MAIL, ann, successor=bob) == Done(changed=False)


def test_a_mailbox_that_is_gone_is_said_to_be_lost(ann: User, bob: AccountRef, replying: Microsoft365Connector) -> None:
    original = replying.read(ann.id)
    perform(replying, Action.REDIRECT_MAIL, ann, successor=bob)
    left, ann.rules = replying.read(ann.id), None

    outcome = replying.perform(Action.RESTORE_MAIL, left.with_original(original, left), confirmed)

    assert outcome == Done(changed=False, lost=("there is no mailbox any more that Graph can see",))


def test_a_reply_whose_answer_was_lost_is_written_once(
    running: Directory, ann: User, bob: AccountRef, replying: Microsoft365Connector
) -> None:
    state = replace(replying.read(ann.id), successor=bob)
    running.graph.faults = [Fault(is_late=True, is_meant=lambda asked: asked.path.endswith("mailboxSettings"))]
    with pytest.raises(RetryableError):
        replying.perform(Action.REDIRECT_MAIL, state, confirmed)

    assert perform(replying, Action.REDIRECT_MAIL, ann, successor=bob) == Done(changed=False)

    assert [asked.method for asked in running.graph.carried_out] == ["POST", "PATCH"]


def test_without_a_mailbox_a_person_is_asked_and_a_strange_answer_is_no_mailbox_either_way(
    running: Directory, ann: User, bob: AccountRef, replying: Microsoft365Connector
) -> None:
    ann.rules = None
    assert replying.read(ann.id).mail_to is None
    assert isinstance(perform(replying, Action.REDIRECT_MAIL, ann, successor=bob), NeedsPerson)

    ann.rules = {}
    denied = refusal(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
    running.graph.faults = [Fault(denied, is_meant=lambda asked: asked.path.endswith("mailboxSettings"))]
    with pytest.raises(RejectedError, match="ErrorAccessDenied"):
        replying.read(ann.id)


def test_a_reply_stays_within_the_tenant_unless_that_is_said(running: Directory, ann: User, bob: AccountRef) -> None:
    connector = running.connector(auto_reply="I have left.")

    assert perform(connector, Action.REDIRECT_MAIL, ann, successor=bob) == Done(changed=True)

    assert ann.reply["externalAudience"] == "none"
    assert perform(connector, Action.REDIRECT_MAIL, ann, successor=bob) == Done(changed=False)
    assert not any(asked.one("$select") == "displayName" for asked in running.graph.batched), "no name is in the text"
    connector.close()


def test_a_reply_that_was_configured_after_the_first_look_is_switched_off(
    running: Directory, ann: User, bob: AccountRef, connector: Microsoft365Connector, replying: Microsoft365Connector
) -> None:
    original = connector.read(ann.id)
    perform(replying, Action.REDIRECT_MAIL, ann, successor=bob)
    left = replying.read(ann.id)

    replying.perform(Action.RESTORE_MAIL, left.with_original(original, left), confirmed)

    assert ann.reply["status"] == "disabled"
    now = replying.read(ann.id).with_original(original, left)
    assert replying.is_as_wanted(Action.RESTORE_MAIL, now)


ON = {"status": "alwaysEnabled", "externalAudience": "all", "internalReplyMessage": "<p>Gone &amp; glad</p>"}


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"internalReplyMessage": "<html>\n<body>\nGone &#38; glad\n</body></html>"}, True),
        ({"scheduledStartDateTime": {"dateTime": "2026-01-01T00:00:00", "timeZone": "UTC"}}, True),
        ({"internalReplyMessage": "Gone"}, False),
        ({"externalReplyMessage": "Gone"}, False),
        ({"externalAudience": "none"}, False),
        ({"status": "scheduled"}, False),
        ({"status": "disabled"}, False),
    ],
)
def test_replies_are_the_same_when_they_answer_alike(change: dict[str, object], same: bool) -> None:
    assert is_same(kept(ON), kept({**ON, **change})) is same


def test_replies_that_are_off_are_the_same_whatever_they_would_say_and_dates_count_where_they_decide() -> None:
    off = {**ON, "status": "disabled"}
    assert is_same(kept(off), kept({**off, "internalReplyMessage": "", "externalAudience": "none"}))

    holidays = {**ON, "status": "scheduled", "scheduledEndDateTime": {"dateTime": "2026-01-09T00:00:00"}}
    assert not is_same(kept(holidays), kept({**holidays, "scheduledEndDateTime": {"dateTime": "2027-01-09T00:00:00"}}))


def test_a_reply_needs_the_settings_of_mailboxes(running: Directory) -> None:
    with pytest.raises(ValidationError, match="auto_reply needs mail_settings = true"):
        running.config(auto_reply="I have left.", mail_settings=False)
