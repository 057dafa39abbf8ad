"""What to know before work is let go: what targets cannot do, schedules, freezes, and the guard's limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from scimbridge.config import Settings
from scimbridge.domain.duration import format_duration
from scimbridge.domain.guard import Limit
from scimbridge.domain.outline import left_out
from scimbridge.domain.rule import Rule
from scimbridge.domain.times import distance, moment
from scimbridge.services.preflight import Finding, Verdict


def check_plans(settings: Settings, rules: Iterable[Rule], now: datetime) -> Iterator[Finding]:
    """Yield what is worth knowing about the rules in force, freezes and the guard; the store is not asked."""
    for rule in rules:
        yield from _about_rule(rule, settings, now)
    for freeze in settings.freezes:
        if freeze.end > now:
            standing = f"stands until {moment(freeze.end)}" if freeze.start <= now else f"begins {moment(freeze.start)}"
            message = f"{standing}: {freeze.reason}; what cannot be undone waits for its end"
            yield Finding(name="freeze", verdict=Verdict.WARNING if freeze.covers(now) else Verdict.OK, message=message)
    said = "; ".join(_limit(limit) for limit in settings.guard.limits)
    step = "" if said else "without a limit, a mistake of a source reaches everybody"
    yield Finding(
        name="guard",
        verdict=Verdict.OK if said else Verdict.WARNING,
        message=said or "there is no limit",
        next_step=step,
    )


def _about_rule(rule: Rule, settings: Settings, now: datetime) -> Iterator[Finding]:
    for number, stage in enumerate(rule.stages, 1):
        where = f"rules.{rule.name}.stage {number}"
        for action, targets in left_out(rule, stage, settings.capabilities).items():
            message = f"{action} is left out at {', '.join(targets)}: the connector cannot do it"
            yield Finding(name=where, verdict=Verdict.WARNING, message=message)
        if stage.terms.schedule is not None:
            at = stage.terms.release_at(now, now)
            schedule = f'schedule "{stage.terms.schedule}" ({stage.terms.timezone})'
            message = f"{schedule}: next at {moment(at)} ({distance(at, now)})"
            yield Finding(name=where, verdict=Verdict.OK, message=message)


def _limit(limit: Limit) -> str:
    bounds = [str(limit.count)] if limit.count is not None else []
    bounds += [f"{limit.percent:g}%"] if limit.percent is not None else []
    return f"{limit.guard_class} at {limit.where}: {' or '.join(bounds)} within {format_duration(limit.window)}"
