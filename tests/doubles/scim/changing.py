"""PATCH of users and groups, in the forms that a vendor takes."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.doubles.scim.habits import Habits

Document = dict[str, Any]

_PATH = re.compile(r'(?P<name>[\w:.-]+)(\[value eq "(?P<value>.*)"\])?')


class RefusalError(Exception):
    """The application refuses a request, by this status and keyword."""

    def __init__(self, status: int, keyword: str = "") -> None:
        super().__init__(status, keyword)
        self.status = status
        self.keyword = keyword


def changed_user(user: Mapping[str, Any], operations: list[Document], habits: Habits) -> Document:
    """Return a user after a PATCH (RFC 7644 section 3.5.2)."""
    changed = copy.deepcopy(dict(user))
    for each in operations:
        for op, path, value in _apart(each, habits):
            _change(changed, op, path, value, habits)
    return changed


def _apart(operation: Document, habits: Habits) -> Iterator[tuple[str, str, Any]]:
    """Yield an operation's parts: several, where it has no path."""
    op = operation["op"].lower()
    if op not in habits.operations:
        raise RefusalError(400, "invalidSyntax")
    path, value = operation.get("path"), operation.get("value")
    by = "path" if path is not None else "value"
    if path is None and (op == "remove" or not isinstance(value, dict)):
        raise RefusalError(400, "noTarget")
    told: Any = {path: value} if path is not None else value
    if "active" in told and by not in habits.active_by:
        raise RefusalError(400, "invalidPath")
    yield from ((op, name, each) for name, each in told.items())


def _change(user: Document, op: str, path: str, value: Any, habits: Habits) -> None:
    parts = _PATH.fullmatch(path)
    if parts is None:
        raise RefusalError(400, "invalidPath")
    name, chosen = parts["name"], parts["value"]
    stored = habits.patchable or habits.attributes
    if stored is not None and name not in stored:
        if habits.other_attributes == "refused":
            raise RefusalError(400, "invalidPath")
        return
    if chosen is not None:
        if habits.paths_with_filters == "meant":
            user[name] = [each for each in user.get(name, []) if each["value"] != chosen]
        return
    if name == "active" and not isinstance(value, bool):
        raise RefusalError(400, "invalidValue")
    match op:
        case "remove":
            user.pop(name, None)
        case "add" if isinstance(value, list):
            user[name] = [*user.get(name, []), *(each for each in value if each not in user.get(name, []))]
        case _:
            user[name] = value


def changed_group(group: Mapping[str, Any], operations: list[Document], known: set[str], habits: Habits) -> Document:
    """Return a group after a PATCH.

    Args:
        group: As it is stored.
        operations: What the PATCH says.
        known: The ids of all users.
        habits: Which forms are taken.
    """
    changed = {**group, "members": list(group["members"])}
    changes = 0
    for each in operations:
        op = each["op"].lower()
        if op == "remove":
            gone = _leaving(each, changed["members"], habits)
            changed["members"] = [member for member in changed["members"] if member not in gone]
            changes += len(gone)
        elif op == "add" and not _is_about_text(each):
            came = _joining(each, habits)
            if habits.knows_members and not set(came) <= known:
                raise RefusalError(404)
            changed["members"] += [member for member in came if member not in changed["members"]]
            changes += len(came)
        elif op == "replace" and _is_about_text(each):
            changed[each["path"]] = each["value"]
        else:
            raise RefusalError(400, "invalidValue")
    if habits.max_members is not None and changes > habits.max_members:
        raise RefusalError(400, "tooMany")
    return changed


def _is_about_text(operation: Document) -> bool:
    return bool(operation.get("path", "members") != "members")


def _leaving(operation: Document, members: list[str], habits: Habits) -> set[str]:
    path, value = operation.get("path", ""), operation.get("value")
    parts = _PATH.fullmatch(path)
    if parts is None or parts["name"] != "members":
        raise RefusalError(400, "noTarget")
    if parts["value"] is not None:
        form, gone = "filter", {parts["value"]}
    elif isinstance(value, dict):
        form, gone = "nested", {each["value"] for each in value["members"]}
    elif value is not None and "list" in habits.leaving_by:
        form, gone = "list", {each["value"] for each in value}
    else:
        # By the standard, a value beside the path means nothing: everybody goes.
        if not habits.can_be_emptied:
            raise RefusalError(400, "invalidValue")
        return set(members)
    if form not in habits.leaving_by:
        raise RefusalError(400, "invalidPath")
    return gone


def _joining(operation: Document, habits: Habits) -> list[str]:
    path, value = operation.get("path"), operation.get("value")
    form = "path" if isinstance(value, list) and path == "members" else "nested" if path == "members" else "value"
    if form not in habits.joining_by:
        raise RefusalError(400, "invalidValue")
    members = value if isinstance(value, list) else (value or {}).get("members", [])
    return [each["value"] for each in members]
