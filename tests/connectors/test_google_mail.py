"""What redirecting mail at Google means where all of it is configured, and its way back."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.google_workspace import GoogleWorkspaceConnector
from connectors.google_workspace.reply import Reply, kept
from scimbridge.sdk import (
    AccountRef,
    AccountState,
    Action,
    Done,
    NeedsPerson,
    Outcome,
    RejectedError,
    RetryableError,
)
from scimbridge.sdk.testing import confirmed
from scimbridge.services.keeping import credited
from tests.connectors.google_bridge import Workspace, workspace
from tests.doubles.google import User
from tests.doubles.google.errors import refusal
from tests.doubles.serving import Fault

REPLY = "{name} has left.\nPlease write to {successor_name} <{successor}>, {{or}} call."
ALL = {"auto_reply": REPLY, "delegates": "successor", "aliases": "successor"}
OWN = {"enableAutoReply": True, "responseBodyHtml": "<p>On leave</p>", "startTime": "1", "restrictToContacts": True}


@dataclass(slots=True)
class Case:
    """A leaver and a successor, and what the engine would keep of the leaver's account."""

    running: Workspace
    connector: GoogleWorkspaceConnector
    ann: User
    bob: User
    original: AccountState
    left: AccountState

    def state(self, **engine: Any) -> AccountState:
        found = self.connector.read(self.ann.id).with_original(self.original, self.left)
        return replace(found, **engine)

    def redirect(self) -> Outcome:
        return self.perform(Action.REDIRECT_MAIL, successor=AccountRef(self.bob.id, self.bob.email))

    def restore(self) -> Outcome:
        return self.perform(Action.RESTORE_MAIL)

    def perform(self, action: Action, **engine: Any) -> Outcome:
        before = self.state(**engine)
        try:
            return self.connector.perform(action, before, confirmed)
        finally:
            # As the engine does, also after an attempt that died.
            after = self.connector.read(self.ann.id)
            self.left = credited(self.left, before=before, after=after, action=action)

    def seen(self) -> Any:
        """What the leaver has of it, around the connector."""
        mail = self.ann.mail
        return sorted(self.ann.document.get("aliases", ())), mail.auto_forwarding, mail.vacation, mail.delegates


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Workspace]:
    with workspace(tmp_path) as found:
        yield found


def a_case(running: Workspace, **settings: Any) -> Case:
    company = running.google.company
    ann = company.hire(
        "ann", aliases=["anna@example.com", "A.Smith@example.com"], nonEditableAliases=["ann@test.example"]
    )
    bob = company.hire("bob")
    bob.document["name"]["fullName"] = "Bob Miller"
    assistant, other = company.hire("assistant"), company.hire("other")
    ann.mail.delegates = {assistant.email: "accepted", other.email: "pending"}
    ann.mail.vacation = dict(OWN)
    connector = running.connector(licenses=[], **settings)
    original = connector.read(ann.id)
    return Case(running, connector, ann, bob, original, original)


@pytest.fixture
def case(running: Workspace) -> Iterator[Case]:
    found = a_case(running, **ALL)
    yield found
    found.connector.close()


def test_the_successor_gets_all_that_leads_to_the_mailbox_and_nobody_else_keeps_any(case: Case) -> None:
    outcome = case.redirect()

    assert outcome == Done(changed=True, after={"addresses": 2, "addresses that Google keeps": 1})
    assert case.seen() == (
        [],
        {"enabled": True, "emailAddress": case.bob.email, "disposition": "leaveInInbox"},
        {
            "enableAutoReply": True,
            "responseBodyPlainText": "Some Body has left.\nPlease write to Bob Miller <bob@example.com>, {or} call.",
            "restrictToDomain": True,
        },
        {case.bob.email: "accepted"},
    )
    assert case.bob.document["aliases"] == ["anna@example.com", "A.Smith@example.com"]


def test_a_second_run_finds_it_done_also_where_gmail_keeps_the_text_as_html(case: Case) -> None:
    case.redirect()
    text = case.ann.mail.vacation.pop("responseBodyPlainText").replace("<", "&lt;").replace(">", "&gt;")
    case.ann.mail.vacation["responseBodyHtml"] = f"<div>{text}</div>".replace("\n", "<br>")
    before = case.running.google.writes()

    assert case.redirect() == Done(changed=False, after={"addresses": 0, "addresses that Google keeps": 1})
    assert case.running.google.writes() == before
    wanted = case.connector.has_redirected(case.state(successor=AccountRef(case.bob.id, case.bob.email)))
    assert wanted is None, "only a look at the successor tells where the addresses are"


