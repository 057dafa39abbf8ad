"""The bridge's own share of what has changed on an account."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scimbridge.domain.action import Action
from scimbridge.sdk import AccountState, Entitlement
from scimbridge.services.keeping import credited

SALES, VPN, BOARD = (Entitlement(name, name) for name in ("sales", "vpn", "board"))
ACCOUNT = AccountState(
    id="a", name="ada", suspended=False, groups=(SALES, VPN), licenses=(), container="people", hidden=False, stamp=""
)


def moved(before: AccountState, action: Action, left: AccountState = ACCOUNT, **after: object) -> AccountState:
    return credited(left, before=before, after=replace(before, **after), action=action)  # type: ignore[arg-type]


def test_what_an_action_has_changed_is_the_bridges() -> None:
    assert moved(ACCOUNT, Action.SUSPEND, suspended=True) == replace(ACCOUNT, suspended=True)
    assert moved(ACCOUNT, Action.REMOVE_FROM_GROUPS, groups=()) == replace(ACCOUNT, groups=())


def test_what_changed_beside_it_is_not() -> None:
    assert moved(ACCOUNT, Action.SUSPEND, suspended=True, groups=(), container="board").groups == (SALES, VPN)


def test_only_the_groups_that_went_are_credited() -> None:
    others_took_vpn = replace(ACCOUNT, groups=(SALES,))

    assert moved(others_took_vpn, Action.REMOVE_FROM_GROUPS, groups=()).groups == (VPN,)


def test_what_is_given_back_is_left_again() -> None:
    stripped = replace(ACCOUNT, groups=())

    assert moved(stripped, Action.ADD_TO_GROUPS, left=stripped, groups=(SALES, BOARD)).groups == (SALES, BOARD)


@pytest.mark.parametrize("action", [Action.REVOKE_SESSIONS, Action.PURGE, Action.ARCHIVE, Action.NOTIFY])
def test_an_action_without_an_undo_credits_nothing(action: Action) -> None:
    assert moved(ACCOUNT, action, suspended=True, groups=(), container="board") == ACCOUNT


def test_what_is_not_told_any_more_is_nobodys_doing() -> None:
    assert moved(ACCOUNT, Action.REMOVE_FROM_GROUPS, groups=None) == ACCOUNT
