"""The web process: SCIM, the dashboard, health and metrics."""

from __future__ import annotations

import math
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

import anyio.to_thread
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from scimbridge import telemetry
from scimbridge.admission.addresses import Addresses
from scimbridge.admission.failures import Failures
from scimbridge.admission.headers import SecurityHeaders
from scimbridge.api.admission import Admission
from scimbridge.api.app import api_routes
from scimbridge.bridge import Bridge
from scimbridge.config.values import Listen
from scimbridge.dashboard import build_routes
from scimbridge.dashboard.entrance import Arrivals
from scimbridge.domain.reconciliation import Mismatch
from scimbridge.errors import BridgeError, ListenError
from scimbridge.lifetime import Stop, beside, keep_loaded, keep_on_core
from scimbridge.scim.admission.gate import Gate
from scimbridge.scim.admission.pace import pace_of
from scimbridge.scim.app import build_app
from scimbridge.scim.base import BaseAddress
from scimbridge.scim.oauth import TokenEndpoint, oauth_routes
from scimbridge.scim.schemes import schemes_of
from scimbridge.services.following import FOLLOW_EVERY
from scimbridge.store.clock import MEASURE_EVERY
from scimbridge.wire import Protocol

THREADS = 40
"""Requests that are worked on at once; more wait their turn."""


def create_app(bridge: Bridge) -> ASGIApp:
    """Return the whole HTTP side of a bridge."""
    clock = bridge.clock
    access = bridge.settings.access
    addresses = Addresses(bridge.settings.server.trusted_proxies)
    failures, pace = Failures(), pace_of(access)
    public_url = bridge.settings.server.public_url
    gate = Gate(
        bridge.identifying.identify,
        bridge.recent_grants,
        clock,
        access,
        addresses=addresses,
        failures=failures,
        pace=pace,
    )
    endpoint = TokenEndpoint(bridge.granting, clock, access, addresses=addresses, failures=failures, pace=pace)
    scim_app = build_app(
        intake=bridge.intake,
        group_intake=bridge.group_intake,
        lookup=bridge.lookup,
        gate=gate,
        public_url=public_url,
        clock=clock,
        max_body=bridge.settings.server.max_body,
        schemes=schemes_of(access),
        max_bulk_body=bridge.settings.server.max_bulk_body,
        documentation_url=bridge.settings.server.documentation_url,
        profiles=bridge.settings.profiles,
        note_quirks=bridge.quirks.note,
    )
    pages = Starlette(
        routes=[
            Route("/healthz", _healthz),
            Route("/readyz", _Readiness(bridge).answer),
            Route("/metrics", _Metrics(bridge).answer),
            *oauth_routes(endpoint, public_url),
            *api_routes(bridge, Admission(bridge.operators.identify, clock, addresses, failures)),
            *build_routes(bridge, Arrivals(addresses=addresses, failures=failures)),
        ],
        lifespan=_lifespan,
    )
    # A redirect for a slash would lead where a Host header says, and behind a TLS proxy out of TLS.
    pages.router.redirect_slashes = False
    guarded = SecurityHeaders(pages, is_https=public_url.startswith("https://"))
    return BaseAddress(guarded, scim=scim_app, public_url=public_url)


