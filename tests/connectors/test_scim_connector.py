from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from connectors.scim import ScimConfig, ScimConnector
from connectors.scim.calls import http_client
from connectors.scim.paging import MAX_PAGES
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountState,
    Action,
    AmbiguousAccountError,
    Context,
    Done,
    Person,
    RejectedError,
    RetryableError,
    TargetUnusableError,
)
from scimbridge.sdk.http import Limits
from scimbridge.sdk.testing import RecordingPermit, confirmed
from tests.connectors.scim_vendor import connector as vendor_connector
from tests.doubles.scim import Application, vendors
from tests.targets.scim import TOKEN, ScimTarget, running_scim_target

Responder = Callable[[httpx.Request], httpx.Response]
ALICE = {"id": "1", "userName": "alice", "active": True}
SCIM_404 = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "404"}


class Service:
    """A scripted SCIM service at the transport: for answers that no sound server gives."""

    def __init__(self, respond: Responder) -> None:
        self.requests: list[httpx.Request] = []
        self.respond = respond

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.respond(request)

    @property
    def asked(self) -> list[str]:
        return [f"{request.method} {request.url.raw_path.decode().partition('?')[0]}" for request in self.requests]

    @property
    def filters(self) -> list[str | None]:
        return [request.url.params.get("filter") for request in self.requests]


def connector(respond: Responder, **settings: Any) -> tuple[ScimConnector, Service]:
    service = Service(respond)
    config = ScimConfig.model_validate(
        {"connector": "scim", "base_url": "https://app.example.com/scim", "token": "t", **settings}
    )
    context = Context(target="sample", permit=RecordingPermit())
    http = http_client(config, context, transport=httpx.MockTransport(service.handle), sleep=lambda _: None)
    return ScimConnector(config, context, http=http), service


def users(*found: dict[str, Any], total: int | None = None) -> httpx.Response:
    return httpx.Response(200, json={"totalResults": len(found) if total is None else total, "Resources": list(found)})


def state(**settings: Any) -> AccountState:
    return AccountState(**{"id": "1", "name": "alice", "suspended": False, **settings})


def html(status: int = 200) -> httpx.Response:
    return httpx.Response(status, html="<html>Sign in</html>")


# -- find -----------------------------------------------------------------------------------------


def test_a_service_that_ignores_the_filter_leads_to_nobody_else() -> None:
    subject, _ = connector(lambda _: users({"id": "2", "userName": "bob"}, ALICE, {"id": "3", "userName": "alicex"}))

    found, nobody = subject.find(Person({"userName": ("Alice",)})), subject.find(Person({"userName": ("carol",)}))

    assert found is not None
    assert (found.id, found.name) == ("1", "alice")
    assert nobody is None


def test_all_pages_are_looked_through() -> None:
    everybody = [{"id": str(number), "userName": f"user{number}"} for number in range(250)]

    def respond(request: httpx.Request) -> httpx.Response:
        start = int(request.url.params.get("startIndex", "1")) - 1
        return users(*everybody[start : start + 100], total=250)

    subject, service = connector(respond)

    found = subject.find(Person({"userName": ("user249",)}))

    assert found is not None
    assert found.id == "249"
    assert [request.url.params.get("startIndex") for request in service.requests] == [None, "100", "199"]


def test_a_list_without_end_is_given_up_and_not_guessed_from() -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        start = int(request.url.params.get("startIndex", "1"))
        return users(*({"id": f"{number}", "userName": f"bob{number}"} for number in (start, start + 1)), total=10_000)

    subject, service = connector(respond)

    with pytest.raises(RejectedError, match="does it filter"):
        subject.find(Person({"userName": ("alice",)}))

    assert len(service.requests) == MAX_PAGES


