"""What a change of the rules is about, before anybody is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff

from scimbridge.domain.duration import format_duration
from scimbridge.domain.rule import Rule, Ruleset


def difference(old: str, new: str) -> list[str]:
    """Return what differs between two texts, line by line, as ``diff -u`` writes it, without its heading."""
    return list(unified_diff(old.splitlines(), new.splitlines(), n=3, lineterm=""))[2:]


def changed_rules(old: Ruleset, new: Ruleset) -> dict[str, list[str]]:
    """Return the names of the rules that are ``added``, ``removed`` and ``changed``."""
    before, after = ({rule.name: rule.version for rule in rules.rules} for rules in (old, new))
    return {
        "added": [name for name in after if name not in before],
        "removed": [name for name in before if name not in after],
        "changed": [name for name, version in after.items() if before.get(name, version) != version],
    }


def new_irreversible(old: Ruleset, new: Ruleset) -> list[str]:
    """Return the steps that cannot be undone and that the rules did not have like this, each as a few words.

    One that comes earlier, or with fewer approvals, is such a step, too.
    """
    known = {said for rule in old.rules for said in _irreversible(rule)}
    return [f"rule {rule.name}: {said}" for rule in new.rules for said in _irreversible(rule) if said not in known]


def _irreversible(rule: Rule) -> Iterator[str]:
    for stage in rule.stages:
        approved = ("without an approval", "with an approval", "with two approvals")[stage.terms.approvers]
        where = f" at {', '.join(sorted(stage.targets))}" if stage.targets is not None else ""
        for action in stage.actions:
            if action.is_irreversible:
                yield f"{action}{where} after {format_duration(stage.after)}, {approved}"
