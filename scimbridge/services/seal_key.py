"""The key that signs seals: a file beside the database, never in it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from scimbridge.domain.seal import Seal
from scimbridge.errors import InvalidKeyError, NoSealKeyError

_RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
_PEM = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


class SealKey:
    """Signs seals (Ed25519, RFC 8032)."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.id = _id_of(private.public_key())

    @classmethod
    def of_file(cls, path: Path) -> SealKey:
        """Return the key of a file, which is made, readable by its owner alone, where there is none.

        Raises:
            InvalidKeyError: The file is no such key, or cannot be read or made.
        """
        try:
            _make(path)
            private = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise InvalidKeyError(f"{path} is not a private key that can be read: {error}") from error
        if not isinstance(private, Ed25519PrivateKey):
            raise InvalidKeyError(f"{path} is another kind of key: make one with `openssl genpkey -algorithm ed25519`")
        return cls(private)

    @property
    def public_pem(self) -> str:
        """What checks its signatures, as PEM."""
        return self._private.public_key().public_bytes(*_PEM).decode()

    def sign(self, digest: str) -> str:
        """Return the signature on a seal's digest, in hexadecimal digits."""
        return self._private.sign(digest.encode()).hex()


class PublicKeys:
    """Whose signatures are believed.

    Args:
        keys: By their ids.
    """

    def __init__(self, keys: Mapping[str, Ed25519PublicKey]) -> None:
        self._keys = keys

    @classmethod
    def of_pems(cls, pems: Iterable[str]) -> PublicKeys:
        """Return the keys of PEM texts, one in each.

        Raises:
            NoSealKeyError: One is no public key of this kind.
        """
        found = {}
        for pem in pems:
            try:
                key = serialization.load_pem_public_key(pem.encode())
            except ValueError as error:
                raise NoSealKeyError("this is not a public key in PEM") from error
            if not isinstance(key, Ed25519PublicKey):
                raise NoSealKeyError("this is another kind of public key: seals are checked with Ed25519")
            found[_id_of(key)] = key
        return cls(found)

    def problem(self, seal: Seal) -> str | None:
        """Return what is wrong with a seal's signature, as a sentence's end; ``None`` where nothing is."""
        key = self._keys.get(seal.key_id)
        if key is None:
            return f"was signed with the key {seal.key_id}, which is not among those that are believed"
        try:
            key.verify(bytes.fromhex(seal.signature), seal.digest.encode())
        except (InvalidSignature, ValueError):
            return "does not fit its signature: it was changed"
        return None


def _make(path: Path) -> None:
    """Make a key where there is none. Of several processes that find none, one makes it whole."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    own = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123 - with its mode
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        path.hardlink_to(own)
    own.unlink()


def _id_of(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes(*_RAW)).hexdigest()[:16]
