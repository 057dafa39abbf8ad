"""How groups at targets are shown: as rows of tables, and as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

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


def status_row(found: GroupStatus, now: datetime) -> tuple[object, ...]:
    """Return a row of a group that is being given up."""
    summary = found.summary
    done = ", ".join(found.done) or "-"
    return (summary.case.id, summary.user_name, found.target, summary.situation, done, _next(found, now))


def _next(found: GroupStatus, now: datetime) -> str:
    at = found.summary.next_due_at
    if found.next is None or found.summary.case.state is not CaseState.OPEN:
        return "-"
    return found.next.value if at is None else f"{found.next} {distance(at, now)}, {moment(at)}"
