"""JSON Web Signatures and the keys that check them (RFC 7515, 7517, 7519): the one place that knows the library."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwk, jws, jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from scimbridge.errors import InvalidKeyError

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519")
"""What signatures may be made with. Symmetric algorithms and ``none`` are left out: whoever can check those can
also sign, or nobody has to."""

OLD_NAMES: Mapping[str, str] = {"EdDSA": "Ed25519"}
"""What algorithms were called before RFC 9864, as most libraries that sign still do, and what they are called since."""

LEEWAY = timedelta(seconds=60)
"""How far the clock of whoever signs may be off (RFC 7519 §4.1.4 asks for no more than a few minutes)."""

_KINDS: Mapping[str, type[RSAKey | ECKey | OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_SMALLEST_RSA = 2048  # RFC 7518 §3.3


class SignatureError(Exception):
    """A signature or a claim is not what it has to be."""


class SignatureExpiredError(SignatureError):
    """The time of what was signed is over."""


class _Registry(jws.JWSRegistry):
    max_header_length = 8192  # certificates (x5c) may stand in a header

    def get_alg(self, name: str) -> Any:
        # The library only warns of the old name, which says nothing about the signature.
        if OLD_NAMES.get(name) in (self.allowed or ()):
            return self.algorithms[name]
        return super().get_alg(name)


def unverified(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    """Return header and claims of a JWT as anybody could have written them, or ``None`` where it is none."""
    try:
        found = jws.extract_compact(token.encode(), registry=_Registry(strict_check_header=False))
        claims = json.loads(found.payload)
    except (JoseError, ValueError, RecursionError, TypeError):
        return None
    return (found.headers(), claims) if isinstance(claims, dict) else None


def verified(
    token: str, key: Key, *, algorithms: Sequence[str], issuer: str, audiences: Sequence[str], now: datetime
) -> Mapping[str, Any]:
    """Return the claims of a JWT.

    Args:
        token: In its compact form.
        key: What it has to be signed with.
        algorithms: Which of ``ALGORITHMS`` will do.
        issuer: Who has to have issued it.
        audiences: Whom it has to be for: one of them.
        now: The current time; ``exp`` (required), ``nbf`` and ``iat`` are checked with ``LEEWAY``.

    Raises:
        SignatureExpiredError: Its time is over.
        SignatureError: It is not signed by the key, or a claim is wrong.
    """
    # RFC 7515 §4: what a header says beside that has to be ignored, unless it is critical.
    registry = _Registry(algorithms=list(algorithms), strict_check_header=False)
    expected = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=int(LEEWAY.total_seconds()),
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "values": list(audiences)},
        exp={"essential": True},
    )
    try:
        claims = jwt.decode(token, key, registry=registry).claims
        expected.validate(claims)
    except ExpiredTokenError as error:
        raise SignatureExpiredError from error
    except (JoseError, ValueError, RecursionError, TypeError) as error:
        raise SignatureError from error
    return claims


def expiry_of(claims: Mapping[str, Any], now: datetime) -> datetime:
    """Return when claims expire. Nobody's tokens live for more than a year, and a calendar has its limits."""
    # Compared as it is: JSON has whole numbers that no float holds.
    latest = now.timestamp() + timedelta(days=366).total_seconds()
    return now + timedelta(seconds=min(claims["exp"], latest) - now.timestamp()) + LEEWAY


def published_keys(body: bytes) -> list[Key]:
    """Return the keys in a JWK Set (RFC 7517 §5). Keys that are of no use for signatures are left out.

    Raises:
        InvalidKeyError: It is no JWK Set, or none of its keys can be used.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidKeyError("is not JSON") from error
    found = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise InvalidKeyError('is not a JWK Set: an object with a list "keys"')
    keys = list(_usable(found))
    if not keys:
        raise InvalidKeyError("holds no public key for signatures of RSA (2048 bits or more), EC or OKP")
    return keys


def keys_of_client(content: bytes) -> dict[str, Any]:
    """Return the JWK Set of what a client's owner hands over: a public key in PEM, or a JWK Set.

    Raises:
        InvalidKeyError: It is neither, or it holds a private key, which nobody else may ever have.
    """
    keys = [_from_pem(content)] if content.lstrip().startswith(b"-----") else published_keys(content)
    if any(key.is_private for key in keys):
        raise InvalidKeyError("holds a private key; hand over the public one only")
    for key in keys:
        key.ensure_kid()
    return {"keys": [key.as_dict(private=False) for key in keys]}


def keys_in(document: Mapping[str, Any]) -> list[Key]:
    """Return the keys of a JWK Set that was checked before."""
    return list(_usable(document["keys"]))


def named(keys: Sequence[Key], kid: object) -> Key | None:
    """Return the key that a header names; the only one where it names none."""
    if kid is None:
        return keys[0] if len(keys) == 1 else None
    return next((key for key in keys if key.kid == kid), None)


def _usable(documents: Sequence[Any]) -> Iterator[Key]:
    for document in documents:
        # RFC 7517 §5: what is not understood is ignored. Secrets, which "oct" has, are no business of a JWK Set.
        kind = document.get("kty") if isinstance(document, dict) else None
        if not isinstance(kind, str) or kind not in _KINDS or document.get("use") == "enc":
            continue
        try:
            key = jwk.import_key(document)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if _is_strong(key):
            yield key


def _from_pem(content: bytes) -> Key:
    for kind in _KINDS.values():
        try:
            key = kind.import_key(content)
        except (JoseError, ValueError, TypeError, AttributeError):
            continue
        if _is_strong(key):
            return key
    raise InvalidKeyError("holds no public key of RSA (2048 bits or more), EC or Ed25519 in PEM")


def _is_strong(key: Key) -> bool:
    return not isinstance(key, RSAKey) or key.raw_value.key_size >= _SMALLEST_RSA
