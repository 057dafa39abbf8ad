"""Fetch a pinned uv into .tools, for machines that have Python and nothing else.

Standard library only: a bare Debian has neither pip nor venv. The wheel comes from
the Python package index and is checked against the hashes below, so that the index
need not be trusted. Prints the path of the uv to use, alone on standard output.

The index is that of ``UV_DEFAULT_INDEX``, ``UV_INDEX_URL`` or ``PIP_INDEX_URL``.
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urljoin, urlsplit

VERSION = "0.13.8"
OLDEST = (0, 13, 0)
"""Reads the lock file's revision; older ones on PATH are not used."""

TOOLS = Path(__file__).resolve().parent.parent / ".tools"
DEFAULT_INDEX = "https://pypi.org/simple"
TIMEOUT = 60

# (system, machine, C library): (the platform in the wheel's name, sha256)
_AARCH64 = (
    "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
    "0b3e8b1a4f5e405e31e2ff33de8af4744831e9f7338539671efbd8c3c94e791d",
)
WHEELS = {
    ("linux", "x86_64", "glibc"): (
        "manylinux_2_17_x86_64.manylinux2014_x86_64",
        "e18a57b8b352eb7c8feb317b9f6f533c8f0ad9673fd6cf34bbe3cf1a9f6a8984",
    ),
    ("linux", "x86_64", "musl"): (
        "musllinux_1_1_x86_64",
        "29451c60f5e8b07403e0a175d5229efc36b0289b34143ff4aaa499a5dd52553a",
    ),
    ("linux", "aarch64", "glibc"): _AARCH64,
    ("linux", "aarch64", "musl"): _AARCH64,
    ("darwin", "arm64", ""): (
        "macosx_11_0_arm64",
        "62b6943c7fd64fac6854f780bea6e0359e5a5bc3241f83ee357bb38276afac49",
    ),
}


class BootstrapError(Exception):
    """uv cannot be had this way; the message says what to do instead."""


def main() -> int:
    """Print the path of a usable uv, fetching it if need be."""
    try:
        print(find_uv() or fetch_uv(os.environ))
    except BootstrapError as error:
        print(f"cannot get uv: {error}", file=sys.stderr)
        print("Install uv by hand (https://docs.astral.sh/uv/) and try again.", file=sys.stderr)
        return 1
    return 0


def find_uv() -> Path | None:
    """Return a uv that is new enough: the one on PATH, or the one fetched before."""
    on_path = shutil.which("uv")
    if on_path and is_new_enough(_version_of(Path(on_path))):
        return Path(on_path)
    fetched = installed()
    return fetched if fetched.is_file() and _version_of(fetched) else None


def installed() -> Path:
    """Return where the fetched uv is put."""
    return TOOLS / f"uv-{VERSION}" / "uv"


def is_new_enough(output: str | None) -> bool:
    """Whether ``uv --version`` speaks of a version that can read the lock file."""
    found = re.match(r"uv (\d+)\.(\d+)\.(\d+)", output or "")
    return found is not None and tuple(int(part) for part in found.groups()) >= OLDEST


def fetch_uv(environ: Mapping[str, str]) -> Path:
    """Download, check and unpack the wheel for this machine, and return the program's path."""
    tag, sha256 = wheel_for(sys.platform, platform.machine(), libc())
    name = f"uv-{VERSION}-py3-none-{tag}.whl"
    page = index_page(environ)
    print(f"fetching {name}", file=sys.stderr)
    wheel = download(find_link(download(page).decode(), page, name))
    check(wheel, sha256, name)
    return unpack(wheel, installed())


def wheel_for(system: str, machine: str, c_library: str) -> tuple[str, str]:
    """Return the platform part of the wheel's name, and the wheel's sha256."""
    aliases = {"amd64": "x86_64", "arm64": "arm64" if system == "darwin" else "aarch64"}
    key = (system, aliases.get(machine.lower(), machine.lower()), c_library if system == "linux" else "")
    if key not in WHEELS:
        raise BootstrapError(f"no wheel is pinned for {' '.join(part for part in key if part)}")
    return WHEELS[key]


def libc() -> str:
    """Return the C library: ``glibc``, or ``musl`` where Python knows no other."""
    return "glibc" if platform.libc_ver()[0] == "glibc" else "musl"


def index_page(environ: Mapping[str, str]) -> str:
    """Return the address of uv's page at the configured package index (PEP 503)."""
    names = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
    index = next((environ[name] for name in names if environ.get(name)), DEFAULT_INDEX)
    # uv lets an index be named: NAME=URL
    return re.sub(r"^[A-Za-z0-9_.-]+=(?=https?:)", "", index).rstrip("/") + "/uv/"


def find_link(page: str, address: str, name: str) -> str:
    """Return the absolute address of a file that an index page lists."""
    links = _Links()
    links.feed(page)
    for href in links.found:
        url = urldefrag(urljoin(address, href)).url
        if urlsplit(url).path.rpartition("/")[2] == name:
            return url
    raise BootstrapError(f"the package index has no {name}")


def check(wheel: bytes, sha256: str, name: str) -> None:
    """Refuse a file that is not the one that was pinned."""
    if hashlib.sha256(wheel).hexdigest() != sha256:
        raise BootstrapError(f"{name} is not the file that was pinned (sha256 differs); it was not used")


def unpack(wheel: bytes, to: Path) -> Path:
    """Write the uv program of a wheel to a path, whole or not at all."""
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        program = archive.read(f"uv-{VERSION}.data/scripts/uv")
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=to.parent, delete=False) as file:
        file.write(program)
    Path(file.name).chmod(0o755)
    Path(file.name).replace(to)
    return to


def download(url: str) -> bytes:
    """Return what is at an address. Certificates are those of the system, or of ``SSL_CERT_FILE``."""
    if urlsplit(url).scheme not in {"https", "http"}:
        raise BootstrapError("the package index is no web address")
    # HTML, because the JSON form of the index is not everywhere.
    request = urllib.request.Request(url, headers={"Accept": "text/html, */*;q=0.1"})  # noqa: S310  # checked above
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310  # checked above
            body: bytes = answer.read()
            return body
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise BootstrapError(f"{urlsplit(url).hostname} does not answer as it should: {reason}") from error


def _version_of(uv: Path) -> str | None:
    try:
        asked = subprocess.run([uv, "--version"], capture_output=True, text=True, timeout=TIMEOUT, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return asked.stdout


class _Links(HTMLParser):
    """Collects the addresses that a page links to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the address of a link."""
        if tag == "a":
            self.found += [value for key, value in attrs if key == "href" and value]


if __name__ == "__main__":
    raise SystemExit(main())
