"""Rules for groups at targets that are to be given up: what makes them different from rules for people."""

from __future__ import annotations

from collections.abc import Iterator

from scimbridge.config.drafts import RuleDraft, listed
from scimbridge.domain.action import Action
from scimbridge.domain.rule import MANAGER
from scimbridge.domain.trigger import Trigger
from scimbridge.errors import Problem


def check_group_rule(draft: RuleDraft) -> Iterator[Problem]:
    """Yield what cannot be in a rule with actions of groups. One for groups is for nothing else."""
    of_groups = [(number, action) for number, action in draft.actions() if action.is_of_groups]
    if not of_groups:
        return
    first = of_groups[0][1]
    for number, action in draft.actions():
        if not action.is_of_groups and action is not Action.NOTIFY:
            message = f'"{action}" is done to accounts, and "{first}" to groups; each needs a rule of its own'
            yield Problem(draft.at("stages", number, "do"), message)
    if any(said != Trigger.REQUESTED for said in listed(draft.table.get("when"))):
        message = 'must be ["requested"] for groups: no source speaks of them, `scimbridge groups stamp` asks for it'
        yield Problem(draft.at("when"), message)
    for key, why in _OF_PEOPLE.items():
        if key in draft.table:
            yield Problem(draft.at(key), why)
    for stage in draft.stages:
        if MANAGER in listed(stage.table.get("notify")):
            message = 'a group has no manager; write "owner", "webhook", or an address'
            yield Problem(draft.at("stages", stage.number, "notify"), message)


_OF_PEOPLE = {
    "hook": "is asked about people only; leave it out of a rule for groups",
    "restore": "is about people who return; `scimbridge cases restore` gives a group back",
}
"""Keys that say nothing about a group."""
