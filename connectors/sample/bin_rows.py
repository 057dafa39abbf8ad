"""Accounts in the file of a sample target that were removed, and are still kept."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager

from connectors.sample.record import Record
from connectors.sample.rows import forget_removed, note_write, removed_in, store_record


class BinRows(ABC):
    """What a sample file answers about removed accounts. The file itself opens and closes."""

    @abstractmethod
    def _call(self, call: str) -> AbstractContextManager[tuple[sqlite3.Connection, bool]]:
        """Open the file for a call of the connector: with its token, and with the faults that wait for it."""

    def deleted(self, account_id: str) -> Record | None:
        """Return an account that was removed and is still kept."""
        with self._call("read") as (rows, _):
            return removed_in(rows, account_id)

    def bring_back(self, account_id: str) -> bool:
        """Bring a removed account back; False where it is not kept."""
        with self._call("undelete") as (rows, is_lying):
            record = removed_in(rows, account_id)
            if record is not None and not is_lying:
                store_record(rows, record)
                forget_removed(rows, account_id)
            note_write(rows, "undelete", account_id, changed=record is not None and not is_lying)
            return record is not None

    def purge(self, account_id: str) -> bool:
        """Keep a removed account no longer; False where it is not kept."""
        with self._call("purge") as (rows, is_lying):
            is_kept = removed_in(rows, account_id) is not None
            if is_kept and not is_lying:
                forget_removed(rows, account_id)
            note_write(rows, "purge", account_id, changed=is_kept and not is_lying)
            return is_kept
