"""Addresses of directories."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit


def usable(url: str) -> str:
    """Return an address as the client takes it.

    Raises:
        ValueError: It is none, or says more than where the server is.
    """
    parts = _split(url)
    if parts.scheme not in {"ldap", "ldaps", "ldapi"} or not parts.netloc:
        raise ValueError("write ldaps://HOST, ldap://HOST or ldapi://%2Fpath%2Fto%2Fsocket")
    if parts.path.strip("/") or parts.query or parts.username:
        raise ValueError("write the server's address only; base_dn and bind_dn have keys of their own")
    return url.rstrip("/")


def check_encryption(url: str, *, start_tls: bool) -> None:
    """Make sure that a password crosses no network in the clear.

    Raises:
        ValueError: It would, or it is encrypted twice.
    """
    parts = _split(url)
    if start_tls and parts.scheme != "ldap":
        raise ValueError("start_tls is for ldap:// addresses; leave it out here")
    if parts.scheme == "ldap" and not start_tls and not _is_loopback(parts.hostname or ""):
        raise ValueError(
            "the password would cross the network in the clear: write ldaps:// in url, or set start_tls = true"
        )


def _split(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme != "ldapi":
        _ = parts.port  # raises ValueError where it is no number
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