def run(bridge: Bridge, *, takes_file: bool = False, ready: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        bridge: The parts; closed at the end.
        takes_file: Whether the rules of the file are put in force. Not where a process is started again with what
            the file said long ago, and another machine may have a newer one.
        ready: Called once requests are answered.

    Raises:
        StoreError: The store cannot be used; nothing was started.
        ConfigurationError: A source's userNames cannot be compared as it says; nothing was started.
        ListenError: The address is taken, or none of this machine.
        CoreError: The process may not run on the core that it is to be kept on.
    """
    if bridge.settings.server.core is not None:
        keep_on_core(bridge.settings.server.core)
    bridge.prepare_store(may_upgrade=False)
    if takes_file:
        bridge.prepare_rules()
    bridge.prepare_names()
    bridge.store_clock.measure()
    config = uvicorn.Config(
        create_app(bridge),
        http=Protocol,
        # No page needs a WebSocket, and a connection that becomes one would not keep to the limits of ``Protocol``.
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        # Whom to believe about addresses, [server] trusted_proxies says; uvicorn would believe this whole machine.
        proxy_headers=False,
    )
    server = _Server(config, ready, bridge.live.stop)
    with listen(bridge.settings.server.listen) as listening:
        # uvicorn raises the signal that ended it once more; with these handlers that ends nothing else.
        stop = Stop()
        stop.install()
        with (
            beside("clock", bridge.store_clock.measure, MEASURE_EVERY.total_seconds(), stop),
            beside("rules", lambda: bridge.following.keep(bridge.clock()), FOLLOW_EVERY, stop),
        ):
            server.run(sockets=[listening])
    bridge.close()


def listen(address: Listen) -> socket.socket:
    """Return a socket that listens.

    Raises:
        ListenError: The address is taken, or none of this machine.
    """
    try:
        return socket.create_server((address.host, address.port), family=_family(address.host), backlog=512)
    except OSError as error:
        # What the socket module adds to the reason is the address in a form of its own.
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror)
        raise ListenError(address, reason) from error


class _Server(uvicorn.Server):
    """Says when it is ready, and when it is about to end."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready
        self._ending = ending

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        keep_loaded()
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Connections are waited for, and a stream has no end of its own.
        self._ending()
        await super().shutdown(sockets)


@asynccontextmanager
async def _lifespan(_app: Starlette) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield


async def _healthz(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


class _Readiness:
    """Whether requests would be answered: the store is what that takes. Redis is not."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    def answer(self, _request: Request) -> Response:
        try:
            self._bridge.overview.is_alive()
        except BridgeError as error:
            return JSONResponse({"ready": False, "store": str(error)}, status_code=503)
        return JSONResponse({"ready": True, "store": "ok"})


class _Metrics:
    """Prometheus' view. What the store counts is read when somebody looks, one reader at a time.

    Anybody may ask for it, and as often as they like: whoever waits for their turn holds no thread of the pages.
    """

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._turn = anyio.CapacityLimiter(1)

    async def answer(self, _request: Request) -> Response:
        content, media_type = await anyio.to_thread.run_sync(self._scrape, limiter=self._turn)
        return Response(content, media_type=media_type)

    def _scrape(self) -> tuple[bytes, str]:
        # Without the store, the counters of the processes are worth showing all the same.
        with suppress(BridgeError):
            self._measure()
        return telemetry.scrape()

    def _measure(self) -> None:
        telemetry.OPEN_CASES.set(self._bridge.overview.open_case_count())
        telemetry.FLOODS_OPEN.set(self._bridge.flooding.standing_count())
        now = self._bridge.clock()
        for source, expires_at in self._bridge.tokens.expiries().items():
            left = math.inf if expires_at is None else (expires_at - now).total_seconds()
            telemetry.TOKEN_EXPIRY.labels(source).set(left)
        for target in self._bridge.overview.targets(now):
            waited = (now - target.oldest_due_at).total_seconds() if target.oldest_due_at else 0.0
            telemetry.OLDEST_RUNNABLE.labels(target.name).set(waited)
            telemetry.RUNNABLE_ACCOUNTS.labels(target.name).set(target.runnable)
            telemetry.TASKS_NEEDING_PERSON.labels(target.name).set(target.needs_person)
            telemetry.TARGET_PACE.labels(target.name).set(target.pace)
            telemetry.TARGET_PAUSED.labels(target.name).set(target.stopped is not None)
            telemetry.TARGET_ARMED.labels(target.name).set(target.armed_until is not None)
        self._measure_reconciliation(now)

    def _measure_reconciliation(self, now: datetime) -> None:
        for found in self._bridge.findings.targets(now):
            if found.shown is not None:
                for kind in Mismatch:
                    telemetry.RECONCILIATION_FINDINGS.labels(found.target, kind).set(found.counts.get(kind, 0))
            if found.complete is not None and found.complete.ended_at is not None:
                telemetry.RECONCILIATION_AGE.labels(found.target).set((now - found.complete.ended_at).total_seconds())
            if found.overdue is not None:
                overdue = math.inf if found.overdue == timedelta.max else found.overdue.total_seconds()
                telemetry.RECONCILIATION_OVERDUE.labels(found.target).set(overdue)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
