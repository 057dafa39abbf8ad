"""Tokens of a service account with domain-wide delegation; google-auth signs, the SDK's client calls.

A token has one scope, so that a missing one is known by its name, and stops nothing but what needs it.
https://developers.google.com/identity/protocols/oauth2/service-account#httprest
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from google.auth import exceptions
from google.auth.transport import Request, Response
from google.oauth2 import service_account

from connectors.google_workspace import scopes
from connectors.google_workspace.errors import is_busy
from scimbridge.sdk import ConnectorError, RejectedError, RetryableError, TargetUnusableError
from scimbridge.sdk.http import Answer, Authorize, HttpClient
from scimbridge.sdk.tokens import REFUSALS

FORM = "application/x-www-form-urlencoded"


class Credentials:
    """Tokens, kept until they run out. Safe to use from several threads.

    Args:
        key: The service account's key.
        http: Calls the token endpoint.
    """

    def __init__(self, key: Mapping[str, Any], http: HttpClient) -> None:
        self._exchange = _Exchange(http)
        try:
            # google-auth declares few types
            self._account = service_account.Credentials.from_service_account_info(dict(key))  # type: ignore[no-untyped-call]
        except (ValueError, exceptions.GoogleAuthError):
            raise TargetUnusableError("credentials_file: the private key in it cannot be read") from None
        self._tokens: dict[tuple[str, str], service_account.Credentials] = {}
        self._locks: defaultdict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)

    def authorize(self, scope: str, subject: str) -> Authorize:
        """Return what gives the header for calls of this scope, on behalf of ``subject``.

        Raises (the function that is returned):
            TargetUnusableError: The key, the subject or the delegation is wrong.
            RejectedError: The delegation lacks this one scope.
            RetryableError: The token endpoint cannot be reached.
        """

        def header(refused: str) -> str:
            with self._locks[scope, subject]:
                token = self._tokens.get((scope, subject))
                if token is None or refused == f"Bearer {token.token}" or not token.valid:
                    token = self._new(scope, subject)
                    self._tokens[scope, subject] = token
                return f"Bearer {token.token}"

        return header

    def _new(self, scope: str, subject: str) -> service_account.Credentials:
        token: service_account.Credentials = self._account.with_scopes([scope]).with_subject(subject)
        try:
            token.refresh(self._exchange)  # type: ignore[no-untyped-call]  # google-auth declares few types
        except exceptions.RefreshError as error:
            raise _meaning(error, scope) from None
        except exceptions.GoogleAuthError as error:
            raise TargetUnusableError(f"getting a token failed ({type(error).__name__})") from None
        return token


class _Exchange(Request):
    """What google-auth calls to reach the token endpoint."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: int | None = None,
        **more: Any,
    ) -> Response:
        del url, timeout, more  # the client has the address and the limits
        sent = {"Content-Type": FORM, **(headers or {})}
        # 429 and 5xx are for the client to make sense of; refusals are for google-auth.
        answer = self._http.send(
            method, "", call="getting a token", body=body, headers=sent, expect=REFUSALS, only_asks=True
        )
        if is_busy(answer):
            raise RetryableError("getting a token: Google asks for fewer calls")
        return _Answered(answer)


class _Answered(Response):
    """An answer as google-auth wants it."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    @property
    def status(self) -> int:
        return self._answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._answer.headers

    @property
    def data(self) -> bytes:
        return self._answer.body


def _meaning(error: exceptions.RefreshError, scope: str) -> ConnectorError:
    """Return what a refused token means. Google's texts may quote an address, and stay behind."""
    said = error.args[1] if len(error.args) > 1 and isinstance(error.args[1], dict) else {}
    match said.get("error"):
        case "unauthorized_client":
            message = (
                f"getting a token: the service account is not allowed to act with the scope {scope}; add it to the "
                "domain-wide delegation in the Admin console"
            )
            return TargetUnusableError(message) if scope == scopes.USER else RejectedError(message)
        case "invalid_grant" if "Invalid JWT" in str(said.get("error_description")):
            return TargetUnusableError(
                "getting a token: Google refuses the key of the service account; was it deleted, or is this "
                "machine's clock wrong?"
            )
        case "invalid_grant":
            return TargetUnusableError("getting a token: Google knows nobody of the address in `subject`")
        case _:
            return TargetUnusableError("getting a token: Google refuses the service account")
