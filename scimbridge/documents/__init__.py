"""What ``--json`` and the API answer. The keys are a promise to scripts: they may be added to, never renamed."""

from scimbridge.documents.access import (
    client_document,
    finding_document,
    received_document,
    source_document,
    token_document,
    user_document,
)
from scimbridge.documents.cases import case_document, entry_document, snapshot_document, story_document
from scimbridge.documents.leavers import leaver_document
from scimbridge.documents.plans import plan_document, rehearsal_document, replay_document
from scimbridge.documents.protection import (
    exclusion_document,
    flood_document,
    flood_hold_document,
    flood_story_document,
    hold_document,
    inquiry_document,
)
from scimbridge.documents.reconciliation import (
    mismatch_document,
    mismatched_account_document,
    reconciled_document,
    run_document,
)
from scimbridge.documents.reports import report_document
from scimbridge.documents.rules import look_document, problem_document, version_document
from scimbridge.documents.targets import (
    account_document,
    group_finding_document,
    stale_document,
    status_document,
    target_document,
)

__all__ = [
    "account_document",
    "case_document",
    "client_document",
    "entry_document",
    "exclusion_document",
    "finding_document",
    "flood_document",
    "flood_hold_document",
    "flood_story_document",
    "group_finding_document",
    "hold_document",
    "inquiry_document",
    "leaver_document",
    "look_document",
    "mismatch_document",
    "mismatched_account_document",
    "plan_document",
    "problem_document",
    "received_document",
    "reconciled_document",
    "rehearsal_document",
    "replay_document",
    "report_document",
    "run_document",
    "snapshot_document",
    "source_document",
    "stale_document",
    "status_document",
    "story_document",
    "target_document",
    "token_document",
    "user_document",
    "version_document",
]
