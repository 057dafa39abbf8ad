"""Getting tokens over the SDK's client, for connectors in which a vendor's library makes sense of the answers."""

from __future__ import annotations

from scimbridge.sdk.connector import Permit

REFUSALS = frozenset(range(400, 500)) - {408, 425, 429}
"""Statuses that are for the library; the others are for the client, which waits and tries again."""


def permit_to_ask(permit: Permit) -> Permit:
    """Return a permit for a token endpoint: a token is asked for by POST, and changes nothing at the target."""

    def ask(*, writes: bool) -> None:
        del writes
        permit(writes=False)

    return ask
