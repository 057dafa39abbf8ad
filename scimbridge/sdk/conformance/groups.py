"""The promises of connectors that act on groups, as tests beside those about accounts."""
# ruff: noqa: D102, S101  # these are tests: a name is a sentence, and assert is how they speak

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from scimbridge.domain.action import UNDOES, Action
from scimbridge.sdk.conformance.accounts import ConnectorConformance
from scimbridge.sdk.conformance.arranging import HeldError, refuse
from scimbridge.sdk.conformance.choosing import begun_by, needs
from scimbridge.sdk.connector import Connector
from scimbridge.sdk.errors import AccountNotFoundError, AmbiguousAccountError, ObservingError, RetryableError
from scimbridge.sdk.group import GroupState, state_of
from scimbridge.sdk.outcome import Done
from scimbridge.sdk.state import AccountRef
from scimbridge.sdk.testing import RecordingPermit, confirmed

_OF_GROUPS = [action for action in Action if action.is_of_groups]


class GroupConformance(ConnectorConformance):
    """One test per promise; a connector with actions of groups takes this class instead of ``ConnectorConformance``.

    The five hooks go around the connector, like those about accounts.
    """

    # -- hooks ----------------------------------------------------------------

    def form_group(self, name: str, members: list[str], *, protected: bool = False) -> str:
        """Make a group of these accounts that opens something, with some text where the stamp goes.

        Returns its immutable id.
        """
        raise NotImplementedError

    def look_at_group(self, group_id: str) -> Mapping[str, Any] | None:
        """Return all that the target holds about a group, its members among it; ``None`` when it is gone."""
        raise NotImplementedError

    def put_into_group(self, group_id: str, account_id: str) -> None:
        """Make an account a member, as another administrator would."""
        raise NotImplementedError

    def move_group_elsewhere(self, group_id: str) -> None:
        """Move a group to a third container, as another administrator would."""
        raise NotImplementedError

    def let_open(self, group_id: str, name: str) -> str:
        """Have a group open something new of this name, as another administrator would; return its id.

        Asked only where ``read_group`` tells what groups open.
        """
        raise NotImplementedError

    def group_text_of(self, group_id: str) -> str:
        """Return the text that the stamp stands in."""
        raise NotImplementedError

    # -- arranging ------------------------------------------------------------

    @pytest.fixture
    def members(self, name: str) -> list[str]:
        """Two accounts."""
        return [self.create_account(f"{name}.{number}") for number in (1, 2)]

    @pytest.fixture
    def group_id(self, name: str, members: list[str]) -> str:
        """A group of both."""
        return self.form_group(name, members)

    def _prepared(self, connector: Connector[Any], action: Action, group_id: str) -> GroupState:
        """Return the state of a group at which an action has something to do."""
        original = connector.read_group(group_id)
        undone = UNDOES.get(action)
        if undone is None:
            return original
        self._done(connector, undone, original)
        left = connector.read_group(group_id)
        return left.with_original(original, left)

    @staticmethod
    def _done(connector: Connector[Any], action: Action, group: GroupState) -> Done:
        outcome = connector.perform(action, group, confirmed)
        assert isinstance(outcome, Done)
        return outcome

    # -- finding and reading ----------------------------------------------------

    def test_it_performs_some_action_of_groups(self, connector: Connector[Any]) -> None:
        assert any(action.is_of_groups for action in connector.capabilities)

    def test_read_group_describes_it_and_its_members(
        self, connector: Connector[Any], name: str, members: list[str], group_id: str
    ) -> None:
        group = connector.read_group(group_id)

        assert (group.id, group.name) == (group_id, name)
        assert {each.id for each in group.members or ()} == set(members)
        assert state_of(json.loads(json.dumps(group.to_json()))) == group

    def test_a_group_is_found_by_its_id_and_by_its_name_in_any_case(
        self, connector: Connector[Any], name: str, group_id: str
    ) -> None:
        found = [connector.find_group(said) for said in (group_id, name, name.upper())]

        assert found == [AccountRef(group_id, name)] * 3

    def test_what_a_group_opens_is_told_where_the_target_knows_it(
        self, connector: Connector[Any], name: str, group_id: str
    ) -> None:
        before = connector.read_group(group_id)
        if before.opens is not None:
            opened = AccountRef(self.let_open(group_id, f"{name}.opened"), f"{name}.opened")

            after = connector.read_group(group_id)

            assert after.opens == (*before.opens, opened)
            assert list(after.changes_since(before)) == [f"it opens {opened.name} now"]
            assert after.decisive != before.decisive

    @pytest.mark.usefixtures("group_id")
    @pytest.mark.parametrize("pattern", ["{name}*", "*", "", "{name})(|(cn=*", "%"])
    def test_find_group_takes_a_name_by_the_letter(self, connector: Connector[Any], name: str, pattern: str) -> None:
        assert connector.find_group(pattern.format(name=name)) is None

    def test_all_groups_are_listed_with_their_size(self, connector: Connector[Any], name: str, group_id: str) -> None:
        empty_id = self.form_group(f"{name}.empty", [])

        listed = {each.id: each for each in connector.list_groups()}

        assert listed[group_id].name == name
        assert listed[group_id].size in (2, None)
        assert listed[empty_id].size in (0, None)

    def test_an_account_is_no_group_and_a_group_no_account(
        self, connector: Connector[Any], account_id: str, group_id: str
    ) -> None:
        with pytest.raises(AccountNotFoundError):
            connector.read_group(account_id)
        with pytest.raises(AccountNotFoundError):
            connector.read(group_id)
        assert connector.find_group(account_id) is None

    def test_looking_at_groups_writes_nothing(
        self, connector: Connector[Any], permit: RecordingPermit, name: str, group_id: str
    ) -> None:
        before, group = self.writes(), self.look_at_group(group_id)

        connector.read_group(group_id)
        connector.find_group(name)
        list(connector.list_groups())

        assert self.writes() == before
        assert self.look_at_group(group_id) == group
        assert not any(permit.asked)

    def test_no_look_at_groups_without_a_permit(self, name: str, group_id: str) -> None:
        limited = self._kept(self.connect(RecordingPermit(refuse_all=RetryableError("the rate limit is used up"))))
        looks: list[Callable[[], object]] = [
            lambda: limited.read_group(group_id),
            lambda: limited.find_group(name),
            lambda: list(limited.list_groups()),
        ]

        for look in looks:
            with pytest.raises(RetryableError):
                look()

    # -- acting -----------------------------------------------------------------

    @pytest.mark.parametrize("action", [action for action in _OF_GROUPS if not action.removes])
    @needs(also=begun_by)
    def test_an_action_of_groups_makes_it_so_and_a_second_run_changes_nothing(
        self, connector: Connector[Any], name: str, group_id: str, action: Action
    ) -> None:
        state = self._prepared(connector, action, group_id)
        other_id = self.form_group(f"{name}.other", [])
        other = self.look_at_group(other_id)
        assert connector.is_as_wanted(action, state) is not True

        outcome = self._done(connector, action, state)

        after = state.seen_again(connector.read_group(group_id))
        assert outcome.changed
        assert connector.is_as_wanted(action, after) is not False
        before, group = self.writes(), self.look_at_group(group_id)
        assert not self._done(connector, action, after).changed
        assert self.writes() == before
        assert self.look_at_group(group_id) == group
        assert self.look_at_group(other_id) == other

    @pytest.mark.parametrize("action", [undone for undone in UNDOES.values() if undone.is_of_groups])
    @needs(also=lambda action: (action, action.facts.undo))
    def test_undo_of_groups_goes_back_to_the_original_exactly(
        self, connector: Connector[Any], group_id: str, action: Action
    ) -> None:
        assert action.facts.undo is not None
        original, group = connector.read_group(group_id), self.look_at_group(group_id)
        self._done(connector, action, original)
        left = connector.read_group(group_id)

        outcome = self._done(connector, action.facts.undo, left.with_original(original, left))

        assert outcome.changed
        assert not outcome.lost
        assert self.look_at_group(group_id) == group
        assert connector.read_group(group_id) == original

    @needs(Action.MOVE_GROUP, Action.MOVE_GROUP_BACK)
    def test_undo_leaves_a_group_where_somebody_else_has_moved_it(
        self, connector: Connector[Any], group_id: str
    ) -> None:
        original = connector.read_group(group_id)
        self._done(connector, Action.MOVE_GROUP, original)
        left = connector.read_group(group_id)
        self.move_group_elsewhere(group_id)
        group = self.look_at_group(group_id)

        outcome = self._done(
            connector, Action.MOVE_GROUP_BACK, connector.read_group(group_id).with_original(original, left)
        )

        assert not outcome.changed
        assert self.look_at_group(group_id) == group

    @needs(Action.EMPTY_GROUP, Action.REFILL_GROUP)
    def test_who_came_meanwhile_stays_when_the_members_come_back(
        self, connector: Connector[Any], account_id: str, members: list[str], group_id: str
    ) -> None:
        original = connector.read_group(group_id)
        self._done(connector, Action.EMPTY_GROUP, original)
        left = connector.read_group(group_id)
        self.put_into_group(group_id, account_id)

        self._done(connector, Action.REFILL_GROUP, connector.read_group(group_id).with_original(original, left))

        assert {each.id for each in connector.read_group(group_id).members or ()} == {account_id, *members}

    @needs(Action.EMPTY_GROUP, Action.REFILL_GROUP, Action.DELETE)
    def test_a_member_who_is_gone_is_said_to_be_lost(
        self, connector: Connector[Any], members: list[str], group_id: str
    ) -> None:
        original = connector.read_group(group_id)
        self._done(connector, Action.EMPTY_GROUP, original)
        left = connector.read_group(group_id)
        self._perform(connector, Action.DELETE, connector.read(members[0]))

        outcome = self._done(connector, Action.REFILL_GROUP, left.with_original(original, left))

        assert len(outcome.lost) == 1
        assert [each.id for each in connector.read_group(group_id).members or ()] == members[1:]

    @needs(Action.EMPTY_GROUP, Action.REFILL_GROUP)
    def test_a_protected_group_says_why_and_its_members_do_not_come_back(
        self, connector: Connector[Any], name: str, members: list[str]
    ) -> None:
        original = connector.read_group(self.form_group(f"{name}.protected", members, protected=True))
        assert original.protection
        self._done(connector, Action.EMPTY_GROUP, original)
        left = connector.read_group(original.id).with_original(original)

        self._done(connector, Action.REFILL_GROUP, left.with_original(original, left))

        assert connector.read_group(original.id).members == ()

    @needs(Action.STAMP_GROUP)
    def test_a_group_is_stamped_beside_what_people_wrote_with_its_date(
        self, connector: Connector[Any], group_id: str
    ) -> None:
        text = self.group_text_of(group_id)
        delete_at, later = datetime(2031, 2, 28, 22, 0, tzinfo=UTC), datetime(2032, 2, 28, 22, 0, tzinfo=UTC)

        self._done(connector, Action.STAMP_GROUP, replace(connector.read_group(group_id), delete_at=delete_at))
        stamped = connector.read_group(group_id)
        self._done(connector, Action.STAMP_GROUP, replace(stamped, delete_at=later))

        assert text
        assert text in self.group_text_of(group_id)
        assert stamped.stamped_until == delete_at
        assert connector.read_group(group_id).stamped_until == later
        assert "2031-" not in self.group_text_of(group_id)

    @needs(Action.DELETE_GROUP)
    def test_a_group_is_deleted_once_that_is_confirmed(self, connector: Connector[Any], group_id: str) -> None:
        state = connector.read_group(group_id)
        before, group = self.writes(), self.look_at_group(group_id)

        with pytest.raises(HeldError):
            connector.perform(Action.DELETE_GROUP, state, refuse)

        assert self.writes() == before
        assert self.look_at_group(group_id) == group
        assert self._done(connector, Action.DELETE_GROUP, state).changed
        assert self.look_at_group(group_id) is None
        assert not self._done(connector, Action.DELETE_GROUP, state).changed
        with pytest.raises(AccountNotFoundError):
            connector.read_group(group_id)

    @pytest.mark.parametrize("action", _OF_GROUPS)
    @needs(also=begun_by)
    def test_an_observing_connector_changes_no_group(
        self, connector: Connector[Any], group_id: str, action: Action
    ) -> None:
        state = self._prepared(connector, action, group_id)
        before, group = self.writes(), self.look_at_group(group_id)

        with pytest.raises(ObservingError):
            self._connect_refusing(ObservingError("observing")).perform(action, state, confirmed)

        assert self.writes() == before
        assert self.look_at_group(group_id) == group


def ambiguous_group(connector: Connector[Any], name: str, both: set[str]) -> None:
    """Make sure that of several groups of one name none is taken; for targets that can have such."""
    with pytest.raises(AmbiguousAccountError) as caught:
        connector.find_group(name)

    assert {candidate.id for candidate in caught.value.candidates} == both
