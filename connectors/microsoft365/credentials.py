"""Tokens of the application, by msal; the SDK's client makes the calls.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import msal

from connectors.microsoft365.config import Microsoft365Config
from scimbridge.sdk import TargetUnusableError
from scimbridge.sdk.http import Answer, HttpClient
from scimbridge.sdk.tokens import REFUSALS

_MEANINGS = {
    "invalid_client": "Microsoft refuses the secret of the application; has it expired?",
    "unauthorized_client": "the tenant knows no application of this client_id",
    "invalid_request": "Microsoft does not know the tenant; is tenant_id right?",
    "invalid_scope": "Microsoft does not know the scope; does it fit the cloud of api_root?",
}
"""What the errors of the endpoint mean. Its texts and numbers may change, as Microsoft says, and are not looked at."""

_REFUSED_CERTIFICATE = (
    "Microsoft refuses what the certificate of the application signs; has it expired, does the application know it, or "
    "is this machine's clock wrong?"
)


class Credentials:
    """The application's token, kept until it runs out. Safe to use from several threads."""

    def __init__(self, config: Microsoft365Config, http: HttpClient) -> None:
        self._config = config
        self._http = _MsalHttp(config.authority, http)
        self._lock = threading.Lock()
        self._application: msal.ConfidentialClientApplication | None = None

    def authorize(self, refused: str) -> str:
        """Return the Authorization header, of a new token where this one was refused.

        Raises:
            TargetUnusableError: The credentials, the tenant or the application are wrong.
            RetryableError: The authority cannot be reached.
        """
        return f"Bearer {self._token(refused.removeprefix('Bearer '))}"

    def granted(self, *, renew: bool) -> frozenset[str]:
        """Return the permissions that an administrator has consented to, as the token names them; or a new one."""
        token = self._token()
        payload = (self._token(token) if renew else token).split(".")[1]
        try:
            claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        except ValueError:
            return frozenset()
        return frozenset(map(str, claims.get("roles", ())))

    def _token(self, refused: str = "") -> str:
        with self._lock:
            application = self._application = self._application or self._sign_in()
            answer = application.acquire_token_for_client(scopes=[self._config.scope])
            if refused and isinstance(answer, dict) and answer.get("access_token") == refused:
                application.remove_tokens_for_client()
                answer = application.acquire_token_for_client(scopes=[self._config.scope])
        if not isinstance(answer, dict) or "access_token" not in answer:
            error = str(answer.get("error", "")) if isinstance(answer, dict) else ""
            raise TargetUnusableError(f"getting a token: {self._meaning(error)}")
        return str(answer["access_token"])

    def _meaning(self, error: str) -> str:
        if error == "invalid_client" and self._config.client_certificate is not None:
            return _REFUSED_CERTIFICATE
        return _MEANINGS.get(error, "Microsoft refuses the application")

    def _sign_in(self) -> msal.ConfidentialClientApplication:
        # msal takes https addresses only; the client has the configured one.
        authority = f"https://{urlsplit(self._config.authority).netloc}/{self._config.tenant_id}"
        try:
            return msal.ConfidentialClientApplication(
                self._config.client_id,
                client_credential=self._credential(),
                authority=authority,
                # The administrator has configured the host; nobody else is asked about it.
                instance_discovery=False,
                http_client=self._http,
            )
        except ValueError:
            raise TargetUnusableError(
                "getting a token: the authority does not know the tenant, or the certificate cannot be read; look at "
                "tenant_id, authority and client_certificate"
            ) from None

    def _credential(self) -> str | dict[str, str]:
        if self._config.client_certificate is None:
            return self._config.client_secret.get_secret_value()
        pem = self._config.client_certificate.read_text(encoding="utf-8")
        return {"private_key": pem, "public_certificate": pem}


@dataclass(frozen=True, slots=True)
class _Answered:
    """An answer as msal wants it."""

    status_code: int
    text: str
    headers: Mapping[str, str]

    def raise_for_status(self) -> None:
        """Do nothing: the client raises what is no answer, and msal reads refusals itself."""


class _MsalHttp:
    """What msal calls to reach the authority."""

    def __init__(self, authority: str, http: HttpClient) -> None:
        self._host = urlsplit(authority).netloc
        self._http = http

    def get(self, url: str, **_: Any) -> _Answered:
        return self._send("GET", url, None)

    def post(self, url: str, data: Mapping[str, str] | None = None, **_: Any) -> _Answered:
        return self._send("POST", url, urlencode(data or {}).encode())

    def close(self) -> None:
        """Do nothing: whoever made the client closes it."""

    def _send(self, method: str, url: str, body: bytes | None) -> _Answered:
        parts = urlsplit(url)
        if parts.netloc != self._host:
            raise TargetUnusableError("getting a token: the authority sends the bridge to another host")
        headers = {} if body is None else {"Content-Type": "application/x-www-form-urlencoded"}
        # 429 and 5xx are for the client to make sense of; refusals are for msal.
        answer: Answer = self._http.send(
            method,
            parts.path,
            call="getting a token",
            body=body,
            headers=headers,
            expect=REFUSALS,
            only_asks=True,
        )
        return _Answered(answer.status, answer.body.decode("utf-8", "replace"), answer.headers)
