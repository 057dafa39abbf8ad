"""Sealing the history, in batches, from any number of processes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from scimbridge.domain.seal import Seal, hash_of_entries, ranges_of
from scimbridge.errors import DuplicateError
from scimbridge.services.seal_key import SealKey
from scimbridge.store import seals
from scimbridge.store.database import Database

BATCH = 10_000
"""Entries under one seal, at most."""

IN_FLIGHT = timedelta(hours=1)
"""How long after an entry has got its id it may still be committed. No transaction takes so long; what appears later
among the ids that seals name is found by ``evidence verify``."""

logger = structlog.get_logger("scimbridge.sealing")


class Sealing:
    """Puts seals on entries that have none."""

    def __init__(self, database: Database, key: SealKey) -> None:
        self._database = database
        self._key = key

    @property
    def key_id(self) -> str:
        """Which key it is, as seals name it."""
        return self._key.id

    @property
    def public_key(self) -> str:
        """What checks the signatures, as PEM."""
        return self._key.public_pem

    def run(self, now: datetime) -> int:
        """Seal everything that is committed. Returns how many entries were sealed.

        Each seal is logged with its number and digest: whoever keeps the log elsewhere can tell that later seals were
        cut off.
        """
        sealed = 0
        while (seal := self._seal(now)) is not None:
            logger.info("sealed", action="seal", number=seal.number, entries=seal.count, digest=seal.digest)
            sealed += seal.count
            if seal.count < BATCH:
                break
        return sealed

    def _seal(self, now: datetime) -> Seal | None:
        with self._database.write() as tx:
            # In this order: what another process seals in between has the number that this one would take.
            before = seals.last(tx)
            found = seals.unsealed(tx, IN_FLIGHT, BATCH)
            if not found:
                return None
            unsigned = Seal(
                number=before.number + 1 if before is not None else 1,
                at=now,
                previous=before.digest if before is not None else "",
                ranges=ranges_of([entry_id for entry_id, _ in found]),
                entries=hash_of_entries(found),
                key_id=self._key.id,
            )
            seal = replace(unsigned, signature=self._key.sign(unsigned.digest))
            try:
                seals.insert_seal(tx, seal)
            except DuplicateError:
                return None  # another process has just sealed them
        return seal
