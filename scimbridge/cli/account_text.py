"""How accounts of a target are shown: as rows of a table, and as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from scimbridge.domain.times import moment

if TYPE_CHECKING:
    from scimbridge.sdk.listing import AccountSummary, Moment


def account_row(account: AccountSummary) -> tuple[object, ...]:
    """Return a row of an account; a question mark where the target does not tell."""
    return (
        account.id,
        account.name,
        _suspended(account),
        _told(account.signed_in_at) + _within(account),
        _told(account.expires_at),
        _yes(account.privileged),
        "?" if account.licenses is None else ", ".join(account.licenses) or "-",
    )


def _suspended(account: AccountSummary) -> str:
    since = f", since {moment(account.suspended_since)} or longer" if account.suspended_since is not None else ""
    return _yes(account.suspended) + (since if account.suspended else "")


def _yes(told: bool | None) -> str:
    return "?" if told is None else "yes" if told else "no"


def _told(at: Moment) -> str:
    return moment(at) if isinstance(at, datetime) else at or "?"


def _within(account: AccountSummary) -> str:
    days = account.signed_in_within.days
    return f", or up to {days}d later" if days and isinstance(account.signed_in_at, datetime) else ""
