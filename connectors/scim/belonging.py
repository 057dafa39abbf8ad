"""What an account is in and has: groups by their members, roles and entitlements by the account itself."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scim2_models import ScimFilter

from connectors.scim.client import ScimClient
from connectors.scim.dialect import Dialect
from connectors.scim.document import Document, ref_of, value_of, values_at
from connectors.scim.errors import RefusedError
from connectors.scim.paging import through
from scimbridge.sdk import AccountNotFoundError, Entitlement, RejectedError

ROLES = "roles"
ENTITLEMENTS = "entitlements"
_MEMBERS = ("members",)
_FEWEST_AT_ONCE = 3
"""For fewer groups, a bulk request is not worth its trouble."""

_MOST_AT_ONCE = 100
"""However many a service takes: one request should not take minutes, nor be too large for what stands before it."""


Operation = dict[str, Any]


@dataclass(slots=True)
class Changed:
    """What came of a change of several groups.

    Attributes:
        done: How many there were.
        refused: Why others were refused, one part of a sentence each.
        gone: The names of those that are not there any more.
    """

    done: int = 0
    refused: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


class Groups:
    """The groups of one account at a time (RFC 7643 section 4.2). Safe to use from several threads.

    They are searched for by their members, for that is what is changed. Whether the service understands such a filter
    is tried once; where it does not, the account is asked (``groups``), and all groups are looked through where it does
    not tell.

    Args:
        client: Asks the service.
        dialect: How members are changed there.
        privileged: Names of groups that give power over others.
        bulk: Returns how many operations one bulk request may have; 0 where there is none.
    """

    def __init__(
        self, client: ScimClient, dialect: Dialect, privileged: Iterable[str], bulk: Callable[[], int]
    ) -> None:
        self._client = client
        self._bulk = bulk
        self._dialect = dialect
        self._privileged = frozenset(privileged)
        self._asking = threading.Lock()
        self._filters: bool | None = True if dialect.members_filter else None
        self._tells = False

    def of(self, user: Document) -> tuple[Entitlement, ...]:
        """Return the groups that a user is in directly.

        Raises:
            RejectedError: The service has no groups, shows none, or shows nobody in them.
        """
        user_id = ref_of(user).id
        if self._can_filter():
            return self._entitlements(self._having(user_id))
        told = value_of(user, "groups")
        if isinstance(told, list) and self._is_told(told):
            direct = [each for each in told if isinstance(each, Mapping) and value_of(each, "type") != "indirect"]
            return tuple(self._entitlement(each, "value", "display") for each in direct)
        return self._entitlements(self._all_with(user_id))

    def leave(self, user_id: str, groups: Iterable[Entitlement]) -> Changed:
        """Take a user out of groups, one call for each; what refuses is named, and the rest is done."""
        changed = self._change(groups, self._dialect.leaving(user_id))
        # Nobody is in what is not there.
        return Changed(done=changed.done, refused=changed.refused)

    def join(self, user_id: str, groups: Iterable[Entitlement]) -> Changed:
        """Put a user back into groups."""
        return self._change(groups, [self._dialect.joining(user_id)])

    def _filter(self, user_id: str) -> str:
        asked = self._dialect.members_filter or "members.value eq {id}"
        return asked.replace("{id}", ScimFilter.quote(user_id))

    def _change(self, groups: Iterable[Entitlement], operations: list[Operation]) -> Changed:
        changed = Changed()
        for each in self._left_by_bulk(list(groups), operations, changed):
            try:
                self._client.patch_group(each.id, operations)
                changed.done += 1
            except AccountNotFoundError:
                changed.gone.append(each.name)
            except RefusedError as error:
                changed.refused.append(f"{each.name}: {error}")
        return changed

    def _left_by_bulk(
        self, groups: list[Entitlement], operations: list[Operation], changed: Changed
    ) -> Iterator[Entitlement]:
        """Change several groups at once, where the service can; yields those that are not, or not known to be.

        They are changed one by one then, which does no harm a second time, and says why it cannot be done.
        """
        size = min(self._bulk(), _MOST_AT_ONCE) if len(groups) >= _FEWEST_AT_ONCE else 0
        if size < _FEWEST_AT_ONCE:
            yield from groups
            return
        for start in range(0, len(groups), size):
            part = groups[start : start + size]
            try:
                told = self._client.patch_groups([each.id for each in part], operations)
            except RefusedError:
                told = {}
            is_done = {group_id for group_id, status in told.items() if status // 100 == 2}
            changed.done += len(is_done)
            yield from (each for each in part if each.id not in is_done)

    def _can_filter(self) -> bool:
        with self._asking:
            if self._filters is None:
                try:
                    self._filters = self._finds_nobody() and self._finds_a_member()
                except RejectedError:
                    # A service without groups is told apart when all are looked through.
                    self._filters = False
            return self._filters

    def _finds_nobody(self) -> bool:
        """Whether nothing is found by an id that nobody has: some find everything by a filter that they do not know."""
        page = self._client.list_groups(self._filter(str(uuid.uuid4())))
        return not page.resources and not page.total

    def _finds_a_member(self) -> bool:
        """Whether somebody is found where they are: some find nothing by a filter that they do not know.

        Where no group shows anybody, it is not believed either.
        """
        for group in self._client.list_groups(more=_MEMBERS).resources:
            for member in values_at(group, "members.value"):
                return value_of(group, "id") in [value_of(each, "id") for each in self._having(member)]
        return False

    def _is_told(self, groups: list[Any]) -> bool:
        """Whether an account's own list is to be believed: some have an empty one for everybody."""
        if not self._tells:
            others = () if groups else self._client.list_users().resources
            self._tells = bool(groups) or any(value_of(each, "groups") for each in others)
        return self._tells

    def _having(self, user_id: str) -> Iterator[Document]:
        return through(
            lambda place: self._client.list_groups(self._filter(user_id), place=place),
            "searching for groups",
            beginning=self._client.beginning,
            is_search=True,
        )

    def _all_with(self, user_id: str) -> Iterator[Document]:
        """Yield the groups that a user is in, of all groups."""
        is_told = has_any = False
        listed = through(
            lambda place: self._client.list_groups(place=place, more=_MEMBERS),
            "looking through groups",
            beginning=self._client.beginning,
        )
        for group in listed:
            has_any = True
            members = values_at(group, "members.value")
            # Of members that are never shown, some send an empty list.
            is_told = is_told or bool(members)
            if user_id in members:
                yield group
        if has_any and not is_told:
            raise RejectedError(
                'looking through groups: the target shows nobody in any of them; where nobody is, write groups = "off"'
            )

    def _entitlements(self, groups: Iterable[Document]) -> tuple[Entitlement, ...]:
        return tuple(
            {each.id: each for each in (self._entitlement(group, "id", "displayName") for group in groups)}.values()
        )

    def _entitlement(self, document: Document, id_name: str, name_name: str) -> Entitlement:
        group_id = str(value_of(document, id_name) or "")
        if not group_id:
            raise RejectedError("the target sent a group without an id")
        name = str(value_of(document, name_name) or group_id)
        return Entitlement(group_id, name, is_privileged=name in self._privileged)


