"""Lists of the accounts in the file of a sample target, and what has changed in it since."""

from __future__ import annotations

import json
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager

from connectors.sample.record import Changes, Record

LIST_SCHEMA = """
CREATE TABLE changes (account_id TEXT PRIMARY KEY, position INTEGER NOT NULL, is_gone INTEGER NOT NULL);
CREATE UNIQUE INDEX changes_in_order ON changes (position);
"""


class ListRows(ABC):
    """What a sample file answers about all of its accounts. The file itself opens and closes."""

    @abstractmethod
    def _call(self, call: str) -> AbstractContextManager[tuple[sqlite3.Connection, bool]]:
        """Open the file for a call of the connector: with its token, and with the faults that wait for it."""

    def listed(self, after: str, count: int) -> Sequence[Record]:
        """Return so many accounts behind an id, in the order of ids."""
        with self._call("list") as (rows, _):
            found = rows.execute("SELECT document FROM accounts WHERE id > ? ORDER BY id LIMIT ?", (after, count))
            return [Record.from_json(json.loads(document)) for (document,) in found]

    def position(self) -> str:
        """Return where the file's changes stand now; no other file has the same."""
        with self._call("list") as (rows, _):
            (last,) = rows.execute("SELECT coalesce(max(position), 0) FROM changes").fetchone()
            return f"{_name(rows)}:{last}"

    def changed_since(self, position: str, count: int) -> Changes | None:
        """Return so many changes behind a position, in their order; ``None`` where it is none of this file."""
        name, _, number = position.partition(":")
        with self._call("list") as (rows, _):
            if name != _name(rows) or not number.isdecimal():
                return None
            found = rows.execute(
                "SELECT account_id, position, is_gone, document FROM changes LEFT JOIN accounts ON id = account_id "
                "WHERE position > ? ORDER BY position LIMIT ?",
                (int(number), count),
            ).fetchall()
        return Changes(
            records=[Record.from_json(json.loads(document)) for _, _, is_gone, document in found if not is_gone],
            gone=[account_id for account_id, _, is_gone, _ in found if is_gone],
            position=f"{name}:{found[-1][1]}" if found else position,
        )


def _name(rows: sqlite3.Connection) -> str:
    (name,) = rows.execute("SELECT value FROM settings WHERE name = 'file'").fetchone()
    return str(name)
