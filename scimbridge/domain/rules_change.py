"""What a change of the rules is about, before anybody is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff

from scimbridge.domain.duration import format_duration
from scimbridge.domain.rule import Rule, Ruleset, Stage


def difference(old: str, new: str) -> list[str]:
    """Return what differs between two texts, line by line, as ``diff -u`` writes it, without its heading.

    What nobody would see, or what would show a line in another order than it is read in, is spelled as an escape.
    """
    return [_shown(line) for line in unified_diff(_lines(old), _lines(new), n=3, lineterm="")][2:]


def changed_rules(old: Ruleset, new: Ruleset) -> dict[str, list[str]]:
    """Return the names of the rules that are ``added``, ``removed`` and ``changed``."""
    before, after = ({rule.name: rule.version for rule in rules.rules} for rules in (old, new))
    return {
        "added": [name for name in after if name not in before],
        "removed": [name for name in before if name not in after],
        "changed": [name for name, version in after.items() if before.get(name, version) != version],
    }


def new_irreversible(old: Ruleset, new: Ruleset) -> list[str]:
    """Return the steps that cannot be undone and that a rule did not have like this, each as a few words.

    One that comes earlier, at more targets, or with fewer approvals, is such a step, too; and so are all of a rule
    that had another name.
    """
    known = {(rule.name, said) for rule in old.rules for said in _irreversible(rule)}
    return [
        f"rule {rule.name}: {said}"
        for rule in new.rules
        for said in _irreversible(rule)
        if (rule.name, said) not in known
    ]


def _lines(text: str) -> list[str]:
    """Return the lines of a text as TOML has them: what else ends one for other programs may hide what is read."""
    return text.removesuffix("\n").split("\n") if text else []


def _shown(line: str) -> str:
    return "".join(
        each if each.isprintable() or each == "\t" else each.encode("unicode_escape").decode() for each in line
    )


def _irreversible(rule: Rule) -> Iterator[str]:
    for stage in rule.stages:
        approved = ("without an approval", "with an approval", "with two approvals")[stage.terms.approvers]
        where, when = _where(rule, stage), _when(stage)
        for action in stage.actions:
            if action.is_irreversible:
                yield f"{action}{where} {when}, {approved}"


def _where(rule: Rule, stage: Stage) -> str:
    if stage.targets is not None:
        return f" at {', '.join(sorted(stage.targets - rule.exclude_targets))}"
    return f" but not at {', '.join(sorted(rule.exclude_targets))}" if rule.exclude_targets else ""


def _when(stage: Stage) -> str:
    others = [f"{format_duration(span)} at {target}" for target, span in sorted(stage.grace.items())]
    return f"after {format_duration(stage.after)}" + (f" ({', '.join(others)})" if others else "")
