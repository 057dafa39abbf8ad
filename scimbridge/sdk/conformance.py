"""The promises of the connector contract, as tests that every connector runs against a real target.

Import this module in tests only; nothing in the product does.
"""
# ruff: noqa: D102, S101  # these are tests: a name is a sentence, and assert is how they speak

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from scimbridge.domain.action import UNDOES, Action
from scimbridge.domain.names import fold
from scimbridge.sdk.config import TargetConfig
from scimbridge.sdk.connector import Connector, Permit
from scimbridge.sdk.errors import (
    AccountNotFoundError,
    AmbiguousAccountError,
    ConnectorError,
    LeaseLostError,
    ObservingError,
    RejectedError,
    RetryableError,
    TargetUnusableError,
)
from scimbridge.sdk.outcome import Done, NeedsPerson
from scimbridge.sdk.state import AccountRef, AccountState, Person
from scimbridge.sdk.testing import RecordingPermit, confirmed

_OF_ACCOUNTS = [action for action in Action if not action.is_of_groups]
_PLAIN = frozenset({Action.SUSPEND, Action.RESTORE, Action.DELETE})
_TO_SUCCESSOR = frozenset({Action.TRANSFER_OWNERSHIP, Action.REDIRECT_MAIL})
WRONG_SECRET = "wrong-secret-of-the-conformance-suite"  # noqa: S105  # opens nothing, and must appear nowhere


class HeldError(RejectedError):
    """A hold was placed while the attempt ran."""


def refuse() -> None:
    """Say, in the place of ``confirm``, that the request must not be sent."""
    raise HeldError("held")


