"""What a connector raises, grouped by what the engine does next.

::

    ConnectorError
    ├── RetryableError          try again later; the task waits
    ├── AccountNotFoundError    the account is gone
    ├── AmbiguousAccountError   several accounts could be meant; a person chooses
    ├── RejectedError           the target refuses for good; the task fails
    └── TargetUnusableError     nothing works there; the target is paused, one alarm
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from scimbridge.errors import BridgeError
from scimbridge.sdk.documents import storable
from scimbridge.sdk.state import AccountRef

ANYTHING_RAISED: Final = (Exception, SystemExit, CancelledError)
"""What may come out of a connector: libraries of strangers end programs, and cancel what nobody else knows of."""

LONGEST_WAIT: Final = timedelta(days=7)
"""Nobody is kept waiting longer by what a target asks for: then it is asked again."""


class ConnectorError(BridgeError):
    """A target did not do what was asked.

    The message is shown to operators: it names the target's answer and never a secret.
    """

    def __init__(self, message: str) -> None:
        super().__init__(storable(str(message)))


class RetryableError(ConnectorError):
    """It may work later: a timeout, a lost connection, throttling, an overloaded target.

    Attributes:
        retry_after: How long the target asked us to wait, if it did; a week at most.
    """

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = None if retry_after is None else min(retry_after, LONGEST_WAIT)


class AccountNotFoundError(ConnectorError):
    """The target has no such account (any more)."""


class AmbiguousAccountError(ConnectorError):
    """Several accounts match one person. Nothing is touched until a person chooses.

    Attributes:
        candidates: The accounts to choose among.
    """

    def __init__(self, message: str, candidates: Sequence[AccountRef]) -> None:
        super().__init__(message)
        self.candidates = tuple(AccountRef(storable(each.id), storable(each.name)) for each in candidates)


class RejectedError(ConnectorError):
    """The target refuses this request, and would refuse it again: missing right, protected account, bad value."""


class ObservingError(RejectedError):
    """The target is in observe mode: it is read, never written."""


class LeaseLostError(RetryableError):
    """The attempt's lease has run out, so that it may no longer change anything."""


class TargetUnusableError(ConnectorError):
    """Nothing works at this target until somebody mends it: wrong credentials, unknown certificate, wrong address."""
