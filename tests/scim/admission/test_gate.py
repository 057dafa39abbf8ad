"""Who is let in, as which source, and at what price."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from starlette.types import Scope

from scimbridge import telemetry
from scimbridge.admission.addresses import Addresses
from scimbridge.admission.failures import FREE, MOST, Failures
from scimbridge.domain.access import BearerToken, Credential, Grant, Login, Refusal, SourceAccess
from scimbridge.errors import KeysUnavailableError
from scimbridge.scim.admission.gate import SOURCE, Gate
from scimbridge.scim.admission.pace import pace_of
from scimbridge.scim.base import NAMED_SOURCE
from scimbridge.scim.errors import Verdict
from scimbridge.services.recent import RecentGrants
from tests.clock import FakeClock

ACCESS: Mapping[str, SourceAccess] = {
    "okta": SourceAccess(),
    "office": SourceAccess(allow_from=(ip_network("192.0.2.0/24"), ip_network("2001:db8::/32"))),
    "busy": SourceAccess(rate=25.0),
    "basic": SourceAccess(login=Login("basic", "a-long-password")),
}


class Time:
    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Entrance:
    """A gate with everything that it depends on. A token is the name of its source."""

    def __init__(self, clock: FakeClock, access: Mapping[str, SourceAccess] = ACCESS) -> None:
        self.time = Time()
        self.recent = RecentGrants(self.time)
        self.asked: list[Credential] = []
        self.answers: dict[str, Any] = {source: Grant(source) for source in ACCESS}
        addresses, failures = Addresses((ip_network("10.0.0.0/8"),)), Failures(self.time, self.time.sleep)
        self.gate = Gate(
            self.identify,
            self.recent,
            clock,
            access,
            addresses=addresses,
            failures=failures,
            pace=pace_of(access, self.time),
        )

    def identify(self, credential: Credential, named: str | None) -> Grant | Refusal:
        self.asked.append(credential)
        key = credential.text if isinstance(credential, BearerToken) else credential.username
        found = self.answers.get(key, Refusal.UNKNOWN)
        if isinstance(found, Exception):
            raise found
        if isinstance(found, Grant) and named not in {None, found.source}:
            return Refusal.WRONG_SOURCE
        assert isinstance(found, Grant | Refusal)
        return found

    def admit(self, authorization: str | None, *, peer: str = "192.0.2.1", **more: Any) -> Verdict | str:
        """Return the source that a request was let in as, or the answer it got."""
        scope = a_scope(authorization, peer=peer, **more)
        verdict = asyncio.run(self.gate.admit(scope))
        return str(scope[SOURCE]) if verdict is None else verdict


def a_scope(authorization: str | None, *, peer: str = "192.0.2.1", **more: Any) -> Scope:
    headers = [] if authorization is None else [(b"authorization", authorization.encode())]
    return {"type": "http", "client": (peer, 1), "headers": headers, **more}


@pytest.fixture
def entrance(clock: FakeClock) -> Entrance:
    return Entrance(clock)


def status(answer: Verdict | str) -> int:
    return answer.status if isinstance(answer, Verdict) else 200


def counted(reason: str) -> float:
    return telemetry.FAILED_AUTHENTICATIONS.labels(reason)._value.get()  # type: ignore[no-any-return]


# -- answers ------------------------------------------------------------------


def test_a_valid_token_is_let_in_as_its_source(entrance: Entrance) -> None:
    assert entrance.admit("Bearer okta") == "okta"


@pytest.mark.parametrize("refusal", [each for each in Refusal if each not in {Refusal.MISSING, Refusal.NO_RIGHT}])
def test_every_wrong_credential_gets_the_same_answer(entrance: Entrance, refusal: Refusal) -> None:
    unknown = entrance.admit("Bearer unknown")
    entrance.answers["other"] = refusal
    before = counted(refusal.value)

    assert entrance.admit("Bearer other") == unknown
    assert status(unknown) == 401
    assert counted(refusal.value) == before + 1


def test_what_is_asked_for_is_what_is_configured(clock: FakeClock) -> None:
    plain = Entrance(clock, {}).admit(None)
    with_basic = Entrance(clock).admit(None)
    wrong = Entrance(clock).admit("Bearer unknown")

    assert isinstance(plain, Verdict)
    assert isinstance(with_basic, Verdict)
    assert isinstance(wrong, Verdict)
    assert plain.headers["WWW-Authenticate"] == 'Bearer realm="scim"'
    assert with_basic.headers["WWW-Authenticate"] == 'Bearer realm="scim", Basic realm="scim", charset="UTF-8"'
    assert 'error="invalid_token"' in wrong.headers["WWW-Authenticate"]


def test_a_valid_token_without_the_right_is_403(entrance: Entrance) -> None:
    entrance.answers["weak"] = Refusal.NO_RIGHT

    answer = entrance.admit("Bearer weak")

    assert isinstance(answer, Verdict)
    assert answer.status == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


def test_keys_that_cannot_be_had_are_503_and_no_failure(entrance: Entrance) -> None:
    entrance.answers["a.b.c"] = KeysUnavailableError("https://login.internal.example: down")

    answers = [entrance.admit("Bearer a.b.c") for _ in range(2 * MOST)]

    assert {status(answer) for answer in answers} == {503}
    assert isinstance(answers[0], Verdict)
    assert answers[0].headers["Retry-After"] == "10"
    assert "internal" not in answers[0].detail
    assert entrance.time.slept == []


def test_a_login_is_let_in(entrance: Entrance) -> None:
    assert entrance.admit(f"basic {base64.b64encode(b'basic:a-long-password').decode()}") == "basic"


# -- the source that an address names -----------------------------------------


def test_the_address_may_name_the_source(entrance: Entrance) -> None:
    assert entrance.admit("Bearer okta", **{NAMED_SOURCE: "okta"}) == "okta"


def test_a_token_of_another_source_is_a_wrong_token(entrance: Entrance) -> None:
    unknown = entrance.admit("Bearer unknown", **{NAMED_SOURCE: "office"})

    assert entrance.admit("Bearer okta", **{NAMED_SOURCE: "office"}) == unknown
    entrance.admit("Bearer okta")  # it is known now, and still of another source
    assert entrance.admit("Bearer okta", **{NAMED_SOURCE: "office"}) == unknown


# -- the common case ----------------------------------------------------------


def test_a_token_is_looked_up_once_a_second(entrance: Entrance) -> None:
    for _ in range(5):
        entrance.admit("Bearer okta")
    assert len(entrance.asked) == 1

    entrance.time.now += 1.0
    entrance.admit("Bearer okta")

    assert len(entrance.asked) == 2


def test_a_revocation_in_this_process_holds_at_once(entrance: Entrance) -> None:
    entrance.admit("Bearer okta")
    entrance.answers["okta"] = Refusal.REVOKED

    entrance.recent.clear()

    assert status(entrance.admit("Bearer okta")) == 401


def test_a_token_that_expires_within_the_second_is_looked_up_then(entrance: Entrance, clock: FakeClock) -> None:
    entrance.answers["okta"] = Grant("okta", clock() + timedelta(seconds=0.25))
    entrance.admit("Bearer okta")
    entrance.time.now += 0.25
    entrance.answers["okta"] = Refusal.EXPIRED

    assert status(entrance.admit("Bearer okta")) == 401


def test_refusals_are_not_remembered(entrance: Entrance) -> None:
    entrance.admit("Bearer new")
    entrance.answers["new"] = Grant("okta")

    assert entrance.admit("Bearer new") == "okta"


# -- addresses ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("peer", "expected"),
    [("192.0.2.200", 200), ("2001:db8::9", 200), ("::ffff:192.0.2.1", 200), ("198.51.100.1", 403), ("unix", 403)],
)
def test_a_source_is_used_from_where_it_may_be(entrance: Entrance, peer: str, expected: int) -> None:
    answers = [entrance.admit("Bearer office", peer=peer) for _ in range(2)]  # looked up, and remembered

    assert [status(answer) for answer in answers] == [expected] * 2


def test_a_trusted_proxy_says_where_a_request_comes_from(clock: FakeClock) -> None:
    entrance = Entrance(clock)

    def through_proxy(client: str, peer: str) -> int:
        headers = [(b"authorization", b"Bearer office"), (b"x-forwarded-for", client.encode())]
        scope: Scope = {"type": "http", "client": (peer, 1), "headers": headers}
        verdict = asyncio.run(entrance.gate.admit(scope))
        return 200 if verdict is None else verdict.status

    assert through_proxy("192.0.2.7", "10.0.0.1") == 200
    assert through_proxy("198.51.100.1", "10.0.0.1") == 403
    assert through_proxy("192.0.2.7", "198.51.100.1") == 403


# -- pace ---------------------------------------------------------------------


def test_a_source_above_its_pace_is_told_when_to_come_back(entrance: Entrance) -> None:
    answers = [entrance.admit("Bearer busy") for _ in range(26)]

    assert answers[:25] == ["busy"] * 25
    assert isinstance(answers[25], Verdict)
    assert (answers[25].status, answers[25].headers["Retry-After"]) == (429, "1")
    assert entrance.admit("Bearer okta") == "okta"


# -- guessing -----------------------------------------------------------------


def guess(entrance: Entrance, times: int, peer: str = "192.0.2.1") -> list[int]:
    return [status(entrance.admit(f"Bearer guess-{number}", peer=peer)) for number in range(times)]


def test_guessing_is_slowed_and_then_refused_before_anything_is_looked_up(entrance: Entrance) -> None:
    statuses = guess(entrance, MOST + 5)

    assert statuses == [401] * MOST + [429] * 5
    assert len(entrance.asked) == MOST
    assert len(entrance.time.slept) == MOST - FREE


def test_a_known_token_from_the_same_address_is_not_slowed(entrance: Entrance) -> None:
    entrance.admit("Bearer okta")
    guess(entrance, 2 * MOST)
    entrance.time.now += 5  # so that the token is looked up again
    entrance.time.slept.clear()

    assert entrance.admit("Bearer okta") == "okta"
    assert entrance.time.slept == []


def test_a_known_token_does_not_pay_for_the_guesses(entrance: Entrance) -> None:
    entrance.admit("Bearer okta")
    guess(entrance, 2 * MOST)
    entrance.time.now += 1
    entrance.admit("Bearer okta")
    entrance.time.slept.clear()

    assert guess(entrance, 2) == [401, 429]
    assert entrance.time.slept == [2.0]


def test_a_token_that_was_revoked_is_not_known_anymore(entrance: Entrance) -> None:
    entrance.admit("Bearer okta")
    entrance.answers["okta"] = Refusal.REVOKED
    entrance.time.now += 1

    statuses = [status(entrance.admit("Bearer okta")) for _ in range(MOST + 1)]

    assert statuses == [401] * MOST + [429]


def test_a_new_token_ends_the_wait_of_its_address(entrance: Entrance) -> None:
    guess(entrance, MOST - 1)
    assert entrance.admit("Bearer okta") == "okta"
    entrance.time.slept.clear()

    assert guess(entrance, 1) == [401]
    assert entrance.time.slept == []


def test_a_known_jwt_does_not_queue_behind_those_whose_keys_nobody_can_get(entrance: Entrance) -> None:
    entrance.answers["a.good.jwt"] = Grant("okta")
    entrance.admit("Bearer a.good.jwt")
    entrance.time.now += 1  # so that it is looked up again
    have_keys = threading.Event()

    def identify(credential: Credential, _named: str | None) -> Grant | Refusal:
        if credential != BearerToken("a.good.jwt"):
            have_keys.wait()
            return Refusal.INVALID
        return Grant("okta")

    async def admitted_meanwhile() -> Verdict | None:
        entrance.gate._identify = identify
        strangers = [asyncio.create_task(entrance.gate.admit(a_scope(f"Bearer a.b.{n}"))) for n in range(30)]
        while entrance.gate._verifiers.available_tokens:
            await asyncio.sleep(0)
        try:
            return await asyncio.wait_for(entrance.gate.admit(a_scope("Bearer a.good.jwt")), 60)
        finally:
            have_keys.set()
            await asyncio.gather(*strangers)

    assert asyncio.run(admitted_meanwhile()) is None


def test_others_are_not_slowed(entrance: Entrance) -> None:
    guess(entrance, 2 * MOST)

    assert guess(entrance, 1, peer="192.0.2.2") == [401]


def test_requests_without_a_credential_slow_nobody(entrance: Entrance) -> None:
    statuses = {status(entrance.admit(None)) for _ in range(3 * MOST)}

    assert statuses == {401}
    assert entrance.admit("Bearer okta") == "okta"
    assert entrance.time.slept == []


def test_a_refusal_is_logged_without_the_credential(entrance: Entrance, caplog: pytest.LogCaptureFixture) -> None:
    import structlog

    with structlog.testing.capture_logs() as logs:
        entrance.admit("Bearer very-secret")

    (entry,) = logs
    assert (entry["action"], entry["reason"], entry["address"]) == ("authenticate", "unknown", "192.0.2.1")
    assert "very-secret" not in repr(logs) + caplog.text
