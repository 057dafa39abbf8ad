"""Runs of reconciliation, and what they found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from scimbridge.domain.reconciliation import Mismatch
from scimbridge.domain.times import iso

if TYPE_CHECKING:
    from scimbridge.domain.reconciliation import AccountFinding, Owner, Run
    from scimbridge.services.findings import Reconciled

Document = dict[str, Any]


def reconciled_document(found: Reconciled) -> Document:
    """Return how far a target is reconciled."""
    return {
        "target": found.target,
        "has_list": found.has_list,
        "counts": {kind.value: found.counts.get(kind, 0) for kind in Mismatch},
        "shown": run_document(found.shown) if found.shown else None,
        "complete_at": iso(found.complete.ended_at) if found.complete else None,
        "last": run_document(found.last) if found.last else None,
        "under_way": run_document(found.under_way) if found.under_way else None,
        "progress": found.progress,
        "next_at": iso(found.next_at),
    }


def run_document(run: Run) -> Document:
    """Return a run."""
    return {
        "id": run.id,
        "target": run.target,
        "asked_at": iso(run.asked_at),
        "asked_by": run.asked_by,
        "unused_for_seconds": run.unused_for.total_seconds() if run.unused_for is not None else None,
        "believed": run.is_believed,
        "started_at": iso(run.started_at),
        "accounts": run.accounts,
        "ended_at": iso(run.ended_at),
        "outcome": run.outcome,
        "reason": run.reason,
    }


def mismatch_document(found: AccountFinding) -> Document:
    """Return a finding."""
    return {
        "id": found.id,
        "target": found.target,
        "kind": found.kind,
        "account_id": found.native_id,
        "name": found.name,
        "suspended": found.suspended,
        "signed_in_at": iso(found.signed_in_at),
        "first_seen_at": iso(found.first_seen_at),
        "advice": found.kind.advice,
        "owners": [{**owner_document(owner), "case_id": owner.case_id} for owner in found.owners],
    }


def mismatched_account_document(found: Sequence[AccountFinding]) -> Document:
    """Return what was found about one account."""
    first = found[0]
    return {
        "target": first.target,
        "id": first.native_id,
        "name": first.name,
        "suspended": first.suspended,
        "mismatches": [each.kind for each in found],
        "first_seen_at": iso(min(each.first_seen_at for each in found)),
        "owners": [owner_document(owner) for owner in first.owners],
    }


def owner_document(owner: Owner) -> Document:
    """Return whose an account may be."""
    return {
        "identity_id": owner.identity_id,
        "source": owner.source,
        "user_name": owner.user_name,
        "linked": owner.linked,
        "gone": owner.is_gone,
    }
