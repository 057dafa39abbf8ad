"""Rows in the file of a sample target."""

from __future__ import annotations

import json
import sqlite3

from connectors.sample.record import Record

_KEYS = ("name", "external_id", "mail", "employee_number")


def record_in(rows: sqlite3.Connection, account_id: str) -> Record | None:
    """Return an account."""
    found = rows.execute("SELECT document FROM accounts WHERE id = ?", (account_id,)).fetchone()
    return Record.from_json(json.loads(found[0])) if found else None


def store_record(rows: sqlite3.Connection, record: Record) -> None:
    """Store an account, and by what it is found."""
    rows.execute("INSERT OR REPLACE INTO accounts VALUES (?, ?)", (record.id, json.dumps(record.to_json())))
    rows.execute("DELETE FROM keys WHERE account_id = ?", (record.id,))
    keys = [(name, value, record.id) for name in _KEYS if (value := getattr(record, name))]
    rows.executemany("INSERT INTO keys VALUES (?, ?, ?)", keys)


def note_write(rows: sqlite3.Connection, what: str, native_id: str, *, changed: bool) -> None:
    """Note that something was to be written, and whether that changed it."""
    rows.execute("INSERT INTO writes (what, account_id, changed) VALUES (?, ?, ?)", (what, native_id, changed))