def test_cursors_that_end_before_all_were_told_are_not_taken_for_nobody() -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        place = {} if "cursor" in request.url.params else {"nextCursor": "x"}
        return httpx.Response(200, json={"totalResults": 3, "Resources": [{"id": "2", "userName": "bob"}], **place})

    subject, service = connector(respond)

    with pytest.raises(RejectedError, match="announced more"):
        subject.find(Person({"userName": ("alice",)}))

    assert len(service.requests) == 2


def test_a_list_shorter_than_announced_is_not_taken_for_nobody() -> None:
    subject, _ = connector(lambda _: users(total=1))

    with pytest.raises(RejectedError, match="announced more"):
        subject.find(Person({"userName": ("alice",)}))


def test_user_names_that_differ_in_case_only_are_ambiguous() -> None:
    subject, _ = connector(lambda _: users(ALICE, {"id": "2", "userName": "ALICE"}))

    with pytest.raises(AmbiguousAccountError) as caught:
        subject.find(Person({"userName": ("alice",)}))

    assert {candidate.id for candidate in caught.value.candidates} == {"1", "2"}


@pytest.mark.parametrize("total", [2, 3])
def test_a_page_that_is_repeated_hides_nobody(total: int) -> None:
    subject, _ = connector(lambda _: users({"id": "2", "userName": "bob"}, ALICE, total=total))

    if total == 2:
        assert subject.find(Person({"userName": ("carol",)})) is None
        return
    with pytest.raises(RejectedError, match="the first page again"):
        subject.find(Person({"userName": ("carol",)}))


def test_whoever_moves_forward_while_a_search_reads_on_is_not_missed() -> None:
    everybody = [{"id": str(number), "userName": f"user{number}"} for number in range(150)]

    def respond(request: httpx.Request) -> httpx.Response:
        if "filter" in request.url.params:
            return httpx.Response(400)
        start = int(request.url.params.get("startIndex", "1")) - 1
        page = users(*everybody[start : start + 100], total=len(everybody))
        if len(everybody) == 150:
            del everybody[5]  # the bridge itself deletes leavers meanwhile
        return page

    subject, _ = connector(respond)

    with pytest.raises(RetryableError, match="came or went"):
        subject.find(Person({"userName": ("user100",)}))
    found = subject.find(Person({"userName": ("user100",)}))

    assert found is not None
    assert found.id == "100"


@pytest.mark.parametrize(
    ("document", "error", "said"),
    [
        ({"Resources": [ALICE]}, None, ""),
        ({"totalResults": 1, "Resources": ALICE}, RejectedError, "Resources is not a list"),
        ({"totalResults": 1, "Resources": 5}, RejectedError, "Resources is not a list"),
        ({"totalResults": 10**400, "Resources": [ALICE]}, RejectedError, "announced more|totalResults"),
        ({"Resources": [ALICE], "nextCursor": "same"}, RejectedError, "in circles"),
    ],
)
def test_an_odd_list_is_refused_with_what_is_odd(
    document: dict[str, Any], error: type[Exception] | None, said: str
) -> None:
    subject, _ = connector(lambda _: httpx.Response(200, json=document))

    if error is None:
        assert subject.find(Person({"userName": ("alice",)})) is not None
        return
    with pytest.raises(error, match=said):
        subject.find(Person({"userName": ("alice",)}))


def test_all_accounts_that_nobody_has_counted_are_no_whole_list() -> None:
    uncounted = httpx.Response(200, json={"Resources": [ALICE]})
    subject, _ = connector(lambda request: httpx.Response(400) if "filter" in request.url.params else uncounted)

    with pytest.raises(RejectedError, match="does not say how many there are"):
        subject.find(Person({"userName": ("carol",)}))


def test_the_second_pair_is_not_asked_after_a_hit() -> None:
    subject, service = connector(lambda _: users(ALICE))

    subject.find(Person({"userName": ("alice",), "externalId": ("E-1",)}))

    assert service.filters == ['userName eq "alice"']


