"""What is known about actions, and the order that targets ask for."""

from __future__ import annotations

import pytest

from scimbridge.domain.action import FACTS, UNDOES, Action, GuardClass, guard_classes
from scimbridge.domain.capability import Abilities, Capability, OrderError, in_order


def abilities(*capabilities: Capability) -> Abilities:
    return {each.action: each for each in capabilities}


def test_every_action_has_its_facts() -> None:
    assert set(FACTS) == set(Action)


def test_deleting_archiving_and_handing_over_cannot_be_taken_back() -> None:
    assert {action for action in Action if action.is_irreversible} == {
        Action.DELETE,
        Action.PURGE,
        Action.ARCHIVE,
        Action.TRANSFER_OWNERSHIP,
        Action.DELETE_GROUP,
    }


def test_what_undoes_takes_nothing_away_and_undoes_one_action() -> None:
    undos = [facts.undo for facts in FACTS.values() if facts.undo is not None]

    assert len(undos) == len(set(undos)) == len(UNDOES)
    assert not any(undo.is_revoking or undo.is_irreversible for undo in undos)


def test_of_what_nobody_can_count_on_only_a_deletion_has_an_undo() -> None:
    irreversible = [action for action in Action if action.is_irreversible]

    assert [action for action in irreversible if action.facts.undo is not None] == [Action.DELETE]


@pytest.mark.parametrize(
    ("actions", "classes"),
    [
        ((Action.NOTIFY,), ()),
        ((Action.RESTORE,), ()),
        ((Action.REVOKE_SESSIONS,), (GuardClass.ALL,)),
        ((Action.SUSPEND, Action.NOTIFY), (GuardClass.ALL, GuardClass.SUSPEND)),
        ((Action.REMOVE_FROM_GROUPS,), (GuardClass.ALL, GuardClass.STRIP)),
        ((Action.RELEASE_LICENSES,), (GuardClass.ALL, GuardClass.STRIP)),
        ((Action.ARCHIVE,), (GuardClass.ALL, GuardClass.DELETE)),
        ((Action.EMPTY_GROUP, Action.DELETE_GROUP), (GuardClass.GROUPS,)),
        ((Action.UNSTAMP_GROUP,), ()),
        ((Action.SUSPEND, Action.DELETE), (GuardClass.ALL, GuardClass.SUSPEND, GuardClass.DELETE)),
    ],
)
def test_the_guard_counts_what_is_taken(actions: tuple[Action, ...], classes: tuple[GuardClass, ...]) -> None:
    assert guard_classes(frozenset(actions)) == set(classes)


def test_without_wishes_access_goes_first_and_the_account_last() -> None:
    actions = [Action.DELETE, Action.STAMP, Action.REMOVE_FROM_GROUPS, Action.REVOKE_SESSIONS, Action.SUSPEND]

    assert in_order(actions, {}) == [
        Action.SUSPEND,
        Action.REVOKE_SESSIONS,
        Action.REMOVE_FROM_GROUPS,
        Action.STAMP,
        Action.DELETE,
    ]


def test_a_target_may_want_sessions_revoked_before_it_suspends() -> None:
    can = abilities(Capability(action=Action.SUSPEND, after=(Action.REVOKE_SESSIONS, Action.RESET_CREDENTIALS)))

    assert in_order([Action.SUSPEND, Action.REVOKE_SESSIONS], can) == [Action.REVOKE_SESSIONS, Action.SUSPEND]


def test_a_target_may_want_something_done_afterwards() -> None:
    can = abilities(Capability(action=Action.MOVE, before=(Action.SUSPEND, Action.STAMP)))

    assert in_order([Action.SUSPEND, Action.STAMP, Action.MOVE], can) == [Action.MOVE, Action.SUSPEND, Action.STAMP]


def test_what_is_final_comes_last_whatever_is_declared() -> None:
    can = abilities(Capability(action=Action.DISCONNECT, before=(Action.STAMP,)))

    with pytest.raises(OrderError) as caught:
        in_order([Action.DISCONNECT, Action.STAMP], can)

    assert caught.value.actions == (Action.STAMP, Action.DISCONNECT)


def test_of_two_that_are_final_the_target_says_which_is_the_last() -> None:
    can = abilities(Capability(action=Action.DISCONNECT, after=(Action.DELETE,)))

    assert in_order([Action.DISCONNECT, Action.DELETE], can) == [Action.DELETE, Action.DISCONNECT]


def test_wishes_that_contradict_each_other_are_refused() -> None:
    can = abilities(
        Capability(action=Action.SUSPEND, after=(Action.MOVE,)), Capability(action=Action.MOVE, after=(Action.SUSPEND,))
    )

    with pytest.raises(OrderError, match="suspend, move would each have to come before the other"):
        in_order([Action.SUSPEND, Action.MOVE, Action.STAMP], can)
