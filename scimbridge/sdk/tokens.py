"""Getting tokens over the SDK's client, for connectors in which a vendor's library makes sense of the answers."""

from __future__ import annotations

REFUSALS = frozenset(range(400, 500)) - {408, 425, 429}
"""Statuses that are for the library; the others are for the client, which waits and tries again."""
