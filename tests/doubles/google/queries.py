"""Searches, as lists of the Directory API take them."""

from __future__ import annotations

import re

from tests.doubles.google.errors import invalid

_QUERY = re.compile(r"(?P<field>\w+)(?P<op>[=:])(?:'(?P<quoted>(?:[^'\\]|\\.)*)'|(?P<plain>\S+))")


def parsed(query: str) -> list[tuple[str, str]]:
    """Read a query; https://developers.google.com/workspace/admin/directory/v1/guides/search-users.

    https://developers.google.com/workspace/admin/directory/v1/guides/search-groups has the fields of groups.
    """
    found = [
        (each["field"], re.sub(r"\\(.)", r"\1", each["quoted"]) if each["quoted"] is not None else each["plain"])
        for each in _QUERY.finditer(query)
    ]
    if _QUERY.sub("", query).strip() or not found:
        raise invalid("Invalid Input: query")
    return found
