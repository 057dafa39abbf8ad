from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from connectors.webhook import WebhookConfig, WebhookConnector
from connectors.webhook.config import Told
from connectors.webhook.pointers import MISSING, at
from connectors.webhook.templates import TemplateFaultError, fill_body, fill_path
from scimbridge.sdk import (
    AccountNotFoundError,
    Action,
    Done,
    NeedsPerson,
    Person,
    RejectedError,
    RetryableError,
    TargetUnusableError,
)
from scimbridge.sdk.relaying import RelayedAction
from scimbridge.sdk.secret import SecretSources
from scimbridge.sdk.testing import RecordingPermit, confirmed
from tests.connectors.crm import ACTIONS, USER, Crm, a_team, connector, running_crm, settings


@pytest.fixture(scope="module")
def running() -> Iterator[Crm]:
    with running_crm() as service:
        yield service


@pytest.fixture
def crm(running: Crm) -> Iterator[Crm]:
    yield running
    running.lies, running.broken = False, None


@pytest.fixture
def connect(crm: Crm) -> Iterator[Any]:
    made: list[WebhookConnector] = []

    def connect_with(**replaced: Any) -> WebhookConnector:
        made.append(connector(crm, **replaced))
        return made[-1]

    yield connect_with
    for each in made:
        each.close()


def problem(**replaced: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        WebhookConfig.model_validate(settings(Crm(), **{"base_url": "https://crm.example.com", **replaced}))
    return str(caught.value)


def test_every_action_that_can_be_written_down_is_performed() -> None:
    assert {Action(name) for name in get_args(RelayedAction)} == set(WebhookConnector.capabilities)


def test_what_has_no_call_is_not_declared_and_neither_is_its_undo(connect: Any) -> None:
    able = connect(actions={"suspend": ACTIONS["suspend"]}).capabilities

    assert set(able) == {Action.SUSPEND}
    assert able[Action.SUSPEND].undo is None
    assert connect().capabilities[Action.SUSPEND].undo is Action.RESTORE


# -- templates --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "path"), [("a/../b", "/u/a%2F..%2Fb"), ("a?b#c&d=e", "/u/a%3Fb%23c%26d%3De"), ("ü %", "/u/%C3%BC%20%25")]
)
def test_a_value_is_one_part_of_a_path_whatever_is_in_it(value: str, path: str) -> None:
    assert fill_path("/u/{{ value }}", {"value": value}) == path


@pytest.mark.parametrize("value", ["", ".", "..", None, ["a"]])
def test_a_value_that_would_name_another_place_is_refused(value: object) -> None:
    with pytest.raises(TemplateFaultError):
        fill_path("/u/{{ value }}/x", {"value": value})


def test_a_value_stays_a_text_in_a_body_whatever_is_in_it() -> None:
    name = '", "admin": true, "x": "{{ 7*7 }}'

    body = fill_body({"note": "was {{ name }}", "all": "{{ names }}", "n": 1}, {"name": name, "names": [name]})

    assert body == (
        b'{"note": "was \\", \\"admin\\": true, \\"x\\": \\"{{ 7*7 }}", '
        b'"all": ["\\", \\"admin\\": true, \\"x\\": \\"{{ 7*7 }}"], "n": 1}'
    )


@pytest.mark.parametrize(
    "template",
    ["{{ name.__class__.__mro__ }}", "{{ name.nothing }}", "{{ nothing }}", "x {{ name.nothing }}", "{{ 1/0 }}"],
)
def test_a_template_sees_values_and_nothing_else(template: str) -> None:
    with pytest.raises(TemplateFaultError):
        fill_body({"a": template}, {"name": "x"})
    with pytest.raises(TemplateFaultError):
        fill_path(f"/{template}", {"name": "x"})


@pytest.mark.parametrize(
    ("pointer", "found"),
    [("", {"a": [{"b/c": 1}]}), ("/a/0/b~1c", 1), ("/a/1", MISSING), ("/a/-1", MISSING), ("/a/00", MISSING)],
)
def test_places_are_those_of_rfc_6901(pointer: str, found: object) -> None:
    assert at({"a": [{"b/c": 1}]}, pointer) == found


# -- the configuration ------------------------------------------------------------------------------

DISABLE = {"path": f"{USER}/disable"}


