"""Values as Python has them, and as the drivers of the databases take and give them.

For each statement a function is written that converts its values, and no others: converting takes as long as
executing, and finding out each time what there is to convert takes longer than converting.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import JSON, Boolean, Dialect
from sqlalchemy.types import TypeEngine

from scimbridge.domain.resource import Written
from scimbridge.sdk.documents import storable_document
from scimbridge.store.schema import UtcDateTime, Word

Row = Mapping[Any, Any]
"""A row by the names of its columns; SQLAlchemy's own kind is one, too."""

Typed = Sequence[tuple[str, TypeEngine[Any]]]
"""The names of values and what they are, in the order of the statement; it may name one several times."""

_Process = Callable[[Any], Any]


def binder(parameters: Typed, fixed: Mapping[str, Any], dialect: Dialect, *, by_place: bool) -> Callable[[Row], Any]:
    """Return what turns the parameters of a statement into what the driver takes.

    Args:
        parameters: What they are.
        fixed: Values that belong to the statement itself.
        dialect: The kind of database.
        by_place: Whether the driver takes them in order, or else by their names.
    """
    own: dict[str, Any] = {}
    values = []
    for place, (name, kind) in enumerate(parameters):
        value = f"given[{name!r}]"
        if name in fixed:
            value = f"fixed_{place}"
            own[value] = fixed[name]
        values.append(_converted(value, place, _bind_process(kind, dialect), own))
    if by_place:
        return _function(f"lambda given: ({''.join(f'{value}, ' for value in values)})", own)
    return _function(_dictionary("given", [name for name, _ in parameters], values), own)


def reader(columns: Typed, dialect: Dialect) -> Callable[[Sequence[Any]], Row]:
    """Return what turns a row of the driver into one of Python's values."""
    own: dict[str, Any] = {}
    values = [
        _converted(f"found[{place}]", place, _result_process(kind, dialect), own)
        for place, (_, kind) in enumerate(columns)
    ]
    return _function(_dictionary("found", [name for name, _ in columns], values), own)


def first_reader(columns: Typed, dialect: Dialect) -> _Process | None:
    """Return what turns the first value of a row into Python's; ``None`` where it is that already."""
    return _result_process(columns[0][1], dialect) if columns else None


def moment(value: str) -> datetime:
    """Return a time as JSON has it: PostgreSQL says the zone, SQLite keeps UTC without saying so."""
    if len(value) == _WITHOUT_ZONE:
        return datetime.fromisoformat(f"{value}+00:00")
    return datetime.fromisoformat(value).astimezone(UTC)


_WITHOUT_ZONE = len("2026-03-01 12:30:15.123456")


def as_json(value: Any) -> str:
    """Return a value as JSON; what is JSON already stays as it is.

    What targets say may have NUL or a half of a surrogate pair in it, which could not be stored, or not be read again.
    """
    if isinstance(value, Written):
        return value
    try:
        text = orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # such a half, or a number of more than 64 bits, which JSON allows
        return json.dumps(storable_document(value), separators=(",", ":"))
    return text if r"\u0000" not in text else json.dumps(storable_document(value), separators=(",", ":"))


def _converted(value: str, place: int, process: _Process | None, own: dict[str, Any]) -> str:
    """Return the expression that converts a value; ``own`` gets the function that it calls."""
    if process is None:
        return value
    own[f"convert_{place}"] = process
    return f"convert_{place}({value})"


def _dictionary(argument: str, names: Sequence[str], values: Sequence[str]) -> str:
    inner = ", ".join(f"{name!r}: {value}" for name, value in zip(names, values, strict=True))
    return f"lambda {argument}: {{{inner}}}"


def _function(source: str, names: Mapping[str, Any]) -> Callable[[Any], Any]:
    # What it is made of are the names of our own columns and parameters.
    made: Callable[[Any], Any] = eval(source, dict(names))  # noqa: S307
    return made


def _bind_process(kind: TypeEngine[Any], dialect: Dialect) -> _Process | None:
    if isinstance(kind, Boolean):
        return None  # both drivers take Python's own
    if dialect.name == "sqlite" and isinstance(kind, UtcDateTime):
        return _as_text
    if dialect.name == "sqlite" and isinstance(kind, JSON):
        return as_json
    if dialect.name == "sqlite" and isinstance(kind, Word):
        return _as_word
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _result_process(kind: TypeEngine[Any], dialect: Dialect) -> _Process | None:
    if dialect.name == "sqlite" and isinstance(kind, UtcDateTime):
        return _as_time
    if dialect.name == "sqlite" and isinstance(kind, JSON):
        return _from_json
    return kind.dialect_impl(dialect).result_processor(dialect, None)


# What SQLAlchemy's own conversions make of a time and of JSON on SQLite, in one step instead of several.


@lru_cache(maxsize=1024)  # one request stores the same moment many times, and a batch has many requests
def _as_text(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def _as_word(value: str | None) -> str | None:
    # The driver would ask for an adapter of the enumeration, each time anew.
    return None if value is None else str(value)


def _as_time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(f"{value}+00:00")


def _from_json(value: str | None) -> Any:
    return None if value is None else orjson.loads(value)
