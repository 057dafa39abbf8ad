"""Filters, as far as a vendor understands them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.doubles.scim.changing import RefusalError
from tests.doubles.scim.habits import Habits

_COMPARISON = re.compile(r'(?P<attribute>[\w:.$-]+) (?P<operator>\w+) (?P<value>"(?:[^"\\]|\\.)*"|\S+)')


def found_by(
    asked: str | None, documents: Iterable[Mapping[str, Any]], filters: tuple[str, ...] | None, habits: Habits
) -> Iterator[Any]:
    """Yield what a filter finds.

    Raises:
        RefusalError: The vendor does not take it.
    """
    if asked is None:
        yield from documents
        return
    comparison = _COMPARISON.fullmatch(asked)
    if comparison is None or (comparison["operator"] not in habits.operators and habits.other_filters != "everything"):
        raise RefusalError(400, "invalidFilter")
    attribute = comparison["attribute"]
    if filters is not None and attribute not in filters:
        if habits.other_filters == "refused":
            raise RefusalError(400, "invalidFilter")
        yield from documents if habits.other_filters == "everything" else ()
        return
    path = habits.names_in_filters.get(attribute, attribute)
    wanted = json.loads(comparison["value"]) if comparison["value"].startswith('"') else comparison["value"]
    for document in documents:
        values = [str(each) for each in _values(document, path.split("."))]
        if _holds(comparison["operator"], values, wanted, exact=path in {"id", "externalId"}):
            yield document


def _holds(operator: str, values: list[str], wanted: str, *, exact: bool) -> bool:
    match operator:
        case "eq":
            return wanted in values if exact else wanted.lower() in {each.lower() for each in values}
        case "gt":
            return any(each > wanted for each in values)
        case _:
            return any(each.lower().startswith(wanted.lower()) for each in values)


def _values(found: Any, path: list[str]) -> Iterator[Any]:
    if isinstance(found, list):
        for each in found:
            yield from _values(each, path)
    elif not path:
        yield found
    elif isinstance(found, Mapping):
        name, *rest = path
        yield from _values(found.get(name, []), rest or (["value"] if name == "members" else []))
