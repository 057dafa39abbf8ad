"""One page of the resources that satisfy a filter, in an order: their ids, and how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal, null, select, union_all

from scimbridge.domain.resource import MemberKind
from scimbridge.domain.sort import Sort
from scimbridge.domain.source import NameCase
from scimbridge.store import counts
from scimbridge.store.allowance import Allowance, Expected
from scimbridge.store.attributes import Attributes
from scimbridge.store.filter_operands import Condition
from scimbridge.store.filters import Filter
from scimbridge.store.ordering import Order, Position, orders
from scimbridge.store.resource_sizes import bytes_each, bytes_together
from scimbridge.store.resource_types import attributes_of
from scimbridge.store.schema import groups, memberships

MOST_BYTES = 12_000_000
"""Of the resources of an answer, as JSON. To make it of large Users takes the server three to four times as much
memory, and a request is to take 64 MB at the most. A thousand ordinary Users have one million; a member of a Group has
150."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which resources are asked for.

    Attributes:
        source: Who asks; only its own resources are found.
        kinds: The resource types, in the order in which they are listed where ids do not tell.
        base: The address of the service provider, of which locations and references are made.
        name_case: The rule by which the source's userNames are compared.
        with_members: Whether the answer has the members of Groups.
    """

    source: str
    kinds: tuple[MemberKind, ...]
    filter: str | None = None
    sort: Sort | None = None
    base: str = ""
    name_case: NameCase = NameCase.IGNORED
    with_members: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Which part of the answer is wanted: so many resources, from a place on.

    Attributes:
        after: The place; ``None`` is the beginning.
        backwards: The resources before the place, rather than those behind it.
        offset: How many to leave out.
    """

    limit: int
    after: Position | None = None
    backwards: bool = False
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """One resource of a page."""

    kind: MemberKind
    position: Position


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A part of the answer.

    Attributes:
        has_more: Whether there are more in the direction in which the part was read.
    """

    found: list[Found]
    has_more: bool


class Listing:
    """The answer to a question.

    Args:
        tx: Any transaction.
        question: Which resources.

    Raises:
        InvalidFilterException: The filter is none, or names what cannot be filtered on.
        InvalidPathException: The resources cannot be sorted like this.

    Raises, in every method:
        TooManyException: It takes more work than a request may ask for.
        StoreBusyError: The database is busy.
    """

    def __init__(self, tx: Connection, question: Question) -> None:
        self._tx = tx
        self._question = question
        self._filter = Filter(question.filter) if question.filter else None
        self._allowance = Allowance(tx, self._expected)
        self._types = [
            attributes_of(kind, tx.dialect.name, question.base, question.name_case) for kind in question.kinds
        ]
        self._orders = orders(question.sort, self._types)
        self._conditions = [self._scope(each) for each in self._types]

    def total(self) -> int:
        """Return how many resources there are."""
        if self._filter is None:
            return counts.total(self._tx, self._question.source, self._question.kinds)
        if self._only_group is not None:
            return self._users_in(self._only_group)
        return sum(
            int(self._allowance.rows(select(func.count()).select_from(each.table).where(condition))[0][0])
            for each, condition in zip(self._types, self._conditions, strict=True)
        )

    def part(self, part: Part) -> Excerpt:
        """Return a part of the resources, or the beginning of one that is too large for an answer.

        Its cost is that of the part, and of what ``offset`` leaves out.
        """
        ordered = [order.reversed() if part.backwards else order for order in self._orders]
        most = part.limit + 1
        arms = [self._arm(index, order, part, part.offset + most) for index, order in enumerate(ordered)]
        rows = self._allowance.rows(_joined(arms, ordered[0]).offset(part.offset).limit(most))
        found = [Found(MemberKind(kind), Position(key, resource_id)) for kind, resource_id, key in rows[: part.limit]]
        fitting = found[: self._fitting(found)]
        has_more = len(rows) > len(fitting)
        return Excerpt(fitting[::-1] if part.backwards else fitting, has_more)

    def _fitting(self, found: Sequence[Found]) -> int:
        """Return how many of the first ones fit into an answer together; one alone always does."""
        if len(found) < 2:
            return len(found)
        ids, kinds = [each.position.id for each in found], {each.kind for each in found}
        with_members = self._question.with_members
        if sum(bytes_together(self._tx, kind, ids, with_members=with_members) for kind in kinds) <= MOST_BYTES:
            return len(found)
        sizes: dict[str, int] = {}
        for kind in kinds:
            sizes |= bytes_each(self._tx, kind, ids, with_members=with_members)
        return max(sum(size <= MOST_BYTES for size in accumulate(sizes.get(each, 0) for each in ids)), 1)

    def _arm(self, index: int, order: Order, part: Part, most: int) -> Select[Any]:
        """Return the query over one resource type."""
        if self._only_group is not None and order.key is None:
            order = Order(memberships.c.member_id, descending=order.descending)
            condition: Condition = and_(*self._members_of(self._only_group))
        else:
            condition = self._conditions[index]
        key = null() if order.key is None else order.key
        query = select(literal(self._types[index].name).label("kind"), order.id.label("id"), key.label("sort_key"))
        query = query.where(condition).order_by(*order.clauses()).limit(most)
        return query if part.after is None else query.where(order.after(part.after))

    def _scope(self, attributes: Attributes) -> Condition:
        table = attributes.table
        mine = and_(table.c.source == self._question.source, table.c.deleted_at.is_(None))
        if self._filter is None:
            return mine
        others = [each for each in self._types if each is not attributes]
        return and_(mine, self._filter.condition(attributes, others))

    @property
    def _expected(self) -> Expected:
        """What is known of the answer's cost: sorting reads all that satisfies the filter."""
        expected = Expected.LITTLE if self._filter is None else self._filter.expected
        is_sorted = self._question.sort is not None
        return Expected.NOTHING if is_sorted and expected is Expected.LITTLE else expected

    @property
    def _only_group(self) -> str | None:
        """The Group whose members are asked for: they are in order in a table of their own."""
        if self._filter is None or self._question.kinds != (MemberKind.USER,):
            return None
        return self._filter.only_group

    def _members_of(self, group_id: str) -> list[ColumnElement[bool]]:
        # A deleted User is in no group.
        is_user = memberships.c.kind == MemberKind.USER.value
        return [memberships.c.group_id == group_id, is_user, self._is_mine(group_id)]

    def _users_in(self, group_id: str) -> int:
        known = select(groups.c.users).where(groups.c.id == group_id, self._is_mine(group_id))
        return int(self._tx.execute(known).scalar() or 0)

    def _is_mine(self, group_id: str) -> ColumnElement[bool]:
        mine = select(groups.c.id).where(
            groups.c.id == group_id, groups.c.source == self._question.source, groups.c.deleted_at.is_(None)
        )
        return mine.exists()


def _joined(arms: Sequence[Select[Any]], order: Order) -> Any:
    """Return one query of several; each arm brings its own first ones, in order."""
    if len(arms) == 1:
        return arms[0]
    both = union_all(*(select(arm.subquery()) for arm in arms)).subquery()
    key = None if order.key is None else both.c.sort_key
    return select(both).order_by(*Order(both.c.id, key, nullable=True, descending=order.descending).clauses())
