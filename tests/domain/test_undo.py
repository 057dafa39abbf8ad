"""What takes back what was begun, and what nothing takes back."""

from __future__ import annotations

from scimbridge.domain.action import UNDOES, Action
from scimbridge.domain.capability import Capability
from scimbridge.domain.undo import undo_of

EVERYTHING = {action: Capability(action=action) for action in Action}


def test_each_action_that_was_begun_has_its_undo() -> None:
    undo = undo_of(set(UNDOES.values()), EVERYTHING)

    assert set(undo.actions) == set(UNDOES)
    assert undo.lost == ()


def test_signing_in_is_given_back_first() -> None:
    assert undo_of({Action.STAMP, Action.SUSPEND}, EVERYTHING).actions == (Action.RESTORE, Action.UNSTAMP)


def test_the_account_is_looked_at_whatever_was_begun() -> None:
    assert undo_of({Action.DELETE}, EVERYTHING).actions == (Action.RESTORE,)
    assert undo_of(set(), EVERYTHING).actions == (Action.RESTORE,)


def test_what_stays_lost_is_said_once_each() -> None:
    begun = {Action.DELETE, Action.TRANSFER_OWNERSHIP, Action.ARCHIVE, Action.RESET_CREDENTIALS, Action.DISCONNECT}

    lost = undo_of(begun, EVERYTHING).lost

    assert len(lost) == len(set(lost)) == len(begun)
    assert undo_of({Action.REVOKE_SESSIONS, Action.NOTIFY}, EVERYTHING).lost == ()


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
