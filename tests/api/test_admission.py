"""Who is let into the API, and who is slowed."""

from __future__ import annotations

from datetime import datetime

import anyio
import pytest
from starlette.requests import Request

from scimbridge.admission.addresses import Addresses
from scimbridge.admission.failures import MOST, Failures
from scimbridge.api import admission
from scimbridge.api.admission import Admission
from scimbridge.api.problems import ProblemError
from scimbridge.domain.operator import Operator, Permission, Role
from tests.clock import FakeClock

ADA = Operator("ada", Role.VIEWER)


class Gate:
    """Some tokens, and an address that all come from."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = set(tokens)
        self.failures = Failures(lambda: 0.0)
        self.admission = Admission(self._identify, FakeClock(), Addresses(), self.failures)

    def asks(self, token: str, permission: Permission = Permission.LOOK) -> str | int:
        """Whom a token lets in, or the status that it is answered with."""
        request = Request({"type": "http", "headers": [(b"authorization", f"Bearer {token}".encode())]})
        try:
            return anyio.run(self.admission.admit, request, permission).name
        except ProblemError as error:
            return error.status

    def _identify(self, token: str, _now: datetime) -> Operator | None:
        return ADA if token in self.tokens else None


def test_a_token_that_has_let_somebody_in_is_not_slowed_by_others_at_its_address() -> None:
    gate = Gate("known", "new")
    assert gate.asks("known") == "ada"
    for _ in range(MOST + 1):
        gate.failures.count(None)

    assert [gate.asks(token) for token in ("guessed", "new", "known")] == [429, 429, "ada"]
    # It does not help those either who guess.
    assert gate.asks("guessed") == 429


def test_a_token_that_is_revoked_is_known_no_more() -> None:
    gate = Gate("known")
    gate.asks("known")
    for _ in range(MOST + 1):
        gate.failures.count(None)
    gate.tokens.clear()

    assert [gate.asks("known"), gate.asks("known")] == [401, 429]


def test_a_role_is_asked_for_however_well_a_token_is_known() -> None:
    gate = Gate("known")

    assert [gate.asks("known"), gate.asks("known", Permission.ACT)] == ["ada", 403]


def test_only_so_many_tokens_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "_MOST_KNOWN", 2)
    gate = Gate("one", "two", "three")
    for token in ("one", "two", "three"):
        gate.asks(token)
    for _ in range(MOST + 1):
        gate.failures.count(None)

    assert [gate.asks(token) for token in ("one", "three")] == [429, "ada"]
