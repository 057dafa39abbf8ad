"""Observing, leases and limits."""
# ruff: noqa: D102, S101  # these are tests: a name is a sentence, and assert is how they speak

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scimbridge.domain.action import Action
from scimbridge.sdk.conformance.arranging import OF_ACCOUNTS, Arranging
from scimbridge.sdk.connector import Connector
from scimbridge.sdk.errors import ConnectorError, LeaseLostError, ObservingError, RetryableError
from scimbridge.sdk.state import AccountRef
from scimbridge.sdk.testing import RecordingPermit, confirmed


class Refusing(Arranging):
    """What the bridge does not permit never reaches the target."""

    @pytest.mark.parametrize("action", OF_ACCOUNTS)
    @pytest.mark.parametrize(
        "error", [ObservingError("observing"), LeaseLostError("lease lost")], ids=["observe", "lease"]
    )
    def test_a_refused_write_never_reaches_the_target(
        self, connector: Connector[Any], account_id: str, action: Action, error: ConnectorError
    ) -> None:
        self._needs(connector, action)
        state = self._prepare(connector, action, account_id)
        before, account = self.writes(), self.look(account_id)

        with pytest.raises(type(error)):
            self._connect_refusing(error).perform(action, state, confirmed)

        assert self.writes() == before
        assert self.look(account_id) == account

    def test_an_observing_connector_still_reads(self, name: str, account_id: str) -> None:
        observing = self._connect_refusing(ObservingError("observing"))

        assert observing.find(self.person(name)) == AccountRef(account_id, observing.read(account_id).name)
        assert observing.check()

    def test_no_call_is_made_without_a_permit(self, connector: Connector[Any], name: str, account_id: str) -> None:
        state = connector.read(account_id)
        full = RetryableError("the rate limit is used up")
        limited = self._kept(self.connect(RecordingPermit(refuse_all=full)))
        calls: list[Callable[[], object]] = [
            limited.check,
            lambda: limited.find(self.person(name)),
            lambda: limited.read(account_id),
        ]
        if Action.SUSPEND in limited.capabilities:
            calls.append(lambda: limited.perform(Action.SUSPEND, state, confirmed))

        for call in calls:
            with pytest.raises(RetryableError) as caught:
                call()
            assert caught.value is full
