"""Mass mistakes: people who leave by the dozen, limits of the guard, and what operators decide about a flood."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import rule
from sqlalchemy import exists, select

from scimbridge.domain.action import GuardClass
from scimbridge.domain.guard import Guard, GuardScope, Limit
from scimbridge.domain.rule import Restore
from scimbridge.domain.trigger import Trigger
from scimbridge.store.schema import attempts, cases, facts, flood_cases, tasks
from tests.services.bench import SOURCE
from tests.services.flooded import a_guard, a_limit
from tests.services.machine.faults import Crash
from tests.services.machine.judge import Expectation, Law, Write
from tests.services.machine.luck import LuckRules
from tests.services.machine.model import Known, a_truth
from tests.services.machine.play import Draw

some_people = st.runner().flatmap(lambda play: st.sets(st.sampled_from(play.names), min_size=1))
a_window = st.sampled_from((timedelta(hours=1), timedelta(hours=24)))
a_percentage = st.builds(lambda window: a_limit(None, percent=40.0, window=window), a_window)
a_count = st.builds(
    lambda count, window, where, guard_class: a_limit(
        count, window=window, scope=where[0], subject=where[1], guard_class=guard_class
    ),
    st.integers(1, 3),
    a_window,
    st.sampled_from([(GuardScope.OVERALL, ""), (GuardScope.SOURCE, SOURCE), (GuardScope.TARGET, "crm")]),
    st.sampled_from((GuardClass.ALL, GuardClass.SUSPEND, GuardClass.DELETE)),  # what leavers do here
)


@dataclass
class KnownLimit:
    """A limit, and what operators have decided about its floods.

    Attributes:
        most: How many may leave within its window at most; with a percentage, where nobody had left before.
        released: Cases that there were when a flood of it was released: they count no more, and were let through
            or had their turn.
        void: Cases of a flood that was called off before anything had been done in them.
    """

    limit: Limit
    most: int
    released: set[str] = field(default_factory=set)
    void: set[str] = field(default_factory=set)


class FloodRules(LuckRules):
    """Attributes:
    opened: Whose case it is, and how much time had passed when it was opened; no clock, for clocks are set back.
    some_limits: What limits there may be.
    given_back: Names of those who were given back what a mistake had taken, and whom no fact has concerned since.
    """

    some_limits: ClassVar[st.SearchStrategy[Limit]] = a_count | a_percentage

    def settings(self, draw: Draw) -> dict[str, Any]:
        limits: list[Limit] = draw(st.lists(self.some_limits, min_size=1, max_size=2, unique_by=_key_of), "limits")
        self.limits = [KnownLimit(limit, _most(limit, len(self.names))) for limit in limits]
        self.opened: dict[str, tuple[str, timedelta]] = {}
        self.seen: set[str] = set()
        self.floods: set[str] = set()
        self.given_back: set[str] = set()
        guard: Guard = a_guard(*limits)
        return {**super().settings(draw), "guard": guard}

    @rule(names=some_people)
    def many_leave(self, names: set[str]) -> None:
        for name in sorted(names):
            self.deactivate(name)

    @rule(names=some_people)
    def many_leave_and_some_time_passes(self, names: set[str]) -> None:
        self.many_leave(names)
        self.advance(self.grace)
        self.drain()

    @rule(number=st.integers(0, 1), commits=st.none() | st.integers(1, 3))
    def release_a_flood(self, number: int, commits: int | None) -> None:
        found = self._standing()
        if found:
            flood_id, known = found[number % len(found)]
            self.bench.flooding.release(flood_id, reason="a layoff", by="ops", now=self.clock())
            self._were_let_through(known)
            self._carry_out(flood_id, commits)

    @rule(number=st.integers(0, 1), gives_back=a_truth, commits=st.none() | st.integers(1, 3))
    def cancel_a_flood(self, number: int, gives_back: bool, commits: int | None) -> None:
        found = self._standing()
        if not found:
            return
        flood_id, known = found[number % len(found)]
        known.void |= self._untouched(flood_id)
        called_off, concerned = self._called_off(flood_id), self._concerned(flood_id)
        self.bench.flooding.cancel(flood_id, gives_back=gives_back, reason="a mistake", by="ops", now=self.clock())
        for name, one in concerned:
            if one.id in called_off:
                self.called_off(name, one)
            if gives_back:
                self.given_back.add(name)
        self._carry_out(flood_id, commits)
        if commits is not None:
            # What sources say before it is carried out may be called off with the rest.
            self.bench.flooding.finish(self.clock())

    @rule(
        names=some_people,
        is_mistake=a_truth,
        gives_back=a_truth,
        commits=st.none() | st.integers(1, 3),
        afterwards=st.sampled_from((timedelta(), timedelta(minutes=59), timedelta(hours=23))),
        others=some_people,
    )
    def many_leave_and_somebody_decides(
        self,
        names: set[str],
        is_mistake: bool,
        gives_back: bool,
        commits: int | None,
        afterwards: timedelta,
        others: set[str],
    ) -> None:
        """Those that a mistake has taken nothing from count no more when others leave; after a layoff nobody does."""
        self.many_leave_and_some_time_passes(names)
        if is_mistake:
            self.cancel_a_flood(0, gives_back, commits)
        else:
            self.release_a_flood(0, commits)
        self.advance(afterwards)
        self.many_leave_and_some_time_passes(others)

    @rule(minutes=st.sampled_from((-1, 0)), number=st.integers(0, 1))
    def one_more_leaves_at_the_end_of_a_window(self, minutes: int, number: int) -> None:
        """As many leave as a limit has room for, and another one just before, or when, they count no more."""
        known = self.limits[number % len(self.limits)]
        if known.most >= len(self.names):
            return
        first, last = self.names[: known.most], self.names[known.most]
        for name in (*first, last):
            self.bring_back(name)
        self.many_leave(set(first))
        self.advance(known.limit.window + timedelta(minutes=minutes))
        self.deactivate(last)

    def laws(self) -> list[Law]:
        return [*super().laws(), self._is_no_flood]

    def sweep(self) -> None:
        super().sweep()
        self.bench.flooding.finish(self.clock())
        self.bench.census.run(self.clock())

    def calm(self) -> None:
        super().calm()
        self.bench.flooding.finish(self.clock())

    def attend(self) -> None:
        super().attend()
        while found := self._standing():
            for flood_id, known in found:
                self.bench.flooding.release(flood_id, reason="a layoff", by="ops", now=self.clock())
                self._were_let_through(known)
                self._carry_out(flood_id, None)

    def said(self, name: str, known: Known) -> None:
        super().said(name, known)
        self.given_back.discard(name)
        self._note_opened()

    def advance(self, span: timedelta) -> None:
        self._note_opened()
        super().advance(span)

    def _note_opened(self) -> None:
        """Note whose cases are open since a moment ago.

        Who loses some targets only may not count for a limit, nor does what a later fact adds where a target observes.
        """
        before = set(self.opened)
        with self.database.read() as tx:
            # By what has opened it: a later fact may have made it wider since.
            leaves = cases.c.kind == "leave"
            rows = select(cases.c.id, cases.c.identity_id, facts.c.trigger).join(facts, facts.c.case_id == cases.c.id)
            openings = select(cases.c.id, cases.c.identity_id, cases.c.fact_trigger.label("trigger"))
            told = [
                *tx.execute(rows.where(leaves, facts.c.verdict.startswith("case opened"))),
                *tx.execute(openings.where(leaves, cases.c.fact_trigger.is_not(None))),
            ]
            found = [row for row in told if row.id not in self.seen]
        self.seen |= {row.id for row in found}
        for row in found:
            if row.trigger not in (Trigger.UNASSIGNED, Trigger.CHANGED):
                self.opened[row.id] = (row.identity_id, self.elapsed)
        standing = dict(self._standing())
        for flood_id in standing.keys() - self.floods:
            self.began_rightly(standing[flood_id])
        self.floods |= standing.keys()
        for case_id in self.opened.keys() - before:
            for each in self.limits:
                is_over = any(len(within) > each.most for within in self._windows(each, case_id))
                assert not is_over or each in standing.values(), f"no flood of {each.limit}"

    def returned(self, name: str, known: Known) -> None:
        super().returned(name, known)
        self.given_back.discard(name)

    def may_have_back(self, name: str) -> bool:
        return name in self.given_back or super().may_have_back(name)

    def expectations(self) -> list[Expectation]:
        return [*super().expectations(), self._has_back_what_a_mistake_took]

    def _has_back_what_a_mistake_took(self, name: str, target: str) -> None:
        account = self.systems[target].accounts.get(f"native-{name}")
        was_taken_otherwise = name in self.unrestored or self.meddled[name, target] or self.restore is Restore.MANUAL
        if name in self.given_back and account is not None and not was_taken_otherwise:
            assert not account["suspended"], f"{name} left by mistake, and is suspended at {target}"

    def _is_no_flood(self, write: Write) -> None:
        """Within any window no more people than the limit lose something, unless an operator has let them through."""
        if not write.takes:
            return
        for known in self.limits:
            if write.case_id in self._counted(known):
                for within in self._windows(known, write.case_id):
                    assert len(within) <= known.most, f"one of {len(within)} at {known.limit}"

    def began_rightly(self, known: KnownLimit) -> None:
        """Hold a flood that has just begun against whom it counts."""
        if known.limit.count is None:
            return  # fewer may be active by now
        # A clock that is set back makes windows longer.
        since = self.elapsed - known.limit.window - self.turned_back
        identities = {who for who, at in self._counted(known).values() if at > since}
        assert len(identities) > known.most, f"a flood of {len(identities)} at {known.limit}"

    def _counted(self, known: KnownLimit) -> dict[str, tuple[str, timedelta]]:
        return {case_id: who for case_id, who in self.opened.items() if case_id not in known.released | known.void}

    def _windows(self, known: KnownLimit, case_id: str) -> Iterator[set[str]]:
        """Yield who left within each window that a case is in."""
        counted = self._counted(known)
        own = counted[case_id][1]
        for _, end in counted.values():
            if end - known.limit.window < own <= end:
                yield {who for who, at in counted.values() if end - known.limit.window < at <= end}

    def _were_let_through(self, known: KnownLimit) -> None:
        known.released |= self.opened.keys()

    def _carry_out(self, flood_id: str, commits: int | None) -> None:
        self.database.commits_left = commits
        try:
            for _ in self.bench.flooding.carry_out(flood_id, self.clock()):
                pass
        except Crash:
            pass
        self.database.commits_left = None

    def _standing(self) -> list[tuple[str, KnownLimit]]:
        found = [each.flood for each in self.bench.flooding.standing()]
        by_key = {_key_of(known.limit): known for known in self.limits}
        return [(flood.id, by_key[flood.scope, flood.subject, flood.guard_class]) for flood in found]

    def _untouched(self, flood_id: str) -> set[str]:
        is_touched = exists(
            select(attempts.c.id)
            .join(tasks, tasks.c.id == attempts.c.task_id)
            .where(tasks.c.case_id == flood_cases.c.case_id)
        )
        # Who came back by themselves counts on: only what the decision calls off counts no more.
        query = (
            select(flood_cases.c.case_id)
            .join(cases, cases.c.id == flood_cases.c.case_id)
            .where(flood_cases.c.flood_id == flood_id, cases.c.state == "open", ~is_touched)
        )
        with self.database.read() as tx:
            return set(tx.execute(query).scalars())

    def _called_off(self, flood_id: str) -> set[str]:
        """Return whom a decision says to be no leavers: those for whom nothing else is planned.

        Who came back by themselves, and was taken out of a group since, has left that group all the same.
        """
        in_flood = exists(
            select(flood_cases.c.case_id).where(flood_cases.c.case_id == cases.c.id, flood_cases.c.flood_id == flood_id)
        )
        query = select(cases.c.identity_id).where(cases.c.state == "open", ~in_flood)
        with self.database.read() as tx:
            left_alone = set(tx.execute(query).scalars())
        return {one.id for _, one in self._concerned(flood_id)} - left_alone

    def _concerned(self, flood_id: str) -> Iterable[tuple[str, Known]]:
        query = (
            select(cases.c.identity_id)
            .join(flood_cases, flood_cases.c.case_id == cases.c.id)
            .where(flood_cases.c.flood_id == flood_id)
        )
        with self.database.read() as tx:
            ids = set(tx.execute(query).scalars())
        return [(name, one) for name, everyone in self.people.items() for one in everyone if one.id in ids]


def _key_of(limit: Limit) -> tuple[str, str, str]:
    return (limit.scope, limit.subject, limit.guard_class)


def _most(limit: Limit, people: int) -> int:
    return limit.count if limit.count is not None else max(1, int(people * (limit.percent or 100) / 100))
