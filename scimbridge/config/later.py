"""What the configuration of a later version will have. It is refused by name, never ignored."""

from __future__ import annotations

SAYS = "comes in a later version; leave it out"

TRIGGERS = frozenset({"orphaned"})