@pytest.mark.parametrize(
    ("replaced", "said"),
    [
        ({"actions": {"suspend": {"path": "/{{ acount.id }}"}}}, "there is no acount here; there is account, items"),
        ({"actions": {"suspend": {"path": "/x", "body": {"a": ["{{ value }}"]}}}}, "there is no value here"),
        ({"actions": {"suspend": {"path": "/{{ account.id"}}}, "cannot be filled"),
        ({"actions": {"suspend": {"path": "x"}}}, "appended to base_url"),
        ({"actions": {"move": DISABLE}}, "actions"),
        ({"actions": {}}, "actions"),
        ({"gone": None}, "actions.delete needs read and gone"),
        ({"read": None, "actions": {"restore": DISABLE}}, "actions.restore needs read and account.suspended"),
        ({"account": {"name": "/n"}, "actions": {"add_to_groups": DISABLE}}, "needs read and account.groups"),
        ({"match": {"userName": "login"}}, "not a JSON Pointer"),
        ({"basic_user": "x"}, "write both"),
        ({"basic_user": "x", "basic_password": "y"}, "write token, or"),
        ({"token": "a\nb"}, "printable ASCII"),
        ({"signing_secret": "short"}, "whsec_"),
        ({"check": {"path": "/me", "headers": {"X-Name": "M\u00fcller"}}}, "check.headers.X-Name"),
        ({"check": {"path": "/me", "headers": {"X-Name": "a\r\nHost: b"}}}, "printable ASCII in one line"),
        ({"check": {"path": "/me", "headers": {"X Name": "a"}}}, "not the name of a header"),
        ({"check": {"path": "/me", "headers": {"Content-Length": "5"}}}, "not the name of a header"),
        ({"secret_headers": {"X\nName": "a"}}, "not the name of a header"),
        ({"base_url": "https://169.254.169.254"}, "link-local"),
        ({"base_url": "http://crm.example.com"}, "https://"),
    ],
)
def test_a_mistake_is_refused_with_what_to_write(replaced: dict[str, Any], said: str) -> None:
    assert said in problem(**replaced)


def test_what_cannot_be_verified_is_said_when_the_configuration_is_checked(tmp_path: Path) -> None:
    def warnings(**replaced: Any) -> list[str]:
        sources = SecretSources(tmp_path)
        WebhookConfig.model_validate(settings(Crm(), base_url="https://x.example.com", **replaced), context=sources)
        return [str(each) for each in sources.warnings if "secret in the file" not in each.message]

    (all_of_it,) = warnings()
    (blind,) = warnings(read=None, actions={"suspend": DISABLE})

    assert all_of_it.startswith("account: reset_credentials, revoke_sessions, transfer_ownership cannot be verified")
    assert blind.startswith("read: suspend cannot be verified")
    assert not warnings(actions={"suspend": DISABLE})


# -- calls ------------------------------------------------------------------------------------------


def test_without_a_call_that_reads_the_target_is_taken_at_its_word_and_the_history_says_so(
    crm: Crm, connect: Any
) -> None:
    account_id = crm.add("blind")
    blind = connect(read=None, actions={"suspend": ACTIONS["suspend"]})
    state = blind.read(account_id)
    assert blind.is_as_wanted(Action.SUSPEND, state) is None

    outcome = blind.perform(Action.SUSPEND, state, confirmed)

    assert outcome == Done(changed=True, after={"status": 200, "verified": False})
    assert crm.users[account_id]["status"] == "disabled"
    assert "nothing tells whether suspend had an effect" in blind.check()


def test_what_an_account_does_not_tell_a_call_of_its_own_does(crm: Crm, connect: Any) -> None:
    account_id = crm.add("verified")
    verify = {"path": "/users/{{ account.id }}", "told": {"at": "/user/sessions", "values": [0]}}
    told = connect(read=None, actions={"revoke_sessions": {**ACTIONS["revoke_sessions"], "verify": verify}})

    outcome = told.perform(Action.REVOKE_SESSIONS, told.read(account_id), confirmed)
    crm.users[account_id]["sessions"], crm.lies = 2, True

    assert outcome == Done(changed=True, after={"status": 200})
    assert told.capabilities[Action.REVOKE_SESSIONS].verified
    assert "nothing tells" not in told.check()
    with pytest.raises(RetryableError, match="it is not so"):
        told.perform(Action.REVOKE_SESSIONS, told.read(account_id), confirmed)


def test_a_target_that_lies_is_found_out_by_reading_back(crm: Crm, connect: Any) -> None:
    account_id, crm.lies = crm.add("liar"), True
    told = connect()

    told.perform(Action.SUSPEND, told.read(account_id), confirmed)

    assert told.is_as_wanted(Action.SUSPEND, told.read(account_id)) is False


def test_a_proxy_that_answers_404_to_everything_makes_nobody_gone(crm: Crm, connect: Any) -> None:
    account_id = crm.add("hidden")
    told, believing = connect(), connect(gone={"status": [404]})
    crm.broken = (404, b"<html>not here</html>", {"Content-Type": "text/html"})

    for each in (told, believing):
        with pytest.raises((TargetUnusableError, RejectedError)):
            each.read(account_id)
    with pytest.raises(RejectedError):
        connect(find={"path": "/users?login={{ value }}", "none": [404]}).find(Person({"userName": ("hidden",)}))


def test_a_wrong_path_makes_nobody_gone(crm: Crm, connect: Any) -> None:
    account_id = crm.add("misspelled")

    with pytest.raises(TargetUnusableError, match="not JSON"):
        connect(read={"path": f"{USER}/profile"}).read(account_id)
    with pytest.raises(RejectedError, match="404"):
        connect(gone=None, actions={"suspend": DISABLE}).read("nobody")
    with pytest.raises(AccountNotFoundError):
        connect().read("nobody")


