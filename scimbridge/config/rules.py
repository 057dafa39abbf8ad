"""What must hold across a rule's keys, and between rules and targets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import pairwise
from typing import Any

from scimbridge.config.asking import check_hooks
from scimbridge.config.contradictions import contradictions
from scimbridge.config.document import RuleSection, StageSection
from scimbridge.config.drafts import KnownTargets, RuleDraft, StageDraft, drafts_of, listed
from scimbridge.config.group_rules import check_group_rule
from scimbridge.config.problems import suggestion
from scimbridge.config.targets import Targets, check_needs
from scimbridge.domain.action import Action
from scimbridge.domain.duration import format_duration
from scimbridge.domain.rule import Rule, Stage, Terms
from scimbridge.domain.trigger import Trigger
from scimbridge.errors import Problem


def check_rule_tables(tables: Mapping[str, Any], targets: Targets) -> list[Problem]:
    """Return what is wrong with ``[[rules]]`` beyond single values: among them, with targets, and with hooks.

    Args:
        tables: All plain tables of the configuration.
        targets: Those of its targets that could be read.
    """
    rules, named = tables.get("rules"), tables.get("targets")
    known = KnownTargets(
        names=frozenset(named) if isinstance(named, dict) else frozenset(),
        capabilities=targets.capabilities,
        without_stale=frozenset(name for name, config in targets.configs.items() if config.stale_after is None),
    )
    return [
        *check_rules(rules, known),
        *check_needs(targets, planned_actions(rules, known)),
        *check_hooks(rules, tables.get("hooks")),
    ]


def check_rules(tables: Any, targets: KnownTargets) -> list[Problem]:
    """Return what is wrong with the plain ``[[rules]]`` tables beyond single values."""
    drafts = drafts_of(tables)
    return [
        *_repeated_names(drafts),
        *(
            problem
            for draft in drafts
            for check in (
                _stage_order,
                _repeated_actions,
                _undo_as_stage,
                _notices,
                _terms,
                _mover,
                check_group_rule,
            )
            for problem in check(draft)
        ),
        *(
            problem
            for draft in drafts
            for check_at in (_unknown_targets, _nobody_can, _never_stale, contradictions)
            for problem in check_at(draft, targets)
        ),
    ]


def planned_actions(tables: Any, targets: KnownTargets) -> dict[str, set[Action]]:
    """Return what the rules plan at each target that can do it."""
    found: dict[str, set[Action]] = {name: set() for name in targets.capabilities}
    for draft in drafts_of(tables):
        for name, can in targets.capabilities.items():
            if name not in draft.exclude_targets:
                found[name] |= {action for stage in draft.stages for action in stage.actions_at(name) if action in can}
    return found


def rule_of(section: RuleSection) -> Rule:
    """Return the domain's rule."""
    return Rule(
        name=section.name,
        when=frozenset(section.when),
        stages=tuple(_stage_of(stage) for stage in section.stages),
        match=section.match,
        exclude=section.exclude,
        exclude_targets=frozenset(section.exclude_targets),
        restore=section.restore,
        was=section.was,
        now=section.now,
        hook=section.hook,
        version=sha256(section.model_dump_json().encode()).hexdigest()[:16],
    )


def _stage_of(section: StageSection) -> Stage:
    is_irreversible = any(action.is_irreversible for action in section.do)
    needs_approval = is_irreversible if section.approval is None else section.approval
    return Stage(
        after=section.after,
        actions=tuple(section.do),
        targets=None if section.targets is None else frozenset(section.targets),
        grace=section.grace or {},
        terms=Terms(
            approvers=section.approvers if needs_approval else 0,
            schedule=section.schedule,
            timezone=str(section.timezone),
            window=section.window,
            deadline=section.deadline,
            notify=tuple(section.notify),
            only=None if section.only is None else tuple(section.only),
            successor=section.successor,
        ),
    )


def _repeated_names(drafts: Iterable[RuleDraft]) -> Iterator[Problem]:
    first: dict[str, RuleDraft] = {}
    for draft in drafts:
        if draft.name and draft.name in first:
            yield Problem(draft.at("name"), f"is also the name of {first[draft.name].at()}; each rule needs its own")
        first.setdefault(draft.name, draft)


def _stage_order(draft: RuleDraft) -> Iterator[Problem]:
    dated = [(stage.number, stage.after) for stage in draft.stages if stage.after is not None]
    for (_, before), (number, after) in pairwise(dated):
        if after == before:
            yield Problem(
                draft.at("stages", number, "after"),
                "is that of the stage before; make one stage of both",
            )
        elif after < before:
            limit = format_duration(before)
            yield Problem(draft.at("stages", number, "after"), f"is earlier than the stage before ({limit}); sort them")


