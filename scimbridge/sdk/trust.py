"""Whom a client of HTTP trusts, and what it shows of itself (TLS)."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx

from scimbridge.sdk.errors import TargetUnusableError


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate by which a client says who it is (mutual TLS).

    Attributes:
        path: PEM file with the certificate.
        key: PEM file with its private key, which has no password; ``None`` where it is in the same file.
    """

    path: Path
    key: Path | None = None


@cache
def trust_of(ca_file: Path | None, certificate: ClientCertificate | None) -> ssl.SSLContext:
    """Return whom to trust, and what to show; read once, because the public certificates take 20 ms to read."""
    trust = httpx.create_ssl_context() if ca_file is None else ssl.create_default_context(cafile=str(ca_file))
    if certificate is not None:
        try:
            # Without a password of ours, OpenSSL would ask for it at the terminal.
            trust.load_cert_chain(certificate.path, certificate.key, password="")
        except (OSError, ValueError):  # ssl.SSLError is an OSError
            raise TargetUnusableError(
                f"{certificate.path}: there is no certificate in it with its private key, or the key needs a password"
            ) from None
    return trust
