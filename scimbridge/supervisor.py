"""Everything in one go: an embedded Redis where one is asked for, and the three processes, kept alive."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from scimbridge.child import die_with_parent
from scimbridge.config import EMBEDDED, Settings
from scimbridge.errors import BridgeError
from scimbridge.lifetime import Stop, keep_loaded, metrics_directory, require_core
from scimbridge.queue.embedded import EmbeddedRedis

if TYPE_CHECKING:
    from scimbridge.bridge import Bridge

Run = Callable[..., None]

QUICK_END = 5.0
"""Seconds. A process that ends sooner is started again later and later."""

SLOWEST_RESTART = 30.0
STOP_SECONDS = 30.0

log = structlog.get_logger("scimbridge.supervisor")


@dataclass
class _Child:
    """One of the processes.

    Attributes:
        restart_at: When to start it again (monotonic), while it is not running.
    """

    name: str
    run: Run
    pid: int = 0
    started_at: float = 0.0
    quick_ends: int = 0
    restart_at: float = 0.0
    is_ready: bool = False
    ready_pipe: int = -1


@dataclass
class Supervisor:
    """Starts the processes by forking, so that they share the memory of what is imported, and starts them again.

    Args:
        settings: A configuration without mistakes.
        on_ready: Called once all processes are ready for the first time.
    """

    settings: Settings
    on_ready: Callable[[], None] = lambda: None
    stop: Stop = field(default_factory=Stop)
    redis: EmbeddedRedis | None = None

    def run(self) -> None:
        """Keep everything running until SIGTERM or SIGINT, then stop all of it.

        Raises:
            QueueError: The embedded Redis cannot be started.
            StoreError: The database cannot be brought up to date.
            ListenError: The web process would not get its address.
            CoreError: The web process may not run on its core.
        """
        self.stop.install()
        metrics_directory(self.settings.data_dir / "metrics")
        children = [_Child(name, run) for name, run in _processes().items()]
        self._try_server()
        try:
            self._start_redis()
            self._prepare_store()
            keep_loaded()
            self._keep(children)
        finally:
            self._end(children)
            if self.redis is not None:
                self.redis.stop()

    def _try_server(self) -> None:
        # Somebody watches now: later it would be one of many lines in a log, again and again.
        from scimbridge import asgi

        if self.settings.server.core is not None:
            require_core(self.settings.server.core)
        asgi.listen(self.settings.server.listen).close()

    def _start_redis(self) -> None:
        if self.settings.queue_url == EMBEDDED:
            self.redis = EmbeddedRedis(self.settings.data_dir / "redis")

    def _bridge(self) -> Bridge:
        from scimbridge.bridge import Bridge

        return Bridge(self.settings, queue_url=self.redis.url if self.redis else None)

    def _prepare_store(self) -> None:
        # Closed again before the forks: a connection must not be shared by two processes.
        bridge = self._bridge()
        bridge.prepare_store(may_upgrade=True)
        bridge.prepare_rules()
        bridge.prepare_names()
        bridge.close()

    def _keep(self, children: list[_Child]) -> None:
        announced = False
        while not self.stop.is_set():
            now = time.monotonic()
            for child in children:
                if child.pid == 0 and now >= child.restart_at:
                    self._start(child)
            self._await_news(children)
            self._reap(children)
            self._restart_redis()
            if not announced and all(child.is_ready for child in children):
                announced = True
                self.on_ready()

    def _start(self, child: _Child) -> None:
        reading, writing = os.pipe()
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        child.pid = os.fork()
        if child.pid == 0:
            os.close(reading)
            self._be(child, parent, writing)
        os.close(writing)
        log.info("process started", action="process.start", process=child.name, pid=child.pid)
        child.started_at, child.ready_pipe, child.is_ready = time.monotonic(), reading, False

    def _be(self, child: _Child, parent: int, ready: int) -> None:
        """Be the child, to the end of the process."""
        code = 1
        try:
            die_with_parent(parent)
            # A Ctrl-C in the terminal reaches all processes; the supervisor tells us when to stop.
            os.setpgid(0, 0)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            child.run(self._bridge(), ready=lambda: _say_ready(ready))
            code = 0
        except BridgeError as error:
            log.error("process ended", action="process.broke", process=child.name, reason=str(error))
        except Exception:  # the edge of the process
            log.exception("process ended", action="process.broke", process=child.name)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _await_news(self, children: list[_Child]) -> None:
        pipes = {child.ready_pipe: child for child in children if child.ready_pipe >= 0}
        if not pipes:
            self.stop.wait(0.2)
            return
        try:
            ready, _, _ = select.select(list(pipes), [], [], 0.2)
        except InterruptedError:
            return
        for pipe in ready:
            # Nothing comes out of a pipe that the end of the child has closed.
            pipes[pipe].is_ready = bool(os.read(pipe, 1))
            _close_pipe(pipes[pipe])

    def _reap(self, children: list[_Child]) -> None:
        for child in children:
            if child.pid == 0:
                continue
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if pid == 0:
                continue
            lived = time.monotonic() - child.started_at
            child.quick_ends = child.quick_ends + 1 if lived < QUICK_END else 0
            delay = min(SLOWEST_RESTART, 0.25 * 2**child.quick_ends) if child.quick_ends else 0.0
            child.pid, child.is_ready, child.restart_at = 0, False, time.monotonic() + delay
            _close_pipe(child)
            if not self.stop.is_set():
                log.error(
                    "process ended; starting it again",
                    action="process.restart",
                    process=child.name,
                    status=os.waitstatus_to_exitcode(status),
                    delay=delay,
                )

    def _restart_redis(self) -> None:
        if self.redis is not None and not self.redis.is_running() and not self.stop.is_set():
            log.error("embedded redis ended; starting it again", action="redis.restart")
            self.redis.restart()

    def _end(self, children: list[_Child]) -> None:
        for child in children:
            _signal(child, signal.SIGTERM)
        until = time.monotonic() + STOP_SECONDS
        while any(child.pid for child in children) and time.monotonic() < until:
            self._reap(children)
            time.sleep(0.02)
        for child in children:
            _signal(child, signal.SIGKILL)


def _processes() -> dict[str, Run]:
    # Imported this late, because their metrics are bound to a directory when they are imported.
    from scimbridge import asgi, sweeper, worker

    return {"web": asgi.run, "worker": worker.run, "sweeper": sweeper.run}


def _signal(child: _Child, number: int) -> None:
    if child.pid:
        os.kill(child.pid, number)


def _say_ready(pipe: int) -> None:
    os.write(pipe, b"!")
    os.close(pipe)


def _close_pipe(child: _Child) -> None:
    if child.ready_pipe >= 0:
        os.close(child.ready_pipe)
        child.ready_pipe = -1


def up(settings: Settings, on_ready: Callable[[], None] = lambda: None) -> None:
    """Run the whole bridge until SIGTERM or SIGINT (see ``Supervisor``)."""
    Supervisor(settings, on_ready).run()
