"""What the store keeps of people's tasks, for tests that look at all of it: ids are names there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import RowMapping, Table, select

from scimbridge.domain.seal import digest_of_document
from scimbridge.store import schema
from tests.services.bench import Bench

_NAMES: tuple[tuple[Table, Callable[[RowMapping], str]], ...] = (
    (schema.identities, lambda row: str(row["user_name"])),
    (schema.cases, lambda _: "case"),
    (schema.tasks, lambda row: f"{row['action']}@{row['target']}"),
    (schema.accounts, lambda row: f"account@{row['target']}"),
    (schema.attempts, lambda _: "attempt"),
    (schema.exclusions, lambda _: "exclusion"),
)


class Entry(NamedTuple):
    """An entry of the history. Cases and attempts are counted: ``case 2`` is the second one that was opened."""

    event: str
    reason: str
    at: datetime
    actor: str = "scimbridge"
    who: str | None = "ada"
    case: str | None = "case 1"
    task: str | None = None
    target: str | None = None
    details: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it
    personal: dict[str, Any] | None = None


def history(bench: Bench) -> list[Entry]:
    """Return the history so far, oldest first."""
    names = _names(bench)
    with bench.database.read() as tx:
        rows = tx.execute(select(schema.history).order_by(schema.history.c.id)).mappings().all()
    keys = ("event", "reason", "at", "actor", "identity_id", "case_id", "task_id", "target", "details", "personal")
    return [Entry(*(_named(row[key], names) for key in keys)) for row in rows]


def rows(bench: Bench, table: Table) -> list[dict[str, Any]]:
    """Return the rows of a table, with names instead of ids: the oldest first, tasks of a case in their order."""
    names = _names(bench)
    order = (table.c.case_id, table.c.position) if table is schema.tasks else (table.c.id,)
    with bench.database.read() as tx:
        found = tx.execute(select(table).order_by(*order)).mappings().all()
    return [{key: _named(value, names) for key, value in row.items()} for row in found]


def _names(bench: Bench) -> dict[str, str]:
    found: dict[str, str] = {}
    with bench.database.read() as tx:
        for table, name in _NAMES:
            for number, row in enumerate(tx.execute(select(table).order_by(table.c.id)).mappings(), 1):
                found[row["id"]] = name(row) + (f" {number}" if name(row) in {"case", "attempt"} else "")
                if row.get("evidence") is not None:
                    found[digest_of_document(row["evidence"])] = f"evidence of {name(row)}"
    return found


def _named(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _named(each, names) for key, each in value.items() if key != "nonce"}
    if isinstance(value, str):
        for key, name in names.items():
            value = value.replace(key, name)
    return value
