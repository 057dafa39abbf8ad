"""Lists in pages, and what a client asks of them."""

from __future__ import annotations

from typing import Any

from tests.doubles.graph.description import check_names
from tests.doubles.graph.errors import bad_request
from tests.doubles.serving import Asked

_KNOWN = frozenset({"$select", "$filter", "$top", "$count", "$skiptoken", "$expand", "$deltatoken"})


def check_query(asked: Asked) -> None:
    """Check the options of a query.

    Raises:
        GraphError: There is an unknown one.
    """
    for name in asked.query:
        if name not in _KNOWN:
            raise bad_request(f"Unrecognized query option: {name}", "BadRequest")


def selected(asked: Asked, kind: str, document: dict[str, Any], by_default: tuple[str, ...]) -> dict[str, Any]:
    """Return the properties that a request selects; Graph leaves out many where it selects none."""
    names = (asked.one("$select") or ",".join(by_default)).split(",")
    check_names(kind, names)
    return {name: document.get(name) for name in ("id", *names)}


def paged(asked: Asked, origin: str, found: list[dict[str, Any]], size: int = 100) -> dict[str, Any]:
    """Return the page of a list that a request asks for, and the address of the next one."""
    size = int(asked.one("$top") or size)
    if not 1 <= size <= 999:
        raise bad_request("Invalid page size specified: it must be between 1 and 999 inclusive.")
    start = int(asked.one("$skiptoken") or 0)
    page: dict[str, Any] = {"value": found[start : start + size]}
    if start + size < len(found):
        kept = "&".join(f"{name}={values[-1]}" for name, values in asked.query.items() if name != "$skiptoken")
        page["@odata.nextLink"] = f"{origin}{asked.path}?{kept}{'&' if kept else ''}$skiptoken={start + size}"
    return page
