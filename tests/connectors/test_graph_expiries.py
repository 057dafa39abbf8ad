"""When the application's credentials end, as far as the tenant tells."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scimbridge.sdk import RejectedError
from tests.connectors.graph_bridge import Directory, directory
from tests.doubles.graph import ALL_PERMISSIONS, CLIENT, SECRET

NOW = datetime.now(UTC).replace(microsecond=0)
HINT = SECRET[:3]


@pytest.fixture(scope="module")
def running() -> Iterator[Directory]:
    with directory() as found:
        yield found


def secret(name: str | None, days: int | None, hint: str | None) -> dict[str, Any]:
    end = None if days is None else (NOW + timedelta(days=days)).isoformat().replace("+00:00", "Z")
    return {"displayName": name, "endDateTime": end, "hint": hint, "secretText": None}


@pytest.mark.parametrize(
    ("secrets", "told"),
    [
        ([secret("new", 100, HINT), secret("other", 5, "xyz"), secret("old", -5, HINT)], {"'new'": 100}),
        ([secret("one", 100, HINT), secret("two", 5, HINT)], {"'one'": 100, "'two'": 5}),
        ([secret("other", 5, "xyz"), secret(None, 7, None)], {"secret of": 7}),
        ([secret("endless", None, HINT)], {"'endless'": None}),
        ([secret("other", 5, "xyz")], {}),
    ],
    ids=["by its hint", "two that may be it", "without a hint", "without an end", "somebody else's"],
)
def test_the_secret_in_use_is_told_with_its_end(
    running: Directory, secrets: list[dict[str, Any]], told: dict[str, int | None]
) -> None:
    running.graph.tenant.applications.clear()
    running.graph.tenant.publish(
        "somebody else's", "application", appId="x", passwordCredentials=[secret("no", 1, HINT)]
    )
    running.graph.tenant.publish("bridge", "application", appId=CLIENT, passwordCredentials=secrets)
    connector = running.connector()

    found = list(connector.expiries())

    connector.close()
    assert [each.ends_at for each in found] == [
        days if days is None else NOW + timedelta(days=days) for days in told.values()
    ]
    assert all(name in each.what for name, each in zip(told, found, strict=True))


def test_who_may_not_look_at_applications_says_so(running: Directory) -> None:
    running.graph.tokens.granted = ALL_PERMISSIONS - {"Directory.Read.All", "Application.ReadWrite.All"}
    connector = running.connector()

    with pytest.raises(RejectedError, match="looking for the application's secret"):
        list(connector.expiries())

    connector.close()
    running.graph.tokens.granted = ALL_PERMISSIONS
