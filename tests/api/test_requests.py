"""``POST /api/v1/requests``, and who is let in; over the whole web process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from scimbridge.asgi import create_app
from scimbridge.bridge import Bridge
from scimbridge.config import load
from scimbridge.domain.operator import Role
from scimbridge.domain.resource import Received
from scimbridge.domain.trigger import Trigger
from scimbridge.store import cases, tokens
from tests.databases import compiled_once

CONFIG = """
[store]
url = "{url}"
[queue]
url = "redis://127.0.0.1:1"
[sources.okta]
[targets.crm]
connector = "scim"
base_url = "http://127.0.0.1:9/scim/v2"
token = "correct-horse-battery-staple"
[[rules]]
name = "asked for"
when = ["requested"]
stages = [{{ after = "7d", do = ["suspend"] }}]
"""


@pytest.fixture
def bridge(tmp_path: Path, database_url: str) -> Iterator[Bridge]:
    path = tmp_path / "scimbridge.toml"
    path.write_text(CONFIG.format(url=database_url), encoding="utf-8")
    bridge = Bridge(load(path, {}))
    compiled_once(bridge.database)
    bridge.prepare_store(may_upgrade=True)
    with bridge.database.write() as tx:
        tokens.ensure_source(tx, "okta", bridge.clock())
    yield bridge
    bridge.close()


@pytest.fixture
def client(bridge: Bridge) -> Iterator[TestClient]:
    with TestClient(create_app(bridge)) as client:
        yield client


@pytest.fixture
def ada(bridge: Bridge) -> str:
    received = Received(source="okta", method="POST", path="/Users", body={}, understood="test")
    user, _ = bridge.intake.create_user({"userName": "ada", "active": True}, received, bridge.clock())
    return user.identity.id


def a_token(bridge: Bridge, role: Role = Role.OPERATOR, name: str = "grace", **settings: Any) -> dict[str, str]:
    token = bridge.operators.create(name, role, by="test", now=bridge.clock(), **settings)
    return {"Authorization": f"Bearer {token}"}


def asking(*people: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"reason": "left", "people": list(people), **more}


def open_case(bridge: Bridge, identity_id: str) -> Any:
    with bridge.database.read() as tx:
        return cases.open_case_of(tx, [identity_id])


def test_a_person_leaves_and_the_operator_is_in_the_case(bridge: Bridge, client: TestClient, ada: str) -> None:
    answer = client.post("/api/v1/requests", json=asking({"user_name": "ada"}), headers=a_token(bridge))

    case = open_case(bridge, ada)
    assert (answer.status_code, answer.json()["done"]) == (200, True)
    assert [(line["outcome"], line["case_id"]) for line in answer.json()["lines"]] == [("opened", case.id)]
    assert (case.trigger, case.opened_by) == (Trigger.REQUESTED, "grace")


def test_one_who_cannot_be_found_leaves_everybody_alone(bridge: Bridge, client: TestClient, ada: str) -> None:
    headers = a_token(bridge)
    wanted = asking({"user_name": "ada"}, {"user_name": "nobody"}, {})

    answer = client.post("/api/v1/requests", json=wanted, headers=headers)

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [line["outcome"] for line in answer.json()["lines"]] == ["opened", "unknown", "wrong"]
    assert "2 of 3 people" in answer.json()["detail"]
    assert open_case(bridge, ada) is None

    answer = client.post("/api/v1/requests", json={**wanted, "partial": True}, headers=headers)
    assert answer.status_code == 200
    assert open_case(bridge, ada) is not None


def test_a_dry_run_touches_nothing(bridge: Bridge, client: TestClient, ada: str) -> None:
    wanted = asking({"id": ada}, dry_run=True)

    answer = client.post("/api/v1/requests", json=wanted, headers=a_token(bridge))

    assert (answer.status_code, answer.json()["done"]) == (200, False)
    assert open_case(bridge, ada) is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"people": [], "people": []}', 400),
        (b"[]", 400),
        (b"{}", 422),
        (json.dumps(asking()).encode(), 422),
        (json.dumps(asking({"user_name": "x"}, colour="red")).encode(), 422),
        (json.dumps(asking({"user_name": "x", "surname": "y"})).encode(), 422),
        (json.dumps(asking({"user_name": "x" * 1001})).encode(), 422),
        (json.dumps(asking(*[{"user_name": "x"}] * 501)).encode(), 422),
        (b" " * (1 << 21), 413),
    ],
    ids=range(11),
)
def test_what_cannot_be_understood_is_a_problem(bridge: Bridge, client: TestClient, body: bytes, status: int) -> None:
    headers = {**a_token(bridge), "Content-Type": "application/json"}

    answer = client.post("/api/v1/requests", content=body, headers=headers)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert {"type", "title", "status", "detail"} <= answer.json().keys()


def test_a_form_is_no_request(bridge: Bridge, client: TestClient) -> None:
    answer = client.post("/api/v1/requests", data={"people": "ada"}, headers=a_token(bridge))

    assert answer.status_code == 415


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.ADMIN])
def test_a_role_covers_what_lesser_ones_may(bridge: Bridge, client: TestClient, ada: str, role: Role) -> None:
    answer = client.post("/api/v1/requests", json=asking({"id": ada}), headers=a_token(bridge, role))

    assert answer.status_code == (403 if role is Role.VIEWER else 200)


@pytest.mark.parametrize("header", [None, "Bearer sco_nope", "Bearer ", "Basic Z3JhY2U6eA=="])
def test_nobody_comes_in_without_a_good_token(client: TestClient, ada: str, header: str | None) -> None:
    headers = {"Authorization": header} if header is not None else {}

    answer = client.post("/api/v1/requests", json=asking({"id": ada}), headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_token_of_a_source_is_none_of_an_operator(bridge: Bridge, client: TestClient, ada: str) -> None:
    token = bridge.tokens.create("okta", by="test", now=bridge.clock())
    operators = a_token(bridge)

    answer = client.post("/api/v1/requests", json=asking({"id": ada}), headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert client.get("/scim/v2/Users", headers=operators).status_code == 401


def test_revoked_and_expired_tokens_let_nobody_in(bridge: Bridge, client: TestClient, ada: str) -> None:
    revoked = a_token(bridge)
    expired = a_token(bridge, name="old", lifetime=timedelta(microseconds=1))
    bridge.operators.revoke("grace", reason="left", by="test", now=bridge.clock())

    for headers in (revoked, expired):
        assert client.post("/api/v1/requests", json=asking({"id": ada}), headers=headers).status_code == 401


def test_who_guesses_is_slowed(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from scimbridge.admission import failures

    monkeypatch.setattr(failures, "MOST", 2)
    monkeypatch.setattr(failures, "FREE", 2)

    statuses = [
        client.post("/api/v1/requests", json={}, headers={"Authorization": "Bearer sco_x"}).status_code
        for _ in range(5)
    ]

    assert statuses[0] == 401
    assert statuses[-1] == 429


def test_an_unknown_address_is_a_problem(client: TestClient) -> None:
    answer = client.get("/api/v1/nope")

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
