"""Reconciliation: what a target really has, against what the bridge knows. It reads, and decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from scimbridge.domain.reconciliation import Mismatch, Owner, mismatches, set_apart
from scimbridge.domain.rulebook import Rulebook
from scimbridge.services.fleet import Fleet, Target
from scimbridge.services.sparing import Sparing
from scimbridge.store import owners
from scimbridge.store.database import Database

if TYPE_CHECKING:
    from scimbridge.sdk.listing import AccountSummary


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
    """Compares accounts of a target with the identities, the links and the cases."""

    def __init__(self, database: Database, fleet: Fleet, rulebook: Rulebook) -> None:
        self._database = database
        self._fleet = fleet
        self._rulebook = rulebook

    def compare(
        self, name: str, some: Sequence[AccountSummary], asked_at: datetime, since: datetime | None = None
    ) -> list[Compared]:
        """Return some accounts of a target beside what is known of them, in a few statements for all.

        Args:
            name: The target.
            some: The accounts, as it has told them.
            asked_at: When it was asked: what the bridge has done since is not held against an account.
            since: Stale is what nobody has signed in with from then on; nothing is, where absent.

        Raises:
            NotFoundError: There is no such target.
        """
        target = self._fleet[name]
        with self._database.read() as tx:
            linked = owners.linked(tx, name, [account.id for account in some], asked_at)
            matched = owners.matching(tx, _values(target, some))
            compared = [
                _compared(
                    target, account, _owners(linked.get(account.id, ()), _matching(target, account, matched)), since
                )
                for account in some
            ]
            return self._set_apart(tx, compared, asked_at)

    def _set_apart(self, tx: Connection, compared: list[Compared], now: datetime) -> list[Compared]:
        """Return the same, with what is so on purpose told from the rest."""
        people = {owner.identity_id for each in compared if each.mismatches for owner in each.owners}
        sparing = Sparing.of(tx, self._rulebook.rules, people, now)
        return [replace(each, mismatches=_apart(sparing, each)) if each.mismatches else each for each in compared]


def _apart(sparing: Sparing, compared: Compared) -> tuple[Mismatch, ...]:
    is_spared = sparing.spares(compared.target, compared.account, compared.owners)
    return set_apart(compared.mismatches, is_spared=is_spared, is_held=sparing.holds(compared.owners))


def _compared(target: Target, account: AccountSummary, own: Sequence[Owner], since: datetime | None) -> Compared:
    if account.unmanaged:
        found: tuple[Mismatch, ...] = ()  # it carries the mark that keeps the bridge away
    else:
        unused = account.is_unused_since(since) if since is not None else None
        found = mismatches(own, suspended=account.suspended, unused=unused)
    return Compared(target=target.name, account=account, owners=own, mismatches=found)


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
