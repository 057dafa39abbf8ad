"""A sample target that lives in one SQLite file, for as many processes as like to use it."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from connectors.sample.bin_rows import BinRows
from connectors.sample.errors import FAULTS, Fault
from connectors.sample.group_rows import GROUP_SCHEMA, GroupRows
from connectors.sample.list_rows import LIST_SCHEMA, ListRows
from connectors.sample.record import Edit, Record
from connectors.sample.rows import note_write, record_in, remove_record, store_record
from scimbridge.sdk import Entitlement, RetryableError, TargetUnusableError

_SCHEMA = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE accounts (id TEXT PRIMARY KEY, document TEXT NOT NULL);
CREATE TABLE bin (id TEXT PRIMARY KEY, document TEXT NOT NULL);
CREATE TABLE keys (attribute TEXT, value TEXT, account_id TEXT, PRIMARY KEY (attribute, value, account_id));
CREATE TABLE entitlements (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, is_privileged INTEGER NOT NULL, seats INTEGER);
CREATE TABLE containers (name TEXT PRIMARY KEY);
CREATE TABLE archives (handle TEXT PRIMARY KEY, account_id TEXT NOT NULL, answers INTEGER NOT NULL);
CREATE TABLE faults (id INTEGER PRIMARY KEY, call TEXT NOT NULL, fault TEXT NOT NULL, times INTEGER NOT NULL);
CREATE TABLE writes (id INTEGER PRIMARY KEY, what TEXT NOT NULL, account_id TEXT NOT NULL, changed INTEGER NOT NULL);
"""

CONTAINERS = ("people", "leavers", "groups", "old groups")


