"""The token endpoint, and where it is described (RFC 6749 §4.4 and §5, RFC 7523, RFC 8414)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scimbridge import telemetry
from scimbridge.admission.addresses import Addresses, is_within
from scimbridge.admission.failures import Failures
from scimbridge.domain.access import SCOPE, Refusal, SourceAccess
from scimbridge.scim.admission.credentials import authorization, login_of
from scimbridge.scim.admission.pace import Pace
from scimbridge.scim.errors import verdict_on
from scimbridge.services.granting import Client, Granting
from scimbridge.services.signatures import ALGORITHMS, OLD_NAMES

logger = structlog.get_logger("scimbridge.oauth")

TOKEN_PATH = "/oauth/token"  # noqa: S105 - an address
METADATA_PATH = "/.well-known/oauth-authorization-server"

_LARGEST = 32 * 1024
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_FORM = "application/x-www-form-urlencoded"
_UNSTORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}


@dataclass(frozen=True, slots=True)
class _ClientSecret:
    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Assertion:
    text: str = field(repr=False)


class _OAuthError(Exception):
    """A request that gets no token (RFC 6749 §5.2)."""

    def __init__(
        self, code: str, description: str, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(code)
        self.code = code
        self.description = description
        self.status = status
        self.headers = headers or {}


def oauth_routes(endpoint: TokenEndpoint, public_url: str) -> list[Route]:
    """Return the routes of the token endpoint and of its description.

    Args:
        endpoint: Answers the requests for tokens.
        public_url: The address under which clients reach the server, without a slash at its end.
    """
    document = metadata(public_url)

    async def describe(_request: Request) -> Response:
        return JSONResponse(document)

    return [Route(TOKEN_PATH, endpoint.answer, methods=["POST"]), Route(METADATA_PATH, describe)]


def metadata(public_url: str) -> dict[str, Any]:
    """Return the description of the token endpoint (RFC 8414 §2)."""
    return {
        "issuer": public_url,
        "token_endpoint": public_url + TOKEN_PATH,
        "response_types_supported": [],  # there is no authorization endpoint
        "grant_types_supported": ["client_credentials"],
        "scopes_supported": [SCOPE],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": [*ALGORITHMS, *OLD_NAMES],
    }


class TokenEndpoint:
    """Gives access tokens to the clients of sources.

    Args:
        granting: Knows the clients.
        clock: The current time (UTC).
        access: What the configuration says, by source.
        addresses: Knows where requests come from.
        failures: Slows those who guess, here and at the service provider together.
        pace: Knows how often each source may ask, here and there together.
    """

    def __init__(
        self,
        granting: Granting,
        clock: Callable[[], datetime],
        access: Mapping[str, SourceAccess],
        *,
        addresses: Addresses,
        failures: Failures,
        pace: Pace,
    ) -> None:
        self._granting = granting
        self._clock = clock
        self._access = access
        self._addresses = addresses
        self._failures = failures
        self._pace = pace

    async def answer(self, request: Request) -> Response:
        """Handle one request."""
        try:
            return await self._granted(request)
        except _OAuthError as error:
            body = {"error": error.code, "error_description": error.description}
            return JSONResponse(body, error.status, headers={**_UNSTORED, **error.headers})
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - the edge: every error becomes an answer
            verdict = verdict_on(error)
            body = {"error": "temporarily_unavailable" if verdict.status == 503 else "server_error"}
            return JSONResponse(body, verdict.status, headers={**_UNSTORED, **verdict.headers})

    async def _granted(self, request: Request) -> Response:
        form = await _form_of(request)
        presented = _presented(request, form)
        _check_grant(form)
        client = await self._authenticated(request, presented, form)
        self._check_address(request, client)
        self._check_pace(client.source)
        token = await run_in_threadpool(self._granting.issue, client, now := self._clock())
        logger.info("access token issued", action="token.issue", client_id=client.id, source=client.source)
        body = {
            "access_token": token.text,
            "token_type": "Bearer",
            "expires_in": int((token.expires_at - now).total_seconds()),
            "scope": SCOPE,
        }
        return JSONResponse(body, headers=_UNSTORED)

    def _check_pace(self, source: str) -> None:
        wait = self._pace.take(source)
        if wait is not None:
            telemetry.RATE_LIMITED.labels(source).inc()
            raise _OAuthError("slow_down", "too many requests; slow down", 429, {"Retry-After": str(wait)})

    async def _authenticated(
        self, request: Request, presented: _ClientSecret | _Assertion, form: Mapping[str, str]
    ) -> Client:
        address = self._addresses.of(request.scope)
        wait = await self._failures.hold_back(address)
        if wait is not None:
            telemetry.FAILED_AUTHENTICATIONS.labels("slowed").inc()
            raise _OAuthError("slow_down", "too many failures from this address", 429, {"Retry-After": str(wait)})
        client = await run_in_threadpool(self._identified, presented)
        if isinstance(client, Client) and form.get("client_id", client.id) != client.id:
            client = Refusal.INVALID
        if isinstance(client, Refusal):
            self._failures.count(address)
            telemetry.FAILED_AUTHENTICATIONS.labels(client.value).inc()
            logger.warning("not let in", action="token.issue", reason=client.value, address=str(address))
            raise _not_a_client("the client is not known, or has not shown that it is who it says")
        self._failures.forgive(address)
        return client

    def _identified(self, presented: _ClientSecret | _Assertion) -> Client | Refusal:
        match presented:
            case _ClientSecret(client_id, secret):
                return self._granting.by_secret(client_id, secret)
            case _Assertion(text):
                return self._granting.by_assertion(text, self._clock())

    def _check_address(self, request: Request, client: Client) -> None:
        access = self._access.get(client.source)
        if access is None or not access.allow_from:
            return
        address = self._addresses.of(request.scope)
        if address is None or not is_within(address, access.allow_from):
            telemetry.FAILED_AUTHENTICATIONS.labels("address").inc()
            raise _OAuthError("unauthorized_client", "this client may not be used from this address")


async def _form_of(request: Request) -> dict[str, str]:
    """Return the parameters of a request; empty ones count as absent, and none may come twice (RFC 6749 §3.2)."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise _OAuthError("invalid_request", f"send the parameters in the body, as {_FORM}")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            raise _OAuthError("invalid_request", f"the body is larger than {_LARGEST} bytes", 413)
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=32)
    except ValueError as error:
        raise _OAuthError("invalid_request", "the body cannot be read") from error
    form = {name: value for name, value in pairs if value}
    if len({name for name, _ in pairs}) < len(pairs):
        raise _OAuthError("invalid_request", "a parameter appears twice")
    return form


