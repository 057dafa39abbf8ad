"""The job: the one function that RQ calls, named in messages as a string."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from scimbridge.errors import QueueError

FUNCTION = "scimbridge.queue.job.work"

_bound: list[Callable[[str], object]] = []


def bind(execute: Callable[[str], object]) -> None:
    """Say what this process does with an account. Called once, by the worker process."""
    _bound[:] = [execute]


def work(account_id: str) -> None:
    """Work on an account.

    Raises:
        QueueError: The process is no scimbridge worker.
    """
    if not _bound:
        raise QueueError("this job is for `scimbridge worker`; another RQ worker took it")
    _bound[0](account_id)


def queue_name(target: str) -> str:
    """Return the name of a target's queue."""
    return f"target:{target}"


def job_id(account_id: str) -> str:
    """Return an id for a new message about an account.

    RQ allows letters, digits, ``_`` and ``-``. It ends in something new, because RQ
    deletes the hash of a finished job, and would delete that of a second message with it.
    """
    return f"{account_id}_{secrets.token_hex(4)}"


def account_of(job: str) -> str:
    """Return the account that a message id is about."""
    return job.partition("_")[0]