def test_the_second_pair_is_asked_when_the_first_finds_nobody() -> None:
    renamed = {"id": "1", "userName": "alice.married", "externalId": "E-1"}
    subject, service = connector(
        lambda request: users(renamed) if "externalId" in request.url.params["filter"] else users()
    )

    found = subject.find(Person({"userName": ("alice",), "externalId": ("E-1",)}))

    assert found is not None
    assert found.name == "alice.married"
    assert service.filters == ['userName eq "alice"', 'externalId eq "E-1"']


def test_external_ids_are_compared_to_the_letter() -> None:
    subject, _ = connector(lambda _: users({"id": "1", "userName": "x", "externalId": "e-1"}))

    assert subject.find(Person({"externalId": ("E-1",)})) is None


def test_several_values_that_lead_to_different_accounts_are_ambiguous() -> None:
    accounts = {
        "a@example.com": {"id": "1", "userName": "a", "emails": [{"value": "a@example.com"}]},
        "b@example.com": {"id": "2", "userName": "b", "emails": [{"value": "b@example.com"}]},
    }
    subject, _ = connector(
        lambda request: users(accounts[json.loads(request.url.params["filter"].partition(" eq ")[2])]),
        match={"emails.value": "emails.value"},
    )

    with pytest.raises(AmbiguousAccountError):
        subject.find(Person({"emails.value": ("a@example.com", "b@example.com")}))


def test_an_extension_attribute_can_be_matched() -> None:
    schema = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    account = {"id": "1", "userName": "a", schema: {"employeeNumber": "0042"}}
    subject, service = connector(lambda _: users(account), match={"employeeNumber": f"{schema}:employeeNumber"})

    found = subject.find(Person({"employeeNumber": ("0042",)}))

    assert found is not None
    assert service.filters == [f'{schema}:employeeNumber eq "0042"']


def test_quotes_stay_inside_the_filter() -> None:
    subject, service = connector(lambda _: users())

    subject.find(Person({"userName": ('x" or userName pr or userName eq "\\',)}))

    assert service.filters == [r'userName eq "x\" or userName pr or userName eq \"\\"']


def test_lists_may_be_spelled_in_lower_case() -> None:
    subject, _ = connector(lambda _: httpx.Response(200, json={"totalresults": "1", "resources": [ALICE]}))

    assert subject.find(Person({"userName": ("alice",)})) is not None


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({}, TargetUnusableError),
        ({"totalResults": "many", "Resources": []}, RejectedError),
        ({"totalResults": 1, "Resources": [{"userName": "alice"}]}, RejectedError),
    ],
)
def test_a_list_that_makes_no_sense_is_no_answer(document: dict[str, Any], kind: type[Exception]) -> None:
    subject, _ = connector(lambda _: httpx.Response(200, json=document))

    with pytest.raises(kind):
        subject.find(Person({"userName": ("alice",)}))


# -- read -----------------------------------------------------------------------------------------


def test_read_returns_all_values_that_match_names() -> None:
    document = {**ALICE, "externalId": "E-1", "emails": [{"value": "a@example.com"}, {"value": "b@example.com"}]}
    match = {"userName": "userName", "externalId": "externalId", "emails.value": "emails.value"}
    subject, _ = connector(lambda _: httpx.Response(200, json=document), match=match)

    assert subject.read("1").attributes == {
        "userName": ("alice",),
        "externalId": ("E-1",),
        "emails.value": ("a@example.com", "b@example.com"),
    }


@pytest.mark.parametrize(("account_id", "path"), [("a/b", "a%2Fb"), ("?x=1", "%3Fx%3D1"), ("a b#c", "a%20b%23c")])
def test_an_id_stays_one_segment_of_the_address(account_id: str, path: str) -> None:
    subject, service = connector(lambda request: httpx.Response(200, json={"id": account_id, "userName": "x"}))

    subject.read(account_id)

    assert service.asked == [f"GET /scim/Users/{path}"]
    assert unquote(path) == account_id


