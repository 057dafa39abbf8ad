"""Rules: which facts start a case, for whom, with which stages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from scimbridge.domain.action import Action
from scimbridge.domain.exclusion import Exclusion
from scimbridge.domain.filter import IdentityFilter
from scimbridge.domain.identity import Identity
from scimbridge.domain.names import fold
from scimbridge.domain.schedule import Freeze, Schedule, release_at
from scimbridge.domain.shift import Shift
from scimbridge.domain.trigger import Trigger


class Restore(StrEnum):
    """What happens when somebody returns."""

    AUTO = "auto"
    """The same person gets back what the bridge took, at once."""

    MANUAL = "manual"
    """Planned work is canceled; giving back waits for an operator."""


MANAGER, OWNER, WEBHOOK = "manager", "owner", "webhook"
"""Whom ``notify`` can name beside addresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Under which conditions the work of a stage is let go. They are stored with the stage, as they were planned.

    Attributes:
        approvers: How many different operators have to approve; 0 where none has to.
        schedule: Cron expression of the instants at which the stage may be released; any time where absent.
        timezone: Where the schedule's clock hangs (IANA).
        window: How long after such an instant it may still be released.
        deadline: How long after its due date the work may take; retrying ends then.
        notify: Whom ``notify`` tells: ``manager``, ``owner``, ``webhook``, or addresses.
        only: Names of the groups and licenses that are taken away; all where absent.
        successor: Who gets mail and belongings: ``manager``, or a userName.
    """

    approvers: int = 0
    schedule: str | None = None
    timezone: str = "UTC"
    window: timedelta | None = None
    deadline: timedelta | None = None
    notify: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None
    successor: str | None = None

    def release_at(
        self, due: datetime, now: datetime, *, irreversible: bool = False, freezes: Collection[Freeze] = ()
    ) -> datetime:
        """Return when work is let go that is due at a time; that is now, where the answer has passed.

        Args:
            due: It is not let go earlier (UTC).
            now: When (UTC).
            irreversible: Whether it cannot be undone, so that freezes count.
            freezes: Those of the configuration.
        """
        schedule = _schedule(self.schedule, self.timezone) if self.schedule is not None else None
        return release_at(
            due, schedule=schedule, window=self.window, freezes=freezes, irreversible=irreversible, now=now
        )


@lru_cache(maxsize=64)  # reading one takes longer than asking it
def _schedule(expression: str, timezone: str) -> Schedule:
    return Schedule.parse(expression, ZoneInfo(timezone))


NO_TERMS = Terms()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The actions that become due together, ``after`` the trigger (elapsed time).

    Attributes:
        targets: The only targets that it is for; all where absent.
        grace: Another grace at some targets.
    """

    after: timedelta
    actions: tuple[Action, ...]
    targets: frozenset[str] | None = None
    grace: Mapping[str, timedelta] = field(default_factory=dict)
    terms: Terms = NO_TERMS

    def after_at(self, target: str) -> timedelta:
        """Return the grace at a target."""
        return self.grace.get(target, self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Plans a case for the identities it matches.

    Attributes:
        match: Whom it is for; everyone where absent.
        exclude: Whom it is not for, even if they match.
        exclude_targets: Targets that cases of this rule leave alone.
        was: For ``changed``: what the identity matched before.
        now: For ``changed``: what it matches since.
        hook: Who is asked before anything happens; nobody where absent.
        version: A digest of all that it says.
        is_for_groups: Whether it is about groups at targets, and not about people; follows from its actions.
    """

    name: str
    when: frozenset[Trigger]
    stages: tuple[Stage, ...]
    match: IdentityFilter | None = None
    exclude: IdentityFilter | None = None
    exclude_targets: frozenset[str] = frozenset()
    restore: Restore = Restore.MANUAL
    was: IdentityFilter | None = None
    now: IdentityFilter | None = None
    hook: str | None = None
    version: str = ""
    is_for_groups: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Said once: it is asked for every fact.
        is_for_groups = any(action.is_of_groups for stage in self.stages for action in stage.actions)
        object.__setattr__(self, "is_for_groups", is_for_groups)

    @property
    def shift(self) -> Shift | None:
        """What makes somebody a mover; ``None`` where it is not said."""
        return Shift(self.was, self.now) if self.was is not None and self.now is not None else None

    def targets(self, known: Iterable[str]) -> frozenset[str]:
        """Return the targets, of those that there are, that its stages are for."""
        there = frozenset(known) - self.exclude_targets
        return frozenset().union(*(there if stage.targets is None else there & stage.targets for stage in self.stages))

    def applies_to(self, trigger: Trigger, identity: Identity) -> bool:
        """Whether this rule is for this fact. Exclusion is another question."""
        return trigger in self.when and self.is_about(identity)

    def is_about(self, identity: Identity) -> bool:
        """Whether this rule is for them, whatever the fact."""
        return self.is_for_groups is identity.is_group and (self.match is None or self.match.matches(identity))

    def excludes(self, identity: Identity) -> bool:
        """Whether the rule spares somebody whom it matches."""
        return self.exclude is not None and self.exclude.matches(identity)


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All rules and exclusions, in the order in which they are tried."""

    rules: Sequence[Rule]
    exclusions: Sequence[Exclusion] = ()

    def first_match(self, trigger: Trigger, identity: Identity) -> Rule | None:
        """Return the rule that plans a case for this fact, if any."""
        for rule in self.rules:
            if rule.applies_to(trigger, identity):
                return rule
        return None

    def named(self, name: str) -> Rule | None:
        """Return the rule of this name, if the configuration still has it."""
        return next((rule for rule in self.rules if rule.name == name), None)

    def actions_at(self, target: str) -> frozenset[Action]:
        """Return all that the rules plan at a target, whether it can do that or not."""
        return frozenset(
            action
            for rule in self.rules
            if target not in rule.exclude_targets
            for stage in rule.stages
            if stage.targets is None or target in stage.targets
            for action in stage.actions
        )

    def why_excluded(
        self, identity: Identity, rule: Rule | None, now: datetime, more: Iterable[Exclusion] = ()
    ) -> str | None:
        """Return why this identity is never touched, or ``None``.

        Args:
            identity: As its source last described it.
            rule: The rule of its case, whose own ``exclude`` counts too, if there is one.
            now: When (UTC): exclusions may end.
            more: Exclusions made at run time.
        """
        for exclusion in (*self.exclusions, *more):
            if exclusion.spares(identity, now):
                return exclusion.reason
        if rule is not None and rule.excludes(identity):
            return f"excluded by rule {rule.name!r}"
        return None

    def why_target_excluded(self, target: str, now: datetime, more: Iterable[Exclusion] = ()) -> str | None:
        """Return why nothing is taken at a target, whoever it is, or ``None``."""
        found = (each.reason for each in (*self.exclusions, *more) if each.spares_target(target, now))
        return next(found, None)

    def why_account_excluded(
        self, target: str, names: Iterable[str], now: datetime, more: Iterable[Exclusion] = ()
    ) -> str | None:
        """Return why an account is never touched, or ``None``.

        Args:
            target: Where it is.
            names: Its immutable id, and what people call it.
            now: When (UTC).
            more: Exclusions made at run time.
        """
        known = list(names)
        found = (each.reason for each in (*self.exclusions, *more) if each.spares_account(target, known, now))
        return next(found, None)

    def why_group_excluded(self, target: str, name: str, now: datetime, more: Iterable[Exclusion] = ()) -> str | None:
        """Return why a group at a target is not given up, or ``None``."""
        found = (each.reason for each in (*self.exclusions, *more) if each.group_at(target, now) == fold(name))
        return next(found, None)

    def spared_groups(self, target: str, now: datetime, more: Iterable[Exclusion] = ()) -> frozenset[str]:
        """Return the folded names of the groups at a target that nobody is taken out of."""
        found = (each.group_at(target, now) for each in (*self.exclusions, *more))
        return frozenset(name for name in found if name is not None)
