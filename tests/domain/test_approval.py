"""What an approval is given for, and when that is no longer so."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.approval import Approval, Plan, Subject, canonical, digest, same_operator

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DECISIVE: Mapping[str, Any] = {
    "enabled": True,
    "container": "people",
    "privileged": ["admins", "auditors"],
    "protected": "",
    "owns": ["roadmap", "wiki"],
}

PARAMETERS: Mapping[str, Any] = {"only": None, "successor": "manager"}


def a_plan(**changes: Any) -> Plan:
    subject = Subject(
        account_id="account", target="crm", native_id="native", actions=(Action.DELETE,), decisive=DECISIVE
    )
    settings = {
        "stage_id": "stage",
        "identity_id": "identity",
        "rule": "leavers",
        "rule_version": "1",
        "parameters": PARAMETERS,
        "subjects": (subject,),
        **changes,
    }
    return Plan(**settings)


def an_approval(document: Mapping[str, Any] | None = None, **changes: Any) -> Approval:
    document = a_plan().document() if document is None else document
    settings = {
        "id": "approval",
        "case_id": "case",
        "stage_id": "stage",
        "approved_by": "eve",
        "approved_at": NOW,
        "digest": digest(document),
        "document": document,
        "expected": {},
        **changes,
    }
    return Approval(**settings)


def drift(approval: Approval, decisive: Mapping[str, Any] | None = DECISIVE, **changes: Any) -> str | None:
    now = {"native_id": "native", "decisive": decisive, "rule_version": "1", "parameters": PARAMETERS, **changes}
    return approval.drift("account", **now)


def test_a_document_has_one_spelling_whatever_the_order_of_its_keys() -> None:
    spelled = canonical({"b": [1, "ü"], "a": {"d": None, "c": True}})

    assert spelled == '{"a":{"c":true,"d":null},"b":[1,"ü"]}'.encode()
    assert spelled == canonical({"a": {"c": True, "d": None}, "b": [1, "ü"]})
    assert digest({"a": 1}) == hashlib.sha256(b'{"a":1}').hexdigest()


def test_what_is_no_json_is_not_spelled() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"a": float("nan")})


def test_a_document_stays_as_it_is_because_stored_approvals_are_held_against_it() -> None:
    assert a_plan().document() == {
        "stage": "stage",
        "identity": "identity",
        "rule": "leavers",
        "rule_version": "1",
        "parameters": {"only": None, "successor": "manager"},
        "accounts": {
            "account": {"target": "crm", "native_id": "native", "actions": ["delete"], "decisive": dict(DECISIVE)}
        },
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"stage_id": "other"},
        {"identity_id": "other"},
        {"rule": "other"},
        {"rule_version": "2"},
        {"parameters": {"only": None, "successor": "bob"}},
        {"subjects": ()},
    ],
)
def test_everything_that_is_approved_is_in_the_digest(changes: dict[str, Any]) -> None:
    assert digest(a_plan(**changes).document()) != digest(a_plan().document())


@pytest.mark.parametrize(
    "changes",
    [{"native_id": "n2"}, {"actions": (Action.ARCHIVE,)}, {"decisive": None}, {"account_id": "a2"}, {"target": "hr"}],
)
def test_everything_about_an_account_is_in_the_digest(changes: dict[str, Any]) -> None:
    given = {
        "account_id": "account",
        "target": "crm",
        "native_id": "native",
        "actions": (Action.DELETE,),
        "decisive": DECISIVE,
    }
    other = a_plan(subjects=(Subject(**{**given, **changes}),))

    assert digest(other.document()) != digest(a_plan().document())


def test_what_is_as_approved_has_not_drifted() -> None:
    assert drift(an_approval()) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("enabled", False),
        ("container", "leavers"),
        ("privileged", ["admins", "auditors", "owners"]),
        ("privileged", ["admins"]),
        ("protected", "the last owner of Roadmap"),
        ("owns", ["roadmap", "wiki", "budget"]),
        ("owns", []),
        ("vendor's own", 1),
    ],
)
def test_each_decisive_part_that_changes_is_named(key: str, value: object) -> None:
    assert drift(an_approval(), {**DECISIVE, key: value}) == f"the account at crm has changed ({key})"


def test_several_that_change_are_all_named_in_order() -> None:
    changed = {**DECISIVE, "owns": [], "enabled": False}

    assert drift(an_approval(), changed) == "the account at crm has changed (enabled, owns)"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"rule_version": "2"}, "rule 'leavers' was changed"),
        ({"parameters": {**PARAMETERS, "successor": "bob"}}, "who gets what is taken, or what that is, has changed"),
        ({"native_id": "other"}, "the account at crm is another one"),
        ({"decisive": None}, "the account at crm has changed (existence)"),
    ],
)
def test_another_rule_and_another_account_are_drift(changes: dict[str, Any], why: str) -> None:
    assert drift(an_approval(), **changes) == why


def test_an_account_that_was_not_there_has_drifted_when_it_is() -> None:
    subject = Subject(account_id="account", target="crm", native_id="native", actions=(), decisive=None)

    assert drift(an_approval(a_plan(subjects=(subject,)).document()), None) is None
    assert drift(an_approval(a_plan(subjects=(subject,)).document())) is not None


def test_an_account_that_nobody_was_asked_about_is_not_approved() -> None:
    assert drift(an_approval(a_plan(subjects=()).document())) == "the account is not among those that were approved"


@pytest.mark.parametrize("document", [{**a_plan().document(), "rule_version": "2"}, None])
def test_a_document_that_was_erased_or_altered_approves_nothing(document: Mapping[str, Any] | None) -> None:
    approval = an_approval(digest=digest(a_plan().document()))
    approval = an_approval(approval.document, digest=approval.digest)

    altered = Approval(**{**{f: getattr(approval, f) for f in approval.__slots__}, "document": document})

    assert drift(altered, rule_version="2") == "what was approved is not on record any more"
    assert altered.covers("account") is (document is not None)


def test_what_the_bridge_itself_has_done_since_is_no_drift() -> None:
    left = {**DECISIVE, "enabled": False}

    approval = an_approval().with_left("account", left, NOW + timedelta(hours=1))

    assert drift(approval, left) is None
    assert approval.looked_at("account") == NOW + timedelta(hours=1)
    assert approval.looked_at("another") == NOW


def test_what_somebody_else_does_after_the_bridge_is_drift_even_if_it_is_as_approved_again() -> None:
    approval = an_approval().with_left("account", {**DECISIVE, "enabled": False}, NOW)

    assert drift(approval) == "the account at crm has changed (enabled)"


@pytest.mark.parametrize(
    ("action", "key", "value"),
    [
        (Action.SUSPEND, "enabled", False),
        (Action.MOVE, "container", "leavers"),
        (Action.REMOVE_FROM_GROUPS, "privileged", ["admins"]),
        (Action.TRANSFER_OWNERSHIP, "owns", []),
        (Action.TRANSFER_OWNERSHIP, "owns", None),
        (Action.TRANSFER_OWNERSHIP, "protected", "the last owner of Wiki"),
    ],
)
def test_the_trace_of_an_attempt_that_nobody_saw_end_is_no_drift(action: Action, key: str, value: object) -> None:
    changed = {**DECISIVE, key: value}

    assert drift(an_approval(), changed, begun=frozenset({action})) is None
    assert drift(an_approval(), changed, begun=frozenset({Action.STAMP})) is not None


def test_our_own_work_takes_away_and_never_adds() -> None:
    more = {**DECISIVE, "privileged": ["admins", "owners"]}

    assert drift(an_approval(), more, begun=frozenset({Action.REMOVE_FROM_GROUPS})) is not None


@pytest.mark.parametrize(("one", "other"), [("eve", "Eve"), ("eve ", "eve"), ("ÅSA", "åsa"), ("eve (oidc)", "Eve")])
def test_spellings_of_a_name_are_one_operator(one: str, other: str) -> None:
    assert same_operator(one, other)
    assert not same_operator(one, "bob")


def test_an_approval_is_by_its_operator_however_the_name_is_written() -> None:
    assert an_approval().is_by("Eve ")
    assert not an_approval().is_by("bob")
