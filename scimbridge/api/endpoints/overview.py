"""By what people leave, how much there is of what, and how the bridge is set up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta

from scimbridge import registry
from scimbridge.api.endpoint import Call, Nothing, Routes
from scimbridge.api.models import overview as models
from scimbridge.domain.duration import format_duration
from scimbridge.domain.operator import Permission
from scimbridge.domain.rule import Rule, Stage
from scimbridge.services.gauging import Gauge
from scimbridge.services.timetable import Scheduled, timetable

routes = Routes("overview")


@routes.get("/rules", Permission.LOOK)
def list_rules(call: Call[Nothing, Nothing]) -> models.Rules:
    """List the rules in force, in the order in which they are tried."""
    edition = call.bridge.rulebook.edition
    return models.Rules(version=edition.number, items=[_rule(each) for each in edition.rules.rules])


@routes.get("/limits", Permission.LOOK)
def list_limits(call: Call[Nothing, Nothing]) -> models.Limits:
    """List the limits of the guard, and how much of each is used."""
    return models.Limits(items=[_limit(each) for each in call.bridge.gauging.gauges(call.now)])


@routes.get("/schedules", Permission.LOOK)
def list_schedules(call: Call[Nothing, Nothing]) -> models.Schedules:
    """Say when stages with a schedule are let go next, which freezes stand or come, and what has a deadline."""
    settings = call.bridge.settings
    found = timetable(call.bridge.rulebook.rules.rules, settings.freezes, settings.deadlines, call.now)
    return models.Schedules(
        stages=[_scheduled(each) for each in found.scheduled],
        freezes=[
            models.FreezeLine(start=each.start, end=each.end, reason=each.reason, stands=each.covers(call.now))
            for each in found.freezes
        ],
        deadlines={action.value: format_duration(span) for action, span in found.deadlines.items()},
    )


@routes.get("/connectors", Permission.LOOK)
def list_connectors(call: Call[Nothing, Nothing]) -> models.Connectors:  # noqa: ARG001 - its annotation says what it takes
    """List the connectors that are installed, and why one cannot be used."""
    return models.Connectors(
        items=[models.ConnectorLine(**asdict(each), usable=not each.fault) for each in registry.installed()]
    )


@routes.get("/settings", Permission.AUDIT)
def list_settings(call: Call[Nothing, Nothing]) -> models.Settings:
    """List all settings as they count, each with where it comes from; secrets are hidden."""
    settings = call.bridge.settings
    return models.Settings(
        items=[
            models.SettingLine(path=each.path, value=each.value, origin=each.origin, variable=each.variable)
            for each in settings.listed()
        ],
        file=str(settings.path) if settings.path is not None else None,
        warnings=[models.SettingNote(path=each.path, message=each.message) for each in settings.warnings],
        unusable={name: each.message for name, each in settings.unusable.items()},
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
        returning=overview.returning(),
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


def _limit(gauge: Gauge) -> models.Limit:
    limit = gauge.limit
    return models.Limit.model_validate(
        {
            "scope": limit.scope,
            "subject": limit.subject or None,
            "class": limit.guard_class,
            "window": format_duration(limit.window),
            "count": limit.count,
            "percent": limit.percent,
            "counted": gauge.counted,
            "room": gauge.most,
            "active": gauge.active,
            "flood_id": gauge.flood_id,
        }
    )


def _scheduled(found: Scheduled) -> models.ScheduledStage:
    terms = found.stage.terms
    return models.ScheduledStage(
        rule=found.rule.name,
        stage=found.number,
        actions=list(found.stage.actions),
        schedule=terms.schedule or "",
        timezone=terms.timezone,
        window=format_duration(terms.window) if terms.window is not None else None,
        next=list(found.instants),
    )


def _spans(spans: Mapping[str, timedelta]) -> dict[str, str]:
    return {name: format_duration(span) for name, span in spans.items()}
