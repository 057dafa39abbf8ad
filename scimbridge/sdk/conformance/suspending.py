"""Blocking a sign-in, and allowing it again."""
# ruff: noqa: D102, S101  # these are tests: a name is a sentence, and assert is how they speak

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from scimbridge.domain.action import Action
from scimbridge.sdk.conformance.arranging import Arranging
from scimbridge.sdk.conformance.choosing import needs
from scimbridge.sdk.connector import Connector
from scimbridge.sdk.testing import RecordingPermit


class Suspending(Arranging):
    """``suspend`` and ``restore``."""

    @needs(Action.SUSPEND)
    def test_suspend_makes_it_so(self, connector: Connector[Any], permit: RecordingPermit, account_id: str) -> None:
        state = connector.read(account_id)
        assert not self.is_blocked(account_id)

        outcome = self._perform(connector, Action.SUSPEND, state)

        assert outcome.changed
        assert self.is_blocked(account_id)
        assert connector.read(account_id).suspended is (
            True if connector.capabilities[Action.SUSPEND].verified else None
        )
        assert any(permit.asked)

    @needs(Action.SUSPEND)
    def test_a_second_suspend_changes_nothing_writes_nothing_and_says_so(
        self, connector: Connector[Any], account_id: str
    ) -> None:
        self._perform(connector, Action.SUSPEND, connector.read(account_id))
        before, account = self.writes(), self.look(account_id)

        outcome = self._perform(connector, Action.SUSPEND, connector.read(account_id))

        assert not outcome.changed
        assert self.writes() == before
        assert self.look(account_id) == account

    @needs(Action.SUSPEND)
    def test_suspend_leaves_other_accounts_alone(self, connector: Connector[Any], name: str, account_id: str) -> None:
        other_id = self.create_account(f"{name}.other")
        other = self.look(other_id)

        self._perform(connector, Action.SUSPEND, connector.read(account_id))

        assert self.look(other_id) == other

    @needs(Action.SUSPEND, Action.RESTORE)
    def test_restore_undoes_suspend_back_to_the_original(self, connector: Connector[Any], account_id: str) -> None:
        original, account = connector.read(account_id), self.look(account_id)
        self._perform(connector, Action.SUSPEND, original)

        outcome = self._perform(connector, Action.RESTORE, connector.read(account_id).with_original(original))

        assert outcome.changed
        assert not self.is_blocked(account_id)
        assert self.look(account_id) == account
        assert connector.read(account_id) == original

    @needs(Action.RESTORE)
    def test_a_second_restore_changes_nothing_writes_nothing_and_says_so(
        self, connector: Connector[Any], account_id: str
    ) -> None:
        original, before = connector.read(account_id), self.writes()

        outcome = self._perform(connector, Action.RESTORE, original.with_original(original))

        assert not outcome.changed
        assert self.writes() == before

    @needs(Action.SUSPEND)
    def test_several_threads_share_one_connector(self, connector: Connector[Any], name: str) -> None:
        ids = [self.create_account(f"{name}.{number}") for number in range(8)]

        def suspend(account_id: str) -> str:
            state = connector.read(account_id)
            self._perform(connector, Action.SUSPEND, state)
            return state.id

        with ThreadPoolExecutor(max_workers=4) as pool:
            worked_on = list(pool.map(suspend, ids))

        assert worked_on == ids
        assert all(self.is_blocked(account_id) for account_id in ids)
