"""How accounts of a target are shown: as rows of a table, and as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from scimbridge.cli.output import iso
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


def _plain(at: Moment) -> str | None:
    return iso(at) if isinstance(at, datetime) else at