def test_what_an_action_does_not_find_makes_nobody_gone_who_can_be_read(crm: Crm, connect: Any) -> None:
    account_id = crm.add("there", teams=[a_team("t1")])
    actions = {**ACTIONS, "remove_from_groups": {"path": f"{USER}/nowhere/{{{{ item.id }}}}", "each": True}}
    trusting = connect(gone={"status": [404]}, actions=actions)

    with pytest.raises(RetryableError, match="the target has no such account, but it is there when it is read"):
        trusting.perform(Action.REMOVE_FROM_GROUPS, trusting.read(account_id), confirmed)

    state = trusting.read(account_id)
    del crm.users[account_id]
    with pytest.raises(AccountNotFoundError):
        trusting.perform(Action.REMOVE_FROM_GROUPS, state, confirmed)


def test_a_name_that_nothing_can_store_is_made_storable(crm: Crm, connect: Any) -> None:
    team = {"id": "t1", "name": "half \ud800 and NUL \0 and \U0001f600", "admin": False}

    state = connect().read(crm.add("odd", teams=[team]))

    assert [each.name for each in state.groups] == ["half \ufffd and NUL \ufffd and \U0001f600"]


def test_an_answer_that_the_configuration_does_not_expect_is_a_refusal(crm: Crm, connect: Any) -> None:
    account_id = crm.add("unexpected")
    for more, said in (({"expect": [202]}, "answered 200"), ({"told": {"at": "/ok"}}, "does not say at '/ok'")):
        crm.users[account_id]["status"] = "active"
        strict = connect(actions={"suspend": {**DISABLE, **more}})
        with pytest.raises(RejectedError, match=said):
            strict.perform(Action.SUSPEND, strict.read(account_id), confirmed)


def test_what_a_document_does_not_tell_is_never_guessed(crm: Crm, connect: Any) -> None:
    account_id = crm.add("silent")

    for account, said in (
        ({"name": "/login", "suspended": {"at": "/state"}}, "nothing at '/state'"),
        ({"name": "/login", "groups": {"at": "/status"}}, "no list at '/status'"),
        ({"name": "/login", "id": "/uid"}, "without an id"),
        ({"name": "/login", "id": "/login"}, "something else than that account"),
    ):
        with pytest.raises(RejectedError, match=said):
            connect(account=account, actions={"suspend": DISABLE}).read(account_id)


def test_a_target_that_does_not_filter_leads_to_nobody_else(crm: Crm, connect: Any) -> None:
    for number in range(60):
        crm.add("many", nick=f"nick{number}")
    wide = connect(match={"userName": "/nick"}, find={"path": "/users?login=many", "at": "/users"})

    with pytest.raises(RejectedError, match="does it filter"):
        wide.find(Person({"userName": ("nick1",)}))
    few = connect(find={"path": "/users?login=single", "at": "/users"})
    crm.add("single")
    assert few.find(Person({"userName": ("somebody.else",)})) is None


def test_a_target_that_wants_fewer_calls_says_for_how_long(crm: Crm, connect: Any) -> None:
    crm.broken = (429, b"{}", {"Retry-After": "90"})

    with pytest.raises(RetryableError) as caught:
        connect().check()

    assert caught.value.retry_after == timedelta(seconds=90)


def test_a_signature_that_is_not_the_targets_is_refused_there(connect: Any) -> None:
    with pytest.raises(TargetUnusableError, match="401"):
        connect(signing_secret="whsec_" + "QUFB" * 8).check()


def test_questions_are_asked_while_observing_whatever_their_method(crm: Crm, connect: Any) -> None:
    crm.add("asked")
    permit = RecordingPermit()

    connect(permit=permit, find={"method": "POST", "path": "/me", "none": [404]}).find(Person({"userName": ("asked",)}))

    assert permit.asked
    assert not any(permit.asked)


@pytest.mark.parametrize(
    ("value", "is_so"), [(True, True), (1, False), ("true", False), (False, False), (None, False), ([], None)]
)
def test_values_are_compared_with_their_type(value: object, is_so: bool | None) -> None:
    told = Told(at="/x")

    assert told.is_so_in({"x": value}) is is_so
    assert told.is_so_in({}) is None


def test_basic_credentials_and_headers_of_ones_own_are_sent(crm: Crm) -> None:
    from connectors.webhook.client import _credentials

    config = WebhookConfig.model_validate(
        settings(crm, token=None, basic_user="me", basic_password="pw", secret_headers={"X-Api-Key": "k1"})
    )

    assert _credentials(config) == {"Authorization": "Basic bWU6cHc=", "X-Api-Key": "k1"}
    assert "k1" not in repr(config)


def test_without_a_successor_nothing_is_handed_over(crm: Crm, connect: Any) -> None:
    account_id = crm.add("owner")

    outcome = connect().perform(Action.TRANSFER_OWNERSHIP, connect().read(account_id), confirmed)

    assert isinstance(outcome, NeedsPerson)
