"""An issuer of access tokens, with its keys on a local HTTP server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwk, jws, jwt

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

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.fetches += 1
                body = issuer.document if issuer.document is not None else issuer.published()
                self.send_response(issuer.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/keys"

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
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def issuing() -> Iterator[Issuer]:
    """Run an issuer."""
    issuer = Issuer()
    try:
        yield issuer
    finally:
        issuer.close()
