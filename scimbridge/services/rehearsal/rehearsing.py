"""Rehearsals of one person and of a file of leavers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from scimbridge.domain.guard import Guard
from scimbridge.domain.leavers import Leaver, LeaversFile
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.schedule import Freeze
from scimbridge.domain.trigger import Trigger
from scimbridge.errors import NotFoundError
from scimbridge.sdk.config import Mode
from scimbridge.services.fleet import Fleet
from scimbridge.services.rehearsal.forecast import Outlook, Rehearsal, forecast
from scimbridge.services.rehearsal.replay import Replay, judged
from scimbridge.services.rehearsal.tally import GuardTally, Trip
from scimbridge.store import holds, identities, naming, targets
from scimbridge.store.database import Database

Progress = Callable[[int, int], object]
"""Told how many of how many are through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRehearsal:
    """What one line of a file would lead to.

    Attributes:
        rehearsals: One for each identity that the line names.
        problem: Why it would lead to nothing, if so.
    """

    number: int
    named: str
    rehearsals: tuple[Rehearsal, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRehearsal:
    """What a file of leavers would lead to.

    Attributes:
        lines: In the order of the file.
        trips: The limits of the guard that would be exceeded, and where.
        ignored: Columns that say nothing to the bridge.
    """

    lines: tuple[LineRehearsal, ...]
    trips: tuple[Trip, ...]
    ignored: tuple[str, ...]

    @property
    def counts(self) -> Counter[str]:
        """How many lines have a problem; and of the people named, how many would be treated how."""
        found: Counter[str] = Counter(
            lines=len(self.lines), problems=sum(one.problem is not None for one in self.lines)
        )
        for rehearsal in self.rehearsals:
            found["people"] += 1
            found[_treatment(rehearsal)] += 1
        return found

    @property
    def rehearsals(self) -> Iterator[Rehearsal]:
        """Those of all lines."""
        return (rehearsal for line in self.lines for rehearsal in line.rehearsals)


def _treatment(rehearsal: Rehearsal) -> str:
    if rehearsal.rule is None:
        return "without_rule"
    if rehearsal.excluded is not None:
        return "excluded"
    if rehearsal.held or any(answer.is_held for answer in rehearsal.guard):
        return "held"
    return "would_act" if rehearsal.acts else "nothing_to_do"


class Rehearsing:
    """Plans without storing anything.

    Args:
        database: The store.
        fleet: The targets.
        rules: The rules and exclusions of the configuration.
        guard: Its limits.
        freezes: Its periods without irreversible work.
    """

    def __init__(
        self,
        database: Database,
        fleet: Fleet,
        rules: Ruleset,
        guard: Guard | None = None,
        freezes: tuple[Freeze, ...] = (),
    ) -> None:
        self._database = database
        self._fleet = fleet
        self._rules = rules
        self._guard = guard or Guard()
        self._freezes = freezes

    def rehearse(self, user_name: str, trigger: Trigger, now: datetime) -> list[Rehearsal]:
        """Return what would happen to everybody of this userName, in any source.

        Raises:
            NotFoundError: No source knows the name.
        """
        with self._database.view() as tx:
            found = naming.by_name_anywhere(tx, user_name)
            if not found:
                raise NotFoundError("identity with userName", user_name)
            outlook = self._outlook(tx, now)
            return [
                forecast(tx, identities.identity_by_id(tx, each, now), trigger, outlook, self._tally(tx, outlook))
                for each in found
            ]

    def rehearse_one(self, identity_id: str, trigger: Trigger, now: datetime) -> Rehearsal:
        """Return what would happen to one person.

        Raises:
            NotFoundError: There is nobody of this id.
        """
        with self._database.view() as tx:
            outlook = self._outlook(tx, now)
            identity = identities.identity_by_id(tx, identity_id, now)
            return forecast(tx, identity, trigger, outlook, self._tally(tx, outlook))

    def rehearse_file(
        self, file: LeaversFile, trigger: Trigger, now: datetime, progress: Progress = lambda _done, _all: None
    ) -> FileRehearsal:
        """Return what would happen if everybody whom a file names left, one line after the other."""
        lines = []
        with self._database.view() as tx:
            outlook = self._outlook(tx, now)
            tally = self._tally(tx, outlook)
            for done, leaver in enumerate(file.leavers, 1):
                lines.append(_rehearse_line(tx, leaver, trigger, outlook, tally))
                progress(done, len(file.leavers))
        return FileRehearsal(lines=tuple(lines), trips=tuple(tally.trips), ignored=tuple(file.ignored))

    def replay(
        self, other: Ruleset, span: timedelta, now: datetime, progress: Progress = lambda _done, _all: None
    ) -> Replay:
        """Return what other rules would have made of the facts of a time, beside the present ones.

        The identities are judged as they are stored now: what they were like then is not kept.
        """
        with self._database.view() as tx:
            exclusions = holds.standing_exclusions(tx)
            since, can_do = now - span, self._fleet.capabilities
            found = judged(tx, self._rules, other, can_do, exclusions, since, now, progress)
            return Replay(facts=tuple(found), since=since)

    def _outlook(self, tx: Connection, now: datetime) -> Outlook:
        armed = targets.armed(tx, now)
        return Outlook(
            fleet=self._fleet,
            rules=self._rules,
            freezes=self._freezes,
            observing=frozenset(each.name for each in self._fleet if each.mode is Mode.OBSERVE) - armed,
            holds=holds.standing_beside_cases(tx),
            exclusions=holds.standing_exclusions(tx),
            now=now,
        )

    def _tally(self, tx: Connection, outlook: Outlook) -> GuardTally:
        return GuardTally(tx, self._guard, outlook.observing, outlook.now)


def _rehearse_line(
    tx: Connection, leaver: Leaver, trigger: Trigger, outlook: Outlook, tally: GuardTally
) -> LineRehearsal:
    if leaver.problem:
        return LineRehearsal(number=leaver.line, named=leaver.person, problem=leaver.problem)
    found = naming.find_people(
        tx,
        user_name=leaver.user_name,
        external_id=leaver.external_id,
        email=leaver.email,
        id=leaver.id,
        source=leaver.source,
    )
    if not found:
        return LineRehearsal(number=leaver.line, named=leaver.person, problem="no source knows such a person")
    return LineRehearsal(
        number=leaver.line,
        named=leaver.person,
        rehearsals=tuple(
            forecast(tx, identities.identity_by_id(tx, each.id, outlook.now), trigger, outlook, tally, leaver.line)
            for each in found
        ),
    )
