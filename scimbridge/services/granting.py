"""The token endpoint's work: who a client is, and the access token that it gets (RFC 6749 §4.4, RFC 7523)."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping

from scimbridge.domain.access import ACCESS_TOKEN_PREFIX, Grant, Refusal
from scimbridge.services import signatures
from scimbridge.services.tokens import digest_of
from scimbridge.store import clients
from scimbridge.store.database import Database

LIFETIME = timedelta(hours=1)
"""How long an access token lets its source in."""

LONGEST_ASSERTION = timedelta(hours=1)
"""How far ahead an assertion may expire: until then, its ``jti`` has to be remembered."""

_NOBODYS_DIGEST = digest_of("")


@dataclass(frozen=True, slots=True)
class Client:
    """A client that has shown who it is."""

    id: str
    source: str


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a client is given."""

    text: str = field(repr=False)
    expires_at: datetime


class Granting:
    """Gives access tokens to clients, and recognizes them again. Only their digests are kept.

    Args:
        database: Where they are.
        audiences: What an assertion may be addressed to: the token endpoint, and the issuer (RFC 7523 §3).
    """

    def __init__(self, database: Database, audiences: Sequence[str]) -> None:
        self._database = database
        self._audiences = audiences

    def by_secret(self, client_id: str, secret: str) -> Client | Refusal:
        """Return the client that has this secret."""
        with self._database.read() as tx:
            row = clients.live_client(tx, client_id)
        kept = (row["secret_digest"] if row is not None else None) or _NOBODYS_DIGEST
        # Compared for clients that do not exist as well, and in a time that says nothing about the secret.
        is_right = hmac.compare_digest(kept, digest_of(secret))
        return Client(row["id"], row["source"]) if is_right and row is not None and secret else Refusal.UNKNOWN

    def by_assertion(self, assertion: str, now: datetime) -> Client | Refusal:
        """Return the client that has signed an assertion, which counts once (RFC 7523 §3)."""
        peeked = signatures.unverified(assertion)
        client_id = peeked[1].get("sub") if peeked is not None else None
        if peeked is None or not isinstance(client_id, str):
            return Refusal.MALFORMED
        with self._database.read() as tx:
            row = clients.live_client(tx, client_id)
        if row is None or row["jwks"] is None:
            return Refusal.UNKNOWN
        return self._verified(assertion, peeked[0].get("kid"), row, now)

    def issue(self, client: Client, now: datetime) -> AccessToken:
        """Return a new access token."""
        token = AccessToken(ACCESS_TOKEN_PREFIX + secrets.token_urlsafe(32), now + LIFETIME)
        with self._database.write() as tx:
            clients.insert_access_token(tx, client.id, digest_of(token.text), now, token.expires_at)
        return token

    def identify(self, token: str, now: datetime) -> Grant | Refusal:
        """Return the source that an access token is of, or why it is of none."""
        with self._database.read() as tx:
            row = clients.access_token(tx, digest_of(token))
        if row is None:
            return Refusal.UNKNOWN
        if row["revoked_at"] is not None:
            return Refusal.REVOKED
        if row["expires_at"] <= now:
            return Refusal.EXPIRED
        return Grant(row["source"], row["expires_at"])

    def _verified(self, assertion: str, kid: object, row: RowMapping, now: datetime) -> Client | Refusal:
        key = signatures.named(signatures.keys_in(row["jwks"]), kid)
        if key is None:
            return Refusal.INVALID
        try:
            claims = signatures.verified(
                assertion,
                key,
                algorithms=signatures.ALGORITHMS,
                issuer=row["id"],
                audiences=self._audiences,
                now=now,
            )
        except signatures.SignatureExpiredError:
            return Refusal.EXPIRED
        except signatures.SignatureError:
            return Refusal.INVALID
        return Client(row["id"], row["source"]) if self._is_first_use(claims, row["id"], now) else Refusal.INVALID

    def _is_first_use(self, claims: Mapping[str, Any], client_id: str, now: datetime) -> bool:
        jti = claims.get("jti")
        expires_at = signatures.expiry_of(claims, now)
        if not isinstance(jti, str) or not jti or expires_at > now + LONGEST_ASSERTION + signatures.LEEWAY:
            return False
        with self._database.write() as tx:
            return clients.use_assertion(tx, client_id, digest_of(jti), now, expires_at)
