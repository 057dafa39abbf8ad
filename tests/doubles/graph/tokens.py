"""Microsoft's token endpoint for client credentials (RFC 6749 section 4.4), with a secret or a signed assertion."""

from __future__ import annotations

import base64
import json
import secrets
import time
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tests.doubles.graph.errors import unauthorized
from tests.doubles.serving import Answer, Asked

TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "99999999-8888-7777-6666-555555555555"
SECRET = "the-secret-of-the-application"  # opens the double alone
LIFETIME = 3599


class Tokens:
    """Issues tokens, and knows them again.

    Attributes:
        granted: The application permissions that an administrator has consented to.
        key: Of the certificate that the application may sign in with, if it has one.
        skew: Seconds by which Microsoft's clock is ahead.
    """

    def __init__(self, granted: frozenset[str]) -> None:
        self.granted = granted
        self.issued = 0
        self.key: RSAPublicKey | None = None
        self.skew = 0.0
        self._tokens: dict[str, frozenset[str]] = {}

    def answer(self, asked: Asked, origin: str) -> Answer:
        """Answer a request of the authority: its description, or a token."""
        base = f"{origin}/{TENANT}"
        if asked.path == f"/{TENANT}/v2.0/.well-known/openid-configuration":
            return Answer(
                status=200,
                body={
                    "issuer": f"{base}/v2.0",
                    "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                    "token_endpoint": f"{base}/oauth2/v2.0/token",
                },
            )
        if asked.path != f"/{TENANT}/oauth2/v2.0/token":
            return _refused(400, "invalid_request", "AADSTS90002: Tenant not found.")
        form = {name: values[-1] for name, values in parse_qs(asked.body.decode()).items()}
        return self._judge(form, f"{base}/oauth2/v2.0/token")

    def of(self, asked: Asked) -> frozenset[str]:
        """Return the permissions in the token of a request.

        Raises:
            GraphError: It is unknown, or was revoked.
        """
        scheme, _, value = asked.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or value not in self._tokens:
            raise unauthorized()
        return self._tokens[value]

    def forget(self) -> None:
        """Let all tokens run out."""
        self._tokens.clear()

    def _judge(self, form: dict[str, str], audience: str) -> Answer:
        if form.get("grant_type") != "client_credentials":
            return _refused(400, "unsupported_grant_type", "AADSTS70003: unsupported.")
        if form.get("scope") != "https://graph.microsoft.com/.default":
            return _refused(400, "invalid_scope", "AADSTS70011: The provided value for scope is not valid.")
        if form.get("client_id") != CLIENT:
            return _refused(400, "unauthorized_client", "AADSTS700016: Application was not found.")
        if form.get("client_secret") != SECRET and not self._is_signed(form.get("client_assertion", ""), audience):
            return _refused(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
        return self._give()

    def _is_signed(self, assertion: str, audience: str) -> bool:
        if self.key is None:
            return False
        try:
            claims = jwt.decode(
                assertion,
                self.key,
                algorithms=["RS256", "PS256"],
                audience=audience,
                issuer=CLIENT,
                options={"verify_exp": False, "verify_iat": False},  # by this machine's clock
            )
        except jwt.PyJWTError:
            return False
        now = time.time() + self.skew
        # Five minutes of difference between the clocks are let through.
        return bool(claims["iat"] - 300 <= now <= claims["exp"] + 300)

    def _give(self) -> Answer:
        claims = {"aud": "https://graph.microsoft.com", "appid": CLIENT, "roles": sorted(self.granted)}
        parts = [{"alg": "RS256", "typ": "JWT"}, {**claims, "uti": secrets.token_hex(8)}]
        token = ".".join(
            [*(base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in parts), "x"]
        )
        self._tokens[token] = self.granted
        self.issued += 1
        body = {"token_type": "Bearer", "expires_in": LIFETIME, "ext_expires_in": LIFETIME, "access_token": token}
        return Answer(status=200, body=body)


def _refused(status: int, error: str, description: str) -> Answer:
    return Answer(status=status, body={"error": error, "error_description": description, "error_codes": [0]})
