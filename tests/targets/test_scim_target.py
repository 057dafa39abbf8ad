"""The sample target is what other tests measure by, so it is tested itself."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from scimbridge.demo.application import Application
from tests.targets.scim import TOKEN, ScimTarget, running_scim_target

HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScimTarget]:
    with running_scim_target(tmp_path_factory.mktemp("scim")) as running:
        yield running


@pytest.fixture
def target(shared: ScimTarget) -> ScimTarget:
    """One that does as it is told, knows nobody, and has noted nothing."""
    shared.empty()
    return shared


def set_active(target: ScimTarget, user_id: str, *, active: bool) -> httpx.Response:
    operation = {"op": "replace", "path": "active", "value": active}
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]}
    return httpx.patch(f"{target.base_url}/Users/{user_id}", json=body, headers=HEADERS)


def test_it_logs_what_each_request_changed(target: ScimTarget) -> None:
    user_id = target.create_user("alice")

    set_active(target, user_id, active=False)
    set_active(target, user_id, active=False)
    httpx.delete(f"{target.base_url}/Users/{user_id}", headers=HEADERS)
    httpx.delete(f"{target.base_url}/Users/{user_id}", headers=HEADERS)

    seen = [(entry["method"], entry["status"], entry["effective"], entry["user_name"]) for entry in target.requests()]
    assert seen == [
        ("POST", 201, True, "alice"),
        ("PATCH", 204, True, "alice"),
        ("PATCH", 204, False, "alice"),
        ("DELETE", 204, True, "alice"),
        ("DELETE", 404, False, None),
    ]
    assert [entry["active"] for entry in target.requests()] == [None, False, False, None, None]


def test_nobody_comes_in_without_the_token(target: ScimTarget) -> None:
    assert httpx.get(f"{target.base_url}/Users").status_code == 401
    assert httpx.post(target.base_url.replace("/v2", "/_control"), json={"lying": True}).status_code == 401


def test_it_is_unavailable_and_then_throttles(target: ScimTarget) -> None:
    user_id = target.create_user("alice")
    target.faults(unavailable=2, throttled=1, retry_after="2")

    answers = [set_active(target, user_id, active=False) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [503, 503, 429, 204]
    assert answers[2].headers["Retry-After"] == "2"
    assert [entry["effective"] for entry in target.requests()] == [True, False, False, False, True]


def test_lying_it_answers_well_and_changes_nothing(target: ScimTarget) -> None:
    user_id = target.create_user("alice")
    target.faults(lying=True)

    answer = set_active(target, user_id, active=False)

    assert answer.status_code == 204
    user = target.user(user_id)
    assert user is not None
    assert user["active"] is True
    assert len(target.effective_writes()) == 1


def test_lying_it_creates_nobody_either(target: ScimTarget) -> None:
    target.faults(lying=True)

    user_id = target.create_user("alice")

    assert target.user(user_id) is None
    assert target.effective_writes() == []


def test_a_lost_answer_belongs_to_a_write_that_happened(target: ScimTarget) -> None:
    user_id = target.create_user("alice")
    target.faults(lost=1)

    answers = [set_active(target, user_id, active=False) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [504, 204]
    assert [entry["effective"] for entry in target.writes()] == [True, True, False]


def test_an_unknown_fault_is_refused(target: ScimTarget) -> None:
    answer = httpx.post(target.base_url.replace("/v2", "/_control"), json={"liyng": True}, headers=HEADERS)

    assert answer.status_code == 400


def test_without_patch_it_says_so_and_refuses_it(tmp_path: Path) -> None:
    with running_scim_target(tmp_path, patch=False) as target:
        user_id = target.create_user("alice")
        announced = httpx.get(f"{target.base_url}/ServiceProviderConfig").json()

        answer = set_active(target, user_id, active=False)

    assert announced["patch"] == {"supported": False}
    assert answer.status_code == 501


def test_what_is_held_is_done_once_it_is_let_go(target: ScimTarget) -> None:
    user_id = target.create_user("alice")
    target.faults(holding=True)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(set_active, target, user_id, active=False)
        held = target.user(user_id)
        target.recover()

        assert answer.result().status_code == 204

    assert held is not None
    assert held["active"] is True
    assert target.effective_writes()[-1]["active"] is False


def test_it_ends_when_told_even_while_hanging(tmp_path: Path) -> None:
    with running_scim_target(tmp_path) as target:
        target.faults(hanging=True)
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{target.base_url}/Users", headers=HEADERS, timeout=0.2)

        target.process.send_signal(signal.SIGTERM)

        target.process.wait(timeout=120)


def test_it_ends_with_its_parent() -> None:
    # A parent that starts the target, hands on its output, and is gone.
    parent = (
        "import subprocess, sys; "
        f"subprocess.Popen([sys.executable, '-m', 'scimbridge.demo.scim_target', '--token', '{TOKEN}']); "
        "sys.stdin.readline()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline().startswith("listening ")

    process.kill()
    process.wait()

    # The pipe ends when the last process that holds it has ended.
    assert process.stdout.read() == ""
    process.stdin.close()
    process.stdout.close()


def test_a_token_that_begins_with_a_dash_is_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_urlsafe", lambda _bytes: "-begins-with-a-dash")
    application = Application(tmp_path, lambda: True)
    try:
        headers = {"Authorization": f"Bearer {application.token}"}
        found = httpx.get(f"{application.base_url}/Users", headers=headers)
    finally:
        application.close()

    assert found.status_code == 200
