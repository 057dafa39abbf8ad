"""Which source a request is of, whatever it presents."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from scimbridge.domain.access import ACCESS_TOKEN_PREFIX, BearerToken, Credential, Grant, Login, Refusal, SourceAccess
from scimbridge.services.tokens import PREFIX, Tokens, digest_of

if TYPE_CHECKING:
    from scimbridge.services.granting import Granting
    from scimbridge.services.issuers import Issuers


class Identifying:
    """Tells credentials apart and has each looked up where it belongs.

    Args:
        tokens: Knows the bearer tokens.
        granting: Knows the access tokens of the bridge's own token endpoint.
        issuers: Knows the JWTs of others.
        access: What the configuration says, by source.
        clock: The current time (UTC).
    """

    def __init__(
        self,
        tokens: Tokens,
        granting: Granting,
        issuers: Issuers,
        access: Mapping[str, SourceAccess],
        clock: Callable[[], datetime],
    ) -> None:
        self._tokens = tokens
        self._granting = granting
        self._issuers = issuers
        self._clock = clock
        self._logins = [
            (source, _digest_of_login(each.login)) for source, each in access.items() if each.login is not None
        ]

    def identify(self, credential: Credential, named: str | None = None) -> Grant | Refusal:
        """Return the source of a credential, or why there is none.

        Args:
            credential: What the request presents.
            named: The source that its address names, if it names one; it has to be that one's.

        Raises:
            StoreError: The store does not answer.
            KeysUnavailableError: The keys of a trusted issuer cannot be read.
        """
        found = self._look_up(credential, self._clock(), named)
        if isinstance(found, Grant) and named not in {None, found.source}:
            return Refusal.WRONG_SOURCE
        return found

    def _look_up(self, credential: Credential, now: datetime, named: str | None) -> Grant | Refusal:
        match credential:
            case BearerToken(text) if text.startswith(PREFIX):
                return self._tokens.identify(text, now)
            case BearerToken(text) if text.startswith(ACCESS_TOKEN_PREFIX):
                return self._granting.identify(text, now)
            case BearerToken(text):
                return self._issuers.identify(text, now, named) if credential.is_jwt else Refusal.UNKNOWN
            case Login():
                return self._by_login(credential)

    def _by_login(self, login: Login) -> Grant | Refusal:
        presented = _digest_of_login(login)
        # All are compared, each in constant time: how long it takes says nothing about any of them.
        matches = [source for source, kept in self._logins if hmac.compare_digest(kept, presented)]
        return Grant(matches[0]) if matches else Refusal.UNKNOWN


def _digest_of_login(login: Login) -> str:
    return digest_of(f"{login.username}:{login.password}")
