"""A certificate authority made on the spot."""

from __future__ import annotations

import subprocess
from pathlib import Path

from scimbridge.demo.directory import ServerTls

KEY_OPTIONS = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30")


def make_certificates(folder: Path) -> ServerTls:
    """Make an authority, and a certificate by it for 127.0.0.1 and localhost."""
    make_authority(folder, "ca")
    _openssl(
        folder,
        *("req", "-x509", *KEY_OPTIONS, "-subj", "/CN=localhost", "-CA", "ca.crt", "-CAkey", "ca.key"),
        *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"),
        *("-keyout", "server.key", "-out", "server.crt"),
    )
    return ServerTls(folder / "ca.crt", folder / "server.crt", folder / "server.key")


def expire(tls: ServerTls) -> ServerTls:
    """Put a certificate for the same key and names, that ended yesterday, into the place of a server's."""
    folder = tls.certificate_file.parent
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    _openssl(folder, "req", "-new", "-key", "server.key", "-subj", "/CN=localhost", "-out", "server.csr")
    _openssl(
        folder,
        *("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"),
        *("-days", "-1", "-extfile", "names", "-out", "server.crt"),
    )
    return tls


def make_client(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a certificate for a client by the authority in a folder; return its file and its key's."""
    _openssl(
        folder,
        *("req", "-x509", *KEY_OPTIONS, "-subj", f"/CN={name}", "-CA", "ca.crt", "-CAkey", "ca.key"),
        *("-addext", "basicConstraints=critical,CA:FALSE", "-keyout", f"{name}.key", "-out", f"{name}.crt"),
    )
    return folder / f"{name}.crt", folder / f"{name}.key"


def make_authority(folder: Path, name: str) -> Path:
    """Make an authority and return its certificate's file."""
    folder.mkdir(parents=True, exist_ok=True)
    _openssl(
        folder,
        *("req", "-x509", *KEY_OPTIONS, "-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign"),
        *("-keyout", f"{name}.key", "-out", f"{name}.crt"),
    )
    return folder / f"{name}.crt"


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
