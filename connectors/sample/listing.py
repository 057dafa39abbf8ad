"""All accounts of a target that can do everything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from connectors.sample.groups import GroupActions
from connectors.sample.record import Changes, Record
from scimbridge.sdk import NEVER, AccountNotFoundError, AccountPage, AccountSummary, Coverage, End, Moment

PAGE = 100
"""Accounts per call."""


class Listing(GroupActions):
    """Lists accounts in the order of their ids, and changes in the order in which they were made."""

    def list_accounts(self, since: str | None = None) -> Iterator[AccountPage]:
        """Yield all accounts, or what has changed in this file since."""
        changes = self._enter(writes=False).changed_since(since, PAGE) if since else None
        if changes is None:
            yield from self._all()
        else:
            yield from self._since(changes)

    def summarize(self, account_id: str) -> AccountSummary:
        """Return one account as the list has it."""
        record = self._enter(writes=False).get(account_id)
        if record is None:
            raise AccountNotFoundError("the target has no such account")
        return self._summary(record)

    def _all(self) -> Iterator[AccountPage]:
        # Asked for first: what changes while the list is read is part of the next one.
        cursor = self._enter(writes=False).position()
        records: Sequence[Record] = self._enter(writes=False).listed("", PAGE)
        while records:
            yield AccountPage(accounts=tuple(map(self._summary, records)))
            records = self._enter(writes=False).listed(records[-1].id, PAGE)
        yield AccountPage(end=End(coverage=Coverage.WHOLE, cursor=cursor or None))

    def _since(self, changes: Changes) -> Iterator[AccountPage]:
        found: Changes | None = changes
        while found is not None and (found.records or found.gone):
            yield AccountPage(accounts=tuple(map(self._summary, found.records)), gone=tuple(found.gone))
            changes, found = found, self._enter(writes=False).changed_since(found.position, PAGE)
        yield AccountPage(end=End(coverage=Coverage.CHANGES_AND_DELETIONS, cursor=changes.position))

    def _summary(self, record: Record) -> AccountSummary:
        return AccountSummary(
            id=record.id,
            name=record.name,
            attributes={name: (value,) for name in self.config.match.values() if (value := getattr(record, name))},
            suspended=record.suspended,
            signed_in_at=_moment(record.signed_in_at),
            expires_at=_moment(record.expires_at),
            created_at=datetime.fromisoformat(record.created_at) if record.created_at else None,
            container=record.container,
            unmanaged=record.unmanaged,
        )


def _moment(text: str) -> Moment:
    if text == NEVER:
        return NEVER
    return datetime.fromisoformat(text) if text else None
