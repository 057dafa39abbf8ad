"""The jobs: the functions that RQ calls, named in messages as strings."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from scimbridge.domain.wakeup import Work
from scimbridge.errors import QueueError

FUNCTIONS = {Work.ACCOUNT: "scimbridge.queue.job.work", Work.RECONCILIATION: "scimbridge.queue.job.reconcile"}

_bound: dict[Work, Callable[[str], object]] = {}


def bind(execute: Callable[[str], object], reconcile: Callable[[str], object] | None = None) -> None:
    """Say what this process does with an account, and with a run. Called once, by the worker process."""
    _bound.clear()
    _bound[Work.ACCOUNT] = execute
    if reconcile is not None:
        _bound[Work.RECONCILIATION] = reconcile


def work(account_id: str) -> None:
    """Work on an account.

    Raises:
        QueueError: The process is no scimbridge worker.
    """
    _call(Work.ACCOUNT, account_id)


def reconcile(run_id: str) -> None:
    """Work on a run over all accounts of a target.

    Raises:
        QueueError: The process is no scimbridge worker.
    """
    _call(Work.RECONCILIATION, run_id)


def _call(what: Work, subject: str) -> None:
    if what not in _bound:
        raise QueueError("this job is for `scimbridge worker`; another RQ worker took it")
    _bound[what](subject)


def queue_name(target: str) -> str:
    """Return the name of a target's queue."""
    return f"target:{target}"


def job_id(account_id: str) -> str:
    """Return an id for a new message about an account, or about a run.

    RQ allows letters, digits, ``_`` and ``-``. It ends in something new, because RQ
    deletes the hash of a finished job, and would delete that of a second message with it.
    """
    return f"{account_id}_{secrets.token_hex(4)}"


def account_of(job: str) -> str:
    """Return the account, or the run, that a message id is about."""
    return job.partition("_")[0]
