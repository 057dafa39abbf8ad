"""Rows of versions of the rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from scimbridge.domain.rules_version import Origin, RulesVersion
from scimbridge.errors import ConcurrentUpdateError, NotFoundError
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import cases, rulesets
from scimbridge.store.values import Row

_GATE = 731944873
"""The advisory lock of PostgreSQL under which a version comes into force; ours alone in this database."""

_HIGHEST = 2**31 - 1
"""No version is higher, whatever somebody asks for."""

_IS_ACTIVE = rulesets.c.is_active.is_(True)
_IS_DRAFT = rulesets.c.activated_at.is_(None) & rulesets.c.ended_at.is_(None)
_ACTIVE_NUMBER = Prepared(select(rulesets.c.version).where(_IS_ACTIVE))


def enter(tx: Connection) -> None:
    """Keep everybody else from activating a version until the transaction ends. SQLite has one writer anyway."""
    if tx.dialect.name == "postgresql":
        tx.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_GATE})")


def active_number(tx: Connection) -> int | None:
    """Return which version is in force, if there is one. Cheap: every process asks all the time."""
    row = _ACTIVE_NUMBER.first(tx, {})
    return None if row is None else row["version"]


def active(tx: Connection) -> RulesVersion | None:
    """Return the version in force, if there is one."""
    row = tx.execute(select(rulesets).where(_IS_ACTIVE)).mappings().first()
    return None if row is None else _version(row)


def newest_like(tx: Connection, digest: str) -> int | None:
    """Return the newest version that was in force and says the same, if there is one."""
    query = select(func.max(rulesets.c.version)).where(
        rulesets.c.digest == digest, rulesets.c.activated_at.is_not(None)
    )
    found: int | None = tx.execute(query).scalar()
    return found


def by_number(tx: Connection, version: int) -> RulesVersion:
    """Return a version.

    Raises:
        NotFoundError: There is none of this number.
    """
    query = select(rulesets).where(rulesets.c.version == version)
    row = tx.execute(query).mappings().first() if 0 < version <= _HIGHEST else None
    if row is None:
        raise NotFoundError("version of the rules", str(version))
    return _version(row)


def listed(tx: Connection, limit: int, *, before: int | None = None) -> list[RulesVersion]:
    """Return versions, the newest first; those below a number, if one is given."""
    query = select(rulesets).order_by(rulesets.c.version.desc()).limit(limit)
    if before is not None:
        query = query.where(rulesets.c.version < min(before, _HIGHEST))
    return [_version(row) for row in tx.execute(query).mappings()]


def drafts(tx: Connection, limit: int) -> list[RulesVersion]:
    """Return drafts that were neither put in force nor given up, the newest first."""
    query = select(rulesets).where(_IS_DRAFT).order_by(rulesets.c.version.desc()).limit(limit)
    return [_version(row) for row in tx.execute(query).mappings()]


def add(
    tx: Connection, *, text: str, digest: str | None, origin: Origin, base: int | None, by: str, now: datetime
) -> RulesVersion:
    """Store a version that is not in force, and return it."""
    values = {
        "text": text,
        "digest": digest,
        "origin": origin,
        "base": base,
        "created_at": now,
        "created_by": by,
        "changed_at": now,
        "changed_by": by,
    }
    row = tx.execute(insert(rulesets).values(values).returning(*rulesets.c)).mappings().one()
    return _version(row)


def change(
    tx: Connection,
    version: int,
    *,
    revision: int,
    text: str,
    digest: str | None,
    base: int | None,
    by: str,
    now: datetime,
) -> None:
    """Give a draft another text; its replay was about the old one.

    Raises:
        ConcurrentUpdateError: Somebody else has changed it since, or it is no draft any more.
    """
    changed = tx.execute(
        update(rulesets)
        .where(rulesets.c.version == version, rulesets.c.revision == revision, _IS_DRAFT)
        .values(text=text, digest=digest, base=base, revision=revision + 1, changed_at=now, changed_by=by, replay=None)
    )
    _require_one(changed.rowcount, version)


def discard(tx: Connection, version: int, *, by: str, now: datetime) -> None:
    """Give a draft up.

    Raises:
        ConcurrentUpdateError: It is no draft any more.
    """
    ended = tx.execute(
        update(rulesets).where(rulesets.c.version == version, _IS_DRAFT).values(ended_at=now, ended_by=by)
    )
    _require_one(ended.rowcount, version)


def activate(tx: Connection, version: RulesVersion, former: int | None, *, by: str, reason: str, now: datetime) -> None:
    """Put a version in force in the place of another one. The caller has entered.

    Raises:
        ConcurrentUpdateError: The former one is not in force any more, or the draft has changed.
    """
    if former is not None:
        retired = tx.execute(
            update(rulesets)
            .where(rulesets.c.version == former, _IS_ACTIVE)
            .values(is_active=None, ended_at=now, ended_by=by)
        )
        _require_one(retired.rowcount, former)
    activated = tx.execute(
        update(rulesets)
        .where(rulesets.c.version == version.version, rulesets.c.revision == version.revision, _IS_DRAFT)
        .values(is_active=True, activated_at=now, activated_by=by, reason=reason)
    )
    _require_one(activated.rowcount, version.version)


def note_replay(tx: Connection, version: int, revision: int, replay: Mapping[str, Any]) -> bool:
    """Keep how far the replay of a draft has come. Returns whether it is still the same draft."""
    noted = tx.execute(
        update(rulesets)
        .where(rulesets.c.version == version, rulesets.c.revision == revision, _IS_DRAFT)
        .values(replay=dict(replay))
    )
    return noted.rowcount == 1


def open_cases_by(tx: Connection, rule_names: frozenset[str]) -> dict[str, int]:
    """Return how many cases are open by each of some rules."""
    query = (
        select(cases.c.rule, func.count().label("open"))
        .where(cases.c.state == "open", cases.c.rule.in_(sorted(rule_names)))
        .group_by(cases.c.rule)
    )
    return {row.rule: row.open for row in tx.execute(query)}


def _require_one(count: int, version: int) -> None:
    if count != 1:
        raise ConcurrentUpdateError("version of the rules", str(version))


def _version(row: Row) -> RulesVersion:
    return RulesVersion(
        version=row["version"],
        text=row["text"],
        digest=row["digest"],
        origin=Origin(row["origin"]),
        base=row["base"],
        revision=row["revision"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        changed_at=row["changed_at"],
        changed_by=row["changed_by"],
        activated_at=row["activated_at"],
        activated_by=row["activated_by"],
        reason=row["reason"],
        ended_at=row["ended_at"],
        ended_by=row["ended_by"],
        replay=row["replay"],
    )