def _repeated_actions(draft: RuleDraft) -> Iterator[Problem]:
    seen: dict[Action, list[StageDraft]] = {}
    for stage in draft.stages:
        for action in stage.actions:
            if action is not Action.NOTIFY and any(_overlap(stage, other) for other in seen.get(action, ())):
                message = f'"{action}" is in this rule already; each action once at a target'
                yield Problem(draft.at("stages", stage.number, "do"), message)
            seen.setdefault(action, []).append(stage)


def _overlap(one: StageDraft, other: StageDraft) -> bool:
    return one.targets is None or other.targets is None or bool(set(one.targets) & set(other.targets))


def _undo_as_stage(draft: RuleDraft) -> Iterator[Problem]:
    for number, action in draft.actions():
        if not action.is_revoking and action is not Action.NOTIFY:
            message = f'"{action}" is what happens when somebody returns; set restore = "auto" on the rule'
            if action.is_of_groups:
                message = f'"{action}" is what `scimbridge cases restore` does to a group; leave it out'
            yield Problem(draft.at("stages", number, "do"), message)


def _notices(draft: RuleDraft) -> Iterator[Problem]:
    for stage in draft.stages:
        told = listed(stage.table.get("notify"))
        if Action.NOTIFY in stage.actions and not told:
            message = 'is missing: say whom to tell, like ["manager", "it@example.com"]'
            yield Problem(draft.at("stages", stage.number, "notify"), message)
        if told and Action.NOTIFY not in stage.actions:
            yield Problem(draft.at("stages", stage.number, "notify"), 'needs "notify" in do, or nobody is told')


def _terms(draft: RuleDraft) -> Iterator[Problem]:
    for stage in draft.stages:
        table = stage.table
        if "window" in table and "schedule" not in table:
            yield Problem(draft.at("stages", stage.number, "window"), "needs a schedule; without one it means nothing")
        is_approved = table.get("approval", any(action.is_irreversible for action in stage.actions))
        if "approvers" in table and is_approved is False:
            yield Problem(draft.at("stages", stage.number, "approvers"), "needs approval = true")
        for key, wants in (("only", _STRIPPING), ("successor", _SUCCEEDING)):
            if key in table and not wants & set(stage.actions):
                names = " or ".join(f'"{action}"' for action in sorted(wants))
                yield Problem(draft.at("stages", stage.number, key), f"needs {names} in do")
        if _SUCCEEDING & set(stage.actions) and "successor" not in table:
            first = min(_SUCCEEDING & set(stage.actions))
            message = f'is missing: "{first}" needs somebody to go to: "manager", or a userName'
            yield Problem(draft.at("stages", stage.number, "successor"), message)


_STRIPPING = frozenset({Action.REMOVE_FROM_GROUPS, Action.RELEASE_LICENSES})
_SUCCEEDING = frozenset({Action.REDIRECT_MAIL, Action.TRANSFER_OWNERSHIP})


def _mover(draft: RuleDraft) -> Iterator[Problem]:
    moves = Trigger.CHANGED in listed(draft.table.get("when"))
    for key in ("was", "now"):
        if moves and key not in draft.table:
            yield Problem(draft.at(key), 'is missing: "changed" compares what somebody was and is now')
        if not moves and key in draft.table:
            yield Problem(draft.at(key), 'needs "changed" in when')


def _never_stale(draft: RuleDraft, targets: KnownTargets) -> Iterator[Problem]:
    concerned = {name for name in targets.names if draft.concerns(name)}
    if Trigger.STALE in listed(draft.table.get("when")) and concerned and concerned <= targets.without_stale:
        example = f'stale_after = "90d" in [targets.{min(concerned)}]'
        yield Problem(draft.at("when"), f'"stale" needs a target that says when an account is stale, like {example}')


def _unknown_targets(draft: RuleDraft, targets: KnownTargets) -> Iterator[Problem]:
    named: list[tuple[tuple[str | int, ...], str]] = [
        (("exclude_targets", number), name) for number, name in enumerate(draft.exclude_targets)
    ]
    for stage in draft.stages:
        named += [(("stages", stage.number, "targets"), name) for name in stage.targets or ()]
        named += [(("stages", stage.number, "grace"), name) for name in stage.grace]
    for at, name in named:
        if name not in targets.names:
            yield Problem(draft.at(*at), f'there is no target "{name}"{suggestion(name, targets.names)}')


def _nobody_can(draft: RuleDraft, targets: KnownTargets) -> Iterator[Problem]:
    if len(targets.capabilities) < len(targets.names) or not targets.names:
        return  # the one that is not known may be able to; without targets there is a warning
    for stage in draft.stages:
        wanted = [
            can
            for name, can in targets.capabilities.items()
            if name not in draft.exclude_targets and (stage.targets is None or name in stage.targets)
        ]
        if not targets.names.issuperset(stage.targets or ()):
            continue  # which ones are meant is not known yet
        for action in stage.actions:
            if action.is_revoking and not any(action in can for can in wanted):
                yield Problem(draft.at("stages", stage.number, "do"), f'no target of this rule can "{action}"')
