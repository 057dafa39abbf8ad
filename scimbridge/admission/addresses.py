"""Where a request comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from starlette.types import Scope

from scimbridge.domain.access import Network

Address = IPv4Address | IPv6Address


class Addresses:
    """Finds the client of a request.

    Args:
        trusted_proxies: Whose X-Forwarded-For is believed. Nobody else's is: anybody can write one.
    """

    def __init__(self, trusted_proxies: Sequence[Network] = ()) -> None:
        self._trusted = tuple(trusted_proxies)

    def of(self, scope: Scope) -> Address | None:
        """Return the client's address, or ``None`` where the connection has none.

        That is the rightmost one in X-Forwarded-For that is no trusted proxy's: each proxy adds, on the
        right, whom it was asked by, and what stands further left may be anybody's invention.
        """
        client = scope.get("client")
        address = parsed(client[0]) if client else None
        if not self._trusted or address is None or not is_within(address, self._trusted):
            return address
        for text in _forwarded_for(scope):
            further = parsed(text)
            if further is None:
                break
            address = further
            if not is_within(address, self._trusted):
                break
        return address


@lru_cache(maxsize=4096)
def parsed(text: str) -> Address | None:
    """Return the address in a text, without port and brackets; IPv4 in IPv6's clothes becomes IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_within(address: Address, networks: Iterable[Network]) -> bool:
    """Whether an address is in one of the networks."""
    return any(address in network for network in networks)


def _forwarded_for(scope: Scope) -> Iterator[str]:
    """Yield what the proxies wrote, the nearest first."""
    lines = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    yield from reversed(",".join(lines).split(","))
