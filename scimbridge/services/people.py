"""Whom a source means when one of its Users refers to another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from scimbridge.domain.identity import Identity
from scimbridge.domain.rule import MANAGER, Terms
from scimbridge.domain.source import Profiles
from scimbridge.store import identities, naming

MANAGER_PATH = (identities.ENTERPRISE, "manager")
"""Where the enterprise extension has the manager (RFC 7643 §4.3)."""


def value_at(document: Mapping[str, Any], path: tuple[str, ...]) -> str | None:
    """Return the text at a path; of a complex attribute its ``value``."""
    found: Any = document
    for part in path:
        found = found.get(part) if isinstance(found, Mapping) else None
    if isinstance(found, Mapping):
        found = found.get("value")
    return found.strip() or None if isinstance(found, str) else None


def wanted_successor(terms: Terms, leaver: Identity) -> tuple[str, str | None]:
    """Return what people call the successor that a stage names, and what the source is asked for."""
    if terms.successor == MANAGER:
        return "the manager", value_at(leaver.document, MANAGER_PATH)
    return terms.successor or "", terms.successor


def referred(tx: Connection, said: str, source: str, profiles: Profiles) -> Identity | None:
    """Return the User of the source that a reference names: by id as RFC 7643 has it, by name as some write it."""
    by_id = identities.users_by_id(tx, [said]).get(said)
    if by_id is not None and by_id.identity.source == source:
        return by_id.identity
    by_name = identities.user_by_name(tx, source, said, name_case=profiles.of(source).user_name_case)
    return by_name.identity if by_name is not None else naming.by_external_id(tx, source, said)
