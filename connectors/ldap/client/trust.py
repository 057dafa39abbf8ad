"""Which servers are trusted."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import ldap3


class VerifyingTls(ldap3.Tls):  # type: ignore[misc]  # ldap3 has no types
    """TLS in which OpenSSL checks the certificate and the name or address in it.

    ldap3's own check of names fails on addresses from Python 3.12 on.
    """

    def __init__(self, ca_file: Path | None, certificate: Path | None = None, key: Path | None = None) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self.context = ssl.create_default_context(cafile=ca_file)
        if certificate is not None:
            self.context.load_cert_chain(certificate, key)

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        """Encrypt a connection's socket. Called by ldap3."""
        connection.socket = self.context.wrap_socket(
            connection.socket, do_handshake_on_connect=do_handshake, server_hostname=connection.server.host
        )
