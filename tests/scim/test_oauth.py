"""The token endpoint, over the whole web process: with an independent OAuth client, and by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwk
from starlette.applications import Starlette

from scimbridge.admission.addresses import Addresses
from scimbridge.admission.failures import FREE, Failures
from scimbridge.asgi import create_app
from scimbridge.bridge import Bridge
from scimbridge.config import load
from scimbridge.errors import StoreBusyError
from scimbridge.scim.admission.pace import Pace
from scimbridge.scim.oauth import TokenEndpoint, oauth_routes
from scimbridge.services.clients import NewClient
from tests.scim.conftest import InProcess

URL = "https://bridge.example.com"
ENDPOINT = f"{URL}/oauth/token"
KEY = jwk.RSAKey.generate_key(2048)
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
def bridge(tmp_path: Path, database_url: str) -> Iterator[Bridge]:
    config = tmp_path / "scimbridge.toml"
    config.write_text(
        f"""
        [server]
        public_url = "{URL}"
        [store]
        url = "{database_url}"
        [queue]
        url = "redis://127.0.0.1:1"
        [sources.okta]
        [sources.office]
        allow_from = ["198.51.100.0/24"]
        """,
        encoding="utf-8",
    )
    bridge = Bridge(load(config, {}))
    bridge.prepare_store(may_upgrade=True)
    yield bridge
    bridge.close()


@pytest.fixture
def transport(bridge: Bridge) -> Iterator[InProcess]:
    transport = InProcess(create_app(bridge))
    yield transport
    transport.stop()


@pytest.fixture
def http(transport: InProcess) -> httpx.Client:
    return httpx.Client(transport=transport, base_url=URL)


@pytest.fixture
def client(bridge: Bridge) -> NewClient:
    return bridge.clients.create("okta", by="test", now=bridge.clock())


@pytest.fixture
def signer(bridge: Bridge) -> NewClient:
    return bridge.clients.create("okta", by="test", now=bridge.clock(), keys=KEY.as_pem(private=False))


class Independent(httpx2.BaseTransport):
    """Lets a client of the other HTTP library in."""

    def __init__(self, transport: InProcess) -> None:
        self._transport = transport

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = list(request.headers.items())
        copy = httpx.Request(request.method, str(request.url), headers=headers, content=request.read())
        answer = self._transport.handle_request(copy)
        return httpx2.Response(answer.status_code, headers=list(answer.headers.items()), content=answer.read())


def ask(http: httpx.Client, client: NewClient, **form: str) -> httpx.Response:
    return http.post("/oauth/token", data={**GRANT, **form}, auth=(client.client_id, client.secret or ""))


# -- an independent client ----------------------------------------------------


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_client_gets_a_token_with_its_secret_and_reads_users_with_it(
    transport: InProcess, client: NewClient, method: str
) -> None:
    session = OAuth2Client(
        client.client_id,
        client.secret,
        token_endpoint_auth_method=method,
        scope="scim",
        transport=Independent(transport),
    )

    token = session.fetch_token(ENDPOINT, grant_type="client_credentials")

    assert (token["token_type"], token["expires_in"], token["scope"]) == ("Bearer", 3600, "scim")
    assert session.get(f"{URL}/scim/v2/Users").json()["totalResults"] == 0
    assert session.get(f"{URL}/sources/okta/scim/v2/Users").status_code == 200
    assert session.get(f"{URL}/sources/office/scim/v2/Users").status_code == 401


def test_a_client_gets_a_token_with_its_key_each_time(transport: InProcess, signer: NewClient) -> None:
    session = OAuth2Client(
        signer.client_id,
        KEY,
        token_endpoint_auth_method="private_key_jwt",
        scope="scim",
        transport=Independent(transport),
    )
    session.register_client_auth_method(PrivateKeyJWT(ENDPOINT))

    tokens = {session.fetch_token(ENDPOINT, grant_type="client_credentials")["access_token"] for _ in range(2)}

    assert len(tokens) == 2
    assert session.get(f"{URL}/scim/v2/Users").status_code == 200


def test_a_revoked_client_is_out_at_once(http: httpx.Client, bridge: Bridge, client: NewClient) -> None:
    token = ask(http, client).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert http.get("/scim/v2/Users", headers=headers).status_code == 200

    bridge.clients.revoke(client.client_id, by="test", now=bridge.clock())

    assert http.get("/scim/v2/Users", headers=headers).status_code == 401
    assert ask(http, client).status_code == 401


def test_an_answer_with_a_token_is_kept_by_nobody(http: httpx.Client, client: NewClient) -> None:
    answer = ask(http, client)

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"


# -- errors (RFC 6749 §5.2) ---------------------------------------------------


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"scope": "scim admin"}, "invalid_scope"),
        ({"client_secret": "too"}, "invalid_request"),
        ({"client_assertion": "too"}, "invalid_request"),
    ],
)
def test_a_request_that_cannot_be_granted_says_why(
    http: httpx.Client, client: NewClient, form: dict[str, str], error: str
) -> None:
    answer = ask(http, client, **form)

    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.headers["cache-control"] == "no-store"
    assert "access_token" not in answer.json()


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"grant_type=client_credentials&grant_type=client_credentials", "application/x-www-form-urlencoded"),
        (b"grant_type=%ff", "application/x-www-form-urlencoded"),
        (b"grant_type=\xff", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % number for number in range(100)), "application/x-www-form-urlencoded"),
        (b'{"grant_type": "client_credentials"}', "application/json"),
        (b"grant_type=client_credentials", ""),
    ],
)
def test_what_cannot_be_read_is_an_invalid_request(
    http: httpx.Client, client: NewClient, content: bytes, content_type: str
) -> None:
    auth = (client.client_id, client.secret or "")

    answer = http.post("/oauth/token", content=content, headers={"Content-Type": content_type}, auth=auth)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_large_body_is_not_read(http: httpx.Client) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    assert http.post("/oauth/token", content=b"a=" + b"x" * 40_000, headers=form).status_code == 413


@pytest.mark.parametrize(
    "request_of",
    [
        lambda _: {"data": GRANT},
        lambda _: {"data": GRANT, "auth": ("nobody", "secret")},
        lambda client: {"data": GRANT, "auth": (client.client_id, "wrong")},
        lambda client: {"data": {**GRANT, "client_id": client.client_id, "client_secret": "wrong"}},
        lambda client: {"data": {**GRANT, "client_id": client.client_id}},
        lambda _: {"data": GRANT, "headers": {"Authorization": "Bearer x"}},
        lambda _: {"data": GRANT, "headers": {"Authorization": "Basic ###"}},
        lambda client: {"data": {**GRANT, "client_id": "other"}, "auth": (client.client_id, client.secret)},
        lambda _: {
            "data": {
                **GRANT,
                "client_assertion": "a.b.c",
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            }
        },
    ],
)
def test_whoever_is_no_client_gets_401(http: httpx.Client, client: NewClient, request_of: Any) -> None:
    answer = http.post("/oauth/token", **request_of(client))

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic")


def test_an_assertion_says_what_it_is(http: httpx.Client) -> None:
    answer = http.post("/oauth/token", data={**GRANT, "client_assertion": "a.b.c"})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_client_stays_where_its_source_may_be(http: httpx.Client, bridge: Bridge) -> None:
    answer = ask(http, bridge.clients.create("office", by="test", now=bridge.clock()))

    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


def test_tokens_are_asked_for_by_post(http: httpx.Client) -> None:
    assert http.get("/oauth/token").status_code == 405


def test_a_store_in_trouble_is_503(
    http: httpx.Client, bridge: Bridge, client: NewClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> None:
        raise StoreBusyError("the database is busy")

    monkeypatch.setattr(bridge.granting, "issue", busy)

    answer = ask(http, client)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_guessing_here_and_there_is_counted_together(
    http: httpx.Client, client: NewClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scimbridge.admission import failures

    monkeypatch.setattr(failures, "MOST", FREE)
    monkeypatch.setattr(failures, "FORGIVEN_EVERY", 1e6)
    for _ in range(FREE // 2):
        assert http.post("/oauth/token", data=GRANT, auth=(client.client_id, "wrong")).status_code == 401
        assert http.get("/scim/v2/Users", headers={"Authorization": "Bearer wrong"}).status_code == 401

    # A tiny part of a failure is forgotten meanwhile, so that it takes one more.
    assert ask(http, NewClient(client.client_id, "wrong")).status_code == 401

    answer = ask(http, client)

    assert answer.status_code == 429
    assert answer.headers["retry-after"].isdigit()
    assert http.get("/scim/v2/Users", headers={"Authorization": "Bearer wrong"}).status_code == 429


def test_tokens_count_for_the_pace_of_their_source(bridge: Bridge, client: NewClient) -> None:
    pace = Pace({"okta": 25.0}, lambda: 0.0)
    endpoint = TokenEndpoint(bridge.granting, bridge.clock, {}, addresses=Addresses(), failures=Failures(), pace=pace)
    transport = InProcess(Starlette(routes=oauth_routes(endpoint, URL)))
    http = httpx.Client(transport=transport, base_url=URL)
    for _ in range(23):
        pace.take("okta")

    answers = [ask(http, client) for _ in range(3)]

    transport.stop()
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].headers["retry-after"] == "1"
    assert answers[-1].headers["cache-control"] == "no-store"
    assert answers[-1].json()["error"] == "slow_down"


# -- RFC 8414 -----------------------------------------------------------------


def test_the_endpoint_describes_itself(http: httpx.Client) -> None:
    answer = http.get("/.well-known/oauth-authorization-server")

    assert answer.headers["content-type"] == "application/json"
    described = answer.json()
    assert (described["issuer"], described["token_endpoint"]) == (URL, ENDPOINT)
    assert described["grant_types_supported"] == ["client_credentials"]
    assert described["scopes_supported"] == ["scim"]
    assert set(described["token_endpoint_auth_methods_supported"]) == {
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
    }
    assert "HS256" not in described["token_endpoint_auth_signing_alg_values_supported"]
    assert described["response_types_supported"] == []
