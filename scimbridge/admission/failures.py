"""Slowing those who guess."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import TYPE_CHECKING

import anyio

from scimbridge.admission.addresses import Address

if TYPE_CHECKING:
    from collections.abc import Iterator

FREE = 10
"""Failures of an address that cost nothing: an identity provider with an old token is no attack."""

MOST = 20
"""Failures after which an address is told to come back later."""

FORGIVEN_EVERY = 2.0
"""Seconds after which one failure is forgotten: beyond the first twenty, that is how often an address may guess."""

_LONGEST_DELAY = 2.0
_MOST_WAITING = 8  # requests of one address that are being delayed at once
_MOST_ADDRESSES = 10_000


@dataclass(slots=True)
class _Record:
    level: float = 0.0
    at: float = 0.0
    waiting: int = 0


class Failures:
    """Counts failed authentications by client address, and delays those who have failed often.

    It is asked before a credential is looked at, and by the event loop alone. An address that shows a valid
    credential starts anew, and credentials that are known to be valid are not delayed at all: whoever shares
    an address with somebody who guesses is not locked out.

    Args:
        monotonic: Seconds.
        sleep: Waits so many seconds without holding a thread.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._records: OrderedDict[str, _Record] = OrderedDict()

    async def hold_back(self, address: Address | None) -> int | None:
        """Wait as long as an address has to. Returns after how many seconds to come back, or ``None`` to go on."""
        record = self._records.get(_key(address))
        if record is None:
            return None
        level = self._level(record)
        if level < FREE:
            return None
        if level >= MOST or record.waiting >= _MOST_WAITING:
            return self._retry_after(level)
        with _waiting(record):
            await self._sleep(min(0.05 * 2 ** (level - FREE), _LONGEST_DELAY))
        level = self._level(record)
        return self._retry_after(level) if level >= MOST else None

    def count(self, address: Address | None) -> None:
        """Note a failure."""
        key = _key(address)
        record = self._records.setdefault(key, _Record())
        self._records.move_to_end(key)
        record.level, record.at = min(self._level(record) + 1, MOST + 1), self._monotonic()
        if len(self._records) > _MOST_ADDRESSES:
            self._records.popitem(last=False)

    def forgive(self, address: Address | None) -> None:
        """Note that an address has shown a valid credential."""
        self._records.pop(_key(address), None)

    def _level(self, record: _Record) -> float:
        return max(record.level - (self._monotonic() - record.at) / FORGIVEN_EVERY, 0.0)

    @staticmethod
    def _retry_after(level: float) -> int:
        return max(math.ceil((level - MOST) * FORGIVEN_EVERY), 1)


def _key(address: Address | None) -> str:
    """Return whom an address stands for: a network of 64 bits is what one subscriber has in IPv6."""
    if isinstance(address, IPv6Address):
        return f"{int(address) >> 64:x}/64"
    return str(address)


@contextmanager
def _waiting(record: _Record) -> Iterator[None]:
    record.waiting += 1
    try:
        yield
    finally:
        record.waiting -= 1
