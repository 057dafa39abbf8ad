"""The endpoints, by what they are about."""

from scimbridge.api.endpoints import (
    access,
    cases,
    events,
    evidence,
    guard,
    many,
    operators,
    overview,
    people,
    plans,
    protection,
    reconciliation,
    reports,
    requests,
    rules,
    targets,
    tasks,
)

ALL = (
    cases.routes,
    many.routes,
    tasks.routes,
    requests.routes,
    plans.routes,
    people.routes,
    events.routes,
    targets.routes,
    reconciliation.routes,
    guard.routes,
    protection.routes,
    overview.routes,
    rules.routes,
    reports.routes,
    evidence.routes,
    access.routes,
    operators.routes,
)
"""In the order of the reference."""
