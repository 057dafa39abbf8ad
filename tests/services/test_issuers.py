"""JWT access tokens: real signatures, and real keys from a real server."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwk, jws, jwt

from scimbridge.domain.access import Grant, Refusal, TrustedIssuer
from scimbridge.errors import KeysUnavailableError
from scimbridge.services.issuers import Issuers
from scimbridge.services.key_sets import KEEP_FOR, REFRESH_AFTER, TRY_EVERY, KeySet, key_set_of
from scimbridge.services.signatures import LEEWAY, published_keys
from tests.clock import FakeClock
from tests.issuer import AUDIENCE, ISSUER, Issuer, issuing
from tests.store.racing import race


class Time:
    """Seconds, for the age of keys."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, span: timedelta) -> None:
        self.now += span.total_seconds() + 1


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture
def time() -> Time:
    return Time()


Trust = Callable[..., Issuers]


@pytest.fixture
def trust(issuer: Issuer, time: Time) -> Trust:
    """Trust the issuer, for the source "entra" unless others are named with what they ask for."""

    def trusting(**sources: Mapping[str, Any]) -> Issuers:
        asked = sources or {"entra": {}}
        usual = {"issuer": ISSUER, "audiences": (AUDIENCE,), "keys_at": issuer.url, "algorithms": ("RS256", "ES256")}
        trusted = {source: TrustedIssuer(**{**usual, **more}) for source, more in asked.items()}
        return Issuers(trusted, lambda source, each: KeySet(key_set_of(source, each)._fetch, time))

    return trusting


@pytest.fixture
def issuers(trust: Trust) -> Issuers:
    return trust()


# -- what a token has to be ---------------------------------------------------


def test_a_token_of_the_issuer_is_of_its_source(issuers: Issuers, issuer: Issuer, clock: FakeClock) -> None:
    found = issuers.identify(issuer.sign(clock()), clock())

    assert found == Grant("entra", clock() + timedelta(minutes=5) + LEEWAY)


def test_one_of_several_audiences_will_do(issuers: Issuers, issuer: Issuer, clock: FakeClock) -> None:
    token = issuer.sign(clock(), aud=["https://other.example.com", AUDIENCE])

    assert isinstance(issuers.identify(token, clock()), Grant)


def test_what_a_header_says_beside_is_ignored(issuers: Issuers, issuer: Issuer, clock: FakeClock) -> None:
    token = issuer.sign(clock(), header={"typ": "at+jwt", "nonce": "x", "x5c": ["A" * 2000]})

    assert isinstance(issuers.identify(token, clock()), Grant)


def seconds(clock: FakeClock, offset: float) -> int:
    return int(clock().timestamp() + offset)


@pytest.mark.parametrize(
    ("claim", "offset", "expected"),
    [
        ("exp", -59, Grant),
        ("exp", -60, Refusal.EXPIRED),
        ("nbf", 60, Grant),
        ("nbf", 61, Refusal.INVALID),
        ("iat", 60, Grant),
        ("iat", 61, Refusal.INVALID),
    ],
)
def test_times_are_checked_with_a_minute_for_clocks_that_differ(
    issuers: Issuers, issuer: Issuer, clock: FakeClock, claim: str, offset: float, expected: Any
) -> None:
    found = issuers.identify(issuer.sign(clock(), header=None, **{claim: seconds(clock, offset)}), clock())

    assert isinstance(found, Grant) if expected is Grant else found is expected


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"exp": None}, Refusal.INVALID),
        ({"exp": "soon"}, Refusal.INVALID),
        ({"aud": None}, Refusal.INVALID),
        ({"aud": "https://other.example.com"}, Refusal.INVALID),
        ({"aud": f"{AUDIENCE}/"}, Refusal.INVALID),
        ({"iss": None}, Refusal.UNKNOWN),
        ({"iss": "https://evil.example.com/"}, Refusal.UNKNOWN),
        ({"iss": [ISSUER]}, Refusal.UNKNOWN),
    ],
)
def test_a_wrong_claim_lets_nobody_in(
    issuers: Issuers, issuer: Issuer, clock: FakeClock, claims: dict[str, Any], expected: Refusal
) -> None:
    assert issuers.identify(issuer.sign(clock(), **claims), clock()) is expected


@pytest.mark.parametrize("seconds", [10**30, 10**400], ids=["calendar", "float"])
def test_an_expiry_far_beyond_all_bounds_is_no_error(
    issuers: Issuers, issuer: Issuer, clock: FakeClock, seconds: int
) -> None:
    found = issuers.identify(issuer.sign(clock(), exp=seconds), clock())

    assert isinstance(found, Grant)


def test_a_changed_token_lets_nobody_in(issuers: Issuers, issuer: Issuer, clock: FakeClock) -> None:
    header, payload, signature = issuer.sign(clock()).split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    claims["sub"] = "admin"
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")

    assert issuers.identify(f"{header}.{changed}.{signature}", clock()) is Refusal.INVALID
    assert issuers.identify(f"{header}.{payload}.", clock()) is Refusal.INVALID