def test_an_address_that_came_since_is_handed_over_as_well_and_without_any_all_can_be_told(case: Case) -> None:
    to_bob = {"successor": AccountRef(case.bob.id, case.bob.email)}
    del case.ann.document["aliases"]
    case.original = case.left = case.connector.read(case.ann.id)
    case.redirect()
    assert case.connector.has_redirected(case.state(**to_bob)) is True

    case.ann.document["aliases"] = ["new@example.com"]

    assert case.connector.has_redirected(case.state(**to_bob)) is False
    assert case.redirect() == Done(changed=True, after={"addresses": 1, "addresses that Google keeps": 1})
    assert case.bob.document["aliases"] == ["new@example.com"]


def test_the_way_back_gives_all_again_but_who_had_only_been_asked(case: Case) -> None:
    before = case.seen()
    case.redirect()

    outcome = case.restore()

    assert isinstance(outcome, Done)
    assert outcome.lost == ("other@example.com had been asked to read the mail, and had not agreed yet",)
    aliases, forwarding, vacation, delegates = case.seen()
    assert (aliases, forwarding, vacation) == before[:3]
    assert delegates == {"assistant@example.com": "accepted"}
    assert "aliases" not in case.bob.document
    assert case.restore() == Done(changed=False, lost=outcome.lost)


def test_what_others_have_changed_since_stays(case: Case) -> None:
    case.redirect()
    carl = case.running.google.company.hire("carl")
    case.bob.document["aliases"].remove("anna@example.com")
    carl.document["aliases"] = ["anna@example.com"]
    case.ann.mail.vacation = {"enableAutoReply": False, "responseBodyPlainText": "Back!"}
    case.ann.mail.auto_forwarding = {"enabled": True, "emailAddress": carl.email}
    case.ann.mail.delegates[carl.email] = "accepted"

    outcome = case.restore()

    assert isinstance(outcome, Done)
    assert "the address anna@example.com is carl@example.com's now" in outcome.lost
    aliases, forwarding, vacation, delegates = case.seen()
    assert aliases == ["A.Smith@example.com"]
    assert forwarding["emailAddress"] == carl.email
    assert vacation["responseBodyPlainText"] == "Back!"
    assert delegates == {carl.email: "accepted", "assistant@example.com": "accepted"}


@pytest.mark.parametrize("lost_answer", range(10))
def test_wherever_an_attempt_dies_the_next_one_comes_to_the_same_end(case: Case, lost_answer: int) -> None:
    writes = itertools.count()
    case.running.google.faults = [
        Fault(
            is_late=True, is_meant=lambda asked: asked.writes and asked.path != "/token" and next(writes) == lost_answer
        )
    ]
    for _ in range(2):
        try:
            case.redirect()
        except RetryableError:
            continue

    assert case.redirect() == Done(changed=False, after={"addresses": 0, "addresses that Google keeps": 1})
    assert sorted(case.bob.document["aliases"]) == ["A.Smith@example.com", "anna@example.com"]
    assert case.seen()[3] == {case.bob.email: "accepted"}
    restored = case.restore()
    assert isinstance(restored, Done)
    assert case.seen()[0] == ["A.Smith@example.com", "anna@example.com"]
    assert case.seen()[2] == OWN


def test_an_address_that_the_successor_cannot_have_stays_with_the_leaver(case: Case) -> None:
    case.bob.document["aliases"] = [f"b{number}@example.com" for number in range(30)]

    outcome = case.redirect()

    assert isinstance(outcome, NeedsPerson)
    assert "anna@example.com" in outcome.instructions
    assert case.seen()[0] == ["A.Smith@example.com", "anna@example.com"]
    assert case.seen()[1]["enabled"], "the rest is done"


def test_an_address_that_is_a_groups_by_now_stays_there(case: Case) -> None:
    case.redirect()
    case.bob.document["aliases"].remove("anna@example.com")
    case.running.google.company.form("anna")

    outcome = case.restore()

    assert isinstance(outcome, Done)
    assert "the address anna@example.com is a group's now" in outcome.lost
    assert case.seen()[0] == ["A.Smith@example.com"]


def test_an_address_that_google_has_not_let_go_of_is_given_later(case: Case) -> None:
    held = refusal(409, "duplicate", "Entity already exists.")
    case.running.google.faults = [
        Fault(held, is_meant=lambda asked: asked.method == "POST" and "aliases" in asked.path)
    ]

    with pytest.raises(RetryableError, match="not let go"):
        case.redirect()

    assert case.redirect() == Done(changed=True, after={"addresses": 2, "addresses that Google keeps": 1})
    assert sorted(case.bob.document["aliases"]) == ["A.Smith@example.com", "anna@example.com"]


