"""Reading what sources have stored: one resource, or a page of those that satisfy a filter."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from scim2_models import InvalidCountException
from sqlalchemy import Connection

from scimbridge.domain.resource import MemberKind, StoredGroup, StoredUser
from scimbridge.domain.sort import Sort
from scimbridge.domain.source import Profiles
from scimbridge.services.cursors import Cursor
from scimbridge.store import groups, identities
from scimbridge.store.database import Database
from scimbridge.store.listing import Excerpt, Found, Listing, Part, Question
from scimbridge.store.ordering import Position

T = TypeVar("T")
Resource = StoredUser | StoredGroup

_LAST_INDEX = 2**31
"""Beyond every list; larger numbers would not fit into the database's integers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a list is asked for.

    Attributes:
        filter: As sent.
        base: The address of the service provider, for filters on locations and references.
        start_index: The number of the first resource wanted, from 1; ignored where there is a cursor.
        count: How many are wanted; ``None`` is the default, or what the cursor's first page had.
        cursor: A cursor of an earlier page; an empty one begins (RFC 9865 §2).
    """

    filter: str | None = None
    sort: Sort | None = None
    base: str = ""
    start_index: int = 1
    count: int | None = None
    cursor: str | None = None


DEFAULT_COUNT = 100
"""Resources on a page, where nothing is said."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list (RFC 7644 §3.4.2.4, RFC 9865 §2). Of large resources, it has fewer than were asked for.

    Attributes:
        total: How many resources satisfy the filter, on all pages.
        start_index: The number of the first one on this page, from 1; ``None`` where cursors are used.
        next_cursor: Where the next page begins; ``None`` on the last one.
        previous_cursor: Where the page before ends; ``None`` on the first one.
    """

    total: int
    start_index: int | None
    items: list[T]
    next_cursor: str | None = None
    previous_cursor: str | None = None


class Lookup:
    """The read side of the SCIM service provider. Each source sees its own resources only.

    Args:
        database: The store.
        profiles: How the sources' userNames are compared.

    Raises, in every method:
        NotFoundError: The source has no such resource.
        InvalidFilterException: The filter is none, or names what cannot be filtered on.
        InvalidPathException: The list cannot be sorted by this.
        InvalidCursorException, ExpiredCursorException, InvalidCountException: The cursor is none, is
            too old, or was given out for another size of page.
        TooManyException: To find what the filter asks for, or to sort it, takes more work than a request may ask for.
        StoreBusyError, StoreUnavailableError: The database cannot be read.
    """

    def __init__(self, database: Database, profiles: Profiles | None = None) -> None:
        self._database = database
        self._profiles = profiles or Profiles()

    def get_user(self, source: str, user_id: str) -> StoredUser:
        """Return one User with the groups it is in."""
        with self._database.read() as tx:
            return identities.user_by_id(tx, source, user_id)

    def get_group(
        self,
        source: str,
        group_id: str,
        *,
        with_members: bool,
        is_known: Callable[[int], bool] = lambda _version: False,
    ) -> StoredGroup:
        """Return one Group.

        Args:
            source: Whose it is.
            group_id: Which one.
            with_members: Whether its members are asked for: all of them, however many there are.
            is_known: Whether the client knows this version of it, whose members are not read then. What it raises
                ends the reading before them.
        """
        with self._reading(with_members=with_members) as tx:
            group = groups.group_by_id(tx, source, group_id)
            if with_members and not is_known(group.version):
                (group,) = groups.read_members(tx, [group])
            return group

    def list_users(self, source: str, query: Query, now: datetime) -> Page[StoredUser]:
        """Return a page of Users, inactive ones included, in the order of their creation unless it says another."""

        def load(tx: Connection, found: list[Found]) -> list[StoredUser]:
            users = identities.users_by_id(tx, [each.position.id for each in found])
            return [users[each.position.id] for each in found if each.position.id in users]

        return self._page((MemberKind.USER,), source, query, now, load)

    def list_groups(self, source: str, query: Query, now: datetime, *, with_members: bool) -> Page[StoredGroup]:
        """Return a page of Groups."""

        def load(tx: Connection, found: list[Found]) -> list[StoredGroup]:
            these = groups.groups_by_id(tx, [each.position.id for each in found], with_members=with_members)
            return [these[each.position.id] for each in found if each.position.id in these]

        return self._page((MemberKind.GROUP,), source, query, now, load, with_members=with_members)

    def list_all(self, source: str, query: Query, now: datetime, *, with_members: bool) -> Page[Resource]:
        """Return a page of Users and Groups alike (RFC 7644 §3.4.2.1)."""

        def load(tx: Connection, found: list[Found]) -> list[Resource]:
            users = identities.users_by_id(tx, _ids(found, MemberKind.USER))
            these = groups.groups_by_id(tx, _ids(found, MemberKind.GROUP), with_members=with_members)
            both: dict[str, Resource] = {**users, **these}
            return [both[each.position.id] for each in found if each.position.id in both]

        kinds = (MemberKind.USER, MemberKind.GROUP)
        return self._page(kinds, source, query, now, load, with_members=with_members)

    def _page(
        self,
        kinds: tuple[MemberKind, ...],
        source: str,
        query: Query,
        now: datetime,
        load: Callable[[Connection, list[Found]], list[T]],
        *,
        with_members: bool = False,
    ) -> Page[T]:
        question = Question(
            source=source,
            kinds=kinds,
            filter=query.filter,
            sort=query.sort,
            base=query.base,
            name_case=self._profiles.of(source).user_name_case,
            with_members=with_members,
        )
        with self._reading(with_members=with_members) as tx:
            listing = Listing(tx, question)
            page = _by_index(listing, query) if query.cursor is None else _by_cursor(listing, question, query, now)
            return Page(page.total, page.start_index, load(tx, page.items), page.next_cursor, page.previous_cursor)

    def _reading(self, *, with_members: bool) -> AbstractContextManager[Connection]:
        """Return a transaction; in one that reads members, a Group and they are of one moment."""
        return self._database.view() if with_members else self._database.read()


def _by_index(listing: Listing, query: Query) -> Page[Found]:
    count = DEFAULT_COUNT if query.count is None else query.count
    offset = min(query.start_index, _LAST_INDEX) - 1
    excerpt = listing.part(Part(limit=count, offset=offset)) if count else Excerpt([], has_more=True)
    is_end = not excerpt.has_more and (excerpt.found or offset == 0)
    total = offset + len(excerpt.found) if is_end else listing.total()
    return Page(total, query.start_index, excerpt.found)


def _by_cursor(listing: Listing, question: Question, query: Query, now: datetime) -> Page[Found]:
    cursor = Cursor.of(query.cursor, question, now) if query.cursor else None
    count = query.count
    if count is None:
        count = cursor.count if cursor else DEFAULT_COUNT
    if cursor is None:
        excerpt = listing.part(Part(limit=count)) if count else Excerpt([], has_more=False)
        is_all = count > 0 and not excerpt.has_more
        total = len(excerpt.found) if is_all else listing.total()
        return _with_cursors(excerpt, question, count, total, now, has_next=excerpt.has_more, has_previous=False)
    if cursor.count != count:
        raise InvalidCountException
    excerpt = listing.part(Part(limit=count, after=cursor.position, backwards=cursor.backwards))
    return _with_cursors(
        excerpt,
        question,
        count,
        # Counting costs by what there is: it is done once, unless it costs nothing.
        cursor.total if question.filter else listing.total(),
        now,
        has_next=cursor.backwards or excerpt.has_more,
        has_previous=excerpt.has_more if cursor.backwards else True,
    )


def _with_cursors(
    excerpt: Excerpt, question: Question, count: int, total: int, now: datetime, *, has_next: bool, has_previous: bool
) -> Page[Found]:
    def cursor(position: Position, *, backwards: bool) -> str:
        made = Cursor(position=position, count=count, total=total, backwards=backwards, issued_at=now)
        return made.text(question)

    found = excerpt.found
    return Page(
        total,
        None,
        found,
        cursor(found[-1].position, backwards=False) if found and has_next else None,
        cursor(found[0].position, backwards=True) if found and has_previous else None,
    )


def _ids(found: list[Found], kind: MemberKind) -> list[str]:
    return [each.position.id for each in found if each.kind is kind]
