"""Rows of findings: what reconciliation's runs found, written in batches and read a page at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Text, cast, delete, func, insert, select, union_all

from scimbridge.domain.case import CaseState
from scimbridge.domain.names import fold
from scimbridge.domain.reconciliation import AccountFinding, Mismatch, Owner
from scimbridge.store.functions import folded
from scimbridge.store.id_lists import is_among, is_among_texts
from scimbridge.store.schema import cases, findings, identities, reconciliations
from scimbridge.store.values import Row

Key = tuple[str, Mismatch]
"""What makes a finding the same from run to run: the account, and how it is not as it should be."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a finding from the run before."""

    id: str
    first_seen_at: datetime


def known(tx: Connection, run_id: str, native_ids: Collection[str]) -> Mapping[Key, Known]:
    """Return what a run found about some accounts."""
    query = select(findings.c.native_id, findings.c.kind, findings.c.id, findings.c.first_seen_at).where(
        findings.c.run_id == run_id, is_among_texts(tx, findings.c.native_id, native_ids)
    )
    return {(row[0], Mismatch(row[1])): Known(row[2], row[3]) for row in tx.execute(query)}


def store(tx: Connection, run_id: str, native_ids: Collection[str], found: Sequence[AccountFinding]) -> None:
    """Store what a run found about some accounts, in place of what it found about them before.

    A list may name an account twice, when it changes meanwhile; the later answer holds.
    """
    tx.execute(
        delete(findings).where(findings.c.run_id == run_id, is_among_texts(tx, findings.c.native_id, native_ids))
    )
    if found:
        tx.execute(insert(findings), [_row(run_id, each) for each in found])


def has(tx: Connection, run_id: str, native_id: str, kinds: Collection[Mismatch]) -> bool:
    """Whether a run has found one of some things about an account."""
    own = findings.c.run_id == run_id, findings.c.native_id == native_id, findings.c.kind.in_(kinds)
    return tx.execute(select(findings.c.id).where(*own).limit(1)).first() is not None


def tally(tx: Connection, run_id: str) -> Mapping[Mismatch, int]:
    """Return how many findings of each kind a run has."""
    query = select(findings.c.kind, func.count()).where(findings.c.run_id == run_id).group_by(findings.c.kind)
    return {Mismatch(kind): count for kind, count in tx.execute(query)}


def forget(tx: Connection, run_id: str, limit: int) -> int:
    """Delete some findings of a run. Returns how many."""
    some = select(findings.c.id).where(findings.c.run_id == run_id).limit(limit)
    return tx.execute(delete(findings).where(findings.c.run_id == run_id, findings.c.id.in_(some))).rowcount


def listed(
    tx: Connection,
    targets: Mapping[str, str],
    *,
    kind: Mismatch | None,
    text: str,
    before: str | None,
    limit: int,
) -> list[AccountFinding]:
    """Return findings, those that were first seen last first.

    Args:
        tx: Any transaction.
        targets: Of which runs, by id, each with its target.
        kind: Of this kind alone.
        text: A part of the account's name, in any case.
        before: The finding that ended the page before.
        limit: At most so many.
    """
    named = folded(findings.c.name, tx.dialect.name).contains(fold(text), autoescape=True) if text else None
    arms = [_some(run_id, kind, named, before, limit) for run_id in targets]
    if not arms:
        return []
    found = union_all(*arms).subquery()
    rows = tx.execute(select(found).order_by(found.c.id.desc()).limit(limit)).mappings().all()
    owners = _owners(tx, {owner["id"] for row in rows for owner in row["owners"]})
    return [_finding(row, targets[row["run_id"]], owners) for row in rows]


def by_id(tx: Connection, targets: Mapping[str, str], finding_id: str) -> AccountFinding | None:
    """Return one finding of some runs, if one of them has it."""
    query = select(findings).where(findings.c.run_id.in_(list(targets)), findings.c.id == finding_id)
    row = tx.execute(query).mappings().first()
    if row is None:
        return None
    return _finding(row, targets[row["run_id"]], _owners(tx, {owner["id"] for owner in row["owners"]}))


def _some(
    run_id: str, kind: Mismatch | None, named: ColumnElement[bool] | None, before: str | None, limit: int
) -> Select[Any]:
    conditions: list[ColumnElement[bool]] = [findings.c.run_id == run_id]
    if kind is not None:
        conditions.append(findings.c.kind == kind)
    if named is not None:
        conditions.append(named)
    if before is not None:
        conditions.append(findings.c.id < before)
    return select(select(findings).where(*conditions).order_by(findings.c.id.desc()).limit(limit).subquery())


def _owners(tx: Connection, identity_ids: Collection[str]) -> Mapping[str, Owner]:
    """Return who the owners are by now, by id; whoever is forgotten is not among them."""
    if not identity_ids:
        return {}
    open_case = (
        select(cases.c.id)
        .where(cases.c.identity_id == identities.c.id, cases.c.state == CaseState.OPEN)
        .limit(1)
        .scalar_subquery()
    )
    query = select(
        identities.c.id,
        identities.c.source,
        identities.c.user_name,
        (~identities.c.active | identities.c.deleted_at.is_not(None)).label("is_gone"),
        open_case.label("case_id"),
    ).where(is_among(tx, identities.c.id, identity_ids))
    return {
        row["id"]: Owner(
            identity_id=row["id"],
            source=row["source"],
            user_name=row["user_name"],
            linked=False,
            is_gone=row["is_gone"],
            case_is_open=row["case_id"] is not None,
            case_id=row["case_id"],
        )
        for row in tx.execute(query).mappings()
    }


def forget_account(tx: Connection, target: str, native_id: str) -> None:
    """Delete what runs found about an account; the next one finds it again where the target still has it."""
    own = select(reconciliations.c.id).where(reconciliations.c.target == target)
    tx.execute(delete(findings).where(findings.c.run_id.in_(own), findings.c.native_id == native_id))


def forget_owner(tx: Connection, identity_id: str) -> None:
    """Delete what runs found about accounts that were taken for somebody's, linked or not: their names are personal."""
    tx.execute(delete(findings).where(cast(findings.c.owners, Text).contains(identity_id, autoescape=True)))


def _row(run_id: str, found: AccountFinding) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "id": found.id,
        "kind": found.kind,
        "native_id": found.native_id,
        "name": found.name,
        "suspended": found.suspended,
        "signed_in_at": found.signed_in_at,
        "owners": [{"id": owner.identity_id, "linked": owner.linked} for owner in found.owners],
        "first_seen_at": found.first_seen_at,
    }


def _finding(row: Row, target: str, owners: Mapping[str, Owner]) -> AccountFinding:
    return AccountFinding(
        id=row["id"],
        run_id=row["run_id"],
        target=target,
        kind=Mismatch(row["kind"]),
        native_id=row["native_id"],
        name=row["name"],
        suspended=row["suspended"],
        signed_in_at=row["signed_in_at"],
        first_seen_at=row["first_seen_at"],
        owners=[
            replace(owners[owner["id"]], linked=owner["linked"]) for owner in row["owners"] if owner["id"] in owners
        ],
    )