class SampleFile(GroupRows, ListRows, BinRows):
    """The target's side of the calls; nothing is kept open between two of them.

    Args:
        path: The file; it is never created here, or a mistyped name would be an empty target.
        token: What the file asks for.
    """

    def __init__(self, path: Path, token: str = "") -> None:
        self.path = path
        self._token = token

    @classmethod
    def create(cls, path: Path, *, token: str = "", containers: Sequence[str] = CONTAINERS) -> SampleFile:
        """Make a new, empty target."""
        with closing(sqlite3.connect(path)) as new, new:
            new.execute("PRAGMA journal_mode = WAL")
            new.executescript(_SCHEMA + GROUP_SCHEMA + LIST_SCHEMA)
            values = (token, str(uuid.uuid4()))
            new.execute("INSERT INTO settings VALUES ('token', ?), ('file', ?), ('archive_answers', '0')", values)
            new.executemany("INSERT INTO containers VALUES (?)", [(name,) for name in containers])
        return cls(path, token)

    # -- what the connector calls

    def find(self, attribute: str, value: str) -> Sequence[Record]:
        """Return the accounts that have exactly this value."""
        with self._call("find") as (rows, _):
            found = rows.execute(
                "SELECT document FROM accounts JOIN keys ON account_id = id WHERE attribute = ? AND value = ?",
                (attribute, value),
            )
            return [Record.from_json(json.loads(document)) for (document,) in found]

    def get(self, account_id: str) -> Record | None:
        """Return an account."""
        with self._call("read") as (rows, _):
            return record_in(rows, account_id)

    def change(self, what: str, account_id: str, edit: Edit) -> bool:
        """Change an account in one go; False where it is gone."""
        with self._call(what) as (rows, is_lying):
            record = record_in(rows, account_id)
            if record is not None and not is_lying:
                store_record(rows, edit(record))
            note_write(rows, what, account_id, changed=record is not None and not is_lying)
            return record is not None

    def transfer(self, account_id: str, successor_id: str, thing: str) -> bool:
        """Let another account own something; False where one of them is gone."""
        with self._call("transfer_ownership") as (rows, is_lying):
            owner, successor = record_in(rows, account_id), record_in(rows, successor_id)
            are_there = owner is not None and successor is not None
            if owner is not None and successor is not None and not is_lying:
                store_record(rows, replace(owner, owns=tuple(each for each in owner.owns if each != thing)))
                store_record(rows, replace(successor, owns=(*successor.owns, thing)))
            note_write(rows, "transfer_ownership", account_id, changed=are_there and not is_lying)
            return are_there

    def remove(self, account_id: str) -> bool:
        """Remove an account; False where it is gone already."""
        with self._call("delete") as (rows, is_lying):
            is_there = record_in(rows, account_id) is not None
            if is_there and not is_lying:
                remove_record(rows, account_id)
            note_write(rows, "delete", account_id, changed=is_there and not is_lying)
            return is_there

    def archive(self, account_id: str) -> str | None:
        """Begin to archive an account: the handle of the work, or ``None`` where it is done at once."""
        with self._call("archive") as (rows, is_lying):
            record = record_in(rows, account_id)
            (answers,) = rows.execute("SELECT value FROM settings WHERE name = 'archive_answers'").fetchone()
            note_write(rows, "archive", account_id, changed=record is not None and not is_lying)
            if record is None or is_lying:
                return None
            if int(answers) == 0:
                store_record(rows, replace(record, archived=True))
                return None
            handle = str(uuid.uuid4())
            rows.execute("INSERT INTO archives VALUES (?, ?, ?)", (handle, account_id, int(answers)))
            return handle

    def is_archiving(self, handle: str) -> bool:
        """Whether the target still works on it."""
        with self._call("archive status") as (rows, _):
            found = rows.execute("SELECT account_id, answers FROM archives WHERE handle = ?", (handle,)).fetchone()
            if found is None:
                return False
            account_id, answers = found
            if answers > 0:
                rows.execute("UPDATE archives SET answers = answers - 1 WHERE handle = ?", (handle,))
                return True
            record = record_in(rows, account_id)
            if record is not None:
                store_record(rows, replace(record, archived=True))
            return False

    def entitlement(self, entitlement_id: str) -> Entitlement | None:
        """Return a group, a license or a thing; ``None`` where there is none (any more)."""
        with self._open() as rows:
            found = rows.execute("SELECT name, is_privileged FROM entitlements WHERE id = ?", (entitlement_id,))
            row = found.fetchone()
            return Entitlement(entitlement_id, row[0], bool(row[1])) if row else None

    def has_other_owner(self, thing_id: str, account_id: str) -> bool:
        """Whether somebody else who can sign in owns something, too."""
        with self._open() as rows:
            found = rows.execute(
                "SELECT 1 FROM accounts, json_each(document, '$.owns') AS owned "
                "WHERE owned.value = ? AND accounts.id <> ? AND NOT json_extract(document, '$.suspended')",
                (thing_id, account_id),
            )
            return found.fetchone() is not None

    def free_seats(self, license_id: str) -> int:
        """Return how many accounts can still have a license."""
        with self._open() as rows:
            row = rows.execute("SELECT seats FROM entitlements WHERE id = ?", (license_id,)).fetchone()
            taken = rows.execute(
                "SELECT count(*) FROM accounts, json_each(document, '$.licenses') WHERE json_each.value = ?",
                (license_id,),
            ).fetchone()
            return 0 if row is None else (1 if row[0] is None else row[0] - taken[0])

    def has_container(self, name: str) -> bool:
        """Whether there is such a container."""
        with self._open() as rows:
            return rows.execute("SELECT 1 FROM containers WHERE name = ?", (name,)).fetchone() is not None

    def describe(self) -> str:
        """Return one sentence about what is there."""
        with self._call("check") as (rows, _):
            (accounts,) = rows.execute("SELECT count(*) FROM accounts").fetchone()
            return f"a sample target with {accounts} account{'' if accounts == 1 else 's'}"

    # -- what people do there, around the bridge

    def add(self, name: str, **values: Any) -> str:
        """Make an account, in the container ``people`` unless it says another, and return its id."""
        record = Record.from_json({"id": str(uuid.uuid4()), "name": name, "container": "people", **values})
        with self._open() as rows:
            store_record(rows, record)
        return record.id

    def edit(self, account_id: str, edit: Edit) -> None:
        """Change an account as an administrator does."""
        with self._open() as rows:
            record = record_in(rows, account_id)
            if record is not None:
                store_record(rows, edit(record))

    def offer(self, name: str, *, is_privileged: bool = False, seats: int | None = None) -> str:
        """Make a group, a license of so many seats, or a thing that can be owned, and return its id.

        A privileged thing must not be without an owner who can sign in.
        """
        new = str(uuid.uuid4())
        with self._open() as rows:
            rows.execute("INSERT INTO entitlements VALUES (?, ?, ?, ?)", (new, name, is_privileged, seats))
        return new

    def withdraw(self, entitlement_id: str) -> None:
        """Remove a group, a license or a thing, from whomever had it, too."""
        with self._open() as rows:
            rows.execute("DELETE FROM entitlements WHERE id = ?", (entitlement_id,))

    def take_time(self, answers: int) -> None:
        """Let archives take so many answers "still working on it" from now on."""
        with self._open() as rows:
            rows.execute("UPDATE settings SET value = ? WHERE name = 'archive_answers'", (str(answers),))

    def fail(self, call: str, fault: Fault, times: int = 1) -> None:
        """Let the next calls fail: ``find``, ``read``, an action, or ``*`` for any."""
        with self._open() as rows:
            rows.execute("INSERT INTO faults (call, fault, times) VALUES (?, ?, ?)", (call, fault, times))

    def look(self, account_id: str) -> Mapping[str, Any] | None:
        """Return all that is known about an account."""
        with self._open() as rows:
            record = record_in(rows, account_id)
            return record.to_json() if record else None

    def writes(self) -> list[tuple[str, str, bool]]:
        """Return what was asked to be written: the action, the account, and whether that changed it."""
        with self._open() as rows:
            found = rows.execute("SELECT what, account_id, changed FROM writes ORDER BY id").fetchall()
            return [(what, account_id, bool(changed)) for what, account_id, changed in found]

    # -- the file

    @contextmanager
    def _call(self, call: str) -> Iterator[tuple[sqlite3.Connection, bool]]:
        """Open the file for one call of the connector: with its token, and with the faults that wait for it."""
        with self._open() as rows:
            (token,) = rows.execute("SELECT value FROM settings WHERE name = 'token'").fetchone()
            fault = _next_fault(rows, call)
        if token != self._token:
            raise TargetUnusableError("the target does not accept the token")
        error = FAULTS[fault] if fault is not None else None
        if error is not None:
            raise error()
        with self._open() as rows:
            yield rows, fault is Fault.LYING

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Open the file for one transaction."""
        try:
            opened = sqlite3.connect(f"{self.path.as_uri()}?mode=rw", uri=True, timeout=5, isolation_level=None)
        except (sqlite3.OperationalError, ValueError) as error:
            raise RetryableError(f"there is no sample target in {self.path}") from error
        with closing(opened) as rows:
            try:
                rows.execute("BEGIN IMMEDIATE")
                yield rows
                rows.execute("COMMIT")
            except sqlite3.OperationalError as error:
                raise RetryableError(f"the sample target in {self.path} cannot be used: {error}") from error


def _next_fault(rows: sqlite3.Connection, call: str) -> Fault | None:
    """Use up one of the faults that wait for a call."""
    found = rows.execute(
        "SELECT id, fault FROM faults WHERE call IN (?, '*') AND times > 0 ORDER BY id LIMIT 1", (call,)
    ).fetchone()
    if found is None:
        return None
    rows.execute("UPDATE faults SET times = times - 1 WHERE id = ?", (found[0],))
    return Fault(found[1])
