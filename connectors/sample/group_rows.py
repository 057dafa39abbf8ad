"""The groups in the file of a sample target."""

from __future__ import annotations

import json
import sqlite3
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from connectors.sample.group import EditGroup, Group
from connectors.sample.record import Record
from connectors.sample.rows import note_write, record_in, store_record
from scimbridge.sdk import AccountRef

GROUP_SCHEMA = "CREATE TABLE groups (id TEXT PRIMARY KEY, document TEXT NOT NULL);"


class GroupRows(ABC):
    """What a sample file answers about groups. The file itself opens and closes."""

    @abstractmethod
    def _call(self, call: str) -> AbstractContextManager[tuple[sqlite3.Connection, bool]]:
        """Open the file for a call of the connector: with its token, and with the faults that wait for it."""

    @abstractmethod
    def _open(self) -> AbstractContextManager[sqlite3.Connection]:
        """Open the file for one transaction."""

    # -- what the connector calls

    def groups(self) -> Sequence[Group]:
        """Return all groups."""
        with self._call("list groups") as (rows, _):
            return list(_groups(rows))

    def find_groups(self, said: str) -> Sequence[Group]:
        """Return the group of an id, or else those of a name in any case of letters."""
        with self._call("find") as (rows, _):
            by_id = _group(rows, said)
            if by_id is not None:
                return [by_id]
            return [group for group in _groups(rows) if group.name.casefold() == said.strip().casefold()]

    def group(self, group_id: str) -> Group | None:
        """Return a group with its members."""
        with self._call("read") as (rows, _):
            return _group(rows, group_id)

    def change_group(self, what: str, group_id: str, edit: EditGroup) -> bool:
        """Change a group in one go, apart from its members; False where it is gone."""
        with self._call(what) as (rows, is_lying):
            group = _group(rows, group_id)
            if group is not None and not is_lying:
                _store(rows, edit(group))
            note_write(rows, what, group_id, changed=group is not None and not is_lying)
            return group is not None

    def remove_group(self, group_id: str) -> bool:
        """Remove a group, and it from all accounts; False where it is gone already."""
        with self._call("delete_group") as (rows, is_lying):
            group = _group(rows, group_id)
            if group is not None and not is_lying:
                for member in group.members:
                    _take_out(rows, member.id, group_id)
                rows.execute("DELETE FROM groups WHERE id = ?", (group_id,))
                rows.execute("DELETE FROM entitlements WHERE id = ?", (group_id,))
            note_write(rows, "delete_group", group_id, changed=group is not None and not is_lying)
            return group is not None

    # -- what people do there, around the bridge

    def form(self, name: str, members: Sequence[str] = (), **values: Any) -> str:
        """Make a group of these accounts, and return its id."""
        group = Group.from_json({"id": str(uuid.uuid4()), "name": name, **values})
        with self._open() as rows:
            is_privileged = bool(group.protected)
            rows.execute("INSERT INTO entitlements VALUES (?, ?, ?, NULL)", (group.id, name, is_privileged))
            _store(rows, group)
            for account_id in members:
                _put_in(rows, account_id, group.id)
        return group.id

    def edit_group(self, group_id: str, edit: EditGroup) -> None:
        """Change a group as an administrator does."""
        with self._open() as rows:
            group = _group(rows, group_id)
            if group is not None:
                _store(rows, edit(group))

    def look_at_group(self, group_id: str) -> Mapping[str, Any] | None:
        """Return all that is known about a group."""
        with self._open() as rows:
            group = _group(rows, group_id)
            return {**group.to_json(), "members": [each.id for each in group.members]} if group else None


def _groups(rows: sqlite3.Connection) -> Iterator[Group]:
    for (group_id,) in rows.execute("SELECT id FROM groups ORDER BY id").fetchall():
        group = _group(rows, group_id)
        if group is not None:
            yield group


def _group(rows: sqlite3.Connection, group_id: str) -> Group | None:
    found = rows.execute("SELECT document FROM groups WHERE id = ?", (group_id,)).fetchone()
    if found is None:
        return None
    members = rows.execute(
        "SELECT accounts.id, json_extract(document, '$.name') FROM accounts, json_each(document, '$.groups') AS mine "
        "WHERE mine.value = ? ORDER BY accounts.id",
        (group_id,),
    )
    return Group.from_json(json.loads(found[0]), [AccountRef(*each) for each in members])


def _store(rows: sqlite3.Connection, group: Group) -> None:
    rows.execute("INSERT OR REPLACE INTO groups VALUES (?, ?)", (group.id, json.dumps(group.to_json())))


def _put_in(rows: sqlite3.Connection, account_id: str, group_id: str) -> None:
    _edit(rows, account_id, lambda record: (*record.groups, group_id))


def _take_out(rows: sqlite3.Connection, account_id: str, group_id: str) -> None:
    _edit(rows, account_id, lambda record: tuple(each for each in record.groups if each != group_id))


def _edit(rows: sqlite3.Connection, account_id: str, groups_of: Any) -> None:
    record: Record | None = record_in(rows, account_id)
    if record is not None:
        store_record(rows, replace(record, groups=groups_of(record)))
