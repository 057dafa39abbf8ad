"""SCIM resources as the bridge keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any

import orjson
from scim2_models.path import FilterNode

from scimbridge.domain.identity import Identity
from scimbridge.domain.lightweight import lightweight


class MemberKind(StrEnum):
    """What a member of a group is."""

    USER = "User"
    GROUP = "Group"


@lightweight(frozen=True, slots=True)
class Member:
    """One member of a group: the id of a User or Group of the same source."""

    id: str
    kind: MemberKind
    display: str | None = None


class Members:
    """The members of a group, to be looked at one after the other, as often as wanted.

    They are kept packed: as objects, a hundred thousand take 20 MB, and like this 8.

    Args:
        rows: The id, the kind and the display of each.
    """

    __slots__ = ("_packed",)

    def __init__(self, rows: Iterable[tuple[str, str, str | None]] = ()) -> None:
        left = iter(rows)
        self._packed = [orjson.dumps(some) for some in iter(lambda: list(islice(left, _PACKED_TOGETHER)), [])]

    def __iter__(self) -> Iterator[Member]:
        for packed in self._packed:
            for member_id, kind, display in orjson.loads(packed):
                yield Member(member_id, MemberKind(kind), display)


_PACKED_TOGETHER = 1000
"""Members that are objects at a time."""


@lightweight(frozen=True, slots=True, kw_only=True)
class StoredUser:
    """A User with what ``meta`` needs (RFC 7643 §3.1).

    Attributes:
        identity: Its ``document`` is the SCIM document without ``id``, ``meta``, ``groups`` and ``password``.
        version: Counts changes, from 1; the ETag is made of it.
        groups: The groups it is directly in, for ``User.groups``.
    """

    identity: Identity
    version: int
    created_at: datetime
    modified_at: datetime
    groups: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredGroup:
    """A Group.

    Attributes:
        document: The SCIM document without ``id``, ``meta`` and ``members``.
        members: ``None`` where they were not asked for.
    """

    id: str
    source: str
    document: Mapping[str, Any]
    version: int
    created_at: datetime
    modified_at: datetime
    members: Members | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberIds:
    """Members of a group by what they are: the ids of Users, and those of the Groups nested in it."""

    users: frozenset[str] = frozenset()
    nested: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.users) + len(self.nested)

    @property
    def all(self) -> frozenset[str]:
        """The ids of both."""
        return self.users | self.nested if self.nested else self.users

    def without(self, ids: frozenset[str]) -> MemberIds:
        """Return those whose ids are none of these."""
        return MemberIds(users=self.users - ids, nested=self.nested - ids)


class MemberVerb(StrEnum):
    """What a PATCH does to members."""

    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class MemberChange:
    """One change of a group's members; its cost is by the ids named, not by the size of the group.

    Replace takes everyone out who is not named; remove of somebody who is no member changes nothing.

    Attributes:
        where: Selects further members by their ``type``, ``display`` or ``value``, as between the brackets
            of ``members[type eq "User"]``; for removing them.
    """

    verb: MemberVerb
    ids: frozenset[str]
    where: FilterNode | None = None

    @classmethod
    def of(cls, verb: MemberVerb, ids: Iterable[str]) -> MemberChange:
        """Return a change from any iterable of ids."""
        return cls(verb, frozenset(ids))

    @classmethod
    def adding(cls, ids: Iterable[str]) -> MemberChange:
        """Return a change that takes members in."""
        return cls(MemberVerb.ADD, frozenset(ids))


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberPlan:
    """What several changes of members come to.

    Attributes:
        add: Who is in afterwards.
        remove: Who is out; nobody of these is in ``add``.
        is_whole: Whoever is not in ``add`` is out.
        named: Everyone who was to come in, even where a later change takes them out again: each must exist.
    """

    add: frozenset[str]
    remove: frozenset[str]
    is_whole: bool
    named: frozenset[str]

    @classmethod
    def of(cls, changes: Iterable[MemberChange]) -> MemberPlan:
        """Fold changes that follow each other into one; the last word about a member counts."""
        several = list(changes)
        if len(several) == 1 and several[0].verb is MemberVerb.REPLACE:
            ids = several[0].ids  # as they are: copies of a hundred thousand take their time
            return cls(add=ids, remove=frozenset(), is_whole=True, named=ids)
        add: set[str] = set()
        remove: set[str] = set()
        named: set[str] = set()
        is_whole = False
        for change in several:
            match change.verb:
                case MemberVerb.ADD:
                    add |= change.ids
                    remove -= change.ids
                    named |= change.ids
                case MemberVerb.REMOVE:
                    add -= change.ids
                    remove |= change.ids
                case MemberVerb.REPLACE:
                    add, remove, is_whole = set(change.ids), set(), True
                    named |= change.ids
        return cls(add=frozenset(add), remove=frozenset(remove), is_whole=is_whole, named=frozenset(named))


class Written(str):
    """JSON as somebody wrote it: a document of many megabytes takes several times that as objects."""

    __slots__ = ()


@lightweight(frozen=True, slots=True, kw_only=True)
class Received:
    """One request of a source.

    Attributes:
        body: As received, without passwords and credentials: as objects, or as ``Written``.
        understood: What it means, as one sentence: ``Entra sent "False", op Replace: deactivate``.
    """

    source: str
    method: str
    path: str
    body: Any
    understood: str

    @property
    def resource_id(self) -> str | None:
        """The id in the path, or ``None`` where there is none."""
        return self.path.partition("/")[2].partition("/")[2] or None
