"""Stand-ins for the engine, for a connector's tests. Needs no test framework; the product does not import it."""

from __future__ import annotations

from scimbridge.sdk.errors import ConnectorError


class RecordingPermit:
    """A permit that notes what it was asked, and refuses where told to.

    Attributes:
        asked: One entry per call, in order: whether it would write.
        refuse_writes: Raised when asked for a write.
        refuse_all: Raised when asked for anything.
    """

    def __init__(
        self, *, refuse_writes: ConnectorError | None = None, refuse_all: ConnectorError | None = None
    ) -> None:
        self.asked: list[bool] = []
        self.refuse_writes = refuse_writes
        self.refuse_all = refuse_all

    def __call__(self, *, writes: bool) -> None:
        """Note the question, then answer it."""
        self.asked.append(writes)
        if self.refuse_all is not None:
            raise self.refuse_all
        if writes and self.refuse_writes is not None:
            raise self.refuse_writes


def confirmed() -> None:
    """Confirm everything: no hold was placed, the lease is ours."""
