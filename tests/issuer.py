"""An issuer of access tokens, with its keys on a local HTTP server."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import datetime
from typing import Any

from joserfc import jwk, jws, jwt

from tests.loopback import Loopback, Quiet

ISSUER = "https://login.example.com/"
AUDIENCE = "https://bridge.example.com"

# Making an RSA key takes a while, and every test needs some.
_KEYS = [jwk.RSAKey.generate_key(2048, {"kid": f"key-{number}"}) for number in range(2)]


class Issuer:
    """Signs tokens with its newest key, and publishes the public ones.

    Attributes:
        status: What its endpoint answers.
        fetches: How often it was asked.
        document: What it publishes instead of its keys, if anything.
    """

    def __init__(self) -> None:
        self.keys: list[jwk.Key] = [_KEYS[0]]
        self.status = 200
        self.fetches = 0
        self.document: bytes | None = None
        issuer = self

        class Handler(Quiet):
            def get(self) -> None:
                issuer.fetches += 1
                self.answer(issuer.status, issuer.document if issuer.document is not None else issuer.published())

        self._loopback = Loopback(Handler)
        self.url = f"{self._loopback.origin}/keys"

    def published(self) -> bytes:
        """Return the public keys as a JWK Set."""
        return json.dumps({"keys": [key.as_dict(private=False) for key in self.keys]}).encode()

    def roll_over(self) -> None:
        """Sign with a new key from now on, and withdraw the old one."""
        self.keys = [_KEYS[1]]

    def sign(self, now: datetime, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return a token for five minutes, with other claims where they are given; ``None`` leaves one out."""
        seconds = int(now.timestamp())
        usual = {"iss": ISSUER, "aud": AUDIENCE, "sub": "idp", "iat": seconds, "exp": seconds + 300}
        said = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        key = self.keys[-1]
        registry = jws.JWSRegistry(algorithms=["RS256", "PS256"], strict_check_header=False)
        return jwt.encode({"alg": "RS256", "kid": key.kid, **(header or {})}, said, key, registry=registry)

    def close(self) -> None:
        """Stop publishing."""
        self._loopback.close()


def issuing() -> closing[Issuer]:
    """Run an issuer."""
    return closing(Issuer())
