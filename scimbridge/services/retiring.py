"""Retiring: an operator asks that groups at a target are given up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from scimbridge.domain.capability import Capabilities
from scimbridge.domain.case import Case, CaseKind, CaseState
from scimbridge.domain.identity import Identity
from scimbridge.domain.outline import NOTICES
from scimbridge.domain.plan import PlannedStage, amend, plan_fact
from scimbridge.domain.request import Asked, Outcome
from scimbridge.domain.retirement import GroupFinding, GroupReport, NamedGroup
from scimbridge.domain.rule import Rule
from scimbridge.domain.rulebook import Rulebook
from scimbridge.domain.trigger import Fact, Trigger
from scimbridge.sdk.connector import Connector
from scimbridge.sdk.errors import AccountNotFoundError, AmbiguousAccountError
from scimbridge.sdk.group import GroupState
from scimbridge.services.fleet import Fleet
from scimbridge.services.intake import Submit
from scimbridge.services.lines import Progress, carry_out, silent
from scimbridge.services.planning import Planner
from scimbridge.store import cases, holds, target_groups, tasks
from scimbridge.store.database import Database


class Retiring:
    """Finds the groups that are meant, says what would become of them, and opens their cases. Nothing is guessed."""

    def __init__(
        self,
        database: Database,
        fleet: Fleet,
        planner: Planner,
        rulebook: Rulebook,
        capabilities: Capabilities,
        submit: Submit,
    ) -> None:
        self._database = database
        self._fleet = fleet
        self._planner = planner
        self._rulebook = rulebook
        self._capabilities = capabilities
        self._submit = submit

    def look(self, target: str, named: Sequence[NamedGroup], asked: Asked, now: datetime) -> GroupReport:
        """Return what would become of each line. It reads the groups at the target, and touches nothing.

        Raises:
            NotFoundError: There is no such target.
            ConnectorError: The target cannot be read.
        """
        connector = self._fleet.connector(self._fleet[target].name)
        found = (self._look_at(connector, target, _filled(each, asked), asked, now) for each in named)
        return GroupReport(list(_without_repeats(found)), is_done=False)

    def request(
        self,
        target: str,
        named: Sequence[NamedGroup],
        asked: Asked,
        now: datetime,
        *,
        partial: bool = False,
        progress: Progress = silent,
    ) -> GroupReport:
        """Have groups given up, each in a transaction of its own.

        Where a line cannot be done, nothing is, unless ``partial`` says so. Whoever is interrupted
        asks again for the same: what was done stays so, and is not done twice.

        Raises:
            NotFoundError: There is no such target.
            ConnectorError: The target cannot be read.
        """
        connector = self._fleet.connector(self._fleet[target].name)
        return carry_out(
            self.look(target, named, asked, now),
            lambda finding: self._take(connector, target, finding, asked, now),
            takes=lambda finding: finding.outcome.is_new,
            partial=partial,
            progress=progress,
        )

    def _look_at(
        self, connector: Connector[Any], target: str, named: NamedGroup, asked: Asked, now: datetime
    ) -> GroupFinding:
        if named.problem:
            return GroupFinding(asked=named, outcome=Outcome.WRONG, why=named.problem)
        if not named.reason:
            why = "no reason is given; give one with the request, or in the line"
            return GroupFinding(asked=named, outcome=Outcome.WRONG, why=why)
        try:
            found = connector.find_group(named.said)
            group = connector.read_group(found.id) if found is not None else None
        except AmbiguousAccountError as error:
            ids = ", ".join(candidate.id for candidate in error.candidates)
            return GroupFinding(asked=named, outcome=Outcome.AMBIGUOUS, why=f"{error}; name one by its id: {ids}")
        except AccountNotFoundError:
            group = None
        if group is None:
            return GroupFinding(asked=named, outcome=Outcome.UNKNOWN, why=f"there is no such group at {target}")
        with self._database.read() as tx:
            return self._foresee(tx, target, named, group, asked, now)

    def _foresee(
        self, tx: Connection, target: str, named: NamedGroup, group: GroupState, asked: Asked, now: datetime
    ) -> GroupFinding:
        identity = target_groups.identity_of(target, group)
        finding = _found(named, group)
        fact = _fact(identity, target, asked.by, named.reason, now)
        rule = self._rule(fact, identity)
        if rule is None:
            why = f'no rule with actions of groups does anything to it at {target} (when = ["requested"])'
            return replace(finding, outcome=Outcome.LEFT_ALONE, why=why)
        excluded = self._why_excluded(tx, target, identity, rule, now)
        if excluded is not None:
            return replace(finding, outcome=Outcome.LEFT_ALONE, why=f"excluded: {excluded}")
        case = cases.open_case_of(tx, [identity.id])
        if case is None:
            last = None if asked.again else cases.last_case_of(tx, identity.id)
            if last is not None and last.state is CaseState.COMPLETED and last.kind is CaseKind.LEAVE:
                why = f"was given up: case {last.id} is complete"
                return replace(finding, outcome=Outcome.ALREADY, why=why, case_id=last.id)
            return finding
        if case.kind is CaseKind.LEAVE and not self._adds(tx, case, fact, rule):
            return replace(finding, outcome=Outcome.ALREADY, why=f"case {case.id} is open", case_id=case.id)
        return replace(finding, outcome=Outcome.JOINED, case_id=case.id)

    def _rule(self, fact: Fact, identity: Identity) -> Rule | None:
        """Return the first rule for such a group that does something at its target."""
        for rule in self._rulebook.rules.rules:
            if rule.applies_to(fact.trigger, identity) and _acts(plan_fact(rule, fact, self._capabilities)):
                return rule
        return None

    def _why_excluded(self, tx: Connection, target: str, identity: Identity, rule: Rule, now: datetime) -> str | None:
        rules, more = self._rulebook.rules, holds.standing_exclusions(tx)
        return (
            rules.why_group_excluded(target, identity.user_name, now, more)
            or rules.why_excluded(identity, rule, now, more)
            or rules.why_target_excluded(target, now, more)
        )

    def _adds(self, tx: Connection, case: Case, fact: Fact, rule: Rule) -> bool:
        return bool(amend(tasks.tasks_of_case(tx, case.id), plan_fact(rule, fact, self._capabilities)))

    def _take(
        self, connector: Connector[Any], target: str, finding: GroupFinding, asked: Asked, now: datetime
    ) -> GroupFinding:
        """Open the case of a group, from how it is at this moment: what somebody does to it later is told."""
        assert finding.native_id is not None  # noqa: S101 - what was found has one
        try:
            group = connector.read_group(finding.native_id)
        except AccountNotFoundError:
            return replace(finding, outcome=Outcome.UNKNOWN, why="was deleted a moment ago")
        identity = target_groups.identity_of(target, group)
        with self._database.write() as tx:
            account_id = target_groups.store_group(tx, target, group, now)
            # Once more, for it was looked at some time ago.
            finding = self._foresee(tx, target, finding.asked, group, asked, now)
            if not finding.outcome.is_new:
                return finding
            if finding.outcome is Outcome.OPENED:
                target_groups.note_asked(tx, account_id, group)
            fact = _fact(identity, target, asked.by, finding.asked.reason, now)
            verdict = self._planner.take(tx, fact, identity, rule=self._rule(fact, identity))
            case = cases.open_case_of(tx, [identity.id]) or cases.last_case_of(tx, identity.id)
        self._submit(verdict.wakeups)
        return replace(finding, case_id=case.id if case is not None else None, why=finding.why or verdict.text)


def _found(named: NamedGroup, group: GroupState) -> GroupFinding:
    return GroupFinding(
        asked=named,
        outcome=Outcome.OPENED,
        native_id=group.id,
        name=group.name,
        members=None if group.members is None else len(group.members),
        opens=None if group.opens is None else tuple(each.name for each in group.opens),
    )


def _fact(identity: Identity, target: str, by: str, reason: str, now: datetime) -> Fact:
    return Fact(
        trigger=Trigger.REQUESTED,
        identity_id=identity.id,
        source=identity.source,
        at=now,
        targets=(target,),
        actor=by,
        reason=reason,
    )


def _acts(stages: Iterable[PlannedStage]) -> bool:
    return any(task.target != NOTICES for stage in stages for task in stage.tasks)


def _filled(named: NamedGroup, asked: Asked) -> NamedGroup:
    return replace(named, reason=named.reason or asked.reason)


def _without_repeats(findings: Iterable[GroupFinding]) -> Iterator[GroupFinding]:
    """Yield findings; a group that stands in several lines is looked at once."""
    first: dict[str, GroupFinding] = {}
    for finding in findings:
        before = first.setdefault(finding.native_id, finding) if finding.native_id else finding
        if before is finding:
            yield finding
        else:
            yield replace(finding, outcome=Outcome.REPEATED, why=f"the same group as in line {before.asked.line}")
