"""What a connector says about itself."""
# ruff: noqa: D102, S101  # these are tests: a name is a sentence, and assert is how they speak

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from scimbridge.domain.action import Action
from scimbridge.sdk.config import TargetConfig
from scimbridge.sdk.conformance.arranging import Arranging
from scimbridge.sdk.connector import Connector
from scimbridge.sdk.contract import CONTRACT, OLDEST_CONTRACT
from scimbridge.sdk.testing import RecordingPermit


class Describing(Arranging):
    """Its kind, its capabilities, what it lacks, and what ``check`` answers."""

    def test_it_names_its_kind_and_its_configuration(self, connector: Connector[Any]) -> None:
        assert connector.kind
        assert OLDEST_CONTRACT <= connector.contract <= CONTRACT
        assert issubclass(connector.config_type, TargetConfig)
        assert isinstance(connector.config, connector.config_type)

    def test_its_capabilities_are_those_its_methods_declare(self, connector: Connector[Any]) -> None:
        declared = {
            method.__performs__.action
            for method in (getattr(type(connector), attribute) for attribute in dir(type(connector)))
            if hasattr(method, "__performs__")
        }

        assert declared == set(type(connector).capabilities)
        assert dict(connector.capabilities) == dict(type(connector).able(connector.config))
        assert set(connector.capabilities) <= declared
        assert connector.capabilities, "a connector that performs nothing is of no use"
        assert self.declares is None or set(self.declares) == set(connector.capabilities)
        assert self.tried is None or set(self.tried) < set(connector.capabilities)

    def test_it_lists_accounts_where_that_is_said_of_it(self, connector: Connector[Any]) -> None:
        assert self.lists_accounts == (type(connector).list_accounts is not Connector.list_accounts)

    def test_whoever_acts_on_groups_keeps_the_promises_about_groups_too(self, connector: Connector[Any]) -> None:
        is_asked = any(base.__name__ == "GroupConformance" for base in type(self).__mro__)

        assert is_asked or not any(action.is_of_groups for action in connector.capabilities)

    def test_every_undo_it_declares_it_performs(self, connector: Connector[Any]) -> None:
        undos = {capability.undo for capability in connector.capabilities.values()} - {None}

        assert undos <= set(connector.capabilities)

    def test_of_what_nobody_can_count_on_an_undo_has_its_days(self, connector: Connector[Any]) -> None:
        undone = {action: can for action, can in connector.capabilities.items() if can.undo is not None}

        assert {action for action, can in undone.items() if can.window is not None} == {
            action for action in undone if action.is_irreversible
        }

    def test_check_answers_with_one_sentence_and_writes_nothing(
        self, connector: Connector[Any], permit: RecordingPermit
    ) -> None:
        before = self.writes()

        sentence = connector.check()
        missing = list(connector.missing_permissions())

        assert sentence.strip()
        assert "\n" not in sentence
        assert not missing, "the tests' credentials may do all that it declares"
        assert self.writes() == before
        assert permit.asked
        assert not any(permit.asked)

    def test_what_its_credentials_hang_on_is_told_with_its_end_in_utc(
        self, connector: Connector[Any], permit: RecordingPermit
    ) -> None:
        for expiry in connector.expiries():
            assert expiry.what.strip()
            assert expiry.ends_at is None or expiry.ends_at.utcoffset() == timedelta()
        assert not any(permit.asked)

    @pytest.mark.parametrize("action", [Action.MOVE])
    def test_an_unset_key_is_named_before_anything_happens(self, connector: Connector[Any], action: Action) -> None:
        self._needs(connector, action)
        config = self.unset(connector, action)
        assert config is not None, f"say with unset() what {action} cannot do without"

        lacks = dict(type(connector).lacks(config, {action}))

        assert set(lacks) <= set(type(config).model_fields)
        assert lacks
        assert not list(type(connector).lacks(config, set()))
        assert not list(type(connector).lacks(connector.config, {action}))
