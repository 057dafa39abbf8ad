"""How groups at targets are shown: as rows of tables, and as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from scimbridge.cli.output import iso
from scimbridge.dashboard.times import distance, moment
from scimbridge.domain.case import CaseState

if TYPE_CHECKING:
    from scimbridge.domain.retirement import GroupFinding
    from scimbridge.services.group_status import GroupStatus
    from scimbridge.services.stale_groups import StaleGroup

Document = dict[str, Any]


def stale_row(found: StaleGroup) -> tuple[object, ...]:
    """Return a row of a group that may be given up."""
    why = list(found.reasons)
    if found.group.protected:
        why.append(f"protected: {found.group.protected}")
    if found.case_id is not None:
        why.append(f"is being given up: case {found.case_id}")
    size = found.group.size if found.group.size is not None else "-"
    return (found.group.id, found.group.name, size, ", ".join(why))


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


def finding_row(finding: GroupFinding) -> tuple[object, ...]:
    """Return a row of what became of a line."""
    return (
        finding.asked.line,
        finding.name or finding.asked.said,
        finding.members if finding.members is not None else "-",
        "-" if finding.opens is None else ", ".join(finding.opens) or "nothing known",
        finding.outcome,
        finding.case_id or "-",
        finding.why,
    )


def finding_document(finding: GroupFinding) -> Document:
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


def status_row(found: GroupStatus, now: datetime) -> tuple[object, ...]:
    """Return a row of a group that is being given up."""
    summary = found.summary
    done = ", ".join(found.done) or "-"
    return (summary.case.id, summary.user_name, found.target, summary.situation, done, _next(found, now))


def status_document(found: GroupStatus) -> Document:
    """Return the same for scripts: the case, and what is a group's alone."""
    from scimbridge.cli.documents import case_document

    return {
        **case_document(found.summary),
        "target": found.target,
        "done": list(found.done),
        "next": found.next,
    }


def _next(found: GroupStatus, now: datetime) -> str:
    at = found.summary.next_due_at
    if found.next is None or found.summary.case.state is not CaseState.OPEN:
        return "-"
    return found.next.value if at is None else f"{found.next} {distance(at, now)}, {moment(at)}"
