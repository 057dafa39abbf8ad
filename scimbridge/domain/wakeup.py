"""A wake-up: the only thing that the queue carries."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Work(StrEnum):
    """What there may be to do."""

    ACCOUNT = "account"
    """Something on an account."""

    RECONCILIATION = "reconciliation"
    """A run over all accounts of a target."""


class WakeUp(NamedTuple):
    """There may be work on an account, or on a run. It may be lost or arrive twice; SQL decides who works.

    Attributes:
        account_id: The account, or the run.
    """

    target: str
    account_id: str
    work: Work = Work.ACCOUNT
