"""Accounts that were deleted, and that the target still keeps."""
# ruff: noqa: D102, S101  # these are tests: a name is a sentence, and assert is how they speak

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from scimbridge.domain.action import Action
from scimbridge.sdk.conformance.arranging import Arranging
from scimbridge.sdk.conformance.choosing import needs
from scimbridge.sdk.connector import Connector
from scimbridge.sdk.errors import AccountNotFoundError, RejectedError
from scimbridge.sdk.outcome import NeedsPerson
from scimbridge.sdk.state import AccountState
from scimbridge.sdk.testing import confirmed


class BringingBack(Arranging):
    """``undelete`` and ``purge`` are about deleted accounts, and about no others."""

    @needs(Action.UNDELETE)
    def test_a_deleted_account_is_told_apart_and_opens_nothing(
        self, connector: Connector[Any], account_id: str
    ) -> None:
        self.equip(account_id)
        alive = connector.read_for(Action.UNDELETE, account_id)

        left = self._deleted(connector, account_id)

        assert not alive.deleted
        assert left.deleted
        assert left.id == account_id
        assert left.suspended
        assert not left.groups
        assert not left.licenses
        assert AccountState.from_json(left.to_json()) == left
        pages = connector.list_accounts() if type(connector).list_accounts is not Connector.list_accounts else ()
        assert account_id not in {each.id for page in pages for each in page.accounts}

    @needs(Action.UNDELETE, Action.RESTORE)
    def test_who_is_brought_back_has_the_old_id_and_cannot_sign_in_before_that_is_restored(
        self, connector: Connector[Any], name: str, account_id: str
    ) -> None:
        original = connector.read(account_id)

        outcome = self._perform(connector, Action.UNDELETE, self._deleted(connector, account_id))

        assert outcome.changed
        assert self.is_blocked(account_id)
        found = connector.find(self.person(name))
        assert found is not None
        assert found.id == account_id
        back = connector.read(account_id)
        self._perform(connector, Action.RESTORE, back.with_original(original, replace(original, suspended=True)))
        assert not self.is_blocked(account_id)

    @needs(Action.UNDELETE)
    def test_an_account_that_is_there_is_neither_brought_back_nor_purged(
        self, connector: Connector[Any], account_id: str
    ) -> None:
        state = connector.read(account_id)
        before, account = self.writes(), self.look(account_id)

        outcome = self._perform(connector, Action.UNDELETE, state)

        assert not outcome.changed
        if Action.PURGE in connector.capabilities:
            with pytest.raises(RejectedError):
                connector.perform(Action.PURGE, state, confirmed)
        assert self.writes() == before
        assert self.look(account_id) == account

    @needs(Action.UNDELETE)
    def test_where_another_account_has_the_name_by_now_a_person_is_asked(
        self, connector: Connector[Any], name: str, account_id: str
    ) -> None:
        left = self._deleted(connector, account_id)
        new_id = self.create_account(name)
        new = self.look(new_id)

        outcome = connector.perform(Action.UNDELETE, left, confirmed)

        assert isinstance(outcome, NeedsPerson)
        assert self.look(new_id) == new
        assert connector.read_for(Action.UNDELETE, account_id).deleted

    @needs(Action.PURGE, Action.UNDELETE)
    def test_what_is_purged_is_gone_for_good(self, connector: Connector[Any], account_id: str) -> None:
        left = self._deleted(connector, account_id)

        outcome = self._perform(connector, Action.PURGE, left)

        assert outcome.changed
        with pytest.raises(AccountNotFoundError):
            connector.read_for(Action.PURGE, account_id)
        assert not self._perform(connector, Action.PURGE, left).changed
        with pytest.raises(AccountNotFoundError):
            connector.perform(Action.UNDELETE, left, confirmed)

    def _deleted(self, connector: Connector[Any], account_id: str) -> AccountState:
        """Delete an account, and return what is left of it."""
        self._perform(connector, Action.DELETE, connector.read(account_id))
        left = connector.read_for(Action.UNDELETE, account_id)
        assert isinstance(left, AccountState)
        return left
