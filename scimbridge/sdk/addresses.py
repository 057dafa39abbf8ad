"""Addresses that no target has: clouds give out the credentials of their machines there, to whoever asks.

A name is looked up once, and the connection made to the very address that was checked: one that is told
differently the next time (DNS rebinding) leads nowhere else. Behind a proxy names are the proxy's to look up.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

IpAddress = IPv4Address | IPv6Address

FORBIDDEN = tuple(
    ip_network(each)
    for each in (
        # Link-local (RFC 3927, RFC 4291 §2.5.6), with the metadata of most clouds at 169.254.169.254.
        "169.254.0.0/16",
        "fe80::/10",
        # Metadata by IPv6: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html,
        # https://cloud.google.com/compute/docs/metadata/querying-metadata
        "fd00:ec2::/32",
        "fd20:ce::254/128",
        # Alibaba's: https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata
        "100.100.100.200/32",
        # Azure's platform: https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
        "168.63.129.16/32",
    )
)

_NAT64 = ip_network("64:ff9b::/96")
_COMPATIBLE = ip_network("::/96")


class ForbiddenAddressError(ValueError):
    """An address that no target has unless the configuration says so."""

    def __init__(self, address: IpAddress) -> None:
        super().__init__(
            f"{address} is link-local or a cloud's own, where machines get their credentials; nothing is sent "
            "there, unless it is a target with `allow_link_local = true`"
        )


def refuse_written(url: str) -> None:
    """Make sure that an address in figures, however it is spelled, is none of these; names pass.

    Raises:
        ForbiddenAddressError: It is one of them.
    """
    address = _in_figures(urlsplit(url).hostname or "")
    if address is not None:
        _refuse(address)


def refuse_found(address: str) -> None:
    """Make sure that an address in figures, as a look-up gives it, is none of these.

    Raises:
        ForbiddenAddressError: It is one of them.
    """
    _refuse(ip_address(address))


def resolve(host: str, port: int, *, allow_link_local: bool) -> list[str]:
    """Return the addresses of a host in figures, in the order in which they are to be tried.

    Raises:
        OSError: It is unknown.
        ForbiddenAddressError: One of them is among these, and that is not allowed.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, "not a host name") from error
    addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
    if not allow_link_local:
        for address in addresses:
            refuse_found(address)
    return addresses


def _refuse(address: IpAddress) -> None:
    meant = _within(address)
    if any(meant in network for network in FORBIDDEN):
        raise ForbiddenAddressError(meant)


def _within(address: IpAddress) -> IpAddress:
    """Return the IPv4 address that one of IPv6 leads to, where it does (RFC 4291 §2.5.5, RFC 3056, RFC 6052)."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _in_figures(host: str) -> IpAddress | None:
    """Return the address that a host is, in any spelling that systems take: 2852039166, 0xa9.254.0251.254."""
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None
