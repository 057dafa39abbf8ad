"""All accounts of a target, as the target tells them; nothing is kept of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from scimbridge.sdk.documents import storable
from scimbridge.sdk.errors import RetryableError
from scimbridge.sdk.listing import AccountSummary
from scimbridge.services.fleet import Fleet


class Inventory:
    """Reads lists of accounts; changes nothing, and decides nothing."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def accounts(self, target: str) -> Iterator[AccountSummary]:
        """Yield all accounts of a target, while they are listed. One that changes meanwhile may come twice.

        Raises:
            NotFoundError: There is no such target.
            ConnectorError: The target has no list, or the list broke off: what was yielded is not all then.
        """
        for page in self.pages(target):
            yield from page

    def pages(self, target: str) -> Iterator[Sequence[AccountSummary]]:
        """Yield the same as the target tells them, some at a time; a page may be empty."""
        for page in self._fleet.connector(self._fleet[target].name).list_accounts():
            yield tuple(map(_storable, page.accounts))
            if page.end is not None:
                return
        raise RetryableError("the list of accounts broke off; try again")


def _storable(account: AccountSummary) -> AccountSummary:
    """Return an account with an id and a name that databases take: one odd name must not end a whole list."""
    said = (storable(account.id), storable(account.name))
    return account if said == (account.id, account.name) else replace(account, id=said[0], name=said[1])
