"""What tests of notices share."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

import pytest

from scimbridge.demo.directory import ServerTls
from tests.lab.certificates import make_certificates

NOW = datetime(2026, 11, 30, 8, 15, tzinfo=UTC)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> ServerTls:
    """An authority, and its certificate for localhost."""
    return make_certificates(tmp_path_factory.mktemp("notices-tls"))


@pytest.fixture(scope="session")
def tls(certificates: ServerTls) -> ssl.SSLContext:
    """A server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate_file, certificates.key_file)
    return context
