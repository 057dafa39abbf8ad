"""What is known of a person, whether or not there is a case: what the source says, and what that leads to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping

from scimbridge.domain.case import CaseState
from scimbridge.domain.exclusion import Exclusion, Spared
from scimbridge.domain.hold import Hold, Scope
from scimbridge.domain.identity import Identity
from scimbridge.domain.outline import NOTICES
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.times import moment
from scimbridge.errors import NotFoundError
from scimbridge.services.summing_up import CaseSummary, sum_up
from scimbridge.store import accounts, cases, dated, facts, holds, identities, records
from scimbridge.store.accounts import Account
from scimbridge.store.database import Database
from scimbridge.store.records import RequestQuery
from scimbridge.store.values import Row

SHOWN = 20
"""Cases, facts and requests that are read, the newest of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaching:
    """An exclusion that reaches somebody.

    Attributes:
        said: Whom or what it spares.
        id: Of one that was made at run time; ``None`` where the configuration has it.
    """

    said: str
    reason: str
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """What is known of a person.

    Attributes:
        accounts: By target, linked or not.
        cases: The newest ones.
        holds: Those that stand, and stop work on this person somewhere.
        sparing: Exclusions of the person, whatever the target.
        sparing_there: Exclusions of a target, or an account of theirs.
        left_alone: The newest facts that led to nothing, with the ``verdict``.
        waiting: The request that waits for its date.
        requests: What the source sent about them, the newest first.
    """

    identity: Identity
    accounts: Sequence[Account]
    cases: Sequence[CaseSummary]
    holds: Sequence[Hold]
    sparing: Sequence[Reaching]
    sparing_there: Sequence[Reaching]
    left_alone: Sequence[RowMapping]
    waiting: Row | None
    requests: Sequence[RowMapping]

    @property
    def state(self) -> str:
        """How the source has them: active, inactive or deleted."""
        if self.identity.deleted_at is not None:
            return "deleted"
        return "active" if self.identity.active else "inactive"

    @property
    def open_case(self) -> CaseSummary | None:
        """The case that goes on."""
        return next((one for one in self.cases if one.case.state is CaseState.OPEN), None)


class Dossiers:
    """Reads; changes nothing.

    Args:
        database: The store.
        rules: The rules and exclusions of the configuration.
    """

    def __init__(self, database: Database, rules: Ruleset) -> None:
        self._database = database
        self._rules = rules

    def of(self, identity_id: str, now: datetime) -> Dossier:
        """Return what is known of a person. It costs by what is shown.

        Raises:
            NotFoundError: There is nobody of this id; a group at a target is nobody.
        """
        with self._database.read() as tx:
            identity = identities.identity_by_id(tx, identity_id, now)
            if identity.is_group:
                raise NotFoundError("person", identity_id)
            theirs = [each for each in accounts.accounts_of(tx, [identity_id]) if each.target != NOTICES]
            sparing, sparing_there = self._exclusions(tx, identity, theirs, now)
            newest = [(case, identity.user_name) for case in cases.newest_of(tx, identity_id, SHOWN)]
            places = {each.target for each in theirs}
            return Dossier(
                identity=identity,
                accounts=theirs,
                cases=sum_up(tx, newest, now),
                holds=[
                    hold
                    for hold in holds.standing_over(tx, identity_id, identity.source)
                    if hold.scope is not Scope.TARGET or hold.subject in places
                ],
                sparing=sparing,
                sparing_there=sparing_there,
                left_alone=facts.left_alone_of(tx, identity_id, SHOWN),
                waiting=dated.dated_of(tx, identity_id),
                requests=records.received(tx, RequestQuery(resource_id=identity_id), limit=SHOWN)[0],
            )

    def _exclusions(
        self, tx: Connection, identity: Identity, theirs: Sequence[Account], now: datetime
    ) -> tuple[list[Reaching], list[Reaching]]:
        made = [(holds.exclusion_of(row), str(row["id"])) for row in holds.exclusion_rows(tx)]
        known = [*made, *((exclusion, None) for exclusion in self._rules.exclusions)]
        whole = [_reaching(one, key) for one, key in known if one.spares(identity, now)]
        whole += [
            Reaching(said=f"whoever rule {rule.name} excludes", reason="the rule says so")
            for rule in self._rules.rules
            if rule.is_about(identity) and rule.excludes(identity)
        ]
        there = [_reaching(one, key) for one, key in known if any(_spares_at(one, each, now) for each in theirs)]
        return whole, there


def why_nothing(dossier: Dossier) -> Iterator[str]:
    """Yield why nothing happens to somebody, each as one sentence; nothing where a case goes on."""
    identity = dossier.identity
    if dossier.open_case is not None:
        return
    if not identity.is_gone:
        yield f"Source {identity.source} says that they are active: only a fact that they left starts a case."
    elif not dossier.cases and not dossier.left_alone:
        yield (
            f"They were {dossier.state} when source {identity.source} first told of them: "
            "only a change that the bridge has seen starts a case."
        )
    elif dossier.cases and (closed_at := dossier.cases[0].case.closed_at) is not None:
        newest = dossier.cases[0].case
        yield f"Their newest case was {newest.state} at {moment(closed_at)}: {newest.reason}."
    for fact in dossier.left_alone[:1]:
        if not dossier.cases or fact["at"] >= dossier.cases[0].case.opened_at:
            yield f"{fact['trigger']} at {moment(fact['at'])}: {fact['verdict']}."
    for each in dossier.sparing:
        yield f"They are excluded ({each.said}): {each.reason}."
    if dossier.waiting is not None:
        yield f"{dossier.waiting['requested_by']} has asked that they leave at {moment(dossier.waiting['due_at'])}."


def _reaching(exclusion: Exclusion, key: str | None) -> Reaching:
    said = "this person" if exclusion.spared is Spared.IDENTITY else exclusion.in_words
    return Reaching(said=said, reason=exclusion.reason, id=key)


def _spares_at(exclusion: Exclusion, account: Account, now: datetime) -> bool:
    names = [name for name in (account.native_id, account.name) if name is not None]
    return exclusion.spares_target(account.target, now) or exclusion.spares_account(account.target, names, now)
