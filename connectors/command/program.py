"""Running a program once: clean surroundings, limits of time, memory and output, and nobody left behind."""

from __future__ import annotations

import errno
import os
import selectors
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import IO, Literal

from scimbridge.sdk import RejectedError, RetryableError, TargetUnusableError

MOST_OUTPUT = 1024 * 1024
"""More than this on stdout is no answer, in bytes."""

_SCARCE = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}
"""What this machine may have again later: room on its disk, files, memory, processes."""

_MOST_SAID = 64 * 1024
_PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that came to its end.

    Attributes:
        code: Its exit code; negative where a signal ended it.
        answer: Its stdout.
        said: The end of its stderr.
    """

    code: int
    answer: bytes
    said: bytes


def run(
    argv: Sequence[str], sent: bytes, *, environment: Mapping[str, str], seconds: float, memory: int, words: str
) -> Ended:
    """Run a program in a folder of its own that is removed afterwards.

    When this returns or raises, the program and all that it started in its process group are gone. Should this
    process be killed meanwhile, the kernel kills the program.

    Args:
        argv: The program and its arguments; no shell sees them.
        sent: Its stdin.
        environment: All its variables, but for PATH, LANG, HOME and TMPDIR.
        seconds: How long it may take.
        memory: How many bytes of address space each process may have.
        words: What this is, for an operator.

    Raises:
        RetryableError: It took too long, or this machine has no room for it just now.
        RejectedError: It wrote more than is read.
        TargetUnusableError: It cannot be started.
    """
    limiting = _limiting(memory)
    try:
        with tempfile.TemporaryDirectory(prefix="scimbridge-", ignore_cleanup_errors=True) as folder:
            surroundings = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": folder, "TMPDIR": folder, **environment}
            process = subprocess.Popen(  # noqa: S603  # the operator's own program, from the configuration
                [*limiting, *argv],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=folder,
                env=surroundings,
                start_new_session=True,
            )
            try:
                return _Run(process, sent, seconds, words).to_its_end()
            finally:
                _end(process)
    except OSError as error:
        said = f"{words}: the program cannot be run ({error.strerror})"
        raise (RetryableError if error.errno in _SCARCE else TargetUnusableError)(said) from None


def _limiting(memory: int) -> list[str]:
    """Return what sets the limits and becomes the program; Python could not set them safely among threads."""
    tools = [shutil.which(name, path="/usr/bin:/bin") for name in ("prlimit", "setpriv")]
    if None in tools:
        raise TargetUnusableError("prlimit and setpriv are missing on this machine; install util-linux")
    prlimit, setpriv = map(str, tools)
    return [prlimit, f"--as={memory}", "--core=0", "--", setpriv, "--pdeathsig", "KILL", "--"]


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the program's group while its leader is not reaped yet, so that its number is nobody else's."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _end(process: subprocess.Popen[bytes]) -> None:
    _kill(process)
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with suppress(OSError):
                stream.close()


class _Run:
    """Feeds a process and listens to it until it ends."""

    def __init__(self, process: subprocess.Popen[bytes], sent: bytes, seconds: float, words: str) -> None:
        self._process = process
        self._left = memoryview(sent)
        self._ends_at = monotonic() + seconds
        self._seconds = seconds
        self._words = words
        self._answer = bytearray()
        self._said = bytearray()

    def to_its_end(self) -> Ended:
        ended = os.pidfd_open(self._process.pid)
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(ended, selectors.EVENT_READ, "ended")
                self._watch(selector, self._process.stdin, selectors.EVENT_WRITE, "in")
                self._watch(selector, self._process.stdout, selectors.EVENT_READ, "out")
                self._watch(selector, self._process.stderr, selectors.EVENT_READ, "err")
                while not self._serve(selector):
                    pass
        finally:
            os.close(ended)
        _kill(self._process)
        self._drain()
        code = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        assert code is not None  # noqa: S101  # it has ended
        is_exit = code.si_code == os.CLD_EXITED
        return Ended(code.si_status if is_exit else -code.si_status, bytes(self._answer), bytes(self._said))

    @staticmethod
    def _watch(
        selector: selectors.BaseSelector, stream: IO[bytes] | None, event: int, name: Literal["in", "out", "err"]
    ) -> None:
        assert stream is not None  # noqa: S101  # each is a pipe
        os.set_blocking(stream.fileno(), False)
        selector.register(stream, event, name)

    def _serve(self, selector: selectors.BaseSelector) -> bool:
        """Move what can be moved, and return whether the program has ended."""
        ready = selector.select(self._ends_at - monotonic())
        if monotonic() >= self._ends_at:
            raise RetryableError(f"{self._words}: the program took longer than {self._seconds:g} s and was killed")
        has_ended = False
        for key, _ in ready:
            if key.data == "ended":
                has_ended = True
            elif not (self._feed() if key.data == "in" else self._listen(key.data)):
                selector.unregister(key.fileobj)
        return has_ended

    def _feed(self) -> bool:
        """Write a piece, and return whether there is more to write."""
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101
        try:
            self._left = self._left[os.write(stdin.fileno(), self._left[:_PIECE]) :]
        except BlockingIOError:
            return True
        except BrokenPipeError:
            self._left = self._left[:0]  # it does not want to know
        if not self._left:
            stdin.close()
        return bool(self._left)

    def _listen(self, name: str) -> bool:
        """Read a piece, and return whether there may be more."""
        stream = self._process.stdout if name == "out" else self._process.stderr
        assert stream is not None  # noqa: S101
        try:
            piece = os.read(stream.fileno(), _PIECE)
        except BlockingIOError:
            return True
        if name == "err":
            self._said = (self._said + piece)[-_MOST_SAID:]
            return bool(piece)
        self._answer += piece
        if len(self._answer) > MOST_OUTPUT:
            raise RejectedError(f"{self._words}: the program wrote more than {MOST_OUTPUT} bytes")
        return bool(piece)

    def _drain(self) -> None:
        """Read what the program had written before it ended; what it left behind may hold the pipes open, and write."""
        for name, stream in (("out", self._process.stdout), ("err", self._process.stderr)):
            assert stream is not None  # noqa: S101
            for _ in range(0, MOST_OUTPUT, _PIECE):  # no pipe holds more
                if not (_has_more(stream) and self._listen(name)):
                    break


def _has_more(stream: IO[bytes]) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        return bool(selector.select(0))
