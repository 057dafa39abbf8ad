from __future__ import annotations

import errno
import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from scimbridge import metric_files, telemetry
from scimbridge.lifetime import metrics_directory
from tests.logs import forget_configuration

SECRET = "correct-horse-battery-staple"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    forget_configuration()


def a_line(stream: io.StringIO) -> dict[str, Any]:
    (line,) = stream.getvalue().splitlines()
    event: dict[str, Any] = json.loads(line)
    return event


def test_a_line_is_json_where_nobody_watches() -> None:
    stream = io.StringIO()
    telemetry.configure_logging(stream=stream)

    structlog.get_logger("scimbridge.worker").info("attempt ended", action="suspend", account_id="a1")

    line = a_line(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "attempt ended",
        "level": "info",
        "logger": "scimbridge.worker",
        "action": "suspend",
        "account_id": "a1",
    }


def test_a_terminal_gets_text() -> None:
    stream = Terminal()
    telemetry.configure_logging(stream=stream)

    structlog.get_logger("scimbridge").info("ready")

    assert "ready" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_libraries_log_to_the_same_stream() -> None:
    stream = io.StringIO()
    telemetry.configure_logging(stream=stream)

    logging.getLogger("uvicorn.error").warning("cannot %s", "bind")

    line = a_line(stream)
    assert (line["event"], line["level"], line["logger"]) == ("cannot bind", "warning", "uvicorn.error")


def test_what_is_below_the_level_is_left_out() -> None:
    stream = io.StringIO()
    telemetry.configure_logging("warning", stream=stream)

    structlog.get_logger("scimbridge").info("not this")

    assert stream.getvalue() == ""


def test_request_lines_of_libraries_are_left_out() -> None:
    stream = io.StringIO()
    telemetry.configure_logging("debug", stream=stream)

    logging.getLogger("httpx").info("GET /Users?filter=userName eq ada@example.com")

    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    "bound",
    [
        {"password": SECRET},
        {"bind_password": SECRET},
        {"clientSecret": SECRET},
        {"token": SECRET},
        {"headers": {"Authorization": SECRET}},
        {"settings": [{"api_key": SECRET}]},
        {"header": f"Bearer {SECRET}"},
        {"url": f"redis://:{SECRET}@redis.example.com"},
        {"text": f"the token scb_{SECRET} is unknown"},
        {"text": f"the access token sca_{SECRET} is unknown"},
        {"text": f"the client secret scs_{SECRET} is wrong"},
        {"text": f"the JWT eyJhbGciOiJub25lIn0.{SECRET}.x is wrong"},
        {"user_name": SECRET},
        {"userName": SECRET},
        {"body": {"active": SECRET}},
    ],
)
def test_secrets_and_personal_values_are_not_logged(bound: dict[str, Any]) -> None:
    stream = io.StringIO()
    telemetry.configure_logging(stream=stream)

    structlog.get_logger("scimbridge").info("something", **bound)

    assert SECRET not in stream.getvalue()
    assert telemetry.REDACTED in stream.getvalue()


@pytest.mark.parametrize(
    "bound", [{"token_id": "t1"}, {"tokens": 3}, {"target": "app"}, {"url": "https://example.com"}]
)
def test_ids_and_counts_stay(bound: dict[str, Any]) -> None:
    assert telemetry.redact(None, "info", dict(bound)) == bound


def test_the_text_of_an_exception_is_cleaned() -> None:
    stream = io.StringIO()
    telemetry.configure_logging(stream=stream)

    try:
        raise ValueError(f"sent Bearer {SECRET}")
    except ValueError:
        structlog.get_logger("scimbridge").exception("failed")

    assert "ValueError" in a_line(stream)["exception"]
    assert SECRET not in stream.getvalue()


def test_metrics_are_rendered_for_prometheus() -> None:
    telemetry.SUBMISSIONS.labels(result="accepted").inc()

    body, content_type = telemetry.scrape()

    assert b'scimbridge_submissions_total{result="accepted"}' in body
    assert content_type.startswith("text/plain")


def test_every_metric_is_named_after_the_product() -> None:
    body, _ = telemetry.scrape()

    ours = [line for line in body.decode().splitlines() if line.startswith("# TYPE scimbridge_")]
    assert len(ours) >= 12


def test_processes_that_share_a_folder_are_scraped_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "counter_1.db").write_bytes(b"left over")
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    metrics_directory(tmp_path)
    shared = dict(os.environ)
    count = "from scimbridge import telemetry; telemetry.SUBMISSIONS.labels(result='lost').inc()"
    scrape = f"{count}; print(telemetry.scrape()[0].decode())"

    subprocess.run([sys.executable, "-c", count], env=shared, check=True)
    scraped = subprocess.run([sys.executable, "-c", scrape], env=shared, check=True, capture_output=True, text=True)

    assert 'scimbridge_submissions_total{result="lost"} 2.0' in scraped.stdout
    files = list(tmp_path.glob("*.db"))
    assert files
    assert all(file.stat().st_blocks * 512 >= metric_files.ROOM for file in files), "a full disk would end who counts"


def test_who_finds_no_room_for_metrics_counts_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_file: int, _start: int, _length: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    counters: Any = metric_files.RoomyDict(str(tmp_path / "counter_1.db"))

    counters.write_value("lost", 2.0, 0.0)

    assert counters.read_value("lost") == (2.0, 0.0)
    assert list(tmp_path.iterdir()) == [], "an empty file would break whoever looks at the metrics"
    counters.close()
