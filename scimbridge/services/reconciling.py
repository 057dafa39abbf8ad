"""Reconciliation: what a target really has, against what the bridge knows. It reads, and decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from scimbridge.domain.reconciliation import Mismatch, Owner, mismatches
from scimbridge.services.fleet import Fleet, Target
from scimbridge.services.inventory import Inventory
from scimbridge.store import owners
from scimbridge.store.database import Database

if TYPE_CHECKING:
    from scimbridge.sdk.listing import AccountSummary

BATCH = 200
"""Accounts that are compared at once: a few statements for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """An account beside what is known of it.

    Attributes:
        owners: Who is linked to it, then who matches it.
        mismatches: How it is not as it should be; none where it is.
    """

    target: str
    account: AccountSummary
    owners: Sequence[Owner]
    mismatches: tuple[Mismatch, ...]


class Reconciling:
    """Compares all accounts of a target with the identities, the links and the cases."""

    def __init__(self, database: Database, fleet: Fleet, inventory: Inventory) -> None:
        self._database = database
        self._fleet = fleet
        self._inventory = inventory

    def compare(self, name: str, now: datetime, *, unused_for: timedelta | None = None) -> Iterator[Compared]:
        """Yield all accounts of a target, those too that are as they should be, while they are listed.

        Args:
            name: The target.
            now: The current time (UTC).
            unused_for: How long nobody has signed in with what is called stale; nothing is, where absent.

        Raises:
            NotFoundError: There is no such target.
            ConnectorError: The target has no list, or the list broke off: what was yielded is not all then.
        """
        target = self._fleet[name]
        since = now - unused_for if unused_for is not None else None
        listed = self._inventory.accounts(name)
        while some := tuple(islice(listed, BATCH)):
            yield from self._compared(target, some, since)

    def _compared(self, target: Target, some: Sequence[AccountSummary], since: datetime | None) -> Iterator[Compared]:
        with self._database.read() as tx:
            linked = owners.linked(tx, target.name, [account.id for account in some])
            matched = owners.matching(tx, _values(target, some))
        for account in some:
            own = _owners(linked.get(account.id, ()), _matching(target, account, matched))
            if account.unmanaged:
                found: tuple[Mismatch, ...] = ()  # it carries the mark that keeps the bridge away
            else:
                unused = account.is_unused_since(since) if since is not None else None
                found = mismatches(own, suspended=account.suspended, unused=unused)
            yield Compared(target=target.name, account=account, owners=own, mismatches=found)


def _values(target: Target, some: Sequence[AccountSummary]) -> Mapping[str, set[str]]:
    return {
        attribute: {value for account in some for value in account.attributes.get(native, ())}
        for attribute, native in target.match.items()
    }


def _owners(linked: Sequence[Owner], matching: Sequence[Owner]) -> list[Owner]:
    known = {owner.identity_id for owner in linked}
    return [*linked, *(owner for owner in matching if owner.identity_id not in known)]


def _matching(
    target: Target, account: AccountSummary, matched: Mapping[tuple[str, str], Sequence[Owner]]
) -> list[Owner]:
    """Return who matches an account by any pair, each once."""
    found = {
        owner.identity_id: owner
        for attribute, native in target.match.items()
        for value in account.attributes.get(native, ())
        for owner in matched.get((attribute, owners.comparable(attribute, value)), ())
    }
    return list(found.values())