def _check_grant(form: Mapping[str, str]) -> None:
    if "grant_type" not in form:
        raise _OAuthError("invalid_request", "grant_type is missing")
    if form["grant_type"] != "client_credentials":
        raise _OAuthError("unsupported_grant_type", "only client_credentials is supported")
    if set(form.get("scope", SCOPE).split()) != {SCOPE}:
        raise _OAuthError("invalid_scope", f'the one scope is "{SCOPE}"')


def _presented(request: Request, form: Mapping[str, str]) -> _ClientSecret | _Assertion:
    """Return how the client shows who it is: in exactly one of three ways (RFC 6749 §2.3)."""
    header = authorization(request.scope)
    ways = (header is not None, "client_secret" in form, "client_assertion" in form)
    if sum(ways) > 1:
        raise _OAuthError("invalid_request", "the client is authenticated in more than one way")
    if header is not None:
        return _from_header(header)
    if "client_assertion" in form:
        if form.get("client_assertion_type") != _ASSERTION:
            raise _OAuthError("invalid_request", f"client_assertion_type must be {_ASSERTION}")
        return _Assertion(form["client_assertion"])
    if "client_secret" in form and "client_id" in form:
        return _ClientSecret(form["client_id"], form["client_secret"])
    telemetry.FAILED_AUTHENTICATIONS.labels(Refusal.MISSING).inc()
    raise _not_a_client("client authentication is missing")


def _from_header(header: bytes) -> _ClientSecret:
    scheme, _, encoded = header.partition(b" ")
    login = login_of(encoded.strip()) if scheme.lower() == b"basic" else None
    if login is None:
        telemetry.FAILED_AUTHENTICATIONS.labels(Refusal.MALFORMED).inc()
        raise _not_a_client("the Authorization header is not a Basic credential")
    # RFC 6749 §2.3.1: both parts are form-encoded before they are put together.
    return _ClientSecret(unquote_plus(login.username), unquote_plus(login.password))


def _not_a_client(description: str) -> _OAuthError:
    return _OAuthError("invalid_client", description, 401, {"WWW-Authenticate": 'Basic realm="oauth", charset="UTF-8"'})
