"""When the key of the service account ends, as far as Google tells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scimbridge.sdk import RejectedError, TargetUnusableError
from tests.connectors.google_bridge import Workspace, workspace
from tests.doubles.google.tokens import FOR_EVER
from tests.doubles.serving import Answer, Fault


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with workspace(tmp_path_factory.mktemp("google")) as found:
        yield found


@pytest.mark.parametrize(
    ("ends_at", "told"),
    [(datetime(2031, 5, 1, 9, tzinfo=UTC), datetime(2031, 5, 1, 9, tzinfo=UTC)), (FOR_EVER, None)],
)
def test_the_key_is_told_with_its_age_and_its_end(running: Workspace, ends_at: datetime, told: datetime | None) -> None:
    running.google.tokens.key_ends_at = ends_at
    connector = running.connector()

    (found,) = connector.expiries()

    connector.close()
    assert (found.what, found.ends_at) == ("the key of the service account, made on 2025-03-01,", told)


def test_a_key_that_is_not_published_says_so(running: Workspace) -> None:
    connector = running.connector()
    running.google.faults = [
        Fault(Answer(status=200, body={"another": "key"})),
        Fault(Answer(status=200, body={"key-1": "x"})),
    ]

    with pytest.raises(RejectedError, match="does not list the key of credentials_file"):
        list(connector.expiries())
    with pytest.raises(TargetUnusableError, match="no certificate where one is expected"):
        list(connector.expiries())

    connector.close()


def test_a_key_file_without_the_address_tells_nothing(running: Workspace, tmp_path: Path) -> None:
    short = {key: value for key, value in running.google.tokens.key_file(running.url).items() if "x509" not in key}
    (tmp_path / "short.json").write_text(json.dumps(short))
    connector = running.connector(credentials_file=str(tmp_path / "short.json"))

    assert list(connector.expiries()) == []

    connector.close()