class ConnectorConformance:
    """One test per promise. A connector's tests subclass this and tell it about their target.

    The target is a real one, running before each test; a subclass usually takes
    it from a fixture::

        pytest.register_assert_rewrite("scimbridge.sdk.conformance")  # before the import: readable failures

        class TestConformance(ConnectorConformance):
            @pytest.fixture(autouse=True)
            def _target(self, directory: Directory) -> None:
                self.directory = directory

            def connect(self, permit): ...

    The eight hooks without a default raise ``NotImplementedError``; those about groups, stamps and the like
    are asked only where a connector performs such an action. Those that say
    so go around the connector, by another client or the target's own tools;
    otherwise a connector that is wrong both ways would pass. Names are
    unique per test, so that one target serves all tests.
    """

    # -- hooks ----------------------------------------------------------------

    def connect(self, permit: Permit) -> Connector[Any]:
        """Return a connector at the target, with right credentials and ``Context(target=…, permit=permit)``."""
        raise NotImplementedError

    def connect_wrongly(self, permit: Permit, secret: str) -> Connector[Any]:
        """Return a connector at the target whose token or password is ``secret``, which is wrong."""
        raise NotImplementedError

    def connect_nowhere(self, permit: Permit) -> Connector[Any]:
        """Return a connector at an address where nothing listens (a closed port on the loopback)."""
        raise NotImplementedError

    def create_account(self, name: str) -> str:
        r"""Make an account that can sign in, around the connector, and return its immutable id.

        ``person(name)`` must match it by the first ``match`` pair of ``connect``.
        The name may hold any characters, ``*()\"'`` and spaces among them.
        """
        raise NotImplementedError

    def create_ambiguous(self, name: str) -> tuple[Person, set[str]]:
        """Make two accounts around the connector; return a person whom both match, and both ids."""
        raise NotImplementedError

    def look(self, account_id: str) -> Mapping[str, Any] | None:
        """Return all that the target holds about an account, asked around the connector; ``None`` when it is gone.

        Compared with ``==`` before and after: leave out what changes by itself (time stamps, versions).
        """
        raise NotImplementedError

    def is_blocked(self, account_id: str) -> bool:
        """Whether the target itself refuses a sign-in, asked around the connector."""
        raise NotImplementedError

    def writes(self) -> int:
        """Return how many writing requests the target has received so far, from anybody, effective or not."""
        raise NotImplementedError

    def equip(self, account_id: str, *, privileged: bool = False) -> None:
        """Give an account what the declared actions take, around the connector.

        Two groups (with ``privileged`` one more, which gives power over others), two licenses, something that
        it owns, a living session, text where the stamp goes.
        """
        raise NotImplementedError

    def create_successor(self, name: str) -> AccountRef:
        """Make an account that can get mail and belongings, around the connector."""
        return AccountRef(self.create_account(name), name)

    def interfere(self, account_id: str, action: Action) -> None:
        """Change what an action has changed once more, to a third value, as another administrator would.

        Asked for actions whose undo leaves alone what somebody else has set since: suspend has no third value,
        and groups and licenses are given to it, and taken, one by one.
        """
        raise NotImplementedError

    def text_of(self, account_id: str) -> str:
        """Return the text that the stamp stands in, asked around the connector."""
        raise NotImplementedError

    def unset(self, connector: Connector[Any], action: Action) -> TargetConfig | None:
        """Return a configuration that leaves out what an action cannot do without, e.g. the container."""
        del connector, action
        return None

    def person(self, name: str) -> Person:
        """Return whom ``create_account(name)`` made the account for."""
        return Person({"userName": (name,)})

    # -- arranging ------------------------------------------------------------

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

    @staticmethod
    def _needs(connector: Connector[Any], *actions: Action) -> None:
        missing = [action for action in actions if action not in connector.capabilities]
        if missing:
            pytest.skip(f"does not declare {', '.join(missing)}")

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
        undone = UNDOES.get(action)
        if undone is not None:
            self._needs(connector, undone)
            self._perform(connector, undone, self._with_successor(original, undone))
        state = connector.read(account_id)
        return self._with_successor(state.with_original(original, state), action)

    def _with_successor(self, state: AccountState, action: Action) -> AccountState:
        if action not in _TO_SUCCESSOR:
            return state
        return replace(state, successor=self.create_successor(f"{state.name}.successor"))

    # -- what it says about itself --------------------------------------------

    def test_it_names_its_kind_and_its_configuration(self, connector: Connector[Any]) -> None:
        assert connector.kind
        assert issubclass(connector.config_type, TargetConfig)
        assert isinstance(connector.config, connector.config_type)

    def test_its_capabilities_are_those_its_methods_declare(self, connector: Connector[Any]) -> None:
        declared = {
            method.__performs__.action
            for method in (getattr(type(connector), attribute) for attribute in dir(type(connector)))
            if hasattr(method, "__performs__")
        }

        assert declared == set(connector.capabilities)
        assert declared, "a connector that performs nothing is of no use"

    def test_whoever_acts_on_groups_keeps_the_promises_about_groups_too(self, connector: Connector[Any]) -> None:
        is_asked = any(base.__name__ == "GroupConformance" for base in type(self).__mro__)

        assert is_asked or not any(action.is_of_groups for action in connector.capabilities)

    def test_every_undo_it_declares_it_performs(self, connector: Connector[Any]) -> None:
        undos = {capability.undo for capability in connector.capabilities.values()} - {None}

        assert undos <= set(connector.capabilities)

    def test_what_cannot_be_taken_back_declares_no_undo(self, connector: Connector[Any]) -> None:
        undos = {action: capability.undo for action, capability in connector.capabilities.items()}

        assert all(undo is None for action, undo in undos.items() if action.is_irreversible)

    # -- check ----------------------------------------------------------------

    def test_check_answers_with_one_sentence_and_writes_nothing(
        self, connector: Connector[Any], permit: RecordingPermit
    ) -> None:
        before = self.writes()

        sentence = connector.check()

        assert sentence.strip()
        assert "\n" not in sentence
        assert self.writes() == before
        assert permit.asked
        assert not any(permit.asked)

    # -- find -----------------------------------------------------------------

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

    # -- read -----------------------------------------------------------------

    def test_read_describes_the_account(self, connector: Connector[Any], name: str, account_id: str) -> None:
        found = connector.find(self.person(name))
        assert found is not None

        state = connector.read(account_id)

        assert (state.id, state.name) == (found.id, found.name)
        assert not state.suspended

    def test_read_returns_the_attributes_that_match_names(
        self, connector: Connector[Any], name: str, account_id: str
    ) -> None:
        attribute = next(iter(connector.config.match.values()))

        state = connector.read(account_id)

        assert name in state.attributes[attribute]

    def test_read_of_an_unknown_account_says_so(self, connector: Connector[Any]) -> None:
        with pytest.raises(AccountNotFoundError):
            connector.read(str(uuid.uuid4()))

    def test_state_survives_the_store(self, connector: Connector[Any], account_id: str) -> None:
        state = connector.read(account_id)

        stored = json.dumps(state.to_json())

        assert AccountState.from_json(json.loads(stored)) == state

    def test_an_action_works_from_a_stored_state(self, connector: Connector[Any], account_id: str) -> None:
        self._needs(connector, Action.SUSPEND)
        stored = AccountState.from_json(json.loads(json.dumps(connector.read(account_id).to_json())))

        self._perform(connector, Action.SUSPEND, stored)

        assert self.is_blocked(account_id)

    # -- suspend and restore ----------------------------------------------------

    def test_suspend_makes_it_so(self, connector: Connector[Any], permit: RecordingPermit, account_id: str) -> None:
        self._needs(connector, Action.SUSPEND)
        state = connector.read(account_id)
        assert not self.is_blocked(account_id)

        outcome = self._perform(connector, Action.SUSPEND, state)

        assert outcome.changed
        assert self.is_blocked(account_id)
        assert connector.read(account_id).suspended
        assert any(permit.asked)

    def test_a_second_suspend_changes_nothing_writes_nothing_and_says_so(
        self, connector: Connector[Any], account_id: str
    ) -> None:
        self._needs(connector, Action.SUSPEND)
        self._perform(connector, Action.SUSPEND, connector.read(account_id))
        before, account = self.writes(), self.look(account_id)

        outcome = self._perform(connector, Action.SUSPEND, connector.read(account_id))

        assert not outcome.changed
        assert self.writes() == before
        assert self.look(account_id) == account

    def test_suspend_leaves_other_accounts_alone(self, connector: Connector[Any], name: str, account_id: str) -> None:
        self._needs(connector, Action.SUSPEND)
        other_id = self.create_account(f"{name}.other")
        other = self.look(other_id)

        self._perform(connector, Action.SUSPEND, connector.read(account_id))

        assert self.look(other_id) == other

    def test_restore_undoes_suspend_back_to_the_original(self, connector: Connector[Any], account_id: str) -> None:
        self._needs(connector, Action.SUSPEND, Action.RESTORE)
        original, account = connector.read(account_id), self.look(account_id)
        self._perform(connector, Action.SUSPEND, original)

        outcome = self._perform(connector, Action.RESTORE, connector.read(account_id).with_original(original))

        assert outcome.changed
        assert not self.is_blocked(account_id)
        assert self.look(account_id) == account
        assert connector.read(account_id) == original

    def test_a_second_restore_changes_nothing_writes_nothing_and_says_so(
        self, connector: Connector[Any], account_id: str
    ) -> None:
        self._needs(connector, Action.RESTORE)
        original, before = connector.read(account_id), self.writes()

        outcome = self._perform(connector, Action.RESTORE, original.with_original(original))

        assert not outcome.changed
        assert self.writes() == before

    def test_several_threads_share_one_connector(self, connector: Connector[Any], name: str) -> None:
        self._needs(connector, Action.SUSPEND)
        ids = [self.create_account(f"{name}.{number}") for number in range(8)]

        def suspend(account_id: str) -> str:
            state = connector.read(account_id)
            self._perform(connector, Action.SUSPEND, state)
            return state.id

        with ThreadPoolExecutor(max_workers=4) as pool:
            worked_on = list(pool.map(suspend, ids))

        assert worked_on == ids
        assert all(self.is_blocked(account_id) for account_id in ids)

    # -- delete -----------------------------------------------------------------

    def test_delete_confirms_while_the_account_is_still_there(self, connector: Connector[Any], account_id: str) -> None:
        self._needs(connector, Action.DELETE)
        seen_at_confirm: list[Mapping[str, Any] | None] = []

        outcome = connector.perform(
            Action.DELETE, connector.read(account_id), lambda: seen_at_confirm.append(self.look(account_id))
        )

        assert isinstance(outcome, Done)
        assert outcome.changed
        assert len(seen_at_confirm) == 1
        assert seen_at_confirm[0] is not None
        assert self.look(account_id) is None

    def test_delete_does_nothing_when_confirm_refuses(self, connector: Connector[Any], account_id: str) -> None:
        self._needs(connector, Action.DELETE)
        before, account = self.writes(), self.look(account_id)

        with pytest.raises(HeldError):
            connector.perform(Action.DELETE, connector.read(account_id), refuse)

        assert self.writes() == before
        assert self.look(account_id) == account

    def test_a_second_delete_changes_nothing_and_says_so(self, connector: Connector[Any], account_id: str) -> None:
        self._needs(connector, Action.DELETE)
        state = connector.read(account_id)
        self._perform(connector, Action.DELETE, state)

        outcome = self._perform(connector, Action.DELETE, state)

        assert not outcome.changed

    def test_a_deleted_account_is_found_no_more(self, connector: Connector[Any], name: str, account_id: str) -> None:
        self._needs(connector, Action.DELETE)
        self._perform(connector, Action.DELETE, connector.read(account_id))

        assert connector.find(self.person(name)) is None
        with pytest.raises(AccountNotFoundError):
            connector.read(account_id)

    @pytest.mark.parametrize("action", [Action.SUSPEND, Action.RESTORE])
    def test_acting_on_an_account_that_went_away_says_so(
        self, connector: Connector[Any], account_id: str, action: Action
    ) -> None:
        self._needs(connector, Action.DELETE, Action.SUSPEND, action)
        original = connector.read(account_id)
        state = original
        if action is Action.RESTORE:
            self._perform(connector, Action.SUSPEND, original)
            state = connector.read(account_id).with_original(original)
        self._perform(connector, Action.DELETE, original)

        with pytest.raises(AccountNotFoundError):
            connector.perform(action, state, confirmed)

    # -- every action -----------------------------------------------------------

    @pytest.mark.parametrize("action", [each for each in _OF_ACCOUNTS if each not in (Action.DELETE, Action.NOTIFY)])
    def test_an_action_makes_it_so_and_a_second_run_changes_nothing(
        self, connector: Connector[Any], account_id: str, action: Action
    ) -> None:
        self._needs(connector, action)
        state = self._prepare(connector, action, account_id)
        assert connector.is_as_wanted(action, state) is not True

        outcome = self._perform(connector, action, state)

        assert outcome.changed
        after = replace(connector.read(account_id), original=state.original, left=state.left, successor=state.successor)
        assert connector.is_as_wanted(action, after) is not False
        before, account = self.writes(), self.look(account_id)
        again = self._perform(connector, action, after)
        assert not again.changed
        assert self.writes() == before
        assert self.look(account_id) == account

    @pytest.mark.parametrize("action", [undone for undone in UNDOES.values() if not undone.is_of_groups])
    def test_undo_goes_back_to_the_original_exactly(
        self, connector: Connector[Any], account_id: str, action: Action
    ) -> None:
        undo = action.facts.undo
        assert undo is not None
        self._needs(connector, action, undo)
        if action is not Action.SUSPEND:
            self.equip(account_id)
        original, account = connector.read(account_id), self.look(account_id)
        self._perform(connector, action, self._with_successor(original, action))
        left = connector.read(account_id)

        outcome = self._perform(connector, undo, left.with_original(original, left))

        assert outcome.changed
        assert not outcome.lost
        assert self.look(account_id) == account
        assert connector.read(account_id) == original

    @pytest.mark.parametrize("action", [Action.HIDE_FROM_DIRECTORY, Action.REDIRECT_MAIL, Action.MOVE])
    def test_undo_leaves_alone_what_somebody_else_has_changed_since(
        self, connector: Connector[Any], account_id: str, action: Action
    ) -> None:
        undo = action.facts.undo
        assert undo is not None
        self._needs(connector, action, undo)
        original = connector.read(account_id)
        self._perform(connector, action, self._with_successor(original, action))
        left = connector.read(account_id)
        self.interfere(account_id, action)
        account = self.look(account_id)

        outcome = self._perform(connector, undo, connector.read(account_id).with_original(original, left))

        assert not outcome.changed
        assert self.look(account_id) == account

    @pytest.mark.parametrize("action", [action for action in _OF_ACCOUNTS if action.is_irreversible])
    def test_what_cannot_be_taken_back_is_confirmed_first(
        self, connector: Connector[Any], account_id: str, action: Action
    ) -> None:
        self._needs(connector, action)
        state = self._prepare(connector, action, account_id)
        before, account = self.writes(), self.look(account_id)

        with pytest.raises(HeldError):
            connector.perform(action, state, refuse)

        assert self.writes() == before
        assert self.look(account_id) == account

    def test_privileged_groups_are_taken_and_not_given_back(self, connector: Connector[Any], account_id: str) -> None:
        self._needs(connector, Action.REMOVE_FROM_GROUPS, Action.ADD_TO_GROUPS)
        self.equip(account_id, privileged=True)
        original = connector.read(account_id)
        self._perform(connector, Action.REMOVE_FROM_GROUPS, original)
        left = connector.read(account_id)
        assert left.groups == ()

        self._perform(connector, Action.ADD_TO_GROUPS, left.with_original(original, left))

        found = connector.read(account_id).with_original(original, left)
        assert found.groups is not None
        assert {each.id for each in found.groups} == {
            each.id for each in original.groups or () if not each.is_privileged
        }
        assert [each.is_privileged for each in found.withheld_groups] == [True]

    @pytest.mark.parametrize(
        ("action", "what"), [(Action.REMOVE_FROM_GROUPS, "groups"), (Action.RELEASE_LICENSES, "licenses")]
    )
    def test_only_what_is_named_is_taken(
        self, connector: Connector[Any], account_id: str, action: Action, what: str
    ) -> None:
        self._needs(connector, action)
        self.equip(account_id)
        state = connector.read(account_id)
        taken, *kept = getattr(state, what)

        self._perform(connector, action, replace(state, only=frozenset({fold(taken.name)})))

        assert {each.id for each in getattr(connector.read(account_id), what)} == {each.id for each in kept}

    def test_spared_groups_are_left(self, connector: Connector[Any], account_id: str) -> None:
        self._needs(connector, Action.REMOVE_FROM_GROUPS)
        self.equip(account_id)
        state = connector.read(account_id)
        kept, *_ = state.groups or ()

        self._perform(connector, Action.REMOVE_FROM_GROUPS, replace(state, spared=frozenset({fold(kept.name)})))

        assert {each.id for each in connector.read(account_id).groups or ()} == {kept.id}

    def test_a_stamp_stands_beside_what_people_wrote_and_says_its_date(
        self, connector: Connector[Any], account_id: str
    ) -> None:
        self._needs(connector, Action.STAMP)
        self.equip(account_id)
        text = self.text_of(account_id)
        delete_at = datetime(2031, 2, 28, 22, 0, tzinfo=UTC)

        self._perform(connector, Action.STAMP, replace(connector.read(account_id), delete_at=delete_at))

        assert text
        assert text in self.text_of(account_id)
        assert connector.read(account_id).stamped_until == delete_at

    @pytest.mark.parametrize("action", [Action.TRANSFER_OWNERSHIP, Action.REDIRECT_MAIL])
    def test_without_a_successor_a_person_is_asked(
        self, connector: Connector[Any], account_id: str, action: Action
    ) -> None:
        self._needs(connector, action)
        state = replace(self._prepare(connector, action, account_id), successor=None)
        account = self.look(account_id)

        outcome = connector.perform(action, state, confirmed)

        assert isinstance(outcome, NeedsPerson)
        assert self.look(account_id) == account

    def test_a_disconnected_account_is_marked_and_found_no_more(
        self, connector: Connector[Any], name: str, account_id: str
    ) -> None:
        self._needs(connector, Action.DISCONNECT)

        self._perform(connector, Action.DISCONNECT, connector.read(account_id))

        assert connector.read(account_id).unmanaged
        assert connector.find(self.person(name)) is None

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

    # -- observe mode, leases, limits ---------------------------------------------

    @pytest.mark.parametrize("action", _OF_ACCOUNTS)
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

    # -- trouble ------------------------------------------------------------------

    @pytest.mark.parametrize("method", ["check", "find", "read"])
    def test_an_unreachable_target_can_be_tried_again(self, name: str, method: str) -> None:
        nowhere = self._kept(self.connect_nowhere(RecordingPermit()))

        with pytest.raises(RetryableError):
            self._call(nowhere, method, name)

    @pytest.mark.parametrize("method", ["check", "find", "read"])
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
        if method == "find":
            return connector.find(self.person(name))
        return connector.read(str(uuid.uuid4()))
