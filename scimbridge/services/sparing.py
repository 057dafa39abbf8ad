"""What reconciliation finds and is so on purpose: an exclusion, or a hold on somebody, keeps the bridge away."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from scimbridge.domain.exclusion import Exclusion
from scimbridge.domain.identity import Identity
from scimbridge.domain.reconciliation import Owner
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.trigger import Trigger
from scimbridge.store import holds, identities

if TYPE_CHECKING:
    from scimbridge.sdk.listing import AccountSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparing:
    """Who and what is spared at a moment, as far as some people are concerned.

    Attributes:
        made: Exclusions made at run time.
        people: The people, by id.
        held: The ids of those who are held themselves.
    """

    rules: Ruleset
    made: Sequence[Exclusion]
    people: Mapping[str, Identity]
    held: Collection[str]
    now: datetime

    @classmethod
    def of(cls, tx: Connection, rules: Ruleset, people: Collection[str], now: datetime) -> Sparing:
        """Return what is known of some people, by their ids, in as many statements as for one."""
        return cls(
            rules=rules,
            made=holds.standing_exclusions(tx),
            people=identities.identities_by_id(tx, people, now) if people else {},
            held=holds.held_people(tx, people) if people else frozenset(),
            now=now,
        )

    def spares(self, target: str, account: AccountSummary, owners: Sequence[Owner]) -> bool:
        """Whether the bridge never touches an account: it, its target or each of its owners is excluded."""
        why = self.rules.why_target_excluded(target, self.now, self.made) or self.rules.why_account_excluded(
            target, [account.id, account.name], self.now, self.made
        )
        return why is not None or (bool(owners) and all(self._spares_person(owner) for owner in owners))

    def holds(self, owners: Sequence[Owner]) -> bool:
        """Whether each owner is held themselves."""
        return bool(owners) and all(owner.identity_id in self.held for owner in owners)

    def _spares_person(self, owner: Owner) -> bool:
        identity = self.people.get(owner.identity_id)
        if identity is None:
            return False  # whoever has been forgotten meanwhile
        trigger = Trigger.DELETED if identity.deleted_at is not None else Trigger.DEACTIVATED
        # Who is here has no case that a rule could spare them from.
        rule = self.rules.first_match(trigger, identity) if owner.is_gone else None
        return self.rules.why_excluded(identity, rule, self.now, self.made) is not None
