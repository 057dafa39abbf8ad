"""Rules: which facts start a case, for whom, with which stages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from scimbridge.domain.action import Action
from scimbridge.domain.filter import IdentityFilter
from scimbridge.domain.identity import Identity
from scimbridge.domain.trigger import Trigger


class Restore(StrEnum):
    """What happens when somebody returns."""

    AUTO = "auto"
    """The same person gets back what the bridge took, at once."""

    MANUAL = "manual"
    """Planned work is canceled; giving back waits for an operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The actions that become due together, ``after`` the trigger (elapsed time)."""

    after: timedelta
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Plans a case for the identities it matches.

    Attributes:
        match: Whom it is for; everyone where absent.
        exclude: Whom it is not for, even if they match.
        exclude_targets: Targets that cases of this rule leave alone.
    """

    name: str
    when: frozenset[Trigger]
    stages: tuple[Stage, ...]
    match: IdentityFilter | None = None
    exclude: IdentityFilter | None = None
    exclude_targets: frozenset[str] = frozenset()
    restore: Restore = Restore.MANUAL

    def applies_to(self, trigger: Trigger, identity: Identity) -> bool:
        """Whether this rule is for this fact. Exclusion is another question."""
        return trigger in self.when and (self.match is None or self.match.matches(identity))

    def excludes(self, identity: Identity) -> bool:
        """Whether the rule spares somebody whom it matches."""
        return self.exclude is not None and self.exclude.matches(identity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Who is never touched, and why."""

    match: IdentityFilter
    reason: str


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All rules and exclusions, in the order in which they are tried."""

    rules: Sequence[Rule]
    exclusions: Sequence[Exclusion] = ()

    def first_match(self, trigger: Trigger, identity: Identity) -> Rule | None:
        """Return the rule that plans a case for this fact, if any."""
        return next((rule for rule in self.rules if rule.applies_to(trigger, identity)), None)

    def named(self, name: str) -> Rule | None:
        """Return the rule of this name, if the configuration still has it."""
        return next((rule for rule in self.rules if rule.name == name), None)

    def why_excluded(self, identity: Identity, rule_name: str, more: Iterable[Exclusion] = ()) -> str | None:
        """Return why this identity is never touched, or ``None``.

        Args:
            identity: As its source last described it.
            rule_name: The rule of its case, whose own ``exclude`` counts too.
            more: Exclusions made at run time.
        """
        for exclusion in (*self.exclusions, *more):
            if exclusion.match.matches(identity):
                return exclusion.reason
        rule = self.named(rule_name)
        if rule is not None and rule.excludes(identity):
            return f"excluded by rule {rule.name!r}"
        return None
