"""What holds for every action, and for some alone."""
# ruff: noqa: D102, S101  # these are tests: a name is a sentence, and assert is how they speak

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.names import fold
from scimbridge.sdk.conformance.arranging import OF_ACCOUNTS, Arranging, HeldError, refuse
from scimbridge.sdk.conformance.choosing import begun_by, by_hand_only, needs
from scimbridge.sdk.connector import Connector
from scimbridge.sdk.errors import ObservingError
from scimbridge.sdk.outcome import NeedsPerson
from scimbridge.sdk.testing import confirmed


class Acting(Arranging):
    """An action makes it so, takes no more than it is told to, and asks where it cannot know."""

    @pytest.mark.parametrize("action", [each for each in OF_ACCOUNTS if not each.removes and each is not Action.NOTIFY])
    @needs(also=begun_by)
    def test_an_action_makes_it_so_and_a_second_run_changes_nothing(
        self, connector: Connector[Any], account_id: str, action: Action
    ) -> None:
        state = self._prepare(connector, action, account_id)
        assert connector.is_as_wanted(action, state) is not True

        outcome = self._perform(connector, action, state)

        assert outcome.changed
        after = replace(connector.read(account_id), original=state.original, left=state.left, successor=state.successor)
        assert connector.is_as_wanted(action, after) is not False
        before, account = self.writes(), self.look(account_id)
        again = self._perform(connector, action, after)
        assert self.look(account_id) == account
        if action not in self.unreadable:
            assert not again.changed
            assert self.writes() == before

    @pytest.mark.parametrize("action", [action for action in OF_ACCOUNTS if action.is_irreversible])
    @needs(also=begun_by)
    def test_what_cannot_be_taken_back_is_confirmed_first(
        self, connector: Connector[Any], account_id: str, action: Action
    ) -> None:
        state = self._prepare(connector, action, account_id)
        before, account = self.writes(), self.look(account_id)

        with pytest.raises(HeldError):
            connector.perform(action, state, refuse)

        assert self.writes() == before
        assert self.look(account_id) == account

    @pytest.mark.parametrize(
        ("action", "what"), [(Action.REMOVE_FROM_GROUPS, "groups"), (Action.RELEASE_LICENSES, "licenses")]
    )
    @needs(also=lambda action: (action,))
    def test_only_what_is_named_is_taken(
        self, connector: Connector[Any], account_id: str, action: Action, what: str
    ) -> None:
        self.equip(account_id)
        state = connector.read(account_id)
        taken, *kept = getattr(state, what)

        self._perform(connector, action, replace(state, only=frozenset({fold(taken.name)})))

        assert {each.id for each in getattr(connector.read(account_id), what)} == {each.id for each in kept}

    @needs(Action.REMOVE_FROM_GROUPS)
    def test_spared_groups_are_left(self, connector: Connector[Any], account_id: str) -> None:
        self.equip(account_id)
        state = connector.read(account_id)
        kept, *_ = state.groups or ()

        self._perform(connector, Action.REMOVE_FROM_GROUPS, replace(state, spared=frozenset({fold(kept.name)})))

        assert {each.id for each in connector.read(account_id).groups or ()} == {kept.id}

    @needs(Action.STAMP)
    def test_a_stamp_stands_beside_what_people_wrote_and_says_its_date(
        self, connector: Connector[Any], account_id: str
    ) -> None:
        self.equip(account_id)
        text = self.text_of(account_id)
        delete_at = datetime(2031, 2, 28, 22, 0, tzinfo=UTC)

        self._perform(connector, Action.STAMP, replace(connector.read(account_id), delete_at=delete_at))

        assert text
        assert text in self.text_of(account_id)
        assert connector.read(account_id).stamped_until == delete_at

    @needs(Action.STAMP)
    def test_an_older_date_in_a_stamp_gives_way_and_a_later_one_stays(
        self, connector: Connector[Any], account_id: str
    ) -> None:
        self.equip(account_id)
        text = self.text_of(account_id)
        older, planned, later = (datetime(year, 2, 28, 22, 0, 0, 5000, tzinfo=UTC) for year in (2031, 2032, 2033))

        for delete_at in (older, later):
            self._perform(connector, Action.STAMP, replace(connector.read(account_id), delete_at=delete_at))
        again = self._perform(connector, Action.STAMP, replace(connector.read(account_id), delete_at=planned))

        assert not again.changed
        assert text in self.text_of(account_id)
        assert "2031-" not in self.text_of(account_id)
        assert connector.read(account_id).stamped_until == later.replace(microsecond=0)

    @pytest.mark.parametrize("action", [Action.TRANSFER_OWNERSHIP, Action.REDIRECT_MAIL])
    @needs(also=begun_by)
    def test_without_a_successor_a_person_is_asked(
        self, connector: Connector[Any], account_id: str, action: Action
    ) -> None:
        state = replace(self._prepare(connector, action, account_id), successor=None)
        account = self.look(account_id)

        outcome = connector.perform(action, state, confirmed)

        assert isinstance(outcome, NeedsPerson)
        assert self.look(account_id) == account

    @by_hand_only
    def test_what_only_a_person_can_do_is_asked_for_and_neither_while_observing_nor_on_hold(
        self, connector: Connector[Any], account_id: str
    ) -> None:
        state = connector.read(account_id)
        observing = self._connect_refusing(ObservingError("observing"))

        for action in sorted(self.by_hand):
            outcome = connector.perform(action, state, confirmed)
            assert isinstance(outcome, NeedsPerson)
            assert state.name in outcome.instructions
            with pytest.raises(ObservingError):
                observing.perform(action, state, confirmed)
            if action.is_irreversible:
                with pytest.raises(HeldError):
                    connector.perform(action, state, refuse)

    @needs(Action.DISCONNECT)
    def test_a_disconnected_account_is_marked_and_found_no_more(
        self, connector: Connector[Any], name: str, account_id: str
    ) -> None:

        self._perform(connector, Action.DISCONNECT, connector.read(account_id))

        assert connector.read(account_id).unmanaged
        assert connector.find(self.person(name)) is None
