"""What the target says last, before an account is taken away because nobody uses it.

A list may be old when its rule's grace is over: whoever has signed in since is using the account. A target that does
not tell any more is no reason to go on, and none to stop for good: a person decides.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain.approval import UNTOLD
from scimbridge.domain.stale_account import StaleAccount
from scimbridge.domain.task import Task
from scimbridge.sdk.listing import AccountSummary
from scimbridge.services import lapsing
from scimbridge.services.grants import SIGNED_IN
from scimbridge.store import approvals, stale_accounts


def why_used(stale: StaleAccount, told: AccountSummary | None) -> str | None:
    """Return why an account is none that nobody uses, as one sentence; ``None`` where nothing says so."""
    if told is None or told.is_unused_since(stale.since) is not False:
        return None
    if told.signed_in_by is None:
        return f"the account at {stale.target} is a new one"
    when = f"{told.signed_in_at:%Y-%m-%d %H:%M} UTC"
    return f"{SIGNED_IN} at {stale.target}: {when}, says the target"


def note_told(tx: Connection, stale: StaleAccount, told: AccountSummary | None, now: datetime) -> StaleAccount:
    """Keep since when the target does not tell whether anybody has signed in. Returns what is known then."""
    is_told = told is not None and told.is_unused_since(stale.since) is not None
    if is_told == (stale.untold_at is None):
        return stale
    return stale_accounts.tell(tx, stale, None if is_told else now)


def lapse_earlier(tx: Connection, task: Task, stale: StaleAccount, now: datetime) -> dict[str, str]:
    """End the approvals of a task's stage that were given while the target still told who signs in.

    Returns:
        The stage, if it lost its approvals, and why.
    """
    if stale.untold_at is None:
        return {}
    why = f"{stale.target} does not tell any more whether anybody has signed in"
    return lapsing.lapse_older(tx, task, why, since=stale.untold_at, now=now)


def why_untold(tx: Connection, task: Task, stale: StaleAccount) -> str:
    """Return why a person has to decide whether an account is used, unless they have; empty where nobody has to."""
    if stale.untold_at is None or any(each.stage_id == task.stage_id for each in approvals.standing(tx, task.case_id)):
        return ""
    return f"{UNTOLD}{stale.target} does not tell any more whether anybody has signed in"
