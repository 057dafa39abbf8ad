"""The endpoints, by what they are about."""

from scimbridge.api.endpoints import (
    access,
    cases,
    events,
    guard,
    many,
    operators,
    overview,
    people,
    protection,
    requests,
    targets,
    tasks,
)

ALL = (
    cases.routes,
    many.routes,
    tasks.routes,
    requests.routes,
    people.routes,
    events.routes,
    targets.routes,
    guard.routes,
    protection.routes,
    overview.routes,
    access.routes,
    operators.routes,
)
"""In the order of the reference."""
