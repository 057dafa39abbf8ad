"""Who is told of a leaver: from what a stage names to addresses, by what the source says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from scimbridge.domain.identity import Identity
from scimbridge.domain.lifecycle import end_path
from scimbridge.domain.rule import MANAGER, OWNER, WEBHOOK
from scimbridge.domain.source import Profiles
from scimbridge.notices.mail import is_address
from scimbridge.store import identities

_MANAGER_PATH = (identities.ENTERPRISE, "manager")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Somebody who is to be told.

    Attributes:
        label: What the history calls them; never their address.
        address: Where mail goes; ``None`` for the webhook, and where nobody was found.
        problem: Why nobody was found; empty where somebody was.
        is_webhook: It is the webhook.
    """

    label: str
    address: str | None = None
    problem: str = ""
    is_webhook: bool = False


class Recipients:
    """Finds people.

    Args:
        profiles: How sources compare userNames.
        owner: The attribute that names an account's owner; the manager is the owner where absent.
    """

    def __init__(self, profiles: Profiles, owner: str | None) -> None:
        self._profiles = profiles
        self._owner_path = end_path(owner) if owner is not None else _MANAGER_PATH

    def find(self, tx: Connection, named: str, number: int, identity: Identity) -> Recipient:
        """Return whom a stage means.

        Args:
            tx: Any transaction.
            named: What the stage says.
            number: Which one of those it names, from 1.
            identity: Who leaves.
        """
        match named:
            case "webhook":
                return Recipient(label=WEBHOOK, is_webhook=True)
            case "manager":
                return self._person(tx, MANAGER, _value_at(identity.document, _MANAGER_PATH), identity)
            case "owner":
                said = _value_at(identity.document, self._owner_path)
                found = self._person(tx, OWNER, said, identity)
                # An owner need not be a User of the source: a team has a mailbox, too.
                is_mailbox = found.problem == _UNKNOWN and said is not None and is_address(said)
                return Recipient(label=OWNER, address=said) if is_mailbox else found
            case address:
                return Recipient(label=f"recipient {number}", address=address)

    def _person(self, tx: Connection, label: str, said: str | None, identity: Identity) -> Recipient:
        if said is None:
            return Recipient(label=label, problem="the source names none")
        person = self._user(tx, said, identity.source)
        if person is None:
            return Recipient(label=label, problem=_UNKNOWN)
        if person.is_gone:
            return Recipient(label=label, problem="has left, too")
        address = _address_of(person.document)
        return Recipient(label=label, address=address, problem="" if address else "has no e-mail address there")

    def _user(self, tx: Connection, said: str, source: str) -> Identity | None:
        """Return the User of the source that a reference names: by id as RFC 7643 has it, by name as some write it."""
        by_id = identities.users_by_id(tx, [said]).get(said)
        if by_id is not None and by_id.identity.source == source:
            return by_id.identity
        name_case = self._profiles.of(source).user_name_case
        by_name = identities.user_by_name(tx, source, said, name_case=name_case)
        return by_name.identity if by_name is not None else identities.by_external_id(tx, source, said)


_UNKNOWN = "is nobody whom the source knows"


def _value_at(document: Mapping[str, Any], path: tuple[str, ...]) -> str | None:
    """Return the text at a path; of a complex attribute its ``value``."""
    found: Any = document
    for part in path:
        found = found.get(part) if isinstance(found, Mapping) else None
    if isinstance(found, Mapping):
        found = found.get("value")
    return found.strip() or None if isinstance(found, str) else None


def _address_of(document: Mapping[str, Any]) -> str | None:
    """Return the address that somebody reads: the primary one, else the one at work, else the first."""
    emails = [each for each in document.get("emails") or () if isinstance(each, Mapping)]
    usable = [each for each in emails if isinstance(each.get("value"), str) and is_address(each["value"])]
    best = sorted(usable, key=lambda each: (each.get("primary") is not True, each.get("type") != "work"))
    return best[0]["value"] if best else None
