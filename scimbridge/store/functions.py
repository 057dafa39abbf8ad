"""Functions that both databases have, made of what each of them offers."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, Float, String, case, cast, func, type_coerce

from scimbridge.domain.names import fold
from scimbridge.store.schema import UtcDateTime

_DATE_TIME = TypeAdapter(datetime)
_LOOKS_LIKE_DATE_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$"


def register(connection: sqlite3.Connection) -> None:
    """Teach a connection to SQLite what SQLite cannot do: its own ``lower`` knows ASCII only."""
    connection.create_function("scim_fold", 1, lambda value: value and fold(value), deterministic=True)
    connection.create_function("scim_moment", 1, _utc_text, deterministic=True)


def folded(sql: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    """Return a string as ``fold`` makes it.

    PostgreSQL's own ``lower`` goes by the locale of the database, which may know ASCII only.
    """
    if dialect == "sqlite":
        return func.scim_fold(sql, type_=String)
    lowered: ColumnElement[Any] = func.lower(func.normalize(sql, type_=String).collate("und-x-icu"))
    return func.normalize(lowered, type_=String).collate("C")


def moment_of(text: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    """Return the time that a dateTime of the document says; NULL where it says none."""
    if dialect == "sqlite":
        return type_coerce(func.scim_moment(text), UtcDateTime)
    return case((text.regexp_match(_LOOKS_LIKE_DATE_TIME), cast(text, UtcDateTime)), else_=None)


def number_of(text: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the number that a string is."""
    return cast(text, Float)


def moment(value: str) -> datetime:
    """Return the time that a dateTime says (RFC 7643 §2.3.5); without a zone it is UTC.

    Raises:
        ValueError: It is no dateTime.
    """
    try:
        found = _DATE_TIME.validate_strings(value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValidationError, OverflowError) as error:
        raise ValueError("the value is not a dateTime") from error


def _utc_text(value: str | None) -> str | None:
    """Return a dateTime as the database keeps times: UTC, in a fixed width."""
    try:
        return value and moment(value).strftime("%Y-%m-%d %H:%M:%S.%f")
    except ValueError:
        return None
