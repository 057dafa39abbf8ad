"""The token endpoint: an assertion signed by a service account becomes a token (RFC 7523)."""

from __future__ import annotations

import secrets
import time
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qs, quote, unquote

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import RSAKey

from tests.doubles.google.company import Company, User
from tests.doubles.google.errors import unauthorized
from tests.doubles.serving import Answer, Asked

AUDIENCE = "https://oauth2.googleapis.com/token"
"""Google's own address, whatever the key file says: google-auth signs nothing else."""

LIFETIME = 3599

KEYS = "/robot/v1/metadata/x509/"
"""Where the public halves of keys are shown to everybody, as certificates."""

FOR_EVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


MADE_AT = datetime(2025, 3, 1, 9, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Token:
    """What a token stands for; ``ends`` in seconds of the double's clock."""

    user: User
    scopes: frozenset[str]
    ends: float


class Tokens:
    """Issues tokens, and knows them again.

    Attributes:
        granted: The scopes that domain-wide delegation allows the service account.
        key_ends_at: When the service account's key does; as for most of them, never.
        skew: Seconds by which Google's clock is ahead.
        issued: How many there were.
    """

    def __init__(self, company: Company, granted: frozenset[str]) -> None:
        self.key = _key()
        self.email = "scimbridge@project.iam.gserviceaccount.com"
        self.granted = granted
        self.key_ends_at = FOR_EVER
        self.skew = 0.0
        self.issued = 0
        self._company = company
        self._tokens: dict[str, Token] = {}

    def key_file(self, origin: str) -> dict[str, str]:
        """Return what Google's console lets download for the service account."""
        return {
            "type": "service_account",
            "project_id": "project",
            "private_key_id": "key-1",
            "private_key": self.key.as_pem(private=True).decode(),
            "client_email": self.email,
            "client_id": "117",
            "token_uri": f"{origin}/token",
            "client_x509_cert_url": f"{origin}{KEYS}{quote(self.email)}",
        }

    def published(self, asked: Asked) -> Answer:
        """Answer a request for the certificates of a service account's keys."""
        if unquote(asked.path.removeprefix(KEYS)) != self.email or asked.method != "GET":
            return Answer(status=404, body={"error": "not found"})
        return Answer(status=200, body={"key-1": self._certificate()})

    def _certificate(self) -> str:
        key = load_pem_private_key(self.key.as_pem(private=True), None)
        assert isinstance(key, RSAPrivateKey)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, self.email)])
        builder = x509.CertificateBuilder(name, name, key.public_key(), 1, MADE_AT, self.key_ends_at)
        return builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()

    def issue(self, asked: Asked) -> Answer:
        """Answer a request for a token."""
        form = {name: values[-1] for name, values in parse_qs(asked.body.decode()).items()}
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return _refused(400, "unsupported_grant_type", "Invalid grant_type")
        try:
            claims = jwt.decode(form.get("assertion", ""), self.key, algorithms=["RS256"]).claims
        except (JoseError, ValueError):
            return _refused(400, "invalid_grant", "Invalid JWT Signature.")
        return self._judge(claims)

    def _judge(self, claims: dict[str, Any]) -> Answer:
        now = self._now()
        if claims.get("iss") != self.email or claims.get("aud") != AUDIENCE:
            return _refused(400, "invalid_grant", "Invalid JWT: Failed audience or issuer check.")
        # Five minutes of difference between the clocks are let through.
        if not now - 300 - 3600 <= claims.get("iat", 0) <= now + 300 or claims.get("exp", 0) < now - 300:
            return _refused(
                400,
                "invalid_grant",
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.",
            )
        scopes = frozenset(str(claims.get("scope", "")).split())
        if not scopes or not scopes <= self.granted:
            return _refused(
                401,
                "unauthorized_client",
                "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any "
                "of the scopes requested.",
            )
        user = self._company.user(str(claims.get("sub", "")))
        if user is None:
            return _refused(400, "invalid_grant", "Invalid email or User ID")
        return self._give(user, scopes)

    def _give(self, user: User, scopes: frozenset[str]) -> Answer:
        token = secrets.token_urlsafe()
        self._tokens[token] = Token(user, scopes, self._now() + LIFETIME)
        self.issued += 1
        return Answer(status=200, body={"access_token": token, "expires_in": LIFETIME, "token_type": "Bearer"})

    def of(self, asked: Asked) -> Token:
        """Return what the token of a request stands for.

        Raises:
            GoogleError: It is unknown, or has run out.
        """
        scheme, _, value = asked.headers.get("authorization", "").partition(" ")
        token = self._tokens.get(value)
        if scheme != "Bearer" or token is None or token.ends < self._now():
            raise unauthorized()
        return token

    def forget(self) -> None:
        """Let all tokens run out, as if somebody had revoked them."""
        self._tokens.clear()

    def _now(self) -> float:
        return time.time() + self.skew


@cache
def _key() -> RSAKey:
    """Return the service account's key: one for all doubles of a process, since it takes a while to make.

    It is short, since every connector checks it anew when it reads it: in one of Google's length, that takes 37 ms.
    """
    with warnings.catch_warnings(action="ignore", category=SecurityWarning):
        return RSAKey.generate_key(1024, private=True)


def _refused(status: int, error: str, description: str) -> Answer:
    return Answer(status=status, body={"error": error, "error_description": description})
