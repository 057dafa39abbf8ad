"""The web process as a whole: what is mounted where, health, and metrics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from scimbridge.asgi import create_app
from scimbridge.bridge import Bridge
from scimbridge.config import load
from scimbridge.errors import StoreUnavailableError


@pytest.fixture
def bridge(tmp_path: Path, database_url: str) -> Iterator[Bridge]:
    config = tmp_path / "scimbridge.toml"
    config.write_text(
        f"""
        [store]
        url = "{database_url}"
        [queue]
        url = "redis://127.0.0.1:1"
        [sources.idp]
        """,
        encoding="utf-8",
    )
    bridge = Bridge(load(config, {}))
    bridge.prepare_store(may_upgrade=True)
    yield bridge
    bridge.close()


@pytest.fixture
def client(bridge: Bridge) -> Iterator[TestClient]:
    with TestClient(create_app(bridge)) as client:
        yield client


def test_scim_answers_below_its_prefix(bridge: Bridge, client: TestClient) -> None:
    token = bridge.tokens.create("idp", by="test", now=bridge.clock())

    found = client.get("/scim/v2/Users", headers={"Authorization": f"Bearer {token}"})

    assert (found.status_code, found.json()["totalResults"]) == (200, 0)


@pytest.mark.parametrize("path", ["/scim/v2", "/scim/v2/", "/scim/v2/Users/%0d%0ax:%00y", "/scim/v2/nothing"])
def test_every_answer_below_the_prefix_is_a_scim_answer(client: TestClient, path: str) -> None:
    answer = client.get(path)

    assert answer.headers["content-type"].startswith("application/scim+json")
    assert answer.json()["status"] == str(answer.status_code) == "401"


def test_a_similar_prefix_is_not_scim(client: TestClient) -> None:
    assert client.get("/scim/v2x/Users").status_code == 404


def test_liveness_needs_nothing(client: TestClient, bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge.overview, "is_alive", _unavailable)

    assert client.get("/healthz").status_code == 200


def test_readiness_is_about_the_store_and_not_about_redis(client: TestClient) -> None:
    assert client.get("/readyz").json() == {"ready": True, "store": "ok"}


def test_without_the_store_the_process_is_not_ready_and_says_why(
    client: TestClient, bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge.overview, "is_alive", _unavailable)

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["store"]) == (503, "disk full")


def test_metrics_count_what_is_in_the_store(client: TestClient) -> None:
    scraped = client.get("/metrics")

    assert "scimbridge_open_cases 0.0" in scraped.text


def test_metrics_are_scraped_without_the_store_too(
    client: TestClient, bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge.overview, "open_case_count", _unavailable)

    assert client.get("/metrics").status_code == 200


def test_an_old_schema_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    config = tmp_path / "scimbridge.toml"
    config.write_text('data_dir = "data"\n', encoding="utf-8")
    bridge = Bridge(load(config, {}))

    with pytest.raises(StoreUnavailableError, match="scimbridge db upgrade"):
        bridge.prepare_store(may_upgrade=False)


def _unavailable(*_: object) -> bool:
    raise StoreUnavailableError("disk full")
