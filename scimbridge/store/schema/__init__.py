"""The tables, by what they are about. Migrations build them; a test holds the two against each other."""

from __future__ import annotations

from scimbridge.store.schema.access import (
    access_tokens,
    oauth_clients,
    operator_tokens,
    operators,
    quirks,
    sources,
    tokens,
    used_assertions,
)
from scimbridge.store.schema.answers import api_answers
from scimbridge.store.schema.at_targets import accounts, snapshots, targets
from scimbridge.store.schema.columns import Document, UtcDateTime, Word, metadata
from scimbridge.store.schema.figures import counted_until, figures
from scimbridge.store.schema.journal import DONE, REFUSED, history, notices, requests, seals
from scimbridge.store.schema.leaving import (
    dated_requests,
    facts,
    inquiries,
    inquiry_people,
    moves,
    returns,
    stale_accounts,
    unassignments,
)
from scimbridge.store.schema.protection import (
    UNSETTLED,
    exclusions,
    flood_cases,
    floods,
    guard_counters,
    guard_marks,
    holds,
    populations,
    uncounted,
)
from scimbridge.store.schema.reconciliation import findings, reconciliations
from scimbridge.store.schema.resources import (
    groups,
    identities,
    identity_values,
    memberships,
    past_memberships,
    resource_counts,
)
from scimbridge.store.schema.rulesets import rulesets
from scimbridge.store.schema.signing_in import (
    failed_sign_ins,
    operator_links,
    operator_secrets,
    operator_sessions,
    operator_subjects,
)
from scimbridge.store.schema.work import BEGUN, LATE, RUNNABLE, approvals, attempts, cases, hook_calls, stages, tasks

__all__ = [
    "BEGUN",
    "DONE",
    "LATE",
    "REFUSED",
    "RUNNABLE",
    "UNSETTLED",
    "Document",
    "UtcDateTime",
    "Word",
    "access_tokens",
    "accounts",
    "api_answers",
    "approvals",
    "attempts",
    "cases",
    "counted_until",
    "dated_requests",
    "exclusions",
    "facts",
    "failed_sign_ins",
    "figures",
    "findings",
    "flood_cases",
    "floods",
    "groups",
    "guard_counters",
    "guard_marks",
    "history",
    "holds",
    "hook_calls",
    "identities",
    "identity_values",
    "inquiries",
    "inquiry_people",
    "memberships",
    "metadata",
    "moves",
    "notices",
    "oauth_clients",
    "operator_links",
    "operator_secrets",
    "operator_sessions",
    "operator_subjects",
    "operator_tokens",
    "operators",
    "past_memberships",
    "populations",
    "quirks",
    "reconciliations",
    "requests",
    "resource_counts",
    "returns",
    "rulesets",
    "seals",
    "snapshots",
    "sources",
    "stages",
    "stale_accounts",
    "targets",
    "tasks",
    "tokens",
    "unassignments",
    "uncounted",
    "used_assertions",
]