def held(user: Document, attribute: str, privileged: Iterable[str] = ()) -> tuple[Entitlement, ...]:
    """Return what a user has in ``roles`` or ``entitlements``; the id of each is the path that removes it."""
    found = {}
    for element in _elements(user, attribute):
        value, name = _value(element), _name(element)
        if value:
            path = f"{attribute}[value eq {ScimFilter.quote(value)}]"
            found[path] = Entitlement(path, name, is_privileged=name in privileged or value in privileged)
    return tuple(found.values())


def kept(user: Document, attribute: str) -> tuple[str, ...]:
    """Return what a user has there as it was sent, to give it back as it was."""
    return tuple(json.dumps(each, sort_keys=True, ensure_ascii=False) for each in _elements(user, attribute))


def is_held(entitlement: Entitlement, attribute: str) -> bool:
    """Whether an entitlement comes from this attribute, and is no group."""
    return entitlement.id.startswith(f"{attribute}[value eq ")


def given_back(wanted: Iterable[Entitlement], attribute: str, as_sent: Iterable[str]) -> list[Any]:
    """Return elements as they were sent, of those that are wanted."""
    ids = {each.id for each in wanted}
    elements = [json.loads(each) for each in as_sent]
    return [each for each in elements if f"{attribute}[value eq {ScimFilter.quote(_value(each))}]" in ids]


def left_of(user: Document, attribute: str, taken: Iterable[Entitlement]) -> list[Any]:
    """Return what is left of an attribute."""
    ids = {each.id for each in taken}
    return [
        each
        for each in _elements(user, attribute)
        if f"{attribute}[value eq {ScimFilter.quote(_value(each))}]" not in ids
    ]


def _elements(user: Document, attribute: str) -> list[Any]:
    found = value_of(user, attribute)
    return found if isinstance(found, list) else []


def _value(element: Any) -> str:
    """Return the value of an element, which may be nothing else (RFC 7643 section 2.4)."""
    found = value_of(element, "value") if isinstance(element, Mapping) else element
    return found if isinstance(found, str) else ""


def _name(element: Any) -> str:
    display = value_of(element, "display") if isinstance(element, Mapping) else None
    return display if isinstance(display, str) and display else _value(element)
