"""Who may see a page: until operators can sign in, only somebody on this machine."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import Request

_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


def is_local(request: Request) -> bool:
    """Whether a request comes from this machine, was not passed on by a proxy, and names this machine.

    A proxy on this machine would otherwise show the page to everybody. The name is checked because a
    web site can give its own name this machine's address, and then read what it finds there.
    """
    client = request.client.host if request.client else ""
    return _is_here(client, request) and not _was_passed_on(request) and _is_here(_asked_for(request), request)


def refusal(request: Request) -> str:
    """Return what to do instead, for somebody who is elsewhere."""
    port = (request.scope.get("server") or ("", None))[1] or 8085
    return (
        "This page shows personal data and has no sign-in yet, so that it is answered to this machine only.\n"
        f"From elsewhere, run `ssh -L {port}:127.0.0.1:{port} THIS-MACHINE` and open http://127.0.0.1:{port}/\n"
    )


def _is_here(host: str, request: Request) -> bool:
    server = (request.scope.get("server") or ("", None))[0]
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost"
    # A socket for both protocols spells 127.0.0.1 as ::ffff:127.0.0.1.
    mapped = getattr(address, "ipv4_mapped", None) or address
    # A connection from this machine to one of its other addresses comes from that address.
    return bool(mapped.is_loopback) or host == server


def _was_passed_on(request: Request) -> bool:
    # nginx as it comes adds no header at all, but speaks HTTP/1.0, which nobody else does.
    return request.scope.get("http_version") == "1.0" or any(name in request.headers for name in _FORWARDED)


def _asked_for(request: Request) -> str:
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""
