"""/Groups. Members are rows: a change of some costs by those, not by the size of the group."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from scim2_models import InvalidValueException, MutabilityException, NoTargetException
from scim2_models.path import CompareOperator, Comparison, FilterNode, LogicalExpr, LogicalOperator
from starlette.responses import Response

from scimbridge.domain.model import GROUP, TOLERANT
from scimbridge.domain.quirk import Quirk
from scimbridge.domain.resource import MemberChange, MemberVerb, StoredGroup
from scimbridge.scim import dialect, limits, patch
from scimbridge.scim.call import Call, etag
from scimbridge.scim.dialect import CORE_GROUP
from scimbridge.scim.documents import group_document, stored_group
from scimbridge.scim.patch_operation import Operation
from scimbridge.scim.projection import Projection
from scimbridge.scim.reading import Reading, listed
from scimbridge.scim.rendering import Rendering
from scimbridge.scim.search import find_groups, shows_members
from scimbridge.scim.users import unchanged_since
from scimbridge.services.group_intake import GroupIntake
from scimbridge.services.lookup import Lookup

Change = Callable[[Mapping[str, Any]], Mapping[str, Any]]

_BETWEEN = "\0"
"""What no id has in it: a body with a NUL is refused."""


class Groups:
    """The endpoints of Groups (RFC 7644 §3)."""

    def __init__(self, intake: GroupIntake, lookup: Lookup, rendering: Rendering) -> None:
        self._intake = intake
        self._lookup = lookup
        self._rendering = rendering

    def find(self, call: Call) -> Response:
        """GET /Groups."""
        return find_groups(self._lookup, self._rendering, call, call.query)

    def create(self, call: Call) -> Response:
        """POST /Groups."""
        projection = Projection.of(call.query)
        dialect.check_schemas(call.body, CORE_GROUP, call.reading)
        document = group_document(call.body, call.reading)
        changes = _whole(MemberVerb.ADD, call)
        ids = changes[0].ids if changes else frozenset()
        call.understand(f"create Group with {len(ids)} members")
        group = self._intake.create_group(document, ids, call.received, call.now)
        return self._shown(call, group.id, projection, 201)

    def read(self, call: Call) -> Response:
        """GET /Groups/{id}."""
        projection = Projection.of(call.query)
        with_members = shows_members(call, projection)
        group = self._lookup.get_group(
            call.source, call.resource_id, with_members=with_members, is_known=call.is_unchanged
        )
        return unchanged_since(call, group.version) or self._rendering.answer(group, projection)

    def replace(self, call: Call) -> Response:
        """PUT /Groups/{id}. Without ``members``, or with null, it says nothing about them: they stay.

        RFC 7644 §3.5.1 leaves it to us what becomes of what is not asserted.
        """
        projection = Projection.of(call.query)
        dialect.check_schemas(call.body, CORE_GROUP, call.reading)
        document = group_document(call.body, call.reading)
        changes = _whole(MemberVerb.REPLACE, call)
        call.understand(listed(["replace Group", *_said(changes)]))
        self._changed(call, lambda _: document, changes, 200)
        return self._shown(call, call.resource_id, projection, 200)

    def patch(self, call: Call) -> Response:
        """PATCH /Groups/{id}: 204, or 200 where attributes are asked for (RFC 7644 §3.5.2)."""
        projection = Projection.of(call.query)
        dialect.check_schemas(call.body, CORE_GROUP, call.reading, message=True)
        message, changes = _read(call)
        status = 200 if projection.is_asked_for else 204
        group = self._changed(call, _patching(call.resource_id, message), changes, status)
        if projection.is_asked_for:
            return self._shown(call, call.resource_id, projection, status)
        return Response(status_code=status, headers={"ETag": etag(group.version)})

    def delete(self, call: Call) -> Response:
        """DELETE /Groups/{id}."""
        call.understand("delete Group")
        version = call.wanted_version(self._version_of)
        self._intake.delete_group(call.resource_id, call.received, call.now, if_version=version)
        return Response(status_code=204)

    def _changed(self, call: Call, change: Change, members: list[MemberChange], status: int) -> StoredGroup:
        version = call.wanted_version(self._version_of)
        return self._intake.change_group(
            call.resource_id, change, members, call.received, call.now, status=status, if_version=version
        )

    def _shown(self, call: Call, group_id: str, projection: Projection, status: int) -> Response:
        with_members = shows_members(call, projection)
        group = self._lookup.get_group(call.source, group_id, with_members=with_members)
        return self._rendering.answer(group, projection, status)

    def _version_of(self, call: Call) -> int:
        return self._lookup.get_group(call.source, call.resource_id, with_members=False).version


def _whole(verb: MemberVerb, call: Call) -> list[MemberChange]:
    """Return the change by the members in the body of a POST or PUT; none where it says nothing about them."""
    members = dialect.members(call.body, call.reading)
    if members is None:
        return []
    changes = [MemberChange.of(verb, dialect.member_ids(members, call.reading))]
    del members
    return _apart(changes, call)


def _read(call: Call) -> tuple[Any | None, list[MemberChange]]:
    """Return what the PATCH message in the body means: a message about the attributes, and changes of members."""
    found = patch.operations(call.body, GROUP, call.reading)
    call.understand(listed(f"{each.sent_verb} {each.path.attr}" for each in found))
    changes = [
        change for each in found if each.attribute == dialect.MEMBERS for change in _member_changes(each, call.reading)
    ]
    rest = [
        patch.cleared(each, call.reading)
        for each in found
        if each.attribute != dialect.MEMBERS and not _is_own_id(each, call)
    ]
    call.new_effort().spend(sum(map(_steps, changes)))
    said = [f"{each.sent_verb} {each.path.attr}" for each in rest] + list(_said(changes))
    call.understand(listed(said) or "nothing to change")
    message = patch.message(GROUP, rest)
    del found
    return message, _apart(changes, call)


def _apart(changes: list[MemberChange], call: Call) -> list[MemberChange]:
    """Return changes of members without the body that they are from, which the call lets go of.

    The ids of a hundred thousand members lie between the objects of the body: its memory is free for
    what stores them only when the ids are copied out of it.
    """
    texts = [(change.verb, _BETWEEN.join(change.ids), change.where) for change in changes]
    changes.clear()
    call.let_go()
    return [MemberChange(verb, frozenset(ids.split(_BETWEEN) if ids else ()), where) for verb, ids, where in texts]


def _patching(group_id: str, message: Any | None) -> Change:
    def change(stored: Mapping[str, Any]) -> Mapping[str, Any]:
        if message is None:
            return stored
        group = GROUP.model_validate({**stored, "id": group_id}, scim_policy=TOLERANT)
        message.patch(group, scim_policy=TOLERANT)
        return stored_group(group)

    return change


def _is_own_id(operation: Operation, call: Call) -> bool:
    """Whether the operation names the Group's read-only attributes as they are; Okta renames Groups like this."""
    if operation.attribute not in {"id", "meta"} or not operation.from_value:
        return False
    call.reading.saw(Quirk.READ_ONLY)
    if operation.attribute == "id" and operation.value not in (None, call.resource_id):
        raise MutabilityException(attribute="id", detail="id is read-only")
    return True


