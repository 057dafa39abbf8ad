"""What the bridge is measured against: SCIM servers that keep everything in memory, and the least durable one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.bench.stage import running, wait_for
from tests.servers import quiet_port

ROOT = Path(__file__).resolve().parents[2]
NODE_SOURCE = Path(__file__).with_name("node")
NODE_CACHE = ROOT / ".tools" / "bench-node"


@dataclass(frozen=True, slots=True)
class Peer:
    """A started server."""

    base_url: str
    process: psutil.Process


@contextmanager
def scim2_server(folder: Path) -> Iterator[Peer]:
    """Run scim2-server in one uvicorn process."""
    port = quiet_port()
    with running([sys.executable, "-m", "tests.bench.peer", str(port)], folder / "scim2-server.log") as process:
        base_url = f"http://127.0.0.1:{port}"
        wait_for(f"{base_url}/ServiceProviderConfig")
        yield Peer(base_url, psutil.Process(process.pid))


@contextmanager
def bare_server(folder: Path) -> Iterator[Peer]:
    """Run the least that a durable server can be, with an empty database."""
    port = quiet_port()
    command = [sys.executable, "-m", "tests.bench.bare", str(port), str(folder / "bare.db")]
    with running(command, folder / "bare.log") as process:
        base_url = f"http://127.0.0.1:{port}"
        wait_for(f"{base_url}/ServiceProviderConfig")
        yield Peer(base_url, psutil.Process(process.pid))


@contextmanager
def node_server(folder: Path) -> Iterator[Peer]:
    """Run SCIMMY with Express in one Node.js process.

    Raises:
        RuntimeError: There is no Node.js, or npm cannot fetch what ``package-lock.json`` names.
    """
    port, server = quiet_port(), _installed()
    environment = os.environ | {"NODE_ENV": "production"}
    with running([_program("node"), str(server), str(port)], folder / "node.log", environment) as process:
        base_url = f"http://127.0.0.1:{port}/scim/v2"
        wait_for(f"{base_url}/ServiceProviderConfig")
        yield Peer(base_url, psutil.Process(process.pid))


def _installed() -> Path:
    """Return the server's file, with what it needs beside it: fetched once, anew when it has changed."""
    lock, server = NODE_CACHE / "package-lock.json", NODE_CACHE / "server.js"
    fresh = lock.exists() and lock.read_bytes() == (NODE_SOURCE / lock.name).read_bytes()
    if not fresh:
        shutil.rmtree(NODE_CACHE, ignore_errors=True)
        NODE_CACHE.mkdir(parents=True)
        shutil.copy(NODE_SOURCE / "package.json", NODE_CACHE)
        _fetch(NODE_SOURCE / lock.name)
    shutil.copy(NODE_SOURCE / server.name, server)
    return server


def _fetch(lock: Path) -> None:
    shutil.copy(lock, NODE_CACHE)
    done = subprocess.run(
        [_program("npm"), "ci", "--no-audit", "--no-fund"], cwd=NODE_CACHE, capture_output=True, text=True
    )
    if done.returncode:
        (NODE_CACHE / lock.name).unlink()
        raise RuntimeError(f"npm ci failed: {done.stderr.strip()[-500:]}")


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise RuntimeError(f"{name} is missing: install Node.js 18 or newer with npm (make servers)")
    return found
