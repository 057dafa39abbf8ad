"""The rules for movers: which changes of somebody are facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scimbridge.domain.filter import GROUPS
from scimbridge.domain.identity import Identity
from scimbridge.domain.names import fold
from scimbridge.domain.rule import Rule
from scimbridge.domain.trigger import Trigger


class Movers:
    """The rules that are for ``changed``; what may concern them is decided once, from what they ask about."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules: Sequence[Rule] = [rule for rule in rules if Trigger.CHANGED in rule.when and rule.shift]
        filters = [each for rule in self.rules if rule.shift for each in (rule.shift.was, rule.shift.now)]
        attributes = frozenset(path for each in filters for path in each.attributes)
        self._top = frozenset(path[0] for path in attributes)
        names = [each.group_names for each in filters]
        self._any_group = any(each is None for each in names)
        self._groups = frozenset(name for each in names if each is not None for name in each)
        self.asks_about_groups = GROUPS in attributes

    def __bool__(self) -> bool:
        return bool(self.rules)

    def ask_about_group(self, display_name: str) -> bool:
        """Whether it may matter who comes into a group and who leaves it."""
        return self.asks_about_groups and (self._any_group or fold(display_name) in self._groups)

    def may_concern(self, before: Identity, after: Identity) -> bool:
        """Whether anything has changed that the rules ask about. Cheap: asked for every change of a User."""
        if not self.rules:
            return False
        if before.active is not after.active and "active" in self._top:
            return True
        old, new = before.document, after.document
        return any(name.lower() in self._top and old.get(name) != new.get(name) for name in old.keys() | new.keys())

    def first_match(self, before: Identity, after: Identity) -> Rule | None:
        """Return the rule by which a change is a fact, if there is one. The first that matches counts."""
        return next(
            (
                rule
                for rule in self.rules
                if rule.shift is not None
                and rule.shift.happens(before, after)
                and rule.applies_to(Trigger.CHANGED, after)
            ),
            None,
        )
