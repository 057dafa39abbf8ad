"""What a list is asked for, by GET or by POST to ``.search``, and the lists of several resource types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from scim2_models import InvalidFilterException, InvalidSyntaxException, InvalidValueException, SearchRequest
from starlette.responses import Response

from scimbridge.domain.sort import Sort
from scimbridge.scim import dialect
from scimbridge.scim.call import Call
from scimbridge.scim.projection import Projection
from scimbridge.scim.rendering import Rendering
from scimbridge.services.cursors import MAX_COUNT
from scimbridge.services.lookup import Lookup, Query

SEARCH_REQUEST = str(SearchRequest.__schema__)

_ORDERS = {"": False, "ascending": False, "descending": True}
_MOST_DIGITS = 18
_LONGEST_NAME = 80
_LISTS = {"attributes", "excludedAttributes"}
_SINGLE = {"startIndex", "count", "cursor", "sortBy", "sortOrder"}
_NAMES = {name.lower(): name for name in (*_LISTS, *_SINGLE, "filter")}
"""What can be asked for, by its name in lower case: a filter that was passed over would find everybody."""


class Search:
    """Queries by POST (RFC 7644 §3.4.3), and those over all resource types (RFC 7644 §3.4.2.1).

    A search is a read, whatever its method: nothing of it is kept.
    """

    def __init__(self, lookup: Lookup, rendering: Rendering) -> None:
        self._lookup = lookup
        self._rendering = rendering

    def root(self, call: Call) -> Response:
        """GET /."""
        return self._all(call, call.query)

    def everything(self, call: Call) -> Response:
        """POST /.search."""
        return self._all(call, _checked(call.body))

    def users(self, call: Call) -> Response:
        """POST /Users/.search."""
        return find_users(self._lookup, self._rendering, call, _checked(call.body))

    def groups(self, call: Call) -> Response:
        """POST /Groups/.search."""
        return find_groups(self._lookup, self._rendering, call, _checked(call.body))

    def _all(self, call: Call, asked: Mapping[str, Any]) -> Response:
        projection, query = Projection.of(asked), query_of(asked, self._rendering.base)
        with_members = shows_members(call, projection)
        page = self._lookup.list_all(call.source, query, call.now, with_members=with_members)
        return self._rendering.page(page, projection)


def find_users(lookup: Lookup, rendering: Rendering, call: Call, asked: Mapping[str, Any]) -> Response:
    """Return the page of Users that a query or a body asks for."""
    projection, query = Projection.of(asked), query_of(asked, rendering.base)
    return rendering.page(lookup.list_users(call.source, query, call.now), projection)


def find_groups(lookup: Lookup, rendering: Rendering, call: Call, asked: Mapping[str, Any]) -> Response:
    """Return the page of Groups that a query or a body asks for."""
    projection, query = Projection.of(asked), query_of(asked, rendering.base)
    page = lookup.list_groups(call.source, query, call.now, with_members=shows_members(call, projection))
    return rendering.page(page, projection)


def shows_members(call: Call, projection: Projection) -> bool:
    """Whether the answer has the members of Groups: nobody is read otherwise."""
    return call.is_shown and projection.wants("members")


def single_values(query: bytes) -> dict[str, str]:
    """Return the parameters of an address, each of which is said once, in any case; lists may be said in parts.

    Args:
        query: What stands behind the question mark, as it was sent.

    Raises:
        InvalidFilterException: There are several filters. One of them would be left out, and the answer be another's.
            Or the filter is not written in UTF-8.
        InvalidValueException: Another parameter is there twice, or is not written in UTF-8.
    """
    found: dict[str, str] = {}
    for name, value in _parameters(query):
        if name not in found:
            found[name] = value
        elif name in _LISTS:
            found[name] += f",{value}"
        elif name == "filter":
            raise InvalidFilterException(detail="there are several filters; join them with and")
        elif name in _SINGLE:
            raise InvalidValueException(detail=f"{name} is there twice")
    return found


def _parameters(query: bytes) -> Iterator[tuple[str, str]]:
    # Each byte as one character: by itself, parse_qsl puts U+FFFD where a byte is no UTF-8. A filter would look for
    # that and find nobody, and who is told that somebody is not there creates them once more.
    for sent_name, sent_value in parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="latin-1"):
        name = _as_utf8(sent_name)
        if name is None:
            raise InvalidValueException(detail="the name of a parameter must be percent-encoded UTF-8")
        name = _NAMES.get(name.lower(), name)
        value = _as_utf8(sent_value)
        if value is None:
            error = InvalidFilterException if name == "filter" else InvalidValueException
            raise error(detail=f"{name[:_LONGEST_NAME]} must be percent-encoded UTF-8")
        yield name, value


def _as_utf8(sent: str) -> str | None:
    """Return the text whose bytes are the characters of a string, or ``None`` where they are no UTF-8."""
    try:
        return sent.encode("latin-1").decode()
    except UnicodeDecodeError:
        return None


def query_of(asked: Mapping[str, Any], base: str) -> Query:
    """Return what a list is asked for: an index below 1 is 1, a negative count is 0, a large one the most there is.

    Args:
        asked: The parameters of a request, or the body of a search.
        base: The address of the service provider.

    Raises:
        InvalidValueException: A parameter has a value that it cannot have, or two exclude each other.
    """
    start_index, count = _number(asked, "startIndex"), _number(asked, "count")
    cursor = asked.get("cursor")
    if cursor is not None and start_index is not None:
        raise InvalidValueException(detail="cursor and startIndex exclude each other")
    return Query(
        filter=_filter(asked),
        sort=_sort(asked),
        base=base,
        start_index=max(start_index or 1, 1),
        count=None if count is None else min(max(count, 0), MAX_COUNT),
        cursor=None if cursor is None else _text(asked, "cursor"),
    )


def _filter(asked: Mapping[str, Any]) -> str | None:
    text = _text(asked, "filter")
    # Whoever looks for somebody and sends nothing to look for must not find everybody.
    if not text and asked.get("filter") is not None:
        raise InvalidFilterException(detail="the filter is empty; leave it out to read everything")
    return text or None


def _sort(asked: Mapping[str, Any]) -> Sort | None:
    by, order = _text(asked, "sortBy"), _text(asked, "sortOrder").lower()
    if order not in _ORDERS:
        raise InvalidValueException(detail="sortOrder is ascending or descending")
    return Sort(by, descending=_ORDERS[order]) if by else None


def _text(asked: Mapping[str, Any], name: str) -> str:
    value = asked.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidValueException(detail=f"{name} must be a string")
    return value.strip()


def _number(asked: Mapping[str, Any], name: str) -> int | None:
    value = asked.get(name)
    if value is None or value == "":
        return None
    text = str(value).strip()
    digits = text.removeprefix("-")
    is_number = isinstance(value, int | str) and not isinstance(value, bool)
    if not is_number or not (digits.isascii() and digits.isdecimal()) or len(digits) > _MOST_DIGITS:
        raise InvalidValueException(detail=f"{name} must be a whole number of at most {_MOST_DIGITS} digits")
    return int(text)


def _checked(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters in the body of a search, in the spelling of RFC 7644 §3.4.3."""
    schemas = dialect.take(body, "schemas")
    if schemas and not (
        isinstance(schemas, list) and SEARCH_REQUEST.lower() in {str(each).lower() for each in schemas}
    ):
        raise InvalidSyntaxException(detail=f"schemas does not name {SEARCH_REQUEST}")
    found = {name: dialect.take(body, name) for name in _NAMES.values()}
    return {name: value for name, value in found.items() if value is not None}