@pytest.mark.parametrize("account_id", ["", ".", ".."])
@pytest.mark.parametrize("action", [Action.SUSPEND, Action.RESTORE, Action.DELETE, Action.REMOVE_FROM_GROUPS])
def test_an_id_that_would_name_another_place_is_never_sent(account_id: str, action: Action) -> None:
    subject, service = connector(lambda _: users(), update="patch", groups="on")
    account = state(id=account_id, suspended=action is Action.RESTORE, original=state(id=account_id))

    with pytest.raises(AccountNotFoundError):
        subject.perform(action, account, confirmed)

    assert service.asked == []


def test_an_answer_about_somebody_else_is_refused() -> None:
    subject, _ = connector(lambda _: httpx.Response(200, json={"id": "2", "userName": "bob"}))

    with pytest.raises(RejectedError, match="something else"):
        subject.read("1")


def test_a_404_of_the_service_means_gone_at_once() -> None:
    subject, service = connector(lambda _: httpx.Response(404, json=SCIM_404))

    with pytest.raises(AccountNotFoundError):
        subject.read("1")

    assert len(service.requests) == 1


def test_a_bare_404_means_gone_where_the_list_of_users_is_there() -> None:
    subject, service = connector(
        lambda request: users() if request.url.path.endswith("/Users") else httpx.Response(404)
    )

    with pytest.raises(AccountNotFoundError):
        subject.read("1")

    assert service.asked == ["GET /scim/Users/1", "GET /scim/Users"]


@pytest.mark.parametrize(
    "call",
    [
        lambda it: it.read("1"),
        lambda it: it.perform(Action.SUSPEND, state(), confirmed),
        lambda it: it.perform(Action.DELETE, state(), confirmed),
    ],
    ids=["read", "suspend", "delete"],
)
def test_an_address_where_nothing_is_does_not_make_everybody_gone(call: Callable[[ScimConnector], object]) -> None:
    subject, _ = connector(lambda _: html(404), update="patch")

    with pytest.raises(TargetUnusableError, match="base_url"):
        call(subject)


@pytest.mark.parametrize(
    "call", [lambda it: it.check(), lambda it: it.read("1"), lambda it: it.find(Person({"userName": ("x",)}))]
)
def test_a_page_to_sign_in_is_no_scim_service(call: Callable[[ScimConnector], object]) -> None:
    subject, _ = connector(lambda _: html())

    with pytest.raises(TargetUnusableError, match=r"not a JSON object \(text/html\)"):
        call(subject)


READ = b'{"id": "1", "userName": "alice", "active": true}'


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (httpx.Response(200, content=READ[:20]), TargetUnusableError, "not a JSON object"),
        (httpx.Response(200, content=b""), TargetUnusableError, "not a JSON object"),
        (httpx.Response(200, content=b"[" * 100_000), TargetUnusableError, "not a JSON object"),
        (httpx.Response(200, content=b"{" + b" " * (9 * 1024 * 1024) + READ[1:]), RejectedError, "longer than"),
        (httpx.Response(302, headers={"Location": "https://login.example.com"}), TargetUnusableError, "base_url"),
        (html(403), RejectedError, "403"),
        (html(500), RetryableError, "500"),
        (httpx.Response(503, headers={"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"}), RetryableError, "503"),
        (httpx.Response(429, headers={"X-RateLimit-Reset": "90"}), RetryableError, "429"),
        (httpx.Response(401), TargetUnusableError, "401"),
    ],
    ids=["cut off", "empty", "deep", "huge", "redirect", "403", "500", "date", "reset", "401"],
)
def test_what_is_no_answer_says_what_to_do_next(answer: httpx.Response, kind: type[Exception], said: str) -> None:
    subject, service = connector(lambda _: answer)

    with pytest.raises(kind, match=said):
        subject.read("1")

    assert {request.url.host for request in service.requests} == {"app.example.com"}


