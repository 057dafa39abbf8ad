"""Private servers for the tests: on free ports, in temporary folders, gone afterwards."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from random import SystemRandom

from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError


def _own_ports() -> Iterator[int]:
    """Yield the ports of this process, in no order, and each once more only after all others.

    Each worker of pytest has its own, so that none is handed out that another one is about to listen on.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 20_000 + worker % 8 * 1500
    return cycle(SystemRandom().sample(range(first, first + 1500), k=1500))


_PORTS = _own_ports()


def quiet_port() -> int:
    """Return a free port that the kernel gives to no outgoing connection while its server is away.

    Nobody is told the same one while its server is restarted, or has not begun to listen.
    """
    for port in _PORTS:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError  # the ports have no end


def _postgresql_program(name: str) -> str:
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / name).exists():
            return str(folder / name)
    found = shutil.which(name)
    if found is None:
        message = f"{name} is missing: install PostgreSQL (Debian: postgresql)"
        raise RuntimeError(message)
    return found


@contextmanager
def postgresql() -> Iterator[str]:
    """Run a PostgreSQL of our own; yields its SQLAlchemy URL."""
    # PostgreSQL refuses to run as root, and its socket needs a short path.
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    directory = Path(tempfile.mkdtemp(prefix="scb-pg-"))
    directory.chmod(0o777)
    data, port = directory / "data", quiet_port()
    init = [*as_user, _postgresql_program("initdb"), "-D", str(data), "-A", "trust", "-U", "bridge", "-E", "UTF8"]
    subprocess.run([*init, "--no-sync", "--locale=C.UTF-8"], check=True, stdout=subprocess.DEVNULL, cwd="/")
    options = ["-c", f"unix_socket_directories={directory}", "-c", "fsync=off", "-c", "max_connections=200"]
    # Statistics that it took of one test's rows would change the plans of another's.
    options += ["-c", "autovacuum=off"]
    server = subprocess.Popen(
        [*as_user, _postgresql_program("postgres"), "-D", str(data), "-p", str(port), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
    )
    url = f"postgresql+psycopg://bridge@127.0.0.1:{port}/postgres"
    try:
        _wait_for_postgresql(url)
        yield url
    finally:
        stop = [*as_user, _postgresql_program("pg_ctl"), "-D", str(data), "-m", "immediate", "stop"]
        subprocess.run(stop, check=False, stdout=subprocess.DEVNULL, cwd="/")
        server.wait(timeout=120)
        shutil.rmtree(directory, ignore_errors=True)


def _wait_for_postgresql(url: str) -> None:
    engine = create_engine(url)
    until = time.monotonic() + 200
    while True:
        try:
            engine.connect().close()
        except OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            engine.dispose()
            return
