"""Signatures as Standard Webhooks has them."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scimbridge.sdk.signing import parse_key, signed_headers

# From the examples of the specification's libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
AT = datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'


def test_a_call_is_signed_as_the_libraries_of_standard_webhooks_expect() -> None:
    headers = signed_headers(parse_key(SECRET), id="msg_p5jXN8AQM9LWM0D4loKWxJek", at=AT, body=BODY)

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize("change", [{"id": "msg_2"}, {"at": datetime.fromtimestamp(1614265331, UTC)}, {"body": b"{}"}])
def test_a_signature_covers_id_time_and_body(change: dict[str, object]) -> None:
    said: dict[str, object] = {"id": "msg_1", "at": AT, "body": BODY}
    key = parse_key(SECRET)

    one = signed_headers(key, **said)  # type: ignore[arg-type]
    other = signed_headers(key, **{**said, **change})  # type: ignore[arg-type]

    assert one["webhook-signature"] != other["webhook-signature"]


def test_without_a_key_a_call_is_not_signed() -> None:
    assert set(signed_headers(None, id="msg_1", at=AT, body=BODY)) == {"webhook-id", "webhook-timestamp"}


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_",
        "whsec_not base64!",
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
        "whsec_" + base64.b64encode(b"x" * 65).decode(),
    ],
)
def test_what_is_no_secret_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match="openssl rand -base64 32") as caught:
        parse_key(secret)

    assert len(secret) < 7 or secret not in str(caught.value)


def test_the_check_in_the_docs_verifies_what_is_sent() -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/notify-people.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    now = datetime.now(UTC)  # the page's code looks at the clock

    headers = signed_headers(parse_key(SECRET), id="msg_1", at=now, body=BODY)
    stale = signed_headers(parse_key(SECRET), id="msg_1", at=now - timedelta(minutes=6), body=BODY)

    assert names["is_genuine"](headers, BODY, SECRET)
    assert not names["is_genuine"](headers, BODY + b" ", SECRET)
    assert not names["is_genuine"](stale, BODY, SECRET)
