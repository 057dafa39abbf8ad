"""What the promises begin with: connectors, accounts, and states in which an action has something to do."""
# ruff: noqa: S101  # these are tests: assert is how they speak

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from scimbridge.domain.action import UNDOES, Action
from scimbridge.sdk.conformance.choosing import Asked, about
from scimbridge.sdk.conformance.hooks import Hooks
from scimbridge.sdk.connector import Connector
from scimbridge.sdk.errors import ConnectorError, RejectedError
from scimbridge.sdk.outcome import Done
from scimbridge.sdk.state import AccountState
from scimbridge.sdk.testing import RecordingPermit, confirmed

OF_ALL = frozenset(Action)
OF_ACCOUNTS = [action for action in Action if not action.is_of_groups]
_PLAIN = frozenset({Action.SUSPEND, Action.RESTORE, Action.DELETE, Action.UNDELETE, Action.PURGE})
_TO_SUCCESSOR = frozenset({Action.TRANSFER_OWNERSHIP, Action.REDIRECT_MAIL})


class HeldError(RejectedError):
    """A hold was placed while the attempt ran."""


def refuse() -> None:
    """Say, in the place of ``confirm``, that the request must not be sent."""
    raise HeldError("held")


class Arranging(Hooks):
    """Connectors, accounts and states to begin a test with."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.declares is None and cls.lists_accounts:
            return
        told = OF_ALL if cls.declares is None else cls.declares
        tried = told if cls.tried is None else cls.tried
        asked = Asked(frozenset(tried) - cls.by_hand, lists=cls.lists_accounts, by_hand=bool(cls.by_hand))
        for name in [each for each in dir(cls) if each.startswith("test_")]:
            setattr(cls, name, about(getattr(cls, name), asked))

    @pytest.fixture(autouse=True)
    def _connections(self) -> Iterator[None]:
        self._open: list[Connector[Any]] = []
        yield
        for connector in self._open:
            connector.close()

    @pytest.fixture
    def permit(self) -> RecordingPermit:
        """What ``connector`` asks before each call."""
        return RecordingPermit()

    @pytest.fixture
    def connector(self, permit: RecordingPermit) -> Connector[Any]:
        """A connector that may write."""
        return self._kept(self.connect(permit))

    @pytest.fixture
    def name(self) -> str:
        """A name that no other test uses."""
        return f"conformance.{uuid.uuid4().hex[:12]}"

    @pytest.fixture
    def account_id(self, name: str) -> str:
        """An account called ``name`` that can sign in."""
        return self.create_account(name)

    def _kept(self, connector: Connector[Any]) -> Connector[Any]:
        self._open.append(connector)
        return connector

    def _connect_refusing(self, error: ConnectorError) -> Connector[Any]:
        return self._kept(self.connect(RecordingPermit(refuse_writes=error)))

    def _needs(self, connector: Connector[Any], *actions: Action) -> None:
        missing = [action for action in actions if action not in connector.capabilities]
        if missing:
            pytest.skip(f"does not declare {', '.join(missing)}")
        if not self.by_hand.isdisjoint(actions):
            pytest.skip(f"only a person can {', '.join(self.by_hand.intersection(actions))}")

    @staticmethod
    def _perform(connector: Connector[Any], action: Action, state: AccountState) -> Done:
        outcome = connector.perform(action, state, confirmed)
        assert isinstance(outcome, Done)
        return outcome

    def _prepare(self, connector: Connector[Any], action: Action, account_id: str) -> AccountState:
        """Return the state of an account at which an action has something to do."""
        if action not in _PLAIN:
            self.equip(account_id)
        original = connector.read(account_id)
        first = UNDOES.get(action, action.facts.follows)
        if first is not None:
            self._needs(connector, first)
            self._perform(connector, first, self._with_successor(original, first))
        state = connector.read_for(action, account_id)
        assert isinstance(state, AccountState)
        return self._with_successor(state.with_original(original, state), action)

    def _with_successor(self, state: AccountState, action: Action) -> AccountState:
        if action not in _TO_SUCCESSOR:
            return state
        return replace(state, successor=self.create_successor(f"{state.name}.successor"))
