"""Replaying: what other rules would have made of the facts that came."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping

from scimbridge.domain.action import Action
from scimbridge.domain.capability import Capabilities
from scimbridge.domain.duration import format_duration
from scimbridge.domain.exclusion import Exclusion
from scimbridge.domain.identity import Identity
from scimbridge.domain.plan import plan_fact
from scimbridge.domain.rule import Ruleset, Terms
from scimbridge.domain.trigger import Fact, Trigger
from scimbridge.services.rehearsal.forecast import first_match
from scimbridge.store import facts, identities

BATCH = 500
"""Facts that are judged together: their identities are read in few statements."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """What rules make of a fact.

    Attributes:
        rule: The rule that plans; ``None`` where none matches.
        excluded: Why nothing is touched, if so.
        tasks: The grace of each action at each target, and the terms under which it is let go.
        hook: Who is asked first.
    """

    rule: str | None
    excluded: str | None
    tasks: Mapping[tuple[str, Action], tuple[timedelta, Terms]]
    hook: str | None = None

    @property
    def touches(self) -> bool:
        """Whether anything is done."""
        return bool(self.tasks)

    @property
    def is_in_words(self) -> str:
        """What becomes of the person, in one word or two."""
        if self.rule is None:
            return "no rule matches"
        return f"excluded: {self.excluded}" if self.excluded is not None else f"rule {self.rule!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A fact that other rules would have made something else of, or, where all are listed, the same.

    Attributes:
        said: What differs, each as one sentence; nothing where nothing does.
    """

    identity: Identity
    trigger: Trigger
    at: datetime
    before: Treatment
    after: Treatment
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What other rules would have made of the facts of a time.

    Attributes:
        facts: All of them, with what differs.
        since: When the time begins (UTC).
    """

    facts: tuple[Difference, ...]
    since: datetime

    @property
    def different(self) -> list[Difference]:
        """Those that would have been treated otherwise."""
        return [fact for fact in self.facts if fact.said]

    @property
    def counts(self) -> dict[str, int]:
        """How many facts, how many people, and how many would have been treated how otherwise."""
        different = self.different
        return {
            "facts": len(self.facts),
            "people": len({fact.identity.id for fact in self.facts}),
            "same": len(self.facts) - len(different),
            "different": len(different),
            "touched_only_now": sum(one.after.touches and not one.before.touches for one in different),
            "spared_now": sum(one.before.touches and not one.after.touches for one in different),
            "otherwise": sum(one.before.touches and one.after.touches for one in different),
        }


def judged(
    tx: Connection,
    rules: Ruleset,
    other: Ruleset,
    capabilities: Capabilities,
    exclusions: Sequence[Exclusion],
    since: datetime,
    now: datetime,
    progress: Callable[[int, int], object],
) -> Iterator[Difference]:
    """Judge the facts since a time by two sets of rules, with the identities as they are stored now.

    They come one after the other, the oldest first: of a long time there are too many to keep.
    """
    total = facts.count(tx, since)
    done = 0
    for rows in _batches(tx, since):
        people = identities.identities_by_id(tx, {row["identity_id"] for row in rows}, now)
        for row in rows:
            identity = people[row["identity_id"]]
            before, after = (_treat(each, identity, row, capabilities, exclusions, now) for each in (rules, other))
            yield Difference(
                identity=identity,
                trigger=Trigger(row["trigger"]),
                at=row["at"],
                before=before,
                after=after,
                said=tuple(_differences(before, after)),
            )
        done += len(rows)
        progress(done, total)


def _batches(tx: Connection, since: datetime) -> Iterator[Sequence[RowMapping]]:
    after = ""
    while rows := facts.since(tx, since, BATCH, after=after):
        yield rows
        after = rows[-1]["id"]


def _treat(
    rules: Ruleset,
    identity: Identity,
    row: RowMapping,
    capabilities: Capabilities,
    exclusions: Sequence[Exclusion],
    now: datetime,
) -> Treatment:
    trigger = Trigger(row["trigger"])
    rule = first_match(rules, trigger, identity)
    if rule is None:
        return Treatment(rule=None, excluded=None, tasks={})
    excluded = rules.why_excluded(identity, rule, now, exclusions)
    if excluded is not None:
        return Treatment(rule=rule.name, excluded=excluded, tasks={}, hook=rule.hook)
    targets = tuple(row["targets"]) if row["targets"] is not None else None
    fact = Fact(trigger=trigger, identity_id=identity.id, source=identity.source, at=row["at"], targets=targets)
    planned = {
        (task.target, task.action): (task.after, stage.terms)
        for stage in plan_fact(rule, fact, capabilities)
        for task in stage.tasks
        if rules.why_target_excluded(task.target, now, exclusions) is None
    }
    return Treatment(rule=rule.name, excluded=None, tasks=planned, hook=rule.hook)


def _differences(before: Treatment, after: Treatment) -> Iterator[str]:
    if before.is_in_words != after.is_in_words:
        yield f"{before.is_in_words} -> {after.is_in_words}"
    if before.hook != after.hook:
        yield f"asks {before.hook or 'nobody'} first -> asks {after.hook or 'nobody'} first"
    yield from _said("no longer", (key for key in before.tasks if key not in after.tasks))
    yield from _said("in addition", (key for key in after.tasks if key not in before.tasks))
    changes: dict[tuple[Action, str], list[str]] = {}
    for (target, action), (grace, terms) in before.tasks.items():
        for change in _changes(grace, terms, *after.tasks.get((target, action), (grace, terms))):
            changes.setdefault((action, change), []).append(target)
    yield from (f"{action} at {', '.join(targets)}: {change}" for (action, change), targets in changes.items())


def _said(how: str, keys: Iterable[tuple[str, Action]]) -> Iterator[str]:
    by_action: dict[Action, list[str]] = {}
    for target, action in keys:
        by_action.setdefault(action, []).append(target)
    return (f"{how}: {action} at {', '.join(targets)}" for action, targets in by_action.items())


def _changes(grace: timedelta, terms: Terms, new_grace: timedelta, new_terms: Terms) -> Iterator[str]:
    if grace != new_grace:
        yield f"after {format_duration(grace)} -> after {format_duration(new_grace)}"
    if terms.approvers != new_terms.approvers:
        yield f"approvals wanted {terms.approvers} -> {new_terms.approvers}"
    for name in ("schedule", "window", "deadline", "notify", "only", "successor"):
        old, new = getattr(terms, name), getattr(new_terms, name)
        if old != new:
            yield f"{name} {_spell(old)} -> {_spell(new)}"


def _spell(value: object) -> str:
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "nobody"
    return "none" if value is None else str(value)