@pytest.mark.parametrize("kind", ["application/json", "text/plain; charset=utf-8", "text/html", None])
def test_what_an_answer_is_called_does_not_matter_where_it_is_one(kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    subject, _ = connector(lambda _: httpx.Response(200, content=READ, headers=headers))

    assert subject.read("1").name == "alice"


# -- suspend and restore ------------------------------------------------------------------------------


def announcing(patch: Any, respond: Responder) -> Responder:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/ServiceProviderConfig"):
            return httpx.Response(200, json=patch) if patch is not None else httpx.Response(404)
        return respond(request)

    return answer


@pytest.mark.parametrize(
    "announced", [{"patch": {"supported": True}}, {"Patch": {"Supported": "True"}}, {"patch": {}}, {}, None], ids=repr
)
def test_patch_is_used_unless_the_service_says_no(announced: Any) -> None:
    subject, service = connector(announcing(announced, lambda _: httpx.Response(204)))

    outcome = subject.perform(Action.SUSPEND, state(), confirmed)

    assert isinstance(outcome, Done)
    assert outcome.changed
    assert service.asked[-1] == "PATCH /scim/Users/1"
    assert json.loads(service.requests[-1].content) == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "active", "value": False}],
    }
    assert service.requests[-1].headers["content-type"] == "application/scim+json"


@pytest.mark.parametrize("announced", [{"patch": {"supported": False}}, {"patch": {"supported": "false"}}], ids=repr)
def test_put_sends_back_what_was_read(announced: Any) -> None:
    document = {
        **ALICE,
        "active": "True",
        "meta": {"version": 'W/"7"'},
        "groups": [{"value": "g"}],
        "urn:vendor:own": {"seat": [1, None, 2.5]},
    }
    subject, service = connector(announcing(announced, lambda _: httpx.Response(200, json=document)))

    subject.perform(Action.SUSPEND, state(), confirmed)

    assert service.asked == [
        "GET /scim/ServiceProviderConfig",
        "GET /scim/Users/1",
        "GET /scim/Schemas",
        "PUT /scim/Users/1",
    ]
    assert service.requests[-1].headers["if-match"] == 'W/"7"'
    assert json.loads(service.requests[-1].content) == {
        "id": "1",
        "userName": "alice",
        "active": False,
        "urn:vendor:own": {"seat": [1, None, 2.5]},
    }


def test_put_is_not_sent_when_somebody_else_was_faster() -> None:
    subject, service = connector(lambda _: httpx.Response(200, json={**ALICE, "active": False}), update="put")

    outcome = subject.perform(Action.SUSPEND, state(), confirmed)

    assert outcome == Done(changed=False)
    assert service.asked == ["GET /scim/Users/1"]


def test_a_put_over_a_newer_version_is_sent_anew_with_what_is_there_by_then() -> None:
    app = Application(vendors()["standard-put"])
    account_id = app.add_user("alice", title="old")

    def somebody_was_faster(_: httpx.Request) -> httpx.Response:
        app.users[account_id] |= {"title": "new", "version": 2}
        return httpx.Response(412)

    subject = vendor_connector(app, "standard")
    account = subject.read(account_id)
    app.answer_next = [None, None, None, somebody_was_faster]

    outcome = subject.perform(Action.SUSPEND, account, confirmed)

    assert outcome == Done(changed=True, after={"method": "PUT", "status": 200})
    assert app.requests.count(f"PUT /Users/{account_id}") == 2
    assert (app.users[account_id]["active"], app.users[account_id]["title"]) == (False, "new")


def test_a_mark_leaves_what_somebody_has_written_since_it_was_read() -> None:
    app = Application(vendors()["standard"])
    account_id = app.add_user("alice", title="old")

    def somebody_writes(_: httpx.Request) -> httpx.Response:
        shown = dict(app.users[account_id])
        app.users[account_id] |= {"title": "new", "version": 2}
        return httpx.Response(200, json={**shown, "meta": {"version": 'W/"1"'}})

    subject = vendor_connector(app, "standard", stamp_attribute="title")
    account = subject.read(account_id)
    app.answer_next = [None, somebody_writes]  # what the service announces, and the look before the mark

    subject.perform(Action.STAMP, account, confirmed)

    assert app.users[account_id]["title"] == "new [To Be Deleted]"
    assert app.requests.count(f"PATCH /Users/{account_id}") == 2