def test_a_key_of_somebody_else_with_the_same_name_lets_nobody_in(
    issuers: Issuers, issuer: Issuer, clock: FakeClock
) -> None:
    claims = {"iss": ISSUER, "aud": AUDIENCE, "exp": seconds(clock, 300)}
    own = jwk.RSAKey.generate_key(2048)

    token = jwt.encode({"alg": "RS256", "kid": issuer.keys[0].kid}, claims, own)

    assert issuers.identify(token, clock()) is Refusal.INVALID


def test_the_public_key_as_a_password_lets_nobody_in(issuers: Issuers, issuer: Issuer, clock: FakeClock) -> None:
    claims = json.dumps({"iss": ISSUER, "aud": AUDIENCE, "exp": seconds(clock, 300)}).encode()
    pem = issuer.keys[0].as_pem(private=False)  # type: ignore[union-attr]
    secret = jwk.OctKey.import_key(base64.b64encode(pem))

    token = jws.serialize_compact({"alg": "HS256", "kid": issuer.keys[0].kid}, claims, secret)

    assert issuers.identify(token, clock()) is Refusal.INVALID


def test_no_signature_at_all_lets_nobody_in(issuers: Issuers, issuer: Issuer, clock: FakeClock) -> None:
    _, payload, _ = issuer.sign(clock()).split(".")
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": issuer.keys[0].kid}).encode()).decode()

    assert issuers.identify(f"{header.rstrip('=')}.{payload}.", clock()) is Refusal.INVALID


def test_an_algorithm_that_is_not_configured_lets_nobody_in(issuers: Issuers, issuer: Issuer, clock: FakeClock) -> None:
    assert issuers.identify(issuer.sign(clock(), header={"alg": "PS256"}), clock()) is Refusal.INVALID


@pytest.mark.parametrize("token", ["..", "a.b.c", "eyJhbGciOiJSUzI1NiJ9.W10.x", "." * 3, "é.é.é"])
def test_what_is_no_token_is_unknown(issuers: Issuers, clock: FakeClock, token: str) -> None:
    assert issuers.identify(token, clock()) is Refusal.UNKNOWN


def test_a_payload_that_is_nested_deeply_is_unknown(issuers: Issuers, clock: FakeClock) -> None:
    deep = base64.urlsafe_b64encode(b"[" * 9000).decode().rstrip("=")

    assert issuers.identify(f"eyJhbGciOiJSUzI1NiJ9.{deep}.x", clock()) is Refusal.UNKNOWN


# -- rights -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claims", "is_let_in"),
    [
        ({"scope": "openid scim"}, True),
        ({"scp": "scim"}, True),
        ({"scp": ["openid", "scim"]}, True),
        ({}, False),
        ({"scope": "scimmer"}, False),
        ({"scp": [["scim"]]}, False),
    ],
)
def test_the_scope_has_to_be_there(
    trust: Trust, issuer: Issuer, clock: FakeClock, claims: dict[str, Any], is_let_in: bool
) -> None:
    found = trust(entra={"scope": "scim"}).identify(issuer.sign(clock(), **claims), clock())

    assert isinstance(found, Grant) if is_let_in else found is Refusal.NO_RIGHT


@pytest.mark.parametrize(
    ("claims", "is_let_in"),
    [({"roles": ["x", "scim"]}, True), ({"roles": "scim"}, True), ({"roles": "x scim"}, False), ({}, False)],
)
def test_a_claim_has_to_have_its_value(
    trust: Trust, issuer: Issuer, clock: FakeClock, claims: dict[str, Any], is_let_in: bool
) -> None:
    found = trust(entra={"claims": {"roles": "scim"}}).identify(issuer.sign(clock(), **claims), clock())

    assert isinstance(found, Grant) if is_let_in else found is Refusal.NO_RIGHT


def test_two_sources_of_one_issuer_are_told_apart_by_their_claims(
    trust: Trust, issuer: Issuer, clock: FakeClock
) -> None:
    issuers = trust(one={"claims": {"tid": "1"}}, two={"claims": {"tid": "2"}})

    found = [issuers.identify(issuer.sign(clock(), tid=tid), clock()) for tid in ("1", "2", "3")]

    assert [each.source if isinstance(each, Grant) else each for each in found] == ["one", "two", Refusal.NO_RIGHT]


def test_that_a_right_is_missing_says_more_than_that_it_is_for_somebody_else(
    trust: Trust, issuer: Issuer, clock: FakeClock
) -> None:
    issuers = trust(one={"scope": "scim"}, two={"audiences": ("https://other.example.com",)})

    assert issuers.identify(issuer.sign(clock()), clock()) is Refusal.NO_RIGHT


def test_only_the_source_that_is_named_is_asked(trust: Trust, issuer: Issuer, clock: FakeClock) -> None:
    issuers = trust(one={}, two={})
    token = issuer.sign(clock())

    assert [issuers.identify(token, clock(), name) for name in ("two", "three")] == [
        Grant("two", clock() + timedelta(minutes=5) + LEEWAY),
        Refusal.UNKNOWN,
    ]


