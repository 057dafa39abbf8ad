"""Other reasons to leave than what a source says at once: an end date, a request, a change of work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from scimbridge.domain.filter import IdentityFilter
from scimbridge.domain.leavers import Leaver
from scimbridge.domain.lifecycle import LIFECYCLE
from scimbridge.domain.request import Asked, Finding, Outcome
from scimbridge.domain.rule import Restore, Rule
from scimbridge.domain.trigger import Trigger
from scimbridge.store import facts
from tests.services.bench import a_rule, a_stage
from tests.services.machine.judge import Expectation
from tests.services.machine.luck import LuckRules
from tests.services.machine.model import Known, a_name
from tests.services.machine.play import Draw

SALES, FIELD = "Sales", "Field"
WIDE = frozenset({Trigger.DEACTIVATED, Trigger.DELETED, Trigger.REQUESTED, Trigger.ENDED})

LONG_AGO, MOST = datetime(2000, 1, 1, tzinfo=UTC), 1_000_000

a_span = st.sampled_from([timedelta(hours=each) for each in (-24, 1, 24, 72)])
a_title = st.sampled_from((SALES, FIELD, None))


class ReasonRules(LuckRules):
    """What a date leads to is a fact once the bridge has recorded it; whether it may is judged here.

    Attributes:
        ends: When somebody's time is over, by SCIM id, as the source said last.
        asked: From when on somebody has been asked to leave, by SCIM id: what waits for its date, and what was done.
        titles: What somebody does, by SCIM id.
        reasons: Why somebody leaves, and since when.
        requests: How many requests of somebody have not become a fact yet, by SCIM id.
    """

    during = (*LuckRules.during, "move", "request", "prolong")

    def settings(self, draw: Draw) -> dict[str, Any]:
        self.ends: dict[str, datetime] = {}
        self.asked: dict[str, list[datetime]] = {}
        self.titles: dict[str, str | None] = {}
        self.reasons: dict[str, dict[Trigger, datetime]] = {}
        self.known_facts: set[str] = set()
        self.requests: Counter[str] = Counter()
        return super().settings(draw)

    def ruleset(self) -> tuple[Rule, ...]:
        (leavers,) = super().ruleset()
        was, is_now = (IdentityFilter(f'title eq "{each}"') for each in (SALES, FIELD))
        stage = replace(a_stage(self.grace), targets=frozenset({"crm"}))
        movers = a_rule(
            stage,
            name="movers",
            when=frozenset({Trigger.CHANGED}),
            was=was,
            now=is_now,
            restore=self.restore,
            hook=self.hook_of(),
        )
        return replace(leavers, when=WIDE | {Trigger.UNASSIGNED}), movers

    def attributes(self, name: str) -> dict[str, Any]:
        known = self.present(name)
        if known is None:
            return {**super().attributes(name), "title": SALES}
        return {**super().attributes(name), "title": self.titles[known.id], LIFECYCLE: self._lifecycle(known)}

    @rule(name=a_name, span=st.none() | a_span)
    def set_the_end(self, name: str, span: timedelta | None) -> None:
        """The source sends an end date, another one, or none any more."""
        known = self.present(name)
        if known is None:
            return
        before, now = self.ends.pop(known.id, None), self.clock.now
        if span is not None:
            self.ends[known.id] = now + span
        changes: dict[str, Any] = {LIFECYCLE: self._lifecycle(known)}
        self.bench.say(known.id, **changes)
        self._learn()
        is_later = span is None or now + span > now
        if before is not None and before <= now and is_later:
            self._no_more(known, Trigger.ENDED)
            if span is None:
                # A date that is missing is no fact: what was taken waits for an operator.
                self.unrestored.add(name)

    @rule(name=a_name, span=st.none() | a_span)
    def request(self, name: str, span: timedelta | None = None) -> None:
        known = self.present(name)
        if known is None:
            return
        at = self.clock.now + span if span is not None else self.clock.now
        date = f"{at:%Y-%m-%dT%H:%M:%S}" if span is not None else ""
        leaver = Leaver(line=1, id=known.id, date=date)
        (finding,) = self.bench.requesting.request(
            [leaver], Asked(by="ann", reason="a letter"), self.clock(), partial=True
        ).findings
        self.was_asked(finding)
        self._learn()

    def was_asked(self, finding: Finding) -> None:
        """Note what has come of a request."""
        if finding.identity_id is not None and (finding.outcome.is_new or finding.outcome is Outcome.LEFT_ALONE):
            self.asked.setdefault(finding.identity_id, []).append(finding.due_at or self.clock.now)
            self.requests[finding.identity_id] += 1

    @rule(name=a_name)
    def withdraw_requests(self, name: str) -> None:
        ids = {known.id for known in self.people[name]}
        for row in self.bench.requesting.standing():
            if row["identity_id"] in ids:
                self.bench.requesting.withdraw(row["id"], reason="no", by="ann", now=self.clock())
                self.asked[row["identity_id"]].remove(row["due_at"])
                self.requests[row["identity_id"]] -= 1

    @rule(name=a_name, title=a_title)
    def move(self, name: str, title: str | None) -> None:
        known = self.present(name)
        if known is None:
            return
        before = self.titles[known.id]
        self.bench.say(known.id, title=title)
        self.titles[known.id] = title
        if before == SALES and title == FIELD and name not in self.exclusions:
            known.moved["crm"] = self.clock.now
        if title != FIELD and known.moved.pop("crm", None) is not None and title is None:
            # A value that is missing is no fact, either.
            self.unrestored.add(name)

    @rule(name=a_name, title=a_title | st.just(SALES), span=a_span)
    def move_and_some_time_passes(self, name: str, title: str | None, span: timedelta) -> None:
        self.clear_the_way(name)
        self._has_no_other_reason(name)
        before = self._suspended(name)
        self.move(name, SALES)
        self.move(name, FIELD)
        self.advance(max(span, timedelta()))
        self.drain()
        self.move(name, title)
        self.drain()
        if title == SALES and self.restore is Restore.AUTO:
            for target in self._suspended(name) - before:
                assert self.meddled[name, target], f"{name} has changed back, and is suspended at {target}"

    @rule(name=a_name)
    def move_back_during_an_attempt(self, name: str) -> None:
        """What was lost by changing is not taken once that is changed back, be it at the last moment."""
        self.clear_the_way(name)
        self._has_no_other_reason(name)
        self.move(name, SALES)
        self.move(name, FIELD)
        self.advance(self.grace)
        self.happens_once("move", name, at="crm")
        self.drain()
        self.happens_no_more()

    def _has_no_other_reason(self, name: str) -> None:
        self.set_the_end(name, None)
        self.withdraw_requests(name)
        if any(known.said_at is not None for known in self.people[name]):
            self.cancel_case(name)

    def _suspended(self, name: str) -> set[str]:
        """Return where somebody is suspended."""
        found = {target: system.accounts.get(f"native-{name}") for target, system in self.systems.items()}
        return {target for target, account in found.items() if account is not None and account["suspended"]}

    @rule(name=a_name, first=a_span, then=st.none() | a_span)
    def prolong_after_some_time(self, name: str, first: timedelta, then: timedelta | None) -> None:
        self.set_the_end(name, first)
        self.advance(max(first, timedelta()) + self.grace)
        self.drain()
        self.set_the_end(name, then)

    def post(self, name: str, number: int, *, active: bool, everywhere: bool = False) -> None:
        before = self.present(name)
        super().post(name, number, active=active, everywhere=everywhere)
        known = self.present(name)
        assert known is not None
        if before is None:
            self.titles[known.id] = SALES
        elif active and self.numbers.get(known.id) != number:
            known.moved.clear()  # somebody else has not moved
        self.numbers[known.id] = number

    def steps(self, name: str) -> dict[str, Callable[[], object]]:
        return {
            **super().steps(name),
            "move": lambda: self.move(name, SALES),
            "request": lambda: self.request(name),
            "prolong": lambda: self.set_the_end(name, timedelta(days=3)),
        }

    def sweep(self) -> None:
        try:
            super().sweep()
        finally:
            self._learn()

    def said(self, name: str, known: Known) -> None:
        self._learn()

    def returned(self, name: str, known: Known) -> None:
        super().returned(name, known)
        for one in self.people[name]:
            self.reasons.pop(one.id, None)
            if one is not known:
                one.moved.clear()
        # Whoever is hired again has not been asked to leave.
        self.asked.pop(known.id, None)

    def called_off(self, name: str, known: Known) -> None:
        super().called_off(name, known)
        self.reasons.pop(known.id, None)
        known.moved.clear()

    def next_date(self) -> datetime | None:
        dates = [*self.ends.values(), *(at for each in self.asked.values() for at in each)]
        found = (at for at in (super().next_date(), *dates) if at is not None and at > self.clock.now)
        return min(found, default=None)

    def expectations(self) -> list[Expectation]:
        return [*super().expectations(), self._was_not_forgotten]

    def _was_not_forgotten(self, name: str, _target: str) -> None:
        """A date that has passed was taken for a fact, in the end."""
        known = self.present(name)
        if known is None:
            return
        with self.database.read() as tx:
            found = [
                (row["trigger"], row["at"]) for row in facts.since(tx, LONG_AGO, MOST) if row["identity_id"] == known.id
            ]
        end = self.ends.get(known.id)
        if end is not None and end <= self.clock.now:
            assert any(trigger == Trigger.ENDED and at >= end for trigger, at in found), (
                f"{name} ended, and nobody cares"
            )
        for due_at in self.asked.get(known.id, ()):
            assert any(trigger == Trigger.REQUESTED and at >= due_at for trigger, at in found), (
                f"{name} was asked to go"
            )

    def _learn(self) -> None:
        """Note what the bridge has taken for a fact since, and hold that against what was said."""
        with self.database.read() as tx:
            new = [row for row in facts.since(tx, LONG_AGO, MOST) if row["id"] not in self.known_facts]
        everybody = {one.id: (name, one) for name, everyone in self.people.items() for one in everyone}
        for fact in new:
            self.known_facts.add(fact["id"])
            name, known = everybody.get(fact["identity_id"], ("", None))
            trigger = Trigger(fact["trigger"])
            if known is None or trigger.is_narrow:
                continue
            self._require_reason(known, trigger, fact["at"])
            self.requests[known.id] -= trigger is Trigger.REQUESTED
            assert self.requests[known.id] >= 0, "asked once, and taken for a fact twice"
            if fact["case_id"] is not None and name not in self.exclusions:
                reasons = self.reasons.setdefault(known.id, {})
                reasons[trigger] = min(reasons.get(trigger, fact["at"]), fact["at"])
                known.said_at = min(reasons.values())

    def _require_reason(self, known: Known, trigger: Trigger, at: datetime) -> None:
        match trigger:
            case Trigger.ENDED:
                assert known.id in self.ends, "ended without an end"
                assert self.ends[known.id] <= at, "ended too early"
            case Trigger.REQUESTED:
                asked = self.asked.get(known.id, ())
                assert any(due_at <= at for due_at in asked), "was never asked"
            case _:
                pass

    def _no_more(self, known: Known, trigger: Trigger) -> None:
        reasons = self.reasons.get(known.id, {})
        if known.active and reasons.pop(trigger, None) is not None:
            known.said_at = min(reasons.values(), default=None)

    def _lifecycle(self, known: Known) -> dict[str, str]:
        end = self.ends.get(known.id)
        return {"endDate": end.isoformat()} if end is not None else {}