@pytest.mark.parametrize("status", [400, 403, 501])
def test_a_service_that_takes_no_filters_is_looked_through(status: int) -> None:
    everybody = [{"id": str(number), "userName": f"user{number}"} for number in range(150)]

    def respond(request: httpx.Request) -> httpx.Response:
        if "filter" in request.url.params:
            return httpx.Response(status)
        start = int(request.url.params.get("startIndex", "1")) - 1
        return users(*everybody[start : start + 100], total=150)

    subject, _ = connector(respond)

    found = subject.find(Person({"userName": ("user149",)}))

    assert found is not None
    assert found.id == "149"
    assert subject.find(Person({"userName": ("nobody",)})) is None


def test_a_put_that_is_always_late_is_left_to_the_engine() -> None:
    subject, service = connector(
        lambda request: httpx.Response(412) if request.method == "PUT" else httpx.Response(200, json=ALICE),
        update="put",
    )

    with pytest.raises(RetryableError):
        subject.perform(Action.SUSPEND, state(), confirmed)

    assert service.asked.count("PUT /scim/Users/1") == 3


def test_what_the_service_can_do_is_asked_once() -> None:
    subject, service = connector(announcing({}, lambda _: httpx.Response(204)))

    subject.perform(Action.SUSPEND, state(), confirmed)
    subject.perform(Action.RESTORE, state(suspended=True), confirmed)

    assert service.asked.count("GET /scim/ServiceProviderConfig") == 1


def test_what_could_not_be_asked_is_asked_again() -> None:
    answers: Iterator[httpx.Response] = iter(
        [*[httpx.Response(503)] * 3, httpx.Response(200, json={}), httpx.Response(204)]
    )
    subject, service = connector(lambda _: next(answers))

    with pytest.raises(RetryableError):
        subject.perform(Action.SUSPEND, state(), confirmed)
    subject.perform(Action.SUSPEND, state(), confirmed)

    assert service.asked[-1] == "PATCH /scim/Users/1"


@pytest.mark.parametrize(("update", "method"), [("patch", "PATCH"), ("put", "PUT")])
def test_a_configured_way_is_not_asked_about(update: str, method: str) -> None:
    subject, service = connector(lambda _: httpx.Response(200, json=ALICE), update=update)

    subject.perform(Action.SUSPEND, state(), confirmed)

    assert service.asked[-1].startswith(method)
    assert "GET /scim/ServiceProviderConfig" not in service.asked


def test_restore_leaves_suspended_what_was_suspended_before() -> None:
    subject, service = connector(lambda _: httpx.Response(500))
    account = state(suspended=True).with_original(state(suspended=True))

    assert subject.perform(Action.RESTORE, account, confirmed) == Done(changed=False)
    assert service.asked == []


# -- delete ---------------------------------------------------------------------------------------------


def test_delete_confirms_again_before_it_is_sent_again() -> None:
    answers = iter([httpx.Response(503), httpx.Response(204)])
    subject, service = connector(lambda _: next(answers))
    confirms: list[int] = []

    subject.perform(Action.DELETE, state(), lambda: confirms.append(len(service.requests)))

    assert confirms == [0, 1]


def test_a_hold_placed_while_delete_waits_stops_it() -> None:
    subject, service = connector(lambda _: httpx.Response(503))

    def confirm() -> None:
        if service.requests:
            raise RejectedError("held")

    with pytest.raises(RejectedError, match="held"):
        subject.perform(Action.DELETE, state(), confirm)

    assert len(service.requests) == 1


