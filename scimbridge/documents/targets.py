"""Targets, with their accounts and groups."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from scimbridge.documents.cases import case_document
from scimbridge.domain.times import iso

if TYPE_CHECKING:
    from scimbridge.domain.retirement import GroupFinding
    from scimbridge.sdk.listing import AccountSummary, Moment
    from scimbridge.services.group_status import GroupStatus
    from scimbridge.services.overview import TargetStatus
    from scimbridge.services.stale_groups import StaleGroup

Document = dict[str, Any]


def target_document(status: TargetStatus) -> Document:
    """Return what goes on at a target."""
    return {
        "name": status.name,
        "connector": status.kind,
        "mode": status.mode,
        "armed_until": iso(status.armed_until),
        "armed_by": status.armed_by,
        "concurrency": status.concurrency,
        "at_once": status.at_once,
        "runnable": status.runnable,
        "live": status.live,
        "needs_person": status.needs_person,
        "pause": status.pause,
        "unusable": status.unusable or None,
        "pace": status.pace,
        "calls_per_second": timedelta(seconds=1) / status.apart if status.apart else None,
    }


def account_document(account: AccountSummary) -> dict[str, Any]:
    """Return the same for scripts; null where the target does not tell."""
    return {
        "id": account.id,
        "name": account.name,
        "attributes": {name: list(values) for name, values in account.attributes.items()},
        "suspended": account.suspended,
        "suspended_since": iso(account.suspended_since),
        "signed_in_at": _plain(account.signed_in_at),
        "signed_in_within_days": account.signed_in_within.days,
        "expires_at": _plain(account.expires_at),
        "created_at": iso(account.created_at),
        "container": account.container,
        "unmanaged": account.unmanaged,
        "privileged": account.privileged,
        "licenses": None if account.licenses is None else list(account.licenses),
    }


def stale_document(found: StaleGroup) -> Document:
    """Return the same for scripts."""
    group = found.group
    return {
        "id": group.id,
        "name": group.name,
        "members": group.size,
        "owners": None if group.owners is None else [{"id": each.id, "name": each.name} for each in group.owners],
        "changed_at": iso(group.changed_at),
        "container": group.container,
        "stamp": group.stamp,
        "protected": group.protected or None,
        "reasons": list(found.reasons),
        "case_id": found.case_id,
    }


def group_finding_document(finding: GroupFinding) -> Document:
    """Return the same for scripts."""
    return {
        "line": finding.asked.line,
        "group": finding.asked.said,
        "outcome": finding.outcome,
        "why": finding.why,
        "id": finding.native_id,
        "name": finding.name,
        "members": finding.members,
        "opens": None if finding.opens is None else list(finding.opens),
        "case_id": finding.case_id,
    }


def status_document(found: GroupStatus) -> Document:
    """Return the same for scripts: the case, and what is a group's alone."""
    return {
        **case_document(found.summary),
        "target": found.target,
        "done": list(found.done),
        "next": found.next,
    }


def _plain(at: Moment) -> str | None:
    return iso(at) if isinstance(at, datetime) else at
