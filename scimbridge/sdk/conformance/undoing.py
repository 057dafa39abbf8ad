"""Giving back what was taken."""
# ruff: noqa: D102, S101  # these are tests: a name is a sentence, and assert is how they speak

from __future__ import annotations

from typing import Any

import pytest

from scimbridge.domain.action import UNDOES, Action
from scimbridge.sdk.conformance.arranging import Arranging
from scimbridge.sdk.conformance.choosing import needs
from scimbridge.sdk.connector import Connector


class Undoing(Arranging):
    """Undo goes back to the original as far as it is still as the bridge has left it."""

    @pytest.mark.parametrize("action", [each for each in UNDOES.values() if not (each.is_of_groups or each.removes)])
    @needs(also=lambda action: (action, action.facts.undo))
    def test_undo_goes_back_to_the_original_exactly(
        self, connector: Connector[Any], account_id: str, action: Action
    ) -> None:
        undo = action.facts.undo
        assert undo is not None
        if action is not Action.SUSPEND:
            self.equip(account_id)
        original, account = connector.read(account_id), self.look(account_id)
        self._perform(connector, action, self._with_successor(original, action))
        left = connector.read(account_id)

        outcome = self._perform(connector, undo, left.with_original(original, left))

        assert outcome.changed
        assert not outcome.lost
        assert self.look(account_id) == account
        assert connector.read(account_id) == original

    @pytest.mark.parametrize("action", [Action.HIDE_FROM_DIRECTORY, Action.REDIRECT_MAIL, Action.MOVE])
    @needs(also=lambda action: (action, action.facts.undo))
    def test_undo_leaves_alone_what_somebody_else_has_changed_since(
        self, connector: Connector[Any], account_id: str, action: Action
    ) -> None:
        undo = action.facts.undo
        assert undo is not None
        original = connector.read(account_id)
        self._perform(connector, action, self._with_successor(original, action))
        left = connector.read(account_id)
        self.interfere(account_id, action)
        account = self.look(account_id)

        outcome = self._perform(connector, undo, connector.read(account_id).with_original(original, left))

        assert not outcome.changed
        assert self.look(account_id) == account

    @needs(Action.REMOVE_FROM_GROUPS, Action.ADD_TO_GROUPS)
    def test_privileged_groups_are_taken_and_not_given_back(self, connector: Connector[Any], account_id: str) -> None:
        self.equip(account_id, privileged=True)
        original = connector.read(account_id)
        self._perform(connector, Action.REMOVE_FROM_GROUPS, original)
        left = connector.read(account_id)
        assert left.groups == ()

        self._perform(connector, Action.ADD_TO_GROUPS, left.with_original(original, left))

        found = connector.read(account_id).with_original(original, left)
        assert found.groups is not None
        assert {each.id for each in found.groups} == {
            each.id for each in original.groups or () if not each.is_privileged
        }
        assert [each.is_privileged for each in found.withheld_groups] == [True]
