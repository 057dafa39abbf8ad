"""The keys that an issuer publishes: fetched, cached, and fetched again when it changes them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import structlog
from joserfc.jwk import Key

from scimbridge.domain.access import TrustedIssuer
from scimbridge.errors import BridgeError, InvalidKeyError, KeysUnavailableError
from scimbridge.services import signatures
from scimbridge.services.asking import ask

logger = structlog.get_logger(__name__)

REFRESH_AFTER = timedelta(minutes=10)
"""How old keys get before they are fetched again: a key that the issuer has withdrawn is believed that long."""

KEEP_FOR = timedelta(hours=24)
"""How long keys are used while the issuer's endpoint does not answer."""

TRY_EVERY = timedelta(seconds=10)
"""How often the endpoint is asked at most, however many unknown keys are named."""

Fetch = Callable[[], bytes]
"""Returns a JWK Set as it is published; raises a ``BridgeError`` where it cannot."""


class KeySet:
    """The keys of one issuer. Safe to use from several threads; one of them fetches, and those that need it wait.

    Args:
        fetch: Gets them.
        monotonic: Seconds.
    """

    def __init__(self, fetch: Fetch, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._turn = threading.Lock()
        self._keys: Sequence[Key] = ()
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._problem = ""

    def find(self, kid: object) -> Key | None:
        """Return the key of this id, or ``None`` where the issuer has none such.

        Raises:
            KeysUnavailableError: The keys cannot be had now, and none that were had before help.
        """
        if self._age > REFRESH_AFTER.total_seconds():
            # Who has keys goes on with them while somebody else fetches.
            self._renew(waits=not self._keys)
        key = self._known(kid)
        if key is None:
            # The issuer may have changed its keys since.
            self._renew()
            key = self._known(kid)
        if key is None and self._problem:
            raise KeysUnavailableError(self._problem)
        return key

    def renew(self) -> int:
        """Fetch the keys now, and return how many there are.

        Raises:
            KeysUnavailableError: They cannot be had.
        """
        self._renew()
        if self._problem:
            raise KeysUnavailableError(self._problem)
        return len(self._keys)

    @property
    def _age(self) -> float:
        return self._monotonic() - self._fetched_at

    def _known(self, kid: object) -> Key | None:
        return signatures.named(self._keys, kid) if self._age <= KEEP_FOR.total_seconds() else None

    def _renew(self, *, waits: bool = True) -> None:
        if not self._turn.acquire(blocking=waits):
            return
        try:
            # Whoever was first has fetched them for all who waited.
            if self._monotonic() - self._tried_at >= TRY_EVERY.total_seconds():
                self._try()
                self._tried_at = self._monotonic()
        finally:
            self._turn.release()

    def _try(self) -> None:
        try:
            self._keys = signatures.published_keys(self._fetch())
        except BridgeError as error:
            self._problem = str(error)
            logger.warning("keys of an issuer cannot be read", action="keys.fetch", reason=self._problem)
        else:
            self._problem = ""
            self._fetched_at = self._monotonic()


def key_set_of(source: str, issuer: TrustedIssuer) -> KeySet:
    """Return the keys of the issuer that a source's tokens come from; nothing is fetched yet."""
    where = issuer.keys_at
    if isinstance(where, Path):
        return KeySet(lambda: _read(where))
    return KeySet(lambda: _download(where, source, issuer.ca_file))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidKeyError(f"cannot read {path}: {error.strerror}") from error


def _download(url: str, source: str, ca_file: Path | None) -> bytes:
    return ask("GET", url, call=f"reading the keys of {source}'s issuer", ca_file=ca_file).body