def _member_changes(operation: Operation, seen: Reading) -> Iterator[MemberChange]:
    """Yield what an operation on ``members`` does."""
    selected = operation.path.value_filter
    says_nothing = operation.verb == "remove" or operation.value is None
    if operation.sub_attribute and (operation.sub_attribute != "value" or says_nothing):
        raise MutabilityException(
            attribute=f"members.{operation.sub_attribute}", detail="what a member is called or is, follows from itself"
        )
    if selected is not None:
        yield _selected_change(operation, selected, seen)
    elif operation.verb == "remove":
        yield _removal(operation, seen)
    elif operation.value is None:
        if operation.verb == "add" or not operation.has_value:
            raise InvalidValueException(detail="the operation needs a value")
        yield MemberChange.of(MemberVerb.REPLACE, [])
    else:
        verb = MemberVerb.ADD if operation.verb == "add" else MemberVerb.REPLACE
        yield MemberChange.of(verb, dialect.member_ids(operation.value, seen))


def _removal(operation: Operation, seen: Reading) -> MemberChange:
    # Entra ID lists in the value whom to remove; read as "remove the attribute" it would empty the group.
    if operation.value is None:
        return MemberChange.of(MemberVerb.REPLACE, [])
    return MemberChange.of(MemberVerb.REMOVE, dialect.member_ids(operation.value, seen))


def _selected_change(operation: Operation, selected: FilterNode, seen: Reading) -> MemberChange:
    """Return what an operation on ``members[…]`` does.

    Raises:
        NoTargetException: It would make a member another one (RFC 7643 §8.7.1: its value is immutable).
    """
    ids = _named(selected)
    if operation.sent_verb.lower() == "remove":  # null, which elsewhere unassigns, takes nobody out
        return MemberChange(MemberVerb.REMOVE, ids or frozenset(), where=selected if ids is None else None)
    if operation.value is None or ids is None or set(dialect.member_ids(operation.value, seen)) != ids:
        raise NoTargetException(detail="a member's value cannot be changed; remove one and add the other")
    return MemberChange(MemberVerb.ADD, ids)


def _named(selected: FilterNode) -> frozenset[str] | None:
    """Return the ids that a filter between the brackets names, or ``None`` where it selects by something else."""
    match selected:
        case LogicalExpr(op=LogicalOperator.or_):
            found = [_named(term) for term in selected.terms]
            known = [ids for ids in found if ids is not None]
            return frozenset().union(*known) if len(known) == len(found) else None
        case Comparison(op=CompareOperator.eq, value=str()) if selected.attr_path.attr.lower() == "value":
            return frozenset({selected.value})
        case _:
            return None


def _steps(change: MemberChange) -> int:
    """Return what it costs to find the members that a change is about; nothing where it names them."""
    match change.where:
        case None:
            return 0
        case LogicalExpr(op=LogicalOperator.and_, terms=terms) if any(_named(term) is not None for term in terms):
            return limits.SELECTING
        case _:
            return limits.LOOKING_AT_ALL


def _said(changes: Sequence[MemberChange]) -> Iterator[str]:
    """Yield what changes do; those of a kind that follow each other are one, as some send one for each member."""
    for (verb, is_selection), several in groupby(changes, key=lambda change: (change.verb, change.where is not None)):
        yield f"{verb} {'selected' if is_selection else sum(len(change.ids) for change in several)} members"
