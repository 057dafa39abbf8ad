"""OAuth clients and what they are given, on both stores."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwk, jws
from joserfc.errors import SecurityWarning

from scimbridge.domain.access import ACCESS_TOKEN_PREFIX, Grant, Refusal
from scimbridge.errors import InvalidKeyError, NotFoundError
from scimbridge.services import signatures
from scimbridge.services.clients import SECRET_PREFIX, Clients
from scimbridge.services.granting import LIFETIME, Client, Granting
from scimbridge.services.recent import RecentGrants
from scimbridge.store.database import Database
from scimbridge.store.schema import access_tokens, metadata, used_assertions
from tests.clock import FakeClock
from tests.store.racing import race

ENDPOINT = "https://bridge.example.com/oauth/token"
KEY = jwk.RSAKey.generate_key(2048)
OTHER_KEY = jwk.ECKey.generate_key("P-256")


@pytest.fixture
def recent() -> RecentGrants:
    return RecentGrants()


@pytest.fixture
def clients(database: Database, recent: RecentGrants) -> Clients:
    return Clients(database, recent)


@pytest.fixture
def granting(database: Database) -> Granting:
    return Granting(database, (ENDPOINT, "https://bridge.example.com"))


@pytest.fixture
def signer(clients: Clients, clock: FakeClock) -> str:
    """The id of a client that signs."""
    return clients.create("okta", by="ops", now=clock(), keys=KEY.as_pem(private=False)).client_id


Sign = Callable[..., str]


@pytest.fixture
def sign(signer: str, clock: FakeClock) -> Sign:
    """Sign an assertion as the client would, but for what is said otherwise."""

    def signing(key: jwk.Key = KEY, **claims: Any) -> str:
        usual = {"iss": signer, "sub": signer, "aud": ENDPOINT, "exp": int(clock().timestamp()) + 300, "jti": "one"}
        said = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        header = {"alg": "RS256" if isinstance(key, jwk.RSAKey) else "ES256"}
        # JSON in ASCII can hold what UTF-8 cannot: half of a surrogate pair.
        return jws.serialize_compact(header, json.dumps(said).encode("ascii"), key)

    return signing


def count(database: Database, table: Any) -> int:
    with database.read() as tx:
        return len(tx.execute(table.select()).all())


# -- secrets ------------------------------------------------------------------


def test_a_client_has_its_secret(clients: Clients, granting: Granting, clock: FakeClock) -> None:
    made = clients.create("okta", by="ops", now=clock())

    assert made.secret is not None
    assert made.secret.startswith(SECRET_PREFIX)
    assert granting.by_secret(made.client_id, made.secret) == Client(made.client_id, "okta")
    assert made.secret not in repr(made)


def test_another_secret_or_none_is_nobodys(clients: Clients, granting: Granting, signer: str, clock: FakeClock) -> None:
    made = clients.create("okta", by="ops", now=clock())
    other = clients.create("entra", by="ops", now=clock())

    tries = [(made.client_id, other.secret or ""), (made.client_id, ""), ("nobody", ""), (signer, ""), ("", "")]

    assert {granting.by_secret(*each) for each in tries} == {Refusal.UNKNOWN}


def test_a_revoked_client_is_nobody(
    clients: Clients, granting: Granting, recent: RecentGrants, clock: FakeClock
) -> None:
    made = clients.create("okta", by="ops", now=clock())
    token = granting.issue(Client(made.client_id, "okta"), clock()).text
    recent.remember(b"digest", Grant("okta"), clock(), recent.generation)

    assert clients.revoke(made.client_id, by="ops", now=clock()) == "okta"

    assert granting.by_secret(made.client_id, made.secret or "") is Refusal.UNKNOWN
    assert granting.identify(token, clock()) is Refusal.REVOKED
    assert recent.fresh(b"digest") is None
    with pytest.raises(NotFoundError):
        clients.revoke(made.client_id, by="ops", now=clock())


# -- access tokens ------------------------------------------------------------


def test_an_access_token_is_of_its_clients_source_for_an_hour(
    clients: Clients, granting: Granting, clock: FakeClock
) -> None:
    made = clients.create("okta", by="ops", now=clock())

    token = granting.issue(Client(made.client_id, "okta"), clock())

    assert token.text.startswith(ACCESS_TOKEN_PREFIX)
    assert granting.identify(token.text, clock()) == Grant("okta", clock() + LIFETIME)
    assert granting.identify(token.text, clock.advance(LIFETIME)) is Refusal.EXPIRED
    assert granting.identify(token.text + "x", clock()) is Refusal.UNKNOWN
    assert clients.all()[0]["last_used_at"] == token.expires_at - LIFETIME


def test_what_has_expired_is_dropped(
    database: Database, clients: Clients, granting: Granting, clock: FakeClock
) -> None:
    made = clients.create("okta", by="ops", now=clock())
    for _ in range(3):
        granting.issue(Client(made.client_id, "okta"), clock())
    clock.advance(LIFETIME)

    granting.issue(Client(made.client_id, "okta"), clock())

    assert count(database, access_tokens) == 1


def test_neither_secret_nor_token_is_in_the_database(
    clients: Clients, granting: Granting, database: Database, clock: FakeClock
) -> None:
    made = clients.create("okta", by="ops", now=clock())
    token = granting.issue(Client(made.client_id, "okta"), clock())

    with database.read() as tx:
        kept = repr([tx.execute(table.select()).all() for table in metadata.sorted_tables])

    assert made.client_id in kept
    assert made.secret is not None
    assert made.secret[8:] not in kept
    assert token.text[8:] not in kept


# -- assertions (RFC 7523) ----------------------------------------------------


def test_an_assertion_is_its_clients(granting: Granting, signer: str, sign: Sign, clock: FakeClock) -> None:
    assert granting.by_assertion(sign(), clock()) == Client(signer, "okta")


@pytest.mark.parametrize("audience", [ENDPOINT, "https://bridge.example.com", ["https://x.example.com", ENDPOINT]])
def test_it_is_addressed_to_the_endpoint_or_the_issuer(
    granting: Granting, signer: str, sign: Sign, clock: FakeClock, audience: Any
) -> None:
    assert granting.by_assertion(sign(aud=audience), clock()) == Client(signer, "okta")


def test_an_assertion_counts_once(granting: Granting, sign: Sign, clock: FakeClock) -> None:
    assertion = sign()

    results = race([lambda: granting.by_assertion(assertion, clock())] * 4)

    assert sorted(type(result).__name__ for result in results) == ["Client", "Refusal", "Refusal", "Refusal"]
    assert granting.by_assertion(sign(aud="https://bridge.example.com"), clock()) is Refusal.INVALID
    assert isinstance(granting.by_assertion(sign(jti="two"), clock()), Client)


def test_two_clients_may_use_the_same_name_for_an_assertion(
    clients: Clients, granting: Granting, sign: Sign, clock: FakeClock
) -> None:
    other = clients.create("entra", by="ops", now=clock(), keys=OTHER_KEY.as_pem(private=False)).client_id

    assert isinstance(granting.by_assertion(sign(), clock()), Client)
    assert granting.by_assertion(sign(OTHER_KEY, iss=other, sub=other), clock()) == Client(other, "entra")


def test_used_assertions_are_kept_until_they_have_expired(
    database: Database, granting: Granting, sign: Sign, clock: FakeClock
) -> None:
    granting.by_assertion(sign(), clock())
    clock.advance("5m")
    granting.by_assertion(sign(jti="two"), clock())
    assert count(database, used_assertions) == 2

    clock.advance("1m")
    granting.by_assertion(sign(jti="three"), clock())

    assert count(database, used_assertions) == 2


@pytest.mark.parametrize(
    ("claims", "refusal"),
    [
        ({"aud": "https://other.example.com"}, Refusal.INVALID),
        ({"aud": None}, Refusal.INVALID),
        ({"iss": "somebody"}, Refusal.INVALID),
        ({"iss": None}, Refusal.INVALID),
        ({"sub": "nobody"}, Refusal.UNKNOWN),
        ({"sub": None}, Refusal.MALFORMED),
        ({"sub": ["x"]}, Refusal.MALFORMED),
        ({"jti": None}, Refusal.INVALID),
        ({"jti": ""}, Refusal.INVALID),
        ({"exp": None}, Refusal.INVALID),
    ],
)
def test_a_wrong_assertion_is_nobodys(
    granting: Granting, sign: Sign, clock: FakeClock, claims: dict[str, Any], refusal: Refusal
) -> None:
    assert granting.by_assertion(sign(**claims), clock()) is refusal


def test_an_assertion_of_another_key_is_nobodys(granting: Granting, sign: Sign, clock: FakeClock) -> None:
    assert granting.by_assertion(sign(OTHER_KEY), clock()) is Refusal.INVALID


def test_an_assertion_has_an_end_that_is_not_far(granting: Granting, sign: Sign, clock: FakeClock) -> None:
    now = clock().timestamp()

    assert granting.by_assertion(sign(exp=int(now) - 60), clock()) is Refusal.EXPIRED
    assert granting.by_assertion(sign(exp=int(now) + 3601), clock()) is Refusal.INVALID
    assert isinstance(granting.by_assertion(sign(exp=int(now) + 3600), clock()), Client)


def test_a_client_with_a_secret_cannot_sign(clients: Clients, granting: Granting, sign: Sign, clock: FakeClock) -> None:
    made = clients.create("okta", by="ops", now=clock())

    assert granting.by_assertion(sign(iss=made.client_id, sub=made.client_id), clock()) is Refusal.UNKNOWN


@pytest.mark.parametrize("text", ["", "x", "a.b.c"])
def test_what_is_no_assertion_is_nobodys(granting: Granting, clock: FakeClock, text: str) -> None:
    assert granting.by_assertion(text, clock()) is Refusal.MALFORMED


# -- what no store takes ------------------------------------------------------


@pytest.mark.parametrize("name", ["\0", "a\0b", "\ud800", "é", "x" * 10_000])
def test_a_name_that_cannot_be_a_clients_is_nobodys(
    clients: Clients, granting: Granting, sign: Sign, clock: FakeClock, name: str
) -> None:
    assert granting.by_secret(name, clients.create("okta", by="ops", now=clock()).secret or "") is Refusal.UNKNOWN
    assert granting.by_assertion(sign(sub=name), clock()) is Refusal.UNKNOWN


@pytest.mark.parametrize("jti", ["\0", "\ud800", "\udc00x", "x" * 5000])
def test_an_assertion_may_be_named_by_anything_and_counts_once(
    granting: Granting, sign: Sign, clock: FakeClock, jti: str
) -> None:
    assert isinstance(granting.by_assertion(sign(jti=jti), clock()), Client)
    assert granting.by_assertion(sign(jti=jti), clock()) is Refusal.INVALID


def test_an_assertion_beyond_all_numbers_is_nobodys(granting: Granting, sign: Sign, clock: FakeClock) -> None:
    assert granting.by_assertion(sign(exp=10**400), clock()) is Refusal.INVALID


# -- keys that are handed over ------------------------------------------------


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not JSON"),
        (b"{}", "not a JWK Set"),
        (b'{"keys": []}', "no public key"),
        (b"-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----", "no public key"),
        (KEY.as_pem(private=True), "private key"),
    ],
)
def test_keys_that_cannot_be_used_are_refused_with_the_reason(
    clients: Clients, clock: FakeClock, content: bytes, says: str
) -> None:
    with pytest.raises(InvalidKeyError, match=says):
        clients.create("okta", by="ops", now=clock(), keys=content)

    assert clients.all() == []


@pytest.mark.parametrize("algorithm", ["Ed25519", "EdDSA"])
@pytest.mark.parametrize("says_which", [True, False])
def test_ed25519_has_two_names(
    clients: Clients, granting: Granting, clock: FakeClock, algorithm: str, says_which: bool
) -> None:
    key = jwk.OKPKey.generate_key("Ed25519", {"alg": algorithm} if says_which else None)
    content = json.dumps(jwk.KeySet([key]).as_dict(private=False)).encode()
    made = clients.create("okta", by="ops", now=clock(), keys=content)
    expires = int(clock().timestamp()) + 300
    claims = {"iss": made.client_id, "sub": made.client_id, "aud": ENDPOINT, "jti": "one", "exp": expires}
    with warnings.catch_warnings(action="ignore", category=SecurityWarning):
        signed = jws.serialize_compact({"alg": algorithm}, json.dumps(claims), key, algorithms=[algorithm])

    found = granting.by_assertion(signed, clock())

    assert found == Client(made.client_id, "okta")
    with pytest.raises(signatures.SignatureError):
        signatures.verified(
            signed, key, algorithms=("RS256",), issuer=made.client_id, audiences=(ENDPOINT,), now=clock()
        )


@pytest.mark.parametrize("key", [KEY, OTHER_KEY, jwk.OKPKey.generate_key("Ed25519")], ids=lambda key: key.key_type)
def test_each_kind_of_public_key_is_understood(clients: Clients, clock: FakeClock, key: Any) -> None:
    made = clients.create("okta", by="ops", now=clock(), keys=key.as_pem(private=False))

    assert made.secret is None
    assert clients.all()[0]["has_keys"]