def test_addresses_of_a_domain_alias_are_told_and_the_others_removed(running: Workspace) -> None:
    case = a_case(running, aliases="remove", delegates="remove")
    case.ann.document["aliases"].append("ann@alias.example")
    case.original = case.left = case.connector.read(case.ann.id)

    outcome = case.redirect()

    assert isinstance(outcome, NeedsPerson)
    assert "ann@alias.example" in outcome.instructions
    assert case.seen()[0] == ["ann@alias.example"]
    assert case.seen()[2:] == (OWN, {}), "no reply is configured, and the leaver's own stays"
    restored = case.restore()
    assert isinstance(restored, Done)
    assert case.seen()[0] == ["A.Smith@example.com", "ann@alias.example", "anna@example.com"]
    case.connector.close()


def test_addresses_of_a_suspended_account_are_handed_over_and_the_rest_is_for_a_person(case: Case) -> None:
    case.ann.document["suspended"] = True

    outcome = case.redirect()

    assert isinstance(outcome, NeedsPerson)
    assert "suspended" in outcome.instructions
    assert case.bob.document["aliases"] == ["anna@example.com", "A.Smith@example.com"]


def test_gmail_is_asked_only_where_an_action_is_about_mail(case: Case) -> None:
    def asked_gmail(action: Action) -> int:
        before = len(case.running.google.calls)
        case.connector.read_for(action, case.ann.id)
        return sum(asked.path.startswith("/gmail/") for asked in case.running.google.calls[before:])

    assert [asked_gmail(each) for each in (Action.SUSPEND, Action.REDIRECT_MAIL, Action.RESTORE_MAIL)] == [0, 3, 3]


def test_who_may_not_become_a_delegate_is_said(case: Case) -> None:
    case.bob.document["suspended"] = True

    with pytest.raises(RejectedError, match="does not let the successor read"):
        case.redirect()

    assert case.seen()[1]["emailAddress"] == case.bob.email, "the mail goes there all the same"


def test_a_successor_of_another_company_is_asked_and_a_person_told(running: Workspace) -> None:
    case = a_case(running)
    case.bob.document["primaryEmail"] = "bob@elsewhere.example"

    outcome = case.redirect()

    assert isinstance(outcome, NeedsPerson)
    assert "agree" in outcome.instructions
    assert case.seen()[1:] == (
        {"enabled": False},
        OWN,
        {"assistant@example.com": "accepted", "other@example.com": "pending"},
    )
    case.connector.close()


def test_a_mailbox_that_is_still_blocked_waits_for_its_restoration(case: Case) -> None:
    case.redirect()
    case.ann.document["suspended"] = True

    outcome = case.restore()

    assert isinstance(outcome, NeedsPerson)
    assert "restore the account" in outcome.instructions


def test_what_google_refuses_of_mail_is_explained(case: Case) -> None:
    busy = refusal(400, "failedPrecondition", "Mail service not enabled", status="FAILED_PRECONDITION")
    case.running.google.faults = [Fault(busy, is_meant=lambda asked: asked.method == "PUT")]

    with pytest.raises(RejectedError, match="no mailbox, or is suspended"):
        case.redirect()


@pytest.mark.parametrize(
    ("settings", "key", "said"),
    [
        ({"auto_reply": " "}, "auto_reply", "leave the key out"),
        ({"auto_reply": "{manager}"}, "auto_reply", "{manager} means nothing"),
        ({"auto_reply": "{name!r}"}, "auto_reply", "means nothing"),
        ({"auto_reply": "{name"}, "auto_reply", "not closed"),
        ({"aliases": "successor", "match": {"userName": "email"}}, "aliases", "find them for the leaver"),
        ({"delegates": "all"}, "delegates", "successor"),
    ],
)
def test_a_wrong_setting_of_mail_is_named(running: Workspace, settings: dict[str, Any], key: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said) as caught:
        running.config(**settings)

    assert caught.value.errors()[0]["loc"][0] == key


@pytest.mark.parametrize(
    ("change", "answers"),
    [
        ({}, True),
        ({"responseSubject": "Gone"}, True),
        ({"restrictToDomain": False}, False),
        ({"restrictToContacts": True}, False),
        ({"enableAutoReply": False}, False),
        ({"endTime": "1"}, False),
        ({"responseBodyPlainText": "Ann is away."}, False),
    ],
)
def test_only_a_reply_that_reaches_who_is_meant_counts(change: dict[str, Any], answers: bool) -> None:
    reply = Reply(REPLY, is_for_all=False)
    settings = reply.settings({"name": "Ann", "successor": "bob@example.com", "successor_name": "Bob"})

    assert reply.is_in(kept(settings | change), "Bob@example.com") is answers
    assert not reply.is_in(kept(settings | change), "carl@example.com")
    assert not Reply(REPLY, is_for_all=True).is_in(kept(settings), "bob@example.com")
    assert kept({"enableAutoReply": False, "responseSubject": ""}) == kept({}) == ""
