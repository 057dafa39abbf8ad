"""Removing an account."""
# ruff: noqa: D102, S101  # these are tests: a name is a sentence, and assert is how they speak

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from scimbridge.domain.action import Action
from scimbridge.sdk.conformance.arranging import Arranging, HeldError, refuse
from scimbridge.sdk.conformance.choosing import needs
from scimbridge.sdk.connector import Connector
from scimbridge.sdk.errors import AccountNotFoundError
from scimbridge.sdk.outcome import Done
from scimbridge.sdk.testing import confirmed


class Deleting(Arranging):
    """``delete``, and what is left of an account afterwards."""

    @needs(Action.DELETE)
    def test_delete_confirms_while_the_account_is_still_there(self, connector: Connector[Any], account_id: str) -> None:
        seen_at_confirm: list[Mapping[str, Any] | None] = []

        outcome = connector.perform(
            Action.DELETE, connector.read(account_id), lambda: seen_at_confirm.append(self.look(account_id))
        )

        assert isinstance(outcome, Done)
        assert outcome.changed
        assert len(seen_at_confirm) == 1
        assert seen_at_confirm[0] is not None
        assert self.look(account_id) is None

    @needs(Action.DELETE)
    def test_delete_does_nothing_when_confirm_refuses(self, connector: Connector[Any], account_id: str) -> None:
        before, account = self.writes(), self.look(account_id)

        with pytest.raises(HeldError):
            connector.perform(Action.DELETE, connector.read(account_id), refuse)

        assert self.writes() == before
        assert self.look(account_id) == account

    @needs(Action.DELETE)
    def test_a_second_delete_changes_nothing_and_says_so(self, connector: Connector[Any], account_id: str) -> None:
        state = connector.read(account_id)
        self._perform(connector, Action.DELETE, state)

        outcome = self._perform(connector, Action.DELETE, state)

        assert not outcome.changed

    @needs(Action.DELETE)
    def test_a_deleted_account_is_found_no_more(self, connector: Connector[Any], name: str, account_id: str) -> None:
        self._perform(connector, Action.DELETE, connector.read(account_id))

        assert connector.find(self.person(name)) is None
        with pytest.raises(AccountNotFoundError):
            connector.read(account_id)

    @pytest.mark.parametrize("action", [Action.SUSPEND, Action.RESTORE])
    @needs(Action.DELETE, Action.SUSPEND, also=lambda action: (action,))
    def test_acting_on_an_account_that_went_away_says_so(
        self, connector: Connector[Any], account_id: str, action: Action
    ) -> None:
        original = connector.read(account_id)
        state = original
        if action is Action.RESTORE:
            self._perform(connector, Action.SUSPEND, original)
            state = connector.read(account_id).with_original(original)
        self._perform(connector, Action.DELETE, original)

        with pytest.raises(AccountNotFoundError):
            connector.perform(action, state, confirmed)
