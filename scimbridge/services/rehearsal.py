"""Rehearsing: what would happen to whom and when. Touches nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from scimbridge.domain.exclusion import Exclusion
from scimbridge.domain.identity import Identity
from scimbridge.domain.plan import PlannedStage, least_grace, plan
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.trigger import Trigger
from scimbridge.errors import NotFoundError
from scimbridge.sdk.config import Mode
from scimbridge.services.fleet import Fleet
from scimbridge.store import accounts, holds, identities
from scimbridge.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a fact would lead to for one identity.

    Attributes:
        rule: The rule that would plan the case; ``None`` where none matches.
        excluded: Why nothing would be touched, if so.
        stages: What would be done and when.
        accounts: The account's name at each target where one is linked.
        observing: Targets that would only be read.
    """

    identity: Identity
    trigger: Trigger
    rule: str | None
    excluded: str | None
    stages: tuple[PlannedStage, ...]
    accounts: dict[str, str]
    observing: frozenset[str]


class Rehearsing:
    """Plans without storing anything."""

    def __init__(self, database: Database, fleet: Fleet, rules: Ruleset) -> None:
        self._database = database
        self._fleet = fleet
        self._rules = rules

    def rehearse(self, user_name: str, trigger: Trigger, now: datetime) -> list[Rehearsal]:
        """Return what would happen to everybody of this userName, in any source.

        Raises:
            NotFoundError: No source knows the name.
        """
        with self._database.read() as tx:
            found = identities.by_name_anywhere(tx, user_name)
            if not found:
                raise NotFoundError("identity with userName", user_name)
            rehearsals = []
            for identity_id in found:
                identity = identities.identity_by_id(tx, identity_id, now)
                linked = {
                    account.target: account.name or account.native_id or ""
                    for account in accounts.accounts_of(tx, [identity_id])
                    if account.native_id is not None
                }
                more = holds.standing_exclusions(tx)
                rehearsals.append(self._rehearse(identity, trigger, now, linked, more))
        return rehearsals

    def _rehearse(
        self, identity: Identity, trigger: Trigger, now: datetime, linked: dict[str, str], more: list[Exclusion]
    ) -> Rehearsal:
        rule = self._rules.first_match(trigger, identity)
        return Rehearsal(
            identity=identity,
            trigger=trigger,
            rule=rule.name if rule else None,
            excluded=self._rules.why_excluded(identity, rule.name, now, more) if rule else None,
            stages=plan(rule, now, self._fleet.capabilities, least=least_grace(rule, trigger)) if rule else (),
            accounts=linked,
            observing=frozenset(target.name for target in self._fleet if target.mode is Mode.OBSERVE),
        )
