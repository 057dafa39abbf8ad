"""Whether a request is let in, and as which source."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime

import structlog
from anyio import CapacityLimiter, to_thread
from starlette.types import Scope

from scimbridge import telemetry
from scimbridge.admission.addresses import Addresses, is_within
from scimbridge.admission.failures import Failures
from scimbridge.domain.access import BearerToken, Credential, Grant, Refusal, SourceAccess
from scimbridge.scim.admission.answers import NOT_FROM_HERE, Challenges, come_back
from scimbridge.scim.admission.credentials import authorization, credential_of
from scimbridge.scim.admission.pace import Pace
from scimbridge.scim.base import NAMED_SOURCE
from scimbridge.scim.errors import Verdict, verdict_on
from scimbridge.services.recent import RecentGrants

logger = structlog.get_logger("scimbridge.admission")

SOURCE = "scimbridge.source"
"""Where in the ASGI scope the name of the source is."""

_VERIFIERS = 8
"""JWTs of strangers that are checked at once: an issuer that does not answer must not use up the threads of all
sources, and anybody can name a key that nobody has."""

Identify = Callable[[Credential, str | None], Grant | Refusal]
"""Returns the source of a credential, given the source that the address names, if any. Called in a thread."""


class Gate:
    """Lets requests in, or says why not. The common case, a token seen within the last second, takes no thread.

    Args:
        identify: Looks credentials up.
        recent: What was found lately.
        clock: The current time (UTC).
        access: What the configuration says, by source.
        addresses: Knows where requests come from.
        failures: Slows those who guess.
        pace: Knows how often each source may ask.
    """

    def __init__(
        self,
        identify: Identify,
        recent: RecentGrants,
        clock: Callable[[], datetime],
        access: Mapping[str, SourceAccess],
        *,
        addresses: Addresses,
        failures: Failures,
        pace: Pace,
    ) -> None:
        self._identify = identify
        self._recent = recent
        self._clock = clock
        self._addresses = addresses
        self._failures = failures
        self._allow_from = {source: each.allow_from for source, each in access.items() if each.allow_from}
        self._pace = pace
        self._challenges = Challenges(basic=any(each.login is not None for each in access.values()))
        self._verifiers = CapacityLimiter(_VERIFIERS)

    async def admit(self, scope: Scope) -> Verdict | None:
        """Write the source into the scope and return ``None``, or return the answer to a request that is not let in."""
        header = authorization(scope)
        if header is None:
            telemetry.FAILED_AUTHENTICATIONS.labels(Refusal.MISSING).inc()
            return self._challenges.to(Refusal.MISSING)
        digest = hashlib.sha256(header).digest()
        grant = self._recent.fresh(digest)
        if grant is None or scope.get(NAMED_SOURCE, grant.source) != grant.source:
            found = await self._looked_up(scope, header, digest)
            if isinstance(found, Verdict):
                return found
            grant = found
        return self._let_in(scope, grant.source)

    def _let_in(self, scope: Scope, source: str) -> Verdict | None:
        networks = self._allow_from.get(source)
        if networks is not None:
            address = self._addresses.of(scope)
            if address is None or not is_within(address, networks):
                self._note("address", scope, source=source)
                return NOT_FROM_HERE
        wait = self._pace.take(source)
        if wait is not None:
            telemetry.RATE_LIMITED.labels(source).inc()
            return come_back(wait, "too many requests; slow down")
        scope[SOURCE] = source
        return None

    async def _looked_up(self, scope: Scope, header: bytes, digest: bytes) -> Grant | Verdict:
        address = self._addresses.of(scope)
        is_known = self._recent.is_known(digest)
        wait = None if is_known else await self._failures.hold_back(address)
        if wait is not None:
            telemetry.FAILED_AUTHENTICATIONS.labels("slowed").inc()
            return come_back(wait, "too many failed authentications from this address; try again later")
        try:
            found = await self._found(scope, header, digest)
        except Exception as error:  # noqa: BLE001 - the edge: every error becomes an answer
            return verdict_on(error)
        if isinstance(found, Refusal):
            self._failures.count(address)
            self._note(found.value, scope)
            return self._challenges.to(found)
        if not is_known:
            self._failures.forgive(address)
        return found

    async def _found(self, scope: Scope, header: bytes, digest: bytes) -> Grant | Refusal:
        credential = credential_of(header)
        if credential is None:
            return Refusal.MALFORMED
        generation = self._recent.generation
        is_jwt = isinstance(credential, BearerToken) and credential.is_jwt
        limiter = self._verifiers if is_jwt and not self._recent.is_known(digest) else None
        found = await to_thread.run_sync(self._identify, credential, scope.get(NAMED_SOURCE), limiter=limiter)
        if isinstance(found, Grant):
            self._recent.remember(digest, found, self._clock(), generation)
        elif found is not Refusal.WRONG_SOURCE:
            self._recent.forget(digest)
        return found

    def _note(self, reason: str, scope: Scope, source: str | None = None) -> None:
        telemetry.FAILED_AUTHENTICATIONS.labels(reason).inc()
        # Written once for each that was judged: who fails often is slowed before.
        address = str(self._addresses.of(scope))
        logger.warning("not let in", action="authenticate", reason=reason, address=address, source=source)
