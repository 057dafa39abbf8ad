"""What operators do."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from scimbridge.domain.action import Action
from scimbridge.domain.hold import Scope
from scimbridge.store import cases
from tests.services.bench import SOURCE, an_exclusion
from tests.services.machine.model import a_name, a_target, a_truth
from tests.services.machine.play import Play


class OperatorRules(Play):
    @rule(scope=st.sampled_from(Scope), name=a_name, at=a_target, is_legal=a_truth)
    def hold(self, scope: Scope, name: str, at: str, is_legal: bool = False) -> None:
        subject = self._subject(scope, name, at)
        if subject is not None:
            placed = self.bench.holding.place(
                scope, subject, reason="wait", by="ops", now=self.clock(), is_legal=is_legal
            )
            self.holds.append(placed.hold)

    @precondition(lambda self: self.holds)
    @rule()
    def lift(self) -> None:
        self.bench.holding.lift(self.holds.pop().id, reason="over", by="ops", now=self.clock())

    @rule(name=a_name)
    def exclude(self, name: str) -> None:
        if name not in self.exclusions:
            exclusion = an_exclusion(f'userName eq "{name}"', "needed")
            self.exclusions[name] = self.bench.holding.exclude(exclusion, by="ops", now=self.clock())
            for known in self.people[name]:
                known.spared = known.spared or known.is_planned

    @rule(name=a_name)
    def end_exclusion(self, name: str) -> None:
        if name in self.exclusions:
            self.bench.holding.end_exclusion(self.exclusions.pop(name), by="ops", now=self.clock())

    @rule(name=a_name)
    def cancel_case(self, name: str) -> None:
        for known in self.people[name]:
            with self.database.read() as tx:
                case = cases.open_case_of(tx, [known.id])
            if case is None:
                continue
            gives_back = any(task.action is Action.RESTORE for task in self.bench.tasks(case))
            self.bench.operating.cancel(case.id, reason="by mistake", by="ops", now=self.clock())
            if gives_back or known.lost or known.active:
                # What was taken stays taken: nobody comes into a group or back to work for it.
                self.unrestored.add(name)
            self.called_off(name, known)

    @rule()
    def retry_everything(self) -> None:
        for case_id in self.open_cases():
            self.bench.operating.retry(case_id, by="ops", now=self.clock())

    @rule(at=a_target, paused=a_truth)
    def pause_or_resume(self, at: str, paused: bool) -> None:
        if paused:
            self.bench.operating.pause(at, reason="maintenance", by="ops", now=self.clock())
        else:
            self.bench.operating.resume(at, by="ops", now=self.clock())

    def calm(self) -> None:
        super().calm()
        while self.holds:
            self.lift()
        for name in list(self.exclusions):
            self.end_exclusion(name)
        for target in self.targets:
            self.bench.operating.resume(target, by="ops", now=self.clock())

    def _subject(self, scope: Scope, name: str, target: str) -> str | None:
        match scope:
            case Scope.EVERYTHING:
                return ""
            case Scope.SOURCE:
                return SOURCE
            case Scope.TARGET:
                return target
            case Scope.IDENTITY:
                return self.people[name][-1].id
            case Scope.CASE:
                return next(iter(self.open_cases()), None)