@pytest.mark.parametrize("status", [200, 202, 204])
def test_any_success_counts_as_deleted(status: int) -> None:
    subject, _ = connector(lambda _: httpx.Response(status))

    assert subject.perform(Action.DELETE, state(), confirmed) == Done(changed=True)


# -- check ------------------------------------------------------------------------------------------------


def test_check_says_what_it_found() -> None:
    subject, _ = connector(announcing({"patch": {"supported": False}}, lambda _: users(ALICE, total=12)))

    assert subject.check() == "a SCIM service with 12 users, updated by PUT"


def test_check_uses_the_token_where_the_service_describes_itself_to_anybody() -> None:
    subject, _ = connector(announcing({}, lambda _: httpx.Response(401)))

    with pytest.raises(TargetUnusableError):
        subject.check()


def test_check_warns_of_a_token_in_the_open() -> None:
    subject, _ = connector(announcing({}, lambda _: users()), base_url="http://app.example.com")

    assert "plain HTTP" in subject.check()


# -- a real service that fails ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScimTarget]:
    with running_scim_target(tmp_path_factory.mktemp("scim")) as running:
        yield running


@pytest.fixture
def target(shared: ScimTarget) -> Iterator[ScimTarget]:
    yield shared
    shared.recover()


@pytest.fixture
def real(target: ScimTarget) -> Iterator[ScimConnector]:
    config = ScimConfig.model_validate({"connector": "scim", "base_url": target.base_url, "token": TOKEN})
    context = Context(target="sample", permit=RecordingPermit())
    made = ScimConnector(config, context, http=http_client(config, context, sleep=lambda _: None))
    yield made
    made.close()


def effective_on(target: ScimTarget, account_id: str) -> list[str]:
    return [entry["method"] for entry in target.effective_writes() if entry["path"] == f"/Users/{account_id}"]


def test_reading_outlasts_a_short_outage(real: ScimConnector, target: ScimTarget) -> None:
    account_id = target.create_user("outage")
    target.faults(unavailable=2)

    assert real.read(account_id).name == "outage"


def test_a_throttled_write_is_handed_back_with_the_time_asked_for(real: ScimConnector, target: ScimTarget) -> None:
    account_id = target.create_user("throttled")
    account = real.read(account_id)
    real.check()
    target.faults(throttled=1, retry_after="30")

    with pytest.raises(RetryableError) as caught:
        real.perform(Action.SUSPEND, account, confirmed)

    assert caught.value.retry_after == timedelta(seconds=30)
    assert effective_on(target, account_id) == []


def test_a_write_whose_answer_was_lost_is_done_once(real: ScimConnector, target: ScimTarget) -> None:
    account_id = target.create_user("lost")
    account = real.read(account_id)
    target.faults(lost=1)

    with pytest.raises(RetryableError):
        real.perform(Action.SUSPEND, account, confirmed)
    outcome = real.perform(Action.SUSPEND, real.read(account_id), confirmed)

    assert outcome == Done(changed=False)
    assert effective_on(target, account_id) == ["PATCH"]


def test_a_lying_target_is_found_out_by_reading(real: ScimConnector, target: ScimTarget) -> None:
    account_id = target.create_user("lying")
    account = real.read(account_id)
    target.faults(lying=True)

    real.perform(Action.SUSPEND, account, confirmed)

    assert not real.read(account_id).suspended


def test_a_hanging_target_is_given_up(target: ScimTarget) -> None:
    config = ScimConfig.model_validate({"connector": "scim", "base_url": target.base_url, "token": TOKEN})
    context = Context(target="sample", permit=RecordingPermit())
    impatient = http_client(config, context, limits=Limits(read=timedelta(seconds=0.2)))
    hanging = ScimConnector(config, context, http=impatient)
    target.faults(hanging=True)

    with pytest.raises(RetryableError, match="no answer in time"):
        hanging.read("1")

    hanging.close()
