"""Finding an account, and reading it."""
# ruff: noqa: D102, S101  # these are tests: a name is a sentence, and assert is how they speak

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from scimbridge.domain.action import Action
from scimbridge.sdk.conformance.arranging import Arranging
from scimbridge.sdk.conformance.choosing import needs
from scimbridge.sdk.connector import Connector
from scimbridge.sdk.errors import AccountNotFoundError, AmbiguousAccountError
from scimbridge.sdk.state import AccountRef, AccountState, Person
from scimbridge.sdk.testing import RecordingPermit


class Looking(Arranging):
    """``find`` takes nobody for somebody else; ``read`` tells what is there; neither writes."""

    def test_find_returns_the_account_that_matches(self, connector: Connector[Any], name: str, account_id: str) -> None:
        found = connector.find(self.person(name))

        assert isinstance(found, AccountRef)
        assert found.id == account_id
        assert found.name

    def test_find_returns_none_when_nothing_matches(self, connector: Connector[Any], name: str) -> None:
        assert connector.find(self.person(name)) is None

    def test_find_returns_none_for_a_person_without_values(self, connector: Connector[Any]) -> None:
        assert connector.find(Person({})) is None

    @pytest.mark.usefixtures("account_id")
    @pytest.mark.parametrize(
        "pattern",
        [
            "{prefix}",
            "{prefix}*",
            "*{suffix}",
            "*",
            "%",
            "",
            " ",
            "{name}*",
            "{name}x",
            "{name})(|(objectClass=*",
            '{name}" or userName pr or userName eq "',
            "{name}\\",
        ],
    )
    def test_find_takes_a_value_by_the_letter(self, connector: Connector[Any], name: str, pattern: str) -> None:
        value = pattern.format(name=name, prefix=name[:-2], suffix=name[-4:])

        assert connector.find(self.person(value)) is None

    def test_find_copes_with_characters_that_mean_something_to_the_target(
        self, connector: Connector[Any], name: str
    ) -> None:
        awkward = f'{name} o\'hara (a*b) \\ "q"'
        account_id = self.create_account(awkward)

        found = connector.find(self.person(awkward))

        assert found is not None
        assert found.id == account_id

    def test_find_never_guesses_among_several(self, connector: Connector[Any], name: str) -> None:
        person, both = self.create_ambiguous(name)

        with pytest.raises(AmbiguousAccountError) as caught:
            connector.find(person)

        assert {candidate.id for candidate in caught.value.candidates} == both

    def test_find_and_read_write_nothing(
        self, connector: Connector[Any], permit: RecordingPermit, name: str, account_id: str
    ) -> None:
        before, account = self.writes(), self.look(account_id)

        connector.find(self.person(name))
        connector.find(self.person(f"{name}.nobody"))
        connector.read(account_id)

        assert self.writes() == before
        assert self.look(account_id) == account
        assert not any(permit.asked)

    def test_read_describes_the_account(self, connector: Connector[Any], name: str, account_id: str) -> None:
        found = connector.find(self.person(name))
        assert found is not None

        state = connector.read(account_id)

        assert (state.id, state.name) == (found.id, found.name)
        assert not state.suspended

    def test_read_returns_the_attributes_that_match_names(
        self, connector: Connector[Any], name: str, account_id: str
    ) -> None:
        scim_attribute, attribute = next(iter(connector.config.match.items()))

        state = connector.read(account_id)

        assert set(self.person(name).get(scim_attribute)) <= set(state.attributes[attribute])

    def test_read_of_an_unknown_account_says_so(self, connector: Connector[Any]) -> None:
        with pytest.raises(AccountNotFoundError):
            connector.read(str(uuid.uuid4()))

    def test_state_survives_the_store(self, connector: Connector[Any], account_id: str) -> None:
        state = connector.read(account_id)

        stored = json.dumps(state.to_json())

        assert AccountState.from_json(json.loads(stored)) == state

    @needs(Action.SUSPEND)
    def test_an_action_works_from_a_stored_state(self, connector: Connector[Any], account_id: str) -> None:
        stored = AccountState.from_json(json.loads(json.dumps(connector.read(account_id).to_json())))

        self._perform(connector, Action.SUSPEND, stored)

        assert self.is_blocked(account_id)
