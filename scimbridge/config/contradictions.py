"""Stages that contradict each other at a target, and orders that cannot be."""

from __future__ import annotations

from collections.abc import Iterator

from scimbridge.config.drafts import KnownTargets, RuleDraft
from scimbridge.domain.action import Action
from scimbridge.domain.capability import Abilities, OrderError, in_order
from scimbridge.domain.outline import is_possible_after
from scimbridge.errors import Problem


def contradictions(draft: RuleDraft, targets: KnownTargets) -> Iterator[Problem]:
    """Stages that undo each other's sense at some target, and orders that cannot be."""
    said = set()
    for name, can in targets.capabilities.items():
        if name in draft.exclude_targets:
            continue
        for number, message in _at_target(draft, name, can):
            if (number, message) not in said:
                said.add((number, message))
                yield Problem(draft.at("stages", number, "do"), message)


def _at_target(draft: RuleDraft, name: str, can: Abilities) -> Iterator[tuple[int, str]]:
    done: list[Action] = []
    for stage in draft.stages:
        own = [action for action in stage.actions_at(name) if action in can]
        for action in own:
            if not is_possible_after(done, action):
                yield stage.number, _why_impossible(done, action, name)
            for earlier in _MUST_PRECEDE.get(action, ()):
                if earlier in done:
                    yield stage.number, f'"{action}" comes too late after "{earlier}" at {name}; put it before'
        for last, earlier in _STAGES_APART:
            if last in own and earlier in own:
                yield stage.number, f'"{last}" must stand in a later stage than "{earlier}"'
        try:
            in_order(own, can)
        except OrderError as error:
            yield stage.number, f"at {name}, {error}; put them in different stages"
        done += own


def _why_impossible(done: list[Action], action: Action, target: str) -> str:
    final = next((each for each in done if each.facts.is_final), None)
    if final is None:
        return f'"{action}" needs an earlier stage that does "{action.facts.follows}" at {target}'
    return f'"{action}" comes after "{final}" at {target}, when there is nothing left to do it to'


_STAGES_APART = (
    (Action.DELETE, Action.SUSPEND),
    (Action.DELETE_GROUP, Action.DISABLE_GROUP),
    (Action.DELETE_GROUP, Action.EMPTY_GROUP),
)
"""What is there to see who complains, and what comes when nobody has: there must be time between them."""

_MUST_PRECEDE = {
    # Mail and data go with the license at most vendors.
    Action.REDIRECT_MAIL: (Action.RELEASE_LICENSES,),
    Action.TRANSFER_OWNERSHIP: (Action.RELEASE_LICENSES,),
    Action.ARCHIVE: (Action.RELEASE_LICENSES,),
}
"""What can no longer be done once something else was."""
