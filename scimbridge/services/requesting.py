"""Requests: an operator, the API or a file of leavers asks that somebody leaves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain.capability import Capabilities
from scimbridge.domain.case import Case, CaseKind, CaseState
from scimbridge.domain.identity import Identity
from scimbridge.domain.leavers import Leaver
from scimbridge.domain.lifecycle import read_end
from scimbridge.domain.plan import amend, plan_fact
from scimbridge.domain.request import Asked, Finding, Outcome, Report
from scimbridge.domain.rule import Rule
from scimbridge.domain.rulebook import Rulebook
from scimbridge.domain.source import Profiles
from scimbridge.domain.trigger import Fact, Trigger
from scimbridge.errors import NotFoundError
from scimbridge.services.due_dates import see_to_each
from scimbridge.services.intake import Submit
from scimbridge.services.lines import Progress, carry_out, silent
from scimbridge.services.planning import Planner, Verdict
from scimbridge.store import cases, dated, holds, identities, journal, naming, tasks, tokens
from scimbridge.store.database import Database
from scimbridge.store.surroundings import around
from scimbridge.store.values import Row

BATCH = 100


class Requesting:
    """Looks up who is meant, says what would become of it, and does it. Nothing is guessed, and nothing done twice."""

    def __init__(
        self,
        database: Database,
        planner: Planner,
        rulebook: Rulebook,
        capabilities: Capabilities,
        profiles: Profiles,
        submit: Submit,
    ) -> None:
        self._database = database
        self._planner = planner
        self._rulebook = rulebook
        self._capabilities = capabilities
        self._profiles = profiles
        self._submit = submit

    def look(self, leavers: Sequence[Leaver], asked: Asked, now: datetime) -> Report:
        """Return what would become of each line. Touches nothing."""
        findings: list[Finding] = []
        for start in range(0, len(leavers), BATCH):
            with self._database.read() as tx:
                findings += [self._look_at(tx, _filled(each, asked), asked, now) for each in leavers[start:][:BATCH]]
        return Report(list(_without_repeats(findings)), is_done=False)

    def request(
        self,
        leavers: Sequence[Leaver],
        asked: Asked,
        now: datetime,
        *,
        partial: bool = False,
        progress: Progress = silent,
    ) -> Report:
        """Have people leave, each in a transaction of its own.

        Where a line cannot be done, nothing is, unless ``partial`` says so. Whoever is interrupted
        asks again for the same: what was done stays so, and is not done twice.
        """
        return carry_out(
            self.look(leavers, asked, now),
            lambda finding: self._take(finding, asked, now),
            # Who is left alone is kept, too.
            takes=lambda finding: finding.outcome.is_new or finding.outcome is Outcome.LEFT_ALONE,
            partial=partial,
            progress=progress,
        )

    def run(self, now: datetime) -> tuple[int, list[Verdict]]:
        """Take for facts the requests whose date has come. Returns how many, and what followed."""
        verdicts = see_to_each(lambda most: self._due(now, most), lambda row: self._date_came(row, now))
        return len(verdicts), verdicts

    def _due(self, now: datetime, most: int) -> Mapping[str, Row]:
        with self._database.read() as tx:
            return {row["id"]: row for row in dated.due(tx, now, most)}

    def standing(self) -> Sequence[Row]:
        """Return the requests that wait for their date, the next first."""
        with self._database.read() as tx:
            return dated.standing(tx)

    def withdraw(self, dated_id: str, *, reason: str, by: str, now: datetime) -> None:
        """Take a request back that waits for its date.

        Raises:
            NotFoundError: There is none of this id.
        """
        with self._database.write() as tx:
            row = dated.dated_by_id(tx, dated_id)
            cases.lock_identity(tx, row["identity_id"])
            if not dated.end(tx, dated_id, f"withdrawn: {reason}", now):
                raise NotFoundError("request that waits for its date", dated_id)
            journal.record(
                tx,
                "request withdrawn",
                now,
                reason=reason,
                actor=by,
                identity_id=row["identity_id"],
                details={"request": dated_id},
            )

    def _look_at(self, tx: Connection, leaver: Leaver, asked: Asked, now: datetime) -> Finding:
        if leaver.problem:
            return Finding(leaver=leaver, outcome=Outcome.WRONG, why=leaver.problem)
        if not leaver.reason:
            return Finding(
                leaver=leaver,
                outcome=Outcome.WRONG,
                why="no reason is given; give one with the request, or in the line",
            )
        if leaver.source and not tokens.has_source(tx, leaver.source):
            return Finding(leaver=leaver, outcome=Outcome.UNKNOWN, why=f"there is no source {leaver.source!r}")
        people = naming.find_people(
            tx,
            user_name=leaver.user_name,
            external_id=leaver.external_id,
            email=leaver.email,
            id=leaver.id,
            source=leaver.source,
        )
        if not people:
            return Finding(leaver=leaver, outcome=Outcome.UNKNOWN, why="no source knows such a person")
        if len(people) > 1:
            where = ", ".join(sorted({each.source for each in people}))
            why = f"it may be {len(people)} people (source {where}); say more, like their source"
            return Finding(leaver=leaver, outcome=Outcome.AMBIGUOUS, why=why)
        return self._foresee(tx, leaver, identities.identity_by_id(tx, people[0].id, now), asked, now)

    def _foresee(self, tx: Connection, leaver: Leaver, identity: Identity, asked: Asked, now: datetime) -> Finding:
        finding = Finding(
            leaver=leaver,
            outcome=Outcome.OPENED,
            identity_id=identity.id,
            user_name=identity.user_name,
            source=identity.source,
        )
        due_at, problem = _date(leaver.date, self._profiles, identity.source)
        if problem:
            return replace(finding, outcome=Outcome.WRONG, why=problem)
        rules = self._rulebook.rules
        rule = rules.first_match(Trigger.REQUESTED, identity)
        if rule is None:
            return replace(finding, outcome=Outcome.LEFT_ALONE, why='no rule for "requested" matches')
        found = around(tx, identity.id, now)
        more = holds.standing_exclusions(tx) if found.has_exclusions else ()
        why = rules.why_excluded(identity, rule, now, more)
        if why is not None:
            return replace(finding, outcome=Outcome.LEFT_ALONE, why=f"excluded: {why}")
        known = self._known(tx, found.open_case, identity, rule, asked, now)
        if known is not None:
            return replace(finding, outcome=Outcome.ALREADY, why=known[1], case_id=known[0].id)
        if due_at is not None and due_at > now:
            return _later(finding, due_at, dated.dated_of(tx, identity.id))
        note = "its date has passed, so that it begins now" if due_at is not None else ""
        if found.open_case is not None and found.open_case.kind is CaseKind.LEAVE:
            return replace(finding, outcome=Outcome.JOINED, why=note, case_id=found.open_case.id)
        return replace(finding, why=note)

    def _known(
        self, tx: Connection, case: Case | None, identity: Identity, rule: Rule, asked: Asked, now: datetime
    ) -> tuple[Case, str] | None:
        """Return the case by which somebody leaves already, or has left, so that a request adds nothing to it."""
        if case is None:
            last = None if asked.again else cases.last_case_of(tx, identity.id)
            # What an end date has taken is given back where the date is moved; a request adds itself to that, too.
            by_itself = last is not None and last.trigger is Trigger.ENDED
            if last is not None and last.state is CaseState.COMPLETED and _is_whole(last) and not by_itself:
                return last, f"has left: case {last.id} is complete"
            return None
        if case.trigger is Trigger.ENDED:
            return None  # the request adds itself: by it, the case goes on where the date is moved
        planned = plan_fact(rule, _fact(identity, asked.by, "", now), self._capabilities)
        if _is_whole(case) and not amend(tasks.tasks_of_case(tx, case.id), planned):
            return case, f"case {case.id} is open"
        return None

    def _take(self, finding: Finding, asked: Asked, now: datetime) -> Finding:
        assert finding.identity_id is not None  # noqa: S101 - whoever is found has one
        with self._database.write() as tx:
            cases.lock_identity(tx, finding.identity_id)
            identity = identities.identity_by_id(tx, finding.identity_id, now)
            if identity.deleted_at is not None:
                return replace(finding, outcome=Outcome.UNKNOWN, why="was deleted a moment ago")
            # Once more, for it was looked at some time ago: whoever came to it meanwhile was not asked.
            finding = self._foresee(tx, finding.leaver, identity, asked, now)
            if finding.outcome is Outcome.DATED and finding.due_at is not None:
                _store(tx, identity, finding.due_at, finding.leaver.reason, asked.by, now)
                return finding
            if not finding.outcome.is_new and finding.outcome is not Outcome.LEFT_ALONE:
                return finding
            fact = _fact(identity, asked.by, finding.leaver.reason, now)
            verdict = self._planner.take(tx, fact, identity)
            case = cases.last_case_of(tx, identity.id) if finding.outcome.is_new else None
        self._submit(verdict.wakeups)
        return replace(finding, case_id=case.id if case is not None else None, why=finding.why or verdict.text)

    def _date_came(self, row: Row, now: datetime) -> Verdict | None:
        with self._database.write() as tx:
            cases.lock_identity(tx, row["identity_id"])
            identity = identities.identity_by_id(tx, row["identity_id"], now)
            fact = _fact(identity, row["requested_by"], row["reason"], now)
            if not dated.end(tx, row["id"], "its date has come", now):
                return None  # another sweeper was faster, or it was withdrawn
            return self._planner.take(tx, fact, identity)


def _filled(leaver: Leaver, asked: Asked) -> Leaver:
    return replace(
        leaver,
        reason=leaver.reason or asked.reason,
        date=leaver.date or asked.date,
        source=leaver.source or asked.source,
    )


def _without_repeats(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings; who stands in several lines is looked at once, and only with one date."""
    first: dict[str, Finding] = {}
    for finding in findings:
        before = first.setdefault(finding.identity_id, finding) if finding.identity_id else finding
        if before is finding:
            yield finding
        elif before.leaver.date == finding.leaver.date:
            yield replace(finding, outcome=Outcome.REPEATED, why=f"the same person as in line {before.leaver.line}")
        else:
            why = f"line {before.leaver.line} gives the same person another date"
            yield replace(finding, outcome=Outcome.WRONG, why=why)


