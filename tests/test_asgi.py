"""The web process as a whole: what is mounted where, health, and metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import anyio
import pytest
from anyio import from_thread, to_thread
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message
from structlog.testing import capture_logs

from scimbridge.asgi import create_app, run
from scimbridge.bridge import Bridge
from scimbridge.config import load
from scimbridge.domain.operator import Role
from scimbridge.errors import CoreError, StoreUnavailableError
from tests.databases import compiled_once
from tests.issuer import AUDIENCE, ISSUER, Issuer, issuing


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture
def bridge(tmp_path: Path, database_url: str, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bridge]:
    monkeypatch.setenv("OTHER_PASSWORD", "correct-horse-battery")
    config = tmp_path / "scimbridge.toml"
    config.write_text(
        f"""
        [store]
        url = "{database_url}"
        [queue]
        url = "redis://127.0.0.1:1"
        [sources.idp]
        [sources.other.basic]
        username = "other"
        password = {{ env = "OTHER_PASSWORD" }}
        [sources.other.jwt]
        issuer = "{ISSUER}"
        audience = "{AUDIENCE}"
        jwks_url = "{issuer.url}"
        scope = "scim"
        """,
        encoding="utf-8",
    )
    bridge = Bridge(load(config, {}))
    compiled_once(bridge.database)
    bridge.prepare_store(may_upgrade=True)
    yield bridge
    bridge.close()


@pytest.fixture
def client(bridge: Bridge) -> Iterator[TestClient]:
    with TestClient(create_app(bridge)) as client:
        yield client


def test_scim_answers_below_its_prefix(bridge: Bridge, client: TestClient) -> None:
    token = bridge.tokens.create("idp", by="test", now=bridge.clock())

    found = client.get("/scim/v2/Users", headers={"Authorization": f"Bearer {token}"})

    assert (found.status_code, found.json()["totalResults"]) == (200, 0)


@pytest.mark.parametrize("base", ["/scim/v2", "/sources/idp/scim/v2"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_root_of_scim_needs_no_slash(bridge: Bridge, client: TestClient, base: str, slash: str) -> None:
    token = bridge.tokens.create("idp", by="test", now=bridge.clock())

    found = client.get(base + slash, headers={"Authorization": f"Bearer {token}"})

    assert (found.status_code, found.json()["totalResults"]) == (200, 0)


@pytest.mark.parametrize("base", ["/scim/v2", "/sources/idp/scim/v2", "/sources/nobody/scim/v2"])
@pytest.mark.parametrize("path", ["", "/", "/Users/%0d%0ax:%00y", "/nothing"])
def test_every_answer_below_a_base_is_a_scim_answer(client: TestClient, base: str, path: str) -> None:
    answer = client.get(base + path)

    assert answer.headers["content-type"].startswith("application/scim+json")
    assert answer.json()["status"] == str(answer.status_code) == "401"


def test_whoever_leaves_in_the_middle_of_a_body_is_no_error_of_ours(bridge: Bridge) -> None:
    app = create_app(bridge)
    source = bridge.tokens.create("idp", by="test", now=bridge.clock())
    operator = bridge.operators.create("ada", Role.OPERATOR, by="test", now=bridge.clock())
    json, form = "application/json", "application/x-www-form-urlencoded"

    with capture_logs() as logs:
        leave(app, "POST", "/scim/v2/Users", source, json)
        leave(app, "PATCH", "/scim/v2/Users/01a22cbb-6de8-78e3-a870-b2ae538f5e73", source, json)
        leave(app, "POST", "/sources/idp/scim/v2/Bulk", source, json)
        leave(app, "POST", "/api/v1/holds", operator, json)
        leave(app, "POST", "/oauth/token", "", form)
        leave(app, "POST", "/sign-in", "", form)

    assert not logs


def leave(app: ASGIApp, method: str, path: str, token: str, media_type: str) -> None:
    """Begin to send a body, and go away."""
    headers = {"authorization": f"Bearer {token}", "content-type": media_type, "content-length": "500"}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("192.0.2.1", 50000),
    }
    heard: list[Message] = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> Message:
        return heard.pop(0)

    async def send(_message: Message) -> None:
        """Nobody is left to be told."""

    anyio.run(app, scope, receive, send)
    assert not heard


@pytest.mark.parametrize(("method", "path"), [("POST", "/oauth/token/"), ("GET", "/cases/"), ("GET", "/healthz/")])
def test_nobody_is_sent_on_for_a_slash(client: TestClient, method: str, path: str) -> None:
    """They would go where a Host header says, and without TLS behind a proxy, with the secret of a client."""
    answer = client.request(method, path, headers={"Host": "elsewhere.example"}, follow_redirects=False)

    assert (answer.status_code, "location" in answer.headers) == (404, False)


@pytest.mark.parametrize(
    "path",
    ["/scim/v2x/Users", "/sources//scim/v2/Users", "/sources/a%2Fb/scim/v2/Users", "/x/sources/idp/scim/v2/Users"],
)
def test_a_similar_prefix_is_not_scim(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("base", ["/scim/v2", "/sources/idp/scim/v2"])
def test_addresses_are_those_of_the_base_that_was_asked(bridge: Bridge, client: TestClient, base: str) -> None:
    client.headers["authorization"] = f"Bearer {bridge.tokens.create('idp', by='test', now=bridge.clock())}"

    made = client.post(f"{base}/Users", json={"userName": "ada"}, headers={"content-type": "application/scim+json"})

    expected = f"{bridge.settings.server.public_url}{base}/Users/{made.json()['id']}"
    assert made.status_code == 201
    assert made.headers["location"] == made.json()["meta"]["location"] == expected
    assert (
        client.get(f"{base}/Schemas")
        .json()["Resources"][0]["meta"]["location"]
        .startswith(f"{bridge.settings.server.public_url}{base}/Schemas/")
    )


def test_both_bases_are_of_the_same_users(bridge: Bridge, client: TestClient) -> None:
    client.headers["authorization"] = f"Bearer {bridge.tokens.create('idp', by='test', now=bridge.clock())}"
    client.post("/scim/v2/Users", json={"userName": "ada"}, headers={"content-type": "application/scim+json"})

    assert client.get("/sources/idp/scim/v2/Users").json()["totalResults"] == 1


def test_a_token_of_another_source_is_wrong_at_the_base_of_one(bridge: Bridge, client: TestClient) -> None:
    client.headers["authorization"] = f"Bearer {bridge.tokens.create('idp', by='test', now=bridge.clock())}"

    answers = [client.get(f"/sources/{name}/scim/v2/Users") for name in ("idp", "other", "nobody")]

    assert [answer.status_code for answer in answers] == [200, 401, 401]
    assert answers[1].json() == answers[2].json()


def test_a_revoked_token_is_refused_by_this_process_at_once(bridge: Bridge, client: TestClient) -> None:
    client.headers["authorization"] = f"Bearer {bridge.tokens.create('idp', by='test', now=bridge.clock())}"
    assert client.get("/scim/v2/Users").status_code == 200

    (token,) = bridge.tokens.all()
    bridge.tokens.revoke(token["id"], by="test", now=bridge.clock())

    assert client.get("/scim/v2/Users").status_code == 401


def test_the_service_provider_lists_the_schemes_that_a_source_has(bridge: Bridge, client: TestClient) -> None:
    def kinds(source: str) -> list[str]:
        token = bridge.tokens.create(source, by="test", now=bridge.clock())
        config = client.get("/scim/v2/ServiceProviderConfig", headers={"Authorization": f"Bearer {token}"}).json()
        return [scheme["type"] for scheme in config["authenticationSchemes"]]

    assert kinds("idp") == ["oauthbearertoken", "oauth2"]
    assert kinds("other") == ["oauthbearertoken", "oauth2", "oauthbearertoken", "httpbasic"]


def test_a_login_lets_its_source_in(client: TestClient) -> None:
    assert client.get("/scim/v2/Users", auth=("other", "correct-horse-battery")).status_code == 200
    assert client.get("/sources/other/scim/v2/Users", auth=("other", "correct-horse-battery")).status_code == 200
    refused = client.get("/scim/v2/Users", auth=("other", "wrong"))
    assert refused.status_code == 401
    assert 'Basic realm="scim"' in refused.headers["www-authenticate"]


def test_an_access_token_of_a_trusted_issuer_lets_its_source_in(
    bridge: Bridge, client: TestClient, issuer: Issuer
) -> None:
    now = bridge.clock()

    def status(**claims: str) -> int:
        token = issuer.sign(now, header=None, **claims)
        return client.get("/scim/v2/Users", headers={"Authorization": f"Bearer {token}"}).status_code

    assert status(scope="scim") == 200
    assert status() == 403
    assert status(scope="scim", aud="https://elsewhere.example.com") == 401


def test_an_issuer_whose_keys_cannot_be_read_is_503(bridge: Bridge, client: TestClient, issuer: Issuer) -> None:
    issuer.status = 500
    token = issuer.sign(bridge.clock(), scope="scim")

    answer = client.get("/scim/v2/Users", headers={"Authorization": f"Bearer {token}"})

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert answer.json()["status"] == "503"


def test_metrics_say_when_the_last_token_of_a_source_expires(bridge: Bridge, client: TestClient) -> None:
    now = bridge.clock()
    bridge.tokens.create("idp", by="test", now=now, lifetime=timedelta(days=1))
    bridge.tokens.create("idp", by="test", now=now, lifetime=timedelta(days=9))
    bridge.tokens.create("other", by="test", now=now)

    scraped = client.get("/metrics").text

    assert 'scimbridge_token_expiry_seconds{source="other"} +Inf' in scraped
    (left,) = re.findall(r'scimbridge_token_expiry_seconds{source="idp"} (.+)', scraped)
    assert 9 * 86400 - 60 < float(left) <= 9 * 86400


def test_liveness_needs_nothing(client: TestClient, bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge.overview, "is_alive", _unavailable)

    assert client.get("/healthz").status_code == 200


def test_readiness_is_about_the_store_and_not_about_redis(client: TestClient) -> None:
    assert client.get("/readyz").json() == {"ready": True, "store": "ok"}


def test_without_the_store_the_process_is_not_ready_and_says_why(
    client: TestClient, bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge.overview, "is_alive", _unavailable)

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["store"]) == (503, "disk full")


def test_metrics_count_what_is_in_the_store(client: TestClient) -> None:
    scraped = client.get("/metrics")

    assert "scimbridge_open_cases 0.0" in scraped.text


def test_who_asks_for_metrics_holds_no_thread_of_the_pages(
    bridge: Bridge, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []

    def count() -> int:
        pages = from_thread.run_sync(to_thread.current_default_thread_limiter)
        held.append(from_thread.run_sync(lambda: pages.borrowed_tokens))
        return 0

    monkeypatch.setattr(bridge.overview, "open_case_count", count)

    assert (client.get("/metrics").status_code, held) == (200, [0])


def test_metrics_are_scraped_without_the_store_too(
    client: TestClient, bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge.overview, "open_case_count", _unavailable)

    assert client.get("/metrics").status_code == 200


def test_an_old_schema_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    config = tmp_path / "scimbridge.toml"
    config.write_text('data_dir = "data"\n', encoding="utf-8")
    bridge = Bridge(load(config, {}))

    with pytest.raises(StoreUnavailableError, match="scimbridge db upgrade"):
        bridge.prepare_store(may_upgrade=False)


def _unavailable(*_: object) -> bool:
    raise StoreUnavailableError("disk full")


def test_nothing_is_served_on_another_core_than_was_asked_for(tmp_path: Path) -> None:
    config = tmp_path / "scimbridge.toml"
    config.write_text("[server]\ncore = 4096\n", encoding="utf-8")

    with pytest.raises(CoreError, match="core 4096"):
        run(Bridge(load(config, {})))
