"""Where a request comes from, and who may say so."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from starlette.types import Scope

from scimbridge.admission.addresses import Addresses
from scimbridge.domain.access import Network

TRUSTED: tuple[Network, ...] = (ip_network("10.0.0.0/8"), ip_network("2001:db8:1::/48"))


def a_scope(peer: str | None, *forwarded: str) -> Scope:
    headers = [(b"x-forwarded-for", each.encode()) for each in forwarded]
    return {"type": "http", "client": None if peer is None else (peer, 50000), "headers": headers}


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", (), "192.0.2.1"),
        # nobody else is believed
        ("192.0.2.1", ("198.51.100.7",), "192.0.2.1"),
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("198.51.100.7",), "198.51.100.7"),
        # what stands further left may be anybody's invention
        ("10.0.0.1", ("203.0.113.9, 198.51.100.7",), "198.51.100.7"),
        ("10.0.0.1", ("203.0.113.9, 198.51.100.7, 10.1.1.1",), "198.51.100.7"),
        ("10.0.0.1", ("203.0.113.9", "198.51.100.7", "10.1.1.1"), "198.51.100.7"),
        # all of them are proxies
        ("10.0.0.1", ("10.0.0.3, 10.0.0.2",), "10.0.0.3"),
        # what is no address ends the search
        ("10.0.0.1", ("198.51.100.7, unknown, 10.0.0.2",), "10.0.0.2"),
        ("10.0.0.1", ("",), "10.0.0.1"),
        # spellings
        ("10.0.0.1", ("198.51.100.7:4711",), "198.51.100.7"),
        ("2001:db8:1::1", ("[2001:db8:9::5]:4711",), "2001:db8:9::5"),
        ("2001:db8:1::1", ("2001:db8:9::5",), "2001:db8:9::5"),
        ("::ffff:10.0.0.1", ("198.51.100.7",), "198.51.100.7"),
        ("::ffff:192.0.2.1", (), "192.0.2.1"),
    ],
)
def test_the_client_is_the_rightmost_one_that_is_no_trusted_proxy(
    peer: str, forwarded: tuple[str, ...], client: str
) -> None:
    assert Addresses(TRUSTED).of(a_scope(peer, *forwarded)) == ip_address(client)


def test_without_trusted_proxies_the_header_is_nothing() -> None:
    assert Addresses().of(a_scope("127.0.0.1", "198.51.100.7")) == ip_address("127.0.0.1")


@pytest.mark.parametrize("peer", [None, "", "testclient"])
def test_a_connection_without_an_address_has_none(peer: str | None) -> None:
    assert Addresses(TRUSTED).of(a_scope(peer, "198.51.100.7")) is None
