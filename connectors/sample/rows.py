"""Rows in the file of a sample target."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace

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
    _note_change(rows, record.id, is_gone=False)


def remove_record(rows: sqlite3.Connection, account_id: str) -> None:
    """Remove an account, and by what it was found; what is left of it is kept."""
    rows.execute("INSERT OR REPLACE INTO bin SELECT id, document FROM accounts WHERE id = ?", (account_id,))
    rows.execute("DELETE FROM accounts WHERE id = ?", (account_id,))
    rows.execute("DELETE FROM keys WHERE account_id = ?", (account_id,))
    _note_change(rows, account_id, is_gone=True)


def removed_in(rows: sqlite3.Connection, account_id: str) -> Record | None:
    """Return what is left of an account that was removed: nobody signs in, and its place in groups is gone."""
    found = rows.execute("SELECT document FROM bin WHERE id = ?", (account_id,)).fetchone()
    return left_of(Record.from_json(json.loads(found[0]))) if found else None


def left_of(record: Record) -> Record:
    """Return what is left of an account once it is removed."""
    return replace(record, suspended=True, sessions=0, groups=(), licenses=())


def forget_removed(rows: sqlite3.Connection, account_id: str) -> None:
    """Keep a removed account no longer."""
    rows.execute("DELETE FROM bin WHERE id = ?", (account_id,))


def note_write(rows: sqlite3.Connection, what: str, native_id: str, *, changed: bool) -> None:
    """Note that something was to be written, and whether that changed it."""
    rows.execute("INSERT INTO writes (what, account_id, changed) VALUES (?, ?, ?)", (what, native_id, changed))


def _note_change(rows: sqlite3.Connection, account_id: str, *, is_gone: bool) -> None:
    """Note for lists what is the newest change now."""
    rows.execute(
        "INSERT OR REPLACE INTO changes SELECT ?, coalesce(max(position), 0) + 1, ? FROM changes", (account_id, is_gone)
    )
