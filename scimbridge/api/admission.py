"""Who is let into the API: operators with a token, each for what their role may do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

import structlog
from anyio import to_thread
from starlette.requests import Request

from scimbridge import telemetry
from scimbridge.admission.addresses import Addresses
from scimbridge.admission.failures import Failures
from scimbridge.api.problems import ProblemError
from scimbridge.domain.access import BearerToken
from scimbridge.domain.operator import Operator, Permission, roles_that_may
from scimbridge.scim.admission.credentials import authorization, credential_of

_MOST_KNOWN = 4096
"""Tokens that are remembered as having let somebody in; each is looked up all the same."""

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="scimbridge"'}

logger = structlog.get_logger("scimbridge.admission")

Identify = Callable[[str, datetime], Operator | None]
"""Returns whose token this is. Called in a thread."""


class Admission:
    """Lets operators in, and slows those who guess. Asked by the event loop alone, but for ``still_admits``.

    Args:
        identify: Looks tokens up.
        clock: The current time (UTC).
        addresses: Finds the client of a request.
        failures: Counts failures by address, together with those of sources.
    """

    def __init__(
        self, identify: Identify, clock: Callable[[], datetime], addresses: Addresses, failures: Failures
    ) -> None:
        self._identify = identify
        self._clock = clock
        self._addresses = addresses
        self._failures = failures
        self._known: set[bytes] = set()

    async def admit(self, request: Request, permission: Permission) -> Operator:
        """Return who asks.

        Raises:
            ProblemError: Nobody is let in with this, or their role may not do it.
        """
        header = authorization(request.scope)
        if header is None:
            raise ProblemError(401, "a bearer token is needed: `scimbridge operator create`", headers=_CHALLENGE)
        address, digest = self._addresses.of(request.scope), hashlib.sha256(header).digest()
        # Whoever shares an address with somebody who guesses is not locked out.
        is_known = digest in self._known
        wait = None if is_known else await self._failures.hold_back(address)
        if wait is not None:
            detail = "too many failed authentications from this address; try again later"
            raise ProblemError(429, detail, headers={"Retry-After": str(wait)})
        found = await to_thread.run_sync(self._whose, header)
        if found is None:
            self._known.discard(digest)
            self._failures.count(address)
            telemetry.FAILED_AUTHENTICATIONS.labels("operator").inc()
            logger.warning("not let in", action="authenticate", reason="operator", address=str(address))
            # The same for all: nobody learns whether a token was ever good.
            raise ProblemError(401, "a valid bearer token is needed", headers=_CHALLENGE)
        if not is_known:
            self._failures.forgive(address)
            self._remember(digest)
        if not found.role.may(permission):
            needed = " or ".join(roles_that_may(permission))
            raise ProblemError(403, f"this takes the role {needed}; yours is {found.role}")
        return found

    def still_admits(self, request: Request, permission: Permission) -> bool:
        """Whether whoever was let in would be let in again just now. It runs in a thread."""
        found = self._whose(authorization(request.scope) or b"")
        return found is not None and found.role.may(permission)

    def _whose(self, header: bytes) -> Operator | None:
        credential = credential_of(header)
        return self._identify(credential.text if isinstance(credential, BearerToken) else "", self._clock())

    def _remember(self, digest: bytes) -> None:
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known.add(digest)
