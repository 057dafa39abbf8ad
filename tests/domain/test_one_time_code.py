"""Codes of an authenticator app."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from scimbridge.domain.one_time_code import address_of, code_at, is_secret, new_secret, step_of

RFC = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_rfc_6238_appendix_b(seconds: int, code: str) -> None:
    assert code_at(RFC, seconds // 30) == code


@pytest.mark.parametrize(("steps_off", "is_good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_off_by_one_step(steps_off: int, is_good: bool) -> None:
    now = datetime(2026, 3, 2, 9, tzinfo=UTC)
    step = int((now + timedelta(seconds=30 * steps_off)).timestamp()) // 30

    assert step_of(RFC, code_at(RFC, step), now) == (step if is_good else None)


@pytest.mark.parametrize("written", ["", "abc", "12345", "٣٣٣٣٣٣", "1" * 500])
def test_what_is_no_code_is_of_no_step(written: str) -> None:
    assert step_of(RFC, written, datetime(2026, 3, 2, tzinfo=UTC)) is None


def test_a_code_may_be_written_in_two_halves() -> None:
    assert step_of(RFC, " 287 082 ", datetime.fromtimestamp(59, UTC)) == 1


def test_secrets_are_160_random_bits() -> None:
    assert is_secret(new_secret())
    assert new_secret() != new_secret()
    assert not any(is_secret(text) for text in ("", "JBSWY3DPEHPK3PXP", "1", new_secret().lower(), "é"))


def test_the_address_quotes_the_name() -> None:
    assert address_of(RFC, "ada@example.com", "my bridge") == (
        f"otpauth://totp/my%20bridge:ada%40example.com?secret={RFC}&issuer=my%20bridge"
    )