# -- keys ---------------------------------------------------------------------


def test_keys_are_fetched_once(issuers: Issuers, issuer: Issuer, clock: FakeClock) -> None:
    token = issuer.sign(clock())

    found = race([lambda: issuers.identify(token, clock())] * 8)

    assert all(isinstance(each, Grant) for each in found)
    assert issuer.fetches == 1


def test_a_new_key_is_fetched_when_it_is_first_seen(
    issuers: Issuers, issuer: Issuer, clock: FakeClock, time: Time
) -> None:
    old = issuer.sign(clock())
    issuers.identify(old, clock())
    issuer.roll_over()
    time.advance(TRY_EVERY)

    assert isinstance(issuers.identify(issuer.sign(clock()), clock()), Grant)
    assert issuers.identify(old, clock()) is Refusal.INVALID


def test_keys_that_nobody_has_do_not_make_the_endpoint_busy(
    issuers: Issuers, issuer: Issuer, clock: FakeClock, time: Time
) -> None:
    issuers.identify(issuer.sign(clock()), clock())
    time.advance(TRY_EVERY)

    found = {issuers.identify(issuer.sign(clock(), header={"kid": f"no-{each}"}), clock()) for each in range(20)}

    assert found == {Refusal.INVALID}
    assert issuer.fetches == 2


def test_a_key_that_was_withdrawn_is_not_believed_for_long(
    issuers: Issuers, issuer: Issuer, clock: FakeClock, time: Time
) -> None:
    token = issuer.sign(clock())
    issuers.identify(token, clock())
    issuer.roll_over()
    time.advance(REFRESH_AFTER)

    assert issuers.identify(token, clock()) is Refusal.INVALID


@pytest.mark.parametrize(
    ("status", "document"), [(500, None), (302, None), (200, b"<html>"), (200, b'{"keys": []}'), (200, b"x" * 600_000)]
)
def test_an_endpoint_that_is_down_leaves_the_keys_for_a_day(
    issuers: Issuers, issuer: Issuer, clock: FakeClock, time: Time, status: int, document: bytes | None
) -> None:
    token = issuer.sign(clock())
    issuers.identify(token, clock())
    issuer.status, issuer.document = status, document

    time.advance(REFRESH_AFTER)
    assert isinstance(issuers.identify(token, clock()), Grant)
    time.advance(KEEP_FOR - REFRESH_AFTER)
    with pytest.raises(KeysUnavailableError):
        issuers.identify(token, clock())

    issuer.status, issuer.document = 200, None
    time.advance(TRY_EVERY)
    assert isinstance(issuers.identify(token, clock()), Grant)


def test_without_any_key_nobody_can_tell_and_the_endpoint_is_left_in_peace(
    issuers: Issuers, issuer: Issuer, clock: FakeClock
) -> None:
    issuer.status = 503

    for _ in range(3):
        with pytest.raises(KeysUnavailableError, match="503"):
            issuers.identify(issuer.sign(clock()), clock())

    assert issuer.fetches == 1


def test_who_has_keys_does_not_wait_for_an_endpoint_that_hangs(clock: FakeClock, issuer: Issuer, time: Time) -> None:
    answered, asked = threading.Event(), threading.Event()
    bodies, patience_lost = [issuer.published()], []

    def fetch() -> bytes:
        if bodies:
            return bodies.pop()
        asked.set()
        if not answered.wait(120):
            patience_lost.append(True)
        return issuer.published()

    keys = KeySet(fetch, time)
    kid = issuer.keys[0].kid
    keys.find(kid)
    time.advance(REFRESH_AFTER)
    first = threading.Thread(target=keys.find, args=(kid,))
    first.start()
    asked.wait(120)

    found = keys.find(kid)

    answered.set()
    first.join()
    assert found is not None
    assert patience_lost == []


def test_keys_may_stand_in_a_file(trust: Trust, issuer: Issuer, clock: FakeClock, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(issuer.published())
    issuers = trust(entra={"keys_at": path})

    assert isinstance(issuers.identify(issuer.sign(clock()), clock()), Grant)
    assert issuer.fetches == 0
    assert issuers.check("entra") == 1


def test_a_file_that_is_gone_is_reported(trust: Trust, issuer: Issuer, clock: FakeClock, tmp_path: Path) -> None:
    issuers = trust(entra={"keys_at": tmp_path / "none.json"})

    with pytest.raises(KeysUnavailableError, match=r"cannot read .*none.json"):
        issuers.identify(issuer.sign(clock()), clock())


def test_keys_that_are_of_no_use_are_left_out() -> None:
    good = jwk.ECKey.generate_key("P-256").as_dict(private=False)
    documents = [
        good,
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "AKP", "alg": "ML-DSA-44"},
        {"kty": ["EC"]},
        {"kty": "EC", "crv": "P-256"},
        {**good, "use": "enc"},
        "no key",
    ]

    keys = published_keys(json.dumps({"keys": documents}).encode())

    assert [key.as_dict(private=False)["x"] for key in keys] == [good["x"]]
