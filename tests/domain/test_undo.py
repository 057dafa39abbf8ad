"""What takes back what was begun, and what nothing takes back."""

from __future__ import annotations

from datetime import UTC, datetime

from scimbridge.domain.action import UNDOES, Action
from scimbridge.domain.capability import Abilities, Capability
from scimbridge.domain.undo import undo_of

EVERYTHING = {action: Capability(action=action) for action in Action}
WITHOUT_BIN: Abilities = {action: can for action, can in EVERYTHING.items() if action is not Action.UNDELETE}


def test_each_action_that_was_begun_has_its_undo() -> None:
    undo = undo_of(set(UNDOES.values()), EVERYTHING)

    assert set(undo.actions) == set(UNDOES)
    assert undo.lost == ()


def test_signing_in_is_given_back_first() -> None:
    assert undo_of({Action.STAMP, Action.SUSPEND}, EVERYTHING).actions == (Action.RESTORE, Action.UNSTAMP)


def test_the_account_is_looked_at_whatever_was_begun() -> None:
    assert undo_of({Action.DELETE}, WITHOUT_BIN).actions == (Action.RESTORE,)
    assert undo_of(set(), EVERYTHING).actions == (Action.RESTORE,)


def test_what_stays_lost_is_said_once_each() -> None:
    begun = {Action.DELETE, Action.TRANSFER_OWNERSHIP, Action.ARCHIVE, Action.RESET_CREDENTIALS, Action.DISCONNECT}

    lost = undo_of(begun, WITHOUT_BIN).lost

    assert len(lost) == len(set(lost)) == len(begun)
    assert undo_of({Action.REVOKE_SESSIONS, Action.NOTIFY}, EVERYTHING).lost == ()


def test_a_deleted_account_comes_back_before_anything_is_given_back_to_it() -> None:
    undo = undo_of({Action.SUSPEND, Action.STAMP, Action.DELETE}, EVERYTHING)

    assert undo.actions[:3] == (Action.UNDELETE, Action.RESTORE, Action.UNSTAMP)
    assert undo.lost == ()


def test_what_goes_with_an_account_comes_back_with_it_whoever_took_it() -> None:
    small = {action: EVERYTHING[action] for action in (Action.UNDELETE, Action.RESTORE, Action.ADD_TO_GROUPS)}

    assert undo_of({Action.DELETE}, EVERYTHING).actions[2:] == (Action.ASSIGN_LICENSES, Action.ADD_TO_GROUPS)
    assert undo_of({Action.DELETE}, small).actions == (Action.UNDELETE, Action.RESTORE, Action.ADD_TO_GROUPS)
    assert undo_of({Action.DELETE}, small).lost == ()


def test_what_the_target_keeps_no_longer_is_said_with_the_date_and_not_tried() -> None:
    undo = undo_of({Action.STAMP, Action.DELETE}, EVERYTHING, over_since=datetime(2027, 3, 1, 9, tzinfo=UTC))

    assert undo.actions == (Action.RESTORE, Action.UNSTAMP)
    assert undo.lost == ("an account that was deleted: the target kept it until 2027-03-01 09:00 UTC",)


def test_what_the_connector_cannot_give_back_is_said() -> None:
    can = {action: EVERYTHING[action] for action in (Action.SUSPEND, Action.RESTORE, Action.STAMP)}

    undo = undo_of({Action.SUSPEND, Action.STAMP}, can)

    assert undo.actions == (Action.RESTORE,)
    assert undo.lost == ("the connector cannot unstamp",)


def test_a_target_that_can_restore_nothing_is_not_asked_to() -> None:
    assert undo_of({Action.REVOKE_SESSIONS}, {}).actions == ()
    assert undo_of({Action.REVOKE_SESSIONS}, {}).lost == ()


def test_a_target_that_is_missing_just_now_is_planned_for_as_if_it_could() -> None:
    assert undo_of({Action.STAMP}, None).actions == (Action.RESTORE, Action.UNSTAMP)
