"""Rules told in sentences, for people who do not read configuration files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from scimbridge.domain.duration import format_duration
from scimbridge.domain.rule import Restore, Rule, Stage
from scimbridge.domain.trigger import Trigger

_FACTS = {
    Trigger.DEACTIVATED: "is deactivated by the source",
    Trigger.DELETED: "is deleted by the source",
    Trigger.ENDED: "reaches the end date",
    Trigger.UNASSIGNED: "is in no group any more that grants a target",
    Trigger.CHANGED: "changes as the rule says",
    Trigger.REQUESTED: "is asked to leave by an operator",
    Trigger.STALE: "has not signed in at the target for long",
    Trigger.ORPHANED: "is an account at a target that no identity claims",
}


def whom(rule: Rule) -> Iterator[str]:
    """Yield when a rule is for somebody, each as one sentence."""
    facts = [_FACTS[trigger] for trigger in sorted(rule.when)]
    yield f"When somebody {_listed(facts, 'or')}."
    if rule.is_for_groups:
        yield "It is about groups at targets, not about people."
    if rule.was is not None and rule.now is not None:
        yield f"They matched {rule.was.text} before, and match {rule.now.text} since."
    yield f"For whoever matches {rule.match.text}." if rule.match is not None else "For everybody."
    if rule.exclude is not None:
        yield f"Not for whoever matches {rule.exclude.text}."
    if rule.exclude_targets:
        yield f"Never at {_listed(sorted(rule.exclude_targets), 'or')}."
    if rule.hook is not None:
        yield f"The hook {rule.hook} is asked first."
    if rule.restore is Restore.AUTO:
        yield "Who comes back gets back what was taken, at once."
    else:
        yield "Who comes back gets nothing back until an operator says so."


def when(stage: Stage) -> str:
    """Return when a stage is due."""
    said = f"{format_duration(stage.after)} later" if stage.after else "at once"
    others = [f"{format_duration(span)} at {name}" for name, span in sorted(stage.grace.items())]
    return f"{said} ({_listed(others, 'and')})" if others else said


def terms(stage: Stage) -> Iterator[str]:
    """Yield under which conditions a stage is let go, each as one sentence."""
    if stage.targets is not None:
        yield f"Only at {_listed(sorted(stage.targets), 'and')}."
    of = stage.terms
    if of.approvers:
        yield "An operator has to approve." if of.approvers == 1 else f"{of.approvers} different operators approve."
    if of.schedule is not None:
        within = f", within {format_duration(of.window)}" if of.window is not None else ""
        yield f'Only at the times "{of.schedule}" ({of.timezone}){within}.'
    if of.deadline is not None:
        yield f"To be done within {format_duration(of.deadline)}."
    if of.notify:
        yield f"Tells {_listed(of.notify, 'and')}."
    if of.only is not None:
        yield f"Only {_listed(of.only, 'and')}."
    if of.successor is not None:
        yield f"Mail and belongings go to {of.successor}."


def _listed(words: Iterable[str], last: str) -> str:
    *first, end = words
    return f"{', '.join(first)} {last} {end}" if first else end
