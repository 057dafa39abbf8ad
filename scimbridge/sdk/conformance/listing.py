"""Lists of all accounts, and of what has changed since."""
# ruff: noqa: D102, S101  # these are tests: a name is a sentence, and assert is how they speak

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scimbridge.domain.action import Action
from scimbridge.sdk.conformance.arranging import Arranging
from scimbridge.sdk.conformance.choosing import of_lists
from scimbridge.sdk.connector import Connector
from scimbridge.sdk.errors import AccountNotFoundError, RetryableError
from scimbridge.sdk.listing import AccountPage, AccountSummary, Coverage, End
from scimbridge.sdk.testing import RecordingPermit

A_MINUTE = timedelta(minutes=1)
"""By how much a target's clock may be another than ours."""


class _UsedUp(RecordingPermit):
    """A permit for so many calls, and no more."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self._calls = calls

    def __call__(self, *, writes: bool) -> None:
        super().__call__(writes=writes)
        if len(self.asked) > self._calls:
            raise RetryableError("the rate limit is used up")


class Listing(Arranging):
    """A list tells all, or says what it has told; what breaks off never looks whole."""

    @of_lists
    def test_all_accounts_are_listed_as_they_are_read_and_the_last_page_says_so(
        self, connector: Connector[Any], permit: RecordingPermit, name: str, account_id: str
    ) -> None:
        other_id = self.create_account(f"{name}.suspended")
        if Action.RELEASE_LICENSES in connector.capabilities:
            self.equip(other_id, privileged=True)
        if Action.SUSPEND in connector.capabilities:
            self._perform(connector, Action.SUSPEND, connector.read(other_id))
        before, asked = self.writes(), len(permit.asked)

        pages = list(connector.list_accounts())

        assert self.writes() == before
        assert not any(permit.asked[asked:])
        assert [page.end is not None for page in pages] == [False] * (len(pages) - 1) + [True]
        assert _end(pages).coverage is Coverage.WHOLE
        listed = _accounts(pages)
        attribute = next(iter(connector.config.match.values()))
        for each in (account_id, other_id):
            read = connector.read(each)
            assert listed[each].name == read.name
            assert listed[each].attributes[attribute] == read.attributes[attribute]
            assert listed[each].suspended in (read.suspended, None)
            assert listed[each].container in (read.container, None)
            assert listed[each].unmanaged in (read.unmanaged, None)
            licenses = listed[each].licenses
            assert licenses is None or sorted(licenses) == sorted(has.name for has in read.licenses or ())
            assert listed[each].privileged in (any(has.is_privileged for has in read.groups or ()), None)

    @of_lists
    def test_what_a_list_tells_of_times_can_be(self, connector: Connector[Any], account_id: str) -> None:
        latest = datetime.now(UTC) + A_MINUTE

        account = _accounts(list(connector.list_accounts()))[account_id]

        assert account.suspended_since is None, "it is not suspended"
        assert account.created_at is None or latest - 5 * A_MINUTE < account.created_at < latest
        if isinstance(account.signed_in_at, datetime):
            assert account.signed_in_at < latest
        assert not account.is_unused_since(latest - 10 * A_MINUTE), "it is younger than that, or nothing is known"

    @of_lists
    def test_one_account_is_summed_up_as_the_list_has_it(
        self, connector: Connector[Any], permit: RecordingPermit, account_id: str
    ) -> None:
        listed = _accounts(list(connector.list_accounts()))[account_id]
        before, asked = self.writes(), len(permit.asked)

        summary = connector.summarize(account_id)

        assert self.writes() == before
        assert not any(permit.asked[asked:])
        if summary is None:
            return  # only the list tells
        # Licenses and power may take further calls.
        assert replace(summary, licenses=listed.licenses, privileged=listed.privileged) == listed
        if Action.DELETE in connector.capabilities:
            self._perform(connector, Action.DELETE, connector.read(account_id))
            with pytest.raises(AccountNotFoundError):
                connector.summarize(account_id)

    @of_lists
    def test_a_list_goes_on_from_a_cursor(self, connector: Connector[Any], name: str, account_id: str) -> None:
        deleted_id = self.create_account(f"{name}.deleted")
        cursor = _end(list(connector.list_accounts())).cursor
        assert (cursor is not None) == self.tells_changes
        if cursor is None:
            return  # it tells only all accounts, and says so
        new_id = self.create_account(f"{name}.new")
        if Action.SUSPEND in connector.capabilities:
            self._perform(connector, Action.SUSPEND, connector.read(account_id))
        if Action.DELETE in connector.capabilities:
            self._perform(connector, Action.DELETE, connector.read(deleted_id))

        pages = list(connector.list_accounts(cursor))

        end, listed = _end(pages), _accounts(pages)
        assert end.coverage is not Coverage.WHOLE
        assert end.cursor is not None
        assert new_id in listed
        assert deleted_id not in listed
        if Action.SUSPEND in connector.capabilities:
            assert listed[account_id].suspended in (True, None)
        gone = {each for page in pages for each in page.gone}
        if Action.DELETE in connector.capabilities and end.coverage is Coverage.CHANGES_AND_DELETIONS:
            assert deleted_id in gone
        assert not gone & {account_id, new_id}

    @pytest.mark.parametrize("cursor", ["", "nonsense", '{"version": 1}', "null"])
    @of_lists
    def test_a_cursor_that_means_nothing_leads_to_a_whole_list(
        self, connector: Connector[Any], account_id: str, cursor: str
    ) -> None:

        pages = list(connector.list_accounts(cursor))

        assert _end(pages).coverage is Coverage.WHOLE
        assert account_id in _accounts(pages)

    @of_lists
    def test_a_list_that_breaks_off_never_looks_whole(self, account_id: str) -> None:
        for calls in itertools.count():
            connector = self._kept(self.connect(_UsedUp(calls)))
            found: list[AccountPage] = []
            try:
                found.extend(connector.list_accounts())
            except RetryableError:
                assert all(page.end is None for page in found)
            else:
                break

        assert calls, "it asks for a permit"
        assert account_id in _accounts(found)


def _accounts(pages: list[AccountPage]) -> dict[str, AccountSummary]:
    return {account.id: account for page in pages for account in page.accounts}


def _end(pages: list[AccountPage]) -> End:
    end = pages[-1].end
    assert end is not None
    return end
