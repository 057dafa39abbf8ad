"""JWT access tokens of issuers that the configuration trusts (RFC 9068)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from scimbridge.domain.access import Grant, Refusal, TrustedIssuer
from scimbridge.services import signatures
from scimbridge.services.key_sets import KeySet, key_set_of


class Issuers:
    """Says which source a JWT is of.

    Args:
        issuers: By the name of their source; several sources may trust one issuer.
        keys_of: Makes the key set of a source's issuer.
    """

    def __init__(
        self,
        issuers: Mapping[str, TrustedIssuer],
        keys_of: Callable[[str, TrustedIssuer], KeySet] = key_set_of,
    ) -> None:
        self._issuers = issuers
        self._keys = {source: keys_of(source, issuer) for source, issuer in issuers.items()}

    def identify(self, token: str, now: datetime, named: str | None = None) -> Grant | Refusal:
        """Return the source that a JWT is of, or why it is of none.

        Args:
            token: In its compact form.
            now: The current time (UTC).
            named: The only source that is asked for, if one is.

        Raises:
            KeysUnavailableError: It may be good, but the issuer's keys cannot be read.
        """
        peeked = signatures.unverified(token)
        if peeked is None:
            return Refusal.UNKNOWN
        header, claims = peeked
        found: Grant | Refusal = Refusal.UNKNOWN
        for source, issuer in self._issuers.items():
            if claims.get("iss") != issuer.issuer or named not in {None, source}:
                continue
            result = self._judge(token, header.get("kid"), source, now)
            if isinstance(result, Grant):
                return result
            # That it is valid and lacks a right says more than that it is not for another source.
            found = found if found is Refusal.NO_RIGHT else result
        return found

    def check(self, source: str) -> int:
        """Fetch the keys of a source's issuer now, and return how many there are.

        Raises:
            KeysUnavailableError: They cannot be had.
        """
        return self._keys[source].renew()

    def _judge(self, token: str, kid: object, source: str, now: datetime) -> Grant | Refusal:
        issuer = self._issuers[source]
        key = self._keys[source].find(kid)
        if key is None:
            return Refusal.INVALID
        try:
            claims = signatures.verified(
                token,
                key,
                algorithms=issuer.algorithms,
                issuer=issuer.issuer,
                audiences=issuer.audiences,
                now=now,
            )
        except signatures.SignatureExpiredError:
            return Refusal.EXPIRED
        except signatures.SignatureError:
            return Refusal.INVALID
        if not _has_rights(claims, issuer):
            return Refusal.NO_RIGHT
        return Grant(source, signatures.expiry_of(claims, now))


def _has_rights(claims: Mapping[str, Any], issuer: TrustedIssuer) -> bool:
    if issuer.scope is not None and issuer.scope not in _scopes(claims):
        return False
    return all(wanted == (found := claims.get(name)) or _holds(found, wanted) for name, wanted in issuer.claims.items())


def _holds(found: Any, wanted: str) -> bool:
    return isinstance(found, list) and wanted in found


def _scopes(claims: Mapping[str, Any]) -> list[str]:
    """Return the scopes of a token: RFC 9068 has a string, Okta a list ``scp``, Entra ID a string ``scp``."""
    found: list[str] = []
    for value in (claims.get("scope"), claims.get("scp")):
        if isinstance(value, str):
            found += value.split()
        elif isinstance(value, list):
            found += (each for each in value if isinstance(each, str))
    return found
