"""/Users."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from scim2_models import InvalidValueException, MutabilityException
from starlette.responses import Response

from scimbridge.domain.boolean import boolean_of
from scimbridge.domain.model import TOLERANT, USER
from scimbridge.domain.quirk import Quirk
from scimbridge.domain.resource import MemberKind
from scimbridge.scim import dialect, limits, patch
from scimbridge.scim.call import Call, etag
from scimbridge.scim.dialect import CORE_USER
from scimbridge.scim.documents import stored_user, user_document
from scimbridge.scim.patch_operation import Operation
from scimbridge.scim.projection import Projection
from scimbridge.scim.reading import Reading, listed
from scimbridge.scim.rendering import Rendering
from scimbridge.scim.search import find_users
from scimbridge.services.intake import Intake
from scimbridge.services.lookup import Lookup

Change = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class Users:
    """The endpoints of Users (RFC 7644 §3)."""

    def __init__(self, intake: Intake, lookup: Lookup, rendering: Rendering) -> None:
        self._intake = intake
        self._lookup = lookup
        self._rendering = rendering

    def find(self, call: Call) -> Response:
        """GET /Users."""
        return find_users(self._lookup, self._rendering, call, call.query)

    def create(self, call: Call) -> Response:
        """POST /Users: 201, or 200 where it brought an inactive User back."""
        projection = Projection.of(call.query)
        dialect.check_schemas(call.body, CORE_USER, call.reading)
        document = user_document(call.body, call.reading)
        call.understand(f"create User{_says_active(call.body, document)}")
        document.setdefault("active", True)
        user, is_new = self._intake.create_user(
            document, call.received, call.now, over_inactive=call.profile.over_inactive
        )
        response = self._rendering.answer(user, projection, 201 if is_new else 200)
        # Also of somebody who came back: the client asked for a new address, and got an old one.
        response.headers["Location"] = self._rendering.location(MemberKind.USER, user.identity.id)
        return response

    def read(self, call: Call) -> Response:
        """GET /Users/{id}."""
        projection = Projection.of(call.query)
        user = self._lookup.get_user(call.source, call.resource_id)
        return unchanged_since(call, user.version) or self._rendering.answer(user, projection)

    def replace(self, call: Call) -> Response:
        """PUT /Users/{id}. Without ``active`` it says nothing about it: the stored value stays."""
        projection = Projection.of(call.query)
        dialect.check_schemas(call.body, CORE_USER, call.reading)
        document = user_document(call.body, call.reading)
        call.understand(f"replace User{_says_active(call.body, document)}")

        def change(stored: Mapping[str, Any]) -> Mapping[str, Any]:
            return {**document, "active": document.get("active", stored.get("active", True))}

        return self._changed(call, change, projection)

    def patch(self, call: Call) -> Response:
        """PATCH /Users/{id}: 200 with the User."""
        projection = Projection.of(call.query)
        dialect.check_schemas(call.body, CORE_USER, call.reading, message=True)
        found = patch.operations(call.body, USER, call.reading)
        call.understand(_meaning(found))
        accepted = (_accepted(each, call.resource_id, call.reading) for each in found)
        wanted = [operation for operation in accepted if operation is not None]
        return self._changed(call, _patching(call, wanted), projection)

    def delete(self, call: Call) -> Response:
        """DELETE /Users/{id}."""
        call.understand("delete User")
        version = call.wanted_version(self._version_of)
        self._intake.delete_user(call.resource_id, call.received, call.now, if_version=version)
        return Response(status_code=204)

    def _changed(self, call: Call, change: Change, projection: Projection) -> Response:
        version = call.wanted_version(self._version_of)
        user = self._intake.change_user(call.resource_id, change, call.received, call.now, if_version=version)
        return self._rendering.answer(user, projection)

    def _version_of(self, call: Call) -> int:
        return self._lookup.get_user(call.source, call.resource_id).version


def unchanged_since(call: Call, version: int) -> Response | None:
    """Return the 304 that If-None-Match asks for where the client has this version.

    Raises:
        PreconditionError: If-Match asks for another one.
    """
    return Response(status_code=304, headers={"ETag": etag(version)}) if call.is_unchanged(version) else None


def _patching(call: Call, wanted: list[Operation]) -> Change:
    message = patch.message(USER, wanted)
    has_parts = any(operation.is_part_of_entries for operation in wanted)

    def change(stored: Mapping[str, Any]) -> Mapping[str, Any]:
        if message is None:
            return stored
        limits.check_effort(wanted, stored, call.new_effort())
        user = USER.model_validate({**stored, "id": call.resource_id}, scim_policy=TOLERANT)
        if has_parts:
            patch.apply(wanted, user, USER, message)
        else:
            message.patch(user, scim_policy=TOLERANT)
        return stored_user(user)

    return change


def _accepted(operation: Operation, user_id: str, seen: Reading) -> Operation | None:
    """Return an operation in the form of RFC 7644, or ``None`` where there is nothing to do."""
    match operation.attribute:
        case "active":
            if operation.verb == "remove":
                raise InvalidValueException(detail="active cannot be removed; set it to true or false")
            return replace(operation, value=dialect.boolean(operation.value, "active", seen))
        case "password":
            seen.saw(Quirk.PASSWORD)
            return None
        case "id" | "meta" | "groups" if operation.from_value:
            seen.saw(Quirk.READ_ONLY)
            _require_same_id(operation, user_id)
            return None
        case "manager":
            return _managing(operation, seen)
        case _:
            said = patch.with_entries(operation, USER, seen)
            return None if said is None else _plain(patch.cleared(patch.with_booleans(said, USER, seen), seen))


def _plain(operation: Operation) -> Operation:
    # A remove of one value, or of what its path chooses, may repeat it; else the value says what of a list to remove.
    says_all = operation.path.value_filter is not None or not operation.is_multivalued
    if operation.verb == "remove" and operation.path.model is None and says_all:
        return replace(operation, value=None, has_value=False)
    return operation


def _require_same_id(operation: Operation, user_id: str) -> None:
    # Okta and Auth0 send whole resources without a path, read-only attributes among them. Null says nothing.
    if operation.attribute == "id" and operation.value not in (None, user_id):
        raise MutabilityException(attribute="id", detail="id is read-only")


def _managing(operation: Operation, seen: Reading) -> Operation | None:
    if _tells_only_the_name(operation):
        if operation.from_value:
            return None
        raise MutabilityException(attribute="manager.displayName", detail="manager.displayName is read-only")
    if operation.verb == "remove":
        return replace(operation, value=None, has_value=False)
    if not operation.has_value:  # null clears, but a value that was left out says nothing
        raise InvalidValueException(detail="the operation needs a value")
    if operation.sub_attribute and operation.value not in (None, ""):
        return operation
    value = None if operation.sub_attribute else dialect.manager(operation.value, seen)
    if value is None:
        whole = type(operation.path)(f"{dialect.ENTERPRISE}:manager")
        return replace(operation, verb="remove", path=whole, value=None, has_value=False)
    return replace(operation, value=value)


def _tells_only_the_name(operation: Operation) -> bool:
    """Whether nothing is said of a manager but what it is called: that is read-only, and clears nobody's manager."""
    value = operation.value
    is_object = operation.verb != "remove" and isinstance(value, dict) and bool(value)
    return operation.sub_attribute == "displayname" or (is_object and {key.lower() for key in value} == {"displayname"})


def _meaning(found: list[Operation]) -> str:
    return listed(_sentence(operation) for operation in found) or "no attribute that is known"


def _sentence(operation: Operation) -> str:
    name = f"{operation.sent_verb} {operation.path.attr}"
    return f"{name}{says(operation.value)}" if operation.attribute == "active" else name


def _says_active(body: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """Return what a body says about ``active``: as it was sent, or as the document has it where the body has a URN."""
    if "active" not in document:
        return ", active not said"
    # Nearly everybody spells it like this.
    sent = body["active"] if "active" in body else dialect.take(body, "active")
    return f", active{says(document['active'] if sent is None else sent)}"


def says(value: Any) -> str:
    """Return what a value of ``active`` says, for a sentence."""
    found = boolean_of(value)
    if found is None:
        return " that is no boolean"
    return f" {json.dumps(value)}: {'activate' if found else 'deactivate'}"
