"""How the bridge says who it is: by a token, a password, a certificate, or tokens that run out (OAuth 2.0)."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from connectors.scim.config import ScimConfig
from scimbridge.sdk import Context, TargetUnusableError
from scimbridge.sdk.http import Answer, Authorize, ClientCertificate, HttpClient
from scimbridge.sdk.tokens import REFUSALS

_CALL = "getting a token"
_EARLY = 60.0
"""How many seconds before its end a token is not used any more; of a short-lived one, half of its life."""

_MEANINGS = {
    "invalid_client": "client_id, client_secret or client_certificate is not accepted; `client_authentication` says "
    "how the secret is sent",
    "invalid_grant": "the refresh token is not accepted; it has run out, was taken back, or was replaced by another "
    "one when it was used",
    "unauthorized_client": "this client may not ask for tokens in this way",
    "unsupported_grant_type": "tokens are not given out in this way there; a refresh token may be needed, or none",
    "invalid_scope": "`scope` is not known there, or not granted",
}
"""What the errors of RFC 6749 section 5.2 mean. Their texts may quote what was sent, and stay behind."""


def certificate(config: ScimConfig) -> ClientCertificate | None:
    """Return the certificate that the bridge shows, if it has one."""
    return (
        None if config.client_certificate is None else ClientCertificate(config.client_certificate, config.client_key)
    )


def headers(config: ScimConfig) -> dict[str, str]:
    """Return the headers with credentials that last."""
    if config.username is not None:
        return {"Authorization": _basic(config.username, config.password.get_secret_value())}
    token = config.token.get_secret_value()
    if not token:
        return {}
    usual = "Bearer" if config.token_header.lower() == "authorization" else ""
    scheme = usual if config.token_scheme is None else config.token_scheme
    return {config.token_header: f"{scheme} {token}".lstrip()}


class Tokens:
    """Tokens of an authorization server, kept until they run out. Safe to use from several threads.

    Args:
        config: With a ``token_url``.
        context: Whose permit is asked before each call.
        monotonic: Seconds, for the end of tokens.
        replaced: Settings of the HTTP client, for tests.
    """

    def __init__(
        self, config: ScimConfig, context: Context, *, monotonic: Callable[[], float] = time.monotonic, **replaced: Any
    ) -> None:
        address = urlsplit(config.token_url or "")
        self._config = config
        self._path = address.path or "/"
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._refresh_token = config.refresh_token.get_secret_value()
        self._header = ""
        self._ends_at = float("-inf")
        settings: dict[str, Any] = {
            "ca_file": config.ca_file,
            "certificate": certificate(config),
            "allow_link_local": config.allow_link_local,
            **replaced,
        }
        self._http = HttpClient(f"{address.scheme}://{address.netloc}", permit=context.permit, **settings)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def authorize(self, refused: str) -> str:
        """Return the Authorization header, of a new token where this one was refused.

        Raises:
            TargetUnusableError: The authorization server refuses the bridge.
            RetryableError: It cannot be reached.
        """
        with self._lock:
            if refused == self._header or self._monotonic() >= self._ends_at:
                self._renew()
            return self._header

    def _renew(self) -> None:
        # Counted from here, so that a slow answer does not make a token look younger.
        asked_at = self._monotonic()
        answer = self._http.send(
            "POST",
            self._path,
            call=_CALL,
            body=urlencode(self._form()).encode(),
            headers={
                "Accept": "application/json",
                "Content-Type": "application/x-www-form-urlencoded",
                **self._proof(),
            },
            expect=REFUSALS,
            only_asks=True,
        )
        if answer.status // 100 != 2:
            raise TargetUnusableError(_refusal(answer))
        document = answer.json_object()
        token = document.get("access_token")
        if not isinstance(token, str) or not (token.isascii() and token.isprintable() and token):
            raise TargetUnusableError(f"{_CALL}: there is none in the answer; does token_url lead to a token endpoint?")
        self._header, self._ends_at = f"Bearer {token}", asked_at + _lifetime(document)
        # The old one may be worth nothing from now on (RFC 6749 section 6).
        self._refresh_token = str(document.get("refresh_token") or self._refresh_token)

    def _form(self) -> dict[str, str]:
        form = {"grant_type": "client_credentials"}
        if self._refresh_token:
            form = {"grant_type": "refresh_token", "refresh_token": self._refresh_token}
        if self._config.scope:
            form["scope"] = self._config.scope
        secret = self._config.client_secret.get_secret_value()
        if secret and self._config.client_authentication == "basic":
            return form
        form["client_id"] = self._config.client_id or ""
        return {**form, "client_secret": secret} if secret else form

    def _proof(self) -> dict[str, str]:
        """Return what proves who asks, where that is not in the form."""
        secret = self._config.client_secret.get_secret_value()
        if not secret or self._config.client_authentication == "body":
            return {}
        # RFC 6749 section 2.3.1: both are encoded like a form before they are put together.
        return {"Authorization": _basic(quote_plus(self._config.client_id or ""), quote_plus(secret))}


def authorize(tokens: Tokens | None) -> Authorize | None:
    """Return what gives the header of each call, where tokens run out."""
    return None if tokens is None else tokens.authorize


def _lifetime(document: Mapping[str, Any]) -> float:
    """Return for how many seconds a token is used; for ever where nothing is said, since a refusal tells as well."""
    try:
        seconds = float(document["expires_in"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return float("inf")
    return max(seconds - _EARLY, seconds / 2)


def _refusal(answer: Answer) -> str:
    error = (answer.json_object_or_none() or {}).get("error")
    meaning = _MEANINGS.get(error) if isinstance(error, str) else None
    if meaning is None:
        return f"{_CALL}: token_url answered {answer.status}; does it lead to a token endpoint?"
    return f"{_CALL}: {error}: {meaning}"


def _basic(user: str, password: str) -> str:
    """Return a header of RFC 7617."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
