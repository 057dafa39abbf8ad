"""``/rules``, ``/limits``, ``/settings`` and ``/stats``: by what people leave, and how much there is of what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from scimbridge.api.endpoint import Call, Nothing, Routes
from scimbridge.api.models import access as models
from scimbridge.domain.duration import format_duration
from scimbridge.domain.operator import Permission
from scimbridge.domain.rule import Rule, Stage

routes = Routes("overview")


@routes.get("/rules", Permission.LOOK)
def list_rules(call: Call[Nothing, Nothing]) -> models.Rules:
    """List the rules, in the order in which they are tried."""
    return models.Rules(items=[_rule(each) for each in call.bridge.settings.ruleset.rules])


@routes.get("/limits", Permission.LOOK)
def list_limits(call: Call[Nothing, Nothing]) -> models.Limits:
    """List the limits of the guard."""
    return models.Limits(
        items=[
            models.Limit.model_validate(
                {
                    "scope": each.scope,
                    "subject": each.subject or None,
                    "class": each.guard_class,
                    "window": format_duration(each.window),
                    "count": each.count,
                    "percent": each.percent,
                }
            )
            for each in call.bridge.settings.guard.limits
        ]
    )


@routes.get("/settings", Permission.AUDIT)
def list_settings(call: Call[Nothing, Nothing]) -> models.Settings:
    """List all settings as they count, each with where it comes from; secrets are hidden."""
    return models.Settings(
        items=[
            models.SettingLine(path=each.path, value=each.value, origin=each.origin, variable=each.variable)
            for each in call.bridge.settings.listed()
        ]
    )


@routes.get("/stats", Permission.LOOK)
def show_stats(call: Call[Nothing, Nothing]) -> models.Stats:
    """Count what is open, and what waits for somebody."""
    overview = call.bridge.overview
    return models.Stats(
        open_cases=overview.open_case_count(),
        situations=dict(overview.situation_counts(call.now)),
        board=dict(call.bridge.board.counts(call.now)),
        floods=call.bridge.flooding.standing_count(),
        holds=len(call.bridge.holding.standing()),
        inquiries=len(overview.inquiries(1000)),
        targets_paused=sum(each.pause is not None for each in overview.targets(call.now)),
    )


def _rule(rule: Rule) -> models.RuleLine:
    return models.RuleLine(
        name=rule.name,
        version=rule.version,
        when=sorted(rule.when),
        match=rule.match.text if rule.match else None,
        exclude=rule.exclude.text if rule.exclude else None,
        exclude_targets=sorted(rule.exclude_targets),
        was=rule.was.text if rule.was else None,
        now=rule.now.text if rule.now else None,
        restore=rule.restore,
        hook=rule.hook,
        about_groups=rule.is_for_groups,
        stages=[_stage(each) for each in rule.stages],
    )


def _stage(stage: Stage) -> models.RuleStage:
    return models.RuleStage(
        after=format_duration(stage.after),
        actions=list(stage.actions),
        targets=sorted(stage.targets) if stage.targets is not None else None,
        grace=_spans(stage.grace),
        approvers=stage.terms.approvers,
        schedule=stage.terms.schedule,
        window=format_duration(stage.terms.window) if stage.terms.window is not None else None,
        deadline=format_duration(stage.terms.deadline) if stage.terms.deadline is not None else None,
    )


def _spans(spans: Mapping[str, timedelta]) -> dict[str, str]:
    return {name: format_duration(span) for name, span in spans.items()}
