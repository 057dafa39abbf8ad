"""Reading what sources have stored: one resource, or a page of those that satisfy a filter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from scimbridge.domain.resource import StoredGroup, StoredUser
from scimbridge.store import groups, identities
from scimbridge.store.database import Database
from scimbridge.store.filters import group_condition, user_condition

T = TypeVar("T")

_LAST_INDEX = 2**31
"""Beyond every list; larger numbers would not fit into the database's integers."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list (RFC 7644 §3.4.2.4).

    Attributes:
        total: How many resources satisfy the filter, on all pages.
        start_index: The number of the first one on this page, from 1.
    """

    total: int
    start_index: int
    items: list[T]


class Lookup:
    """The read side of the SCIM service provider. Each source sees its own resources only.

    Raises, in every method:
        NotFoundError: The source has no such resource.
        InvalidFilterException: The filter is none, or names what cannot be filtered on.
        StoreBusyError, StoreUnavailableError: The database cannot be read.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def get_user(self, source: str, user_id: str) -> StoredUser:
        """Return one User with the groups it is in."""
        with self._database.read() as tx:
            return identities.user_by_id(tx, source, user_id)

    def list_users(self, source: str, filter_text: str | None, *, start_index: int, count: int) -> Page[StoredUser]:
        """Return a page of Users, inactive ones included, in the order of their creation."""
        with self._database.read() as tx:
            where = user_condition(filter_text, tx.dialect.name) if filter_text else None
            offset = min(start_index, _LAST_INDEX) - 1
            total, found = identities.find_users(tx, source, where, offset=offset, limit=count)
        return Page(total, start_index, found)

    def get_group(self, source: str, group_id: str, *, with_members: bool) -> StoredGroup:
        """Return one Group."""
        with self._database.read() as tx:
            return groups.group_by_id(tx, source, group_id, with_members=with_members)

    def list_groups(
        self, source: str, filter_text: str | None, *, start_index: int, count: int, with_members: bool
    ) -> Page[StoredGroup]:
        """Return a page of Groups in the order of their creation."""
        with self._database.read() as tx:
            where = group_condition(filter_text, tx.dialect.name) if filter_text else None
            offset = min(start_index, _LAST_INDEX) - 1
            total, found = groups.find_groups(tx, source, where, offset=offset, limit=count, with_members=with_members)
        return Page(total, start_index, found)
