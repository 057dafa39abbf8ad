"""The repository keeps its promises: what installs, what is declared, and that a machine with nothing can start."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import re
import subprocess
import threading
import tomllib
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


# -- what is declared ---------------------------------------------------------


def test_every_connector_has_an_extra_and_a_package() -> None:
    kinds = PROJECT["entry-points"]["scimbridge.connectors"]

    assert set(kinds) <= set(PROJECT["optional-dependencies"])
    assert all((ROOT / entry.partition(":")[0].replace(".", "/")).is_dir() for entry in kinds.values())


def test_the_changelog_has_the_version() -> None:
    assert f"## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_license_is_the_one_declared() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    assert "Version 2.0, January 2004" in (ROOT / "LICENSE").read_text()


def test_make_help_describes_every_target() -> None:
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert targets is not None

    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert set(re.findall(r"^  make (\w+)", shown, re.MULTILINE)) == set(targets[1].split())


def test_contributors_are_told_of_every_layer() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["id"] == "layers")
    names = set(re.findall(r"[a-z]+", " ".join(layers))) - {"demo", "process", "sweeper", "child"}

    text = (ROOT / "CONTRIBUTING.md").read_text()

    assert {name for name in names if name not in text} == set()


# -- a machine without uv -----------------------------------------------------


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, keeping what it fetches to itself."""
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "deploy" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "TOOLS", tmp_path / ".tools")
    monkeypatch.setenv("PATH", str(tmp_path))
    return module


def a_wheel(version: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"uv-{version}.data/scripts/uv", f"#!/bin/sh\necho uv {version}\n")
    return buffer.getvalue()


class Index:
    """A package index that has one wheel, on a free port of the loopback."""

    def __init__(self, name: str, wheel: bytes) -> None:
        page = f'<html><a href="../../files/{name}#sha256=0">{name}</a></html>'.encode()
        answers = {"/simple/uv/": page, f"/files/{name}": wheel}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = answers.get(self.path)
                self.send_response(200 if body else 404)
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/simple"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def wheel(bootstrap: ModuleType) -> bytes:
    return a_wheel(bootstrap.VERSION)


@pytest.fixture
def index(bootstrap: ModuleType, wheel: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    monkeypatch.setattr(bootstrap, "wheel_for", lambda *_: ("any", hashlib.sha256(wheel).hexdigest()))
    index = Index(f"uv-{bootstrap.VERSION}-py3-none-any.whl", wheel)
    yield index
    index.close()


@pytest.mark.parametrize("variable", ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"])
def test_uv_is_fetched_from_the_configured_index(bootstrap: ModuleType, index: Index, variable: str) -> None:
    uv = bootstrap.fetch_uv({variable: f"{index.url}/"})

    assert uv == bootstrap.installed()
    assert bootstrap.find_uv() == uv


def test_a_wheel_that_is_not_the_pinned_one_is_not_used(
    bootstrap: ModuleType, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "wheel_for", lambda *_: ("any", "0" * 64))

    with pytest.raises(bootstrap.BootstrapError, match="is not the file that was pinned"):
        bootstrap.fetch_uv({"UV_DEFAULT_INDEX": index.url})

    assert not bootstrap.installed().exists()


def test_an_index_without_the_wheel_says_so(
    bootstrap: ModuleType, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "wheel_for", lambda *_: ("other", "0" * 64))

    with pytest.raises(bootstrap.BootstrapError, match=r"has no uv-.*-other\.whl"):
        bootstrap.fetch_uv({"UV_DEFAULT_INDEX": index.url})


def test_an_index_that_does_not_answer_says_so(bootstrap: ModuleType, index: Index) -> None:
    with pytest.raises(bootstrap.BootstrapError, match="does not answer as it should"):
        bootstrap.fetch_uv({"UV_DEFAULT_INDEX": index.url.replace("/simple", "/none")})


@pytest.mark.parametrize(
    ("system", "machine", "c_library", "tag"),
    [
        ("linux", "x86_64", "glibc", "manylinux_2_17_x86_64"),
        ("linux", "x86_64", "musl", "musllinux_1_1_x86_64"),
        ("linux", "aarch64", "glibc", "manylinux_2_17_aarch64"),
        ("linux", "arm64", "musl", "manylinux_2_17_aarch64"),
        ("darwin", "arm64", "musl", "macosx_11_0_arm64"),
    ],
)
def test_each_platform_has_a_pinned_wheel(
    bootstrap: ModuleType, system: str, machine: str, c_library: str, tag: str
) -> None:
    chosen, sha256 = bootstrap.wheel_for(system, machine, c_library)

    assert chosen.startswith(tag)
    assert re.fullmatch(r"[0-9a-f]{64}", sha256)


def test_a_platform_without_a_pinned_wheel_says_so(bootstrap: ModuleType) -> None:
    with pytest.raises(bootstrap.BootstrapError, match="linux sparc64 glibc"):
        bootstrap.wheel_for("linux", "sparc64", "glibc")


@pytest.mark.parametrize(
    ("said", "usable"),
    [("uv 0.13.8", True), ("uv 0.14.0 (abc 2026-01-01)", True), ("uv 0.9.30", False), ("", False), (None, False)],
)
def test_an_old_uv_is_not_used(bootstrap: ModuleType, said: str | None, usable: bool) -> None:
    assert bootstrap.is_new_enough(said) is usable