def _date(said: str, profiles: Profiles, source: str) -> tuple[datetime | None, str]:
    """Return the moment that a date means where a source is, and what is wrong with it if it means none."""
    if not said:
        return None, ""
    end = read_end(said, profiles.of(source).timezone)
    if end.at is None:
        return None, f"{said!r} is no date; write one like 2026-12-31, or 2026-12-31T18:00"
    return end.at, ""


def _later(finding: Finding, due_at: datetime, waiting: Row | None) -> Finding:
    if waiting is None:
        return replace(finding, outcome=Outcome.DATED, due_at=due_at)
    if waiting["due_at"] == due_at:
        return replace(finding, outcome=Outcome.ALREADY, due_at=due_at, why="is requested for this date already")
    why = f"is requested for another date already, by request {waiting['id']}; withdraw that first"
    return replace(finding, outcome=Outcome.WRONG, why=why)


def _store(tx: Connection, identity: Identity, due_at: datetime, reason: str, by: str, now: datetime) -> None:
    dated_id = dated.insert_dated(tx, identity.id, due_at=due_at, reason=reason, by=by, now=now)
    journal.record(
        tx,
        "leaver requested",
        now,
        reason=f"{reason}; from {due_at:%Y-%m-%d %H:%M} UTC on",
        actor=by,
        identity_id=identity.id,
        details={"request": dated_id},
        personal={"user_name": identity.user_name},
    )


def _is_whole(case: Case) -> bool:
    """Whether somebody leaves altogether by a case."""
    return case.kind is CaseKind.LEAVE and case.trigger is not None and not case.trigger.is_narrow


def _fact(identity: Identity, by: str, reason: str, now: datetime) -> Fact:
    return Fact(
        trigger=Trigger.REQUESTED,
        identity_id=identity.id,
        source=identity.source,
        at=now,
        actor=by,
        reason=reason,
    )
