"""Trouble: a target out of reach, and credentials that are wrong."""
# ruff: noqa: D102, S101  # these are tests: a name is a sentence, and assert is how they speak

from __future__ import annotations

import uuid
from typing import Any

import pytest

from scimbridge.sdk.conformance.arranging import Arranging
from scimbridge.sdk.conformance.choosing import LIST
from scimbridge.sdk.connector import Connector
from scimbridge.sdk.errors import RetryableError, TargetUnusableError
from scimbridge.sdk.testing import RecordingPermit

WRONG_SECRET = "wrong-secret-of-the-conformance-suite"  # noqa: S105  # opens nothing, and must appear nowhere


class Failing(Arranging):
    """Each trouble is raised as the error that says what to do next, and shows no secret."""

    @pytest.mark.parametrize("method", ["check", "find", "read", LIST])
    def test_an_unreachable_target_can_be_tried_again(self, name: str, method: str) -> None:
        nowhere = self._kept(self.connect_nowhere(RecordingPermit()))

        with pytest.raises(RetryableError):
            self._call(nowhere, method, name)

    @pytest.mark.parametrize("method", ["check", "find", "read", LIST])
    def test_wrong_credentials_make_the_target_unusable_and_are_not_shown(
        self, name: str, method: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        locked_out = self._kept(self.connect_wrongly(RecordingPermit(), WRONG_SECRET))

        with pytest.raises(TargetUnusableError) as caught:
            self._call(locked_out, method, name)

        printed = capfd.readouterr()
        assert WRONG_SECRET not in str(caught.value)
        assert WRONG_SECRET not in printed.out + printed.err + caplog.text

    def _call(self, connector: Connector[Any], method: str, name: str) -> object:
        if method == "check":
            return connector.check()
        if method == LIST:
            return list(connector.list_accounts())
        if method == "find":
            return connector.find(self.person(name))
        return connector.read(str(uuid.uuid4()))
