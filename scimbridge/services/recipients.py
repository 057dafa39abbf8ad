"""Who is told of a leaver: from what a stage names to addresses, by what the source says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from scimbridge.domain.identity import Identity, target_of
from scimbridge.domain.lifecycle import end_path
from scimbridge.domain.rule import MANAGER, OWNER, WEBHOOK
from scimbridge.domain.source import Profiles
from scimbridge.notices.mail import is_address
from scimbridge.services.people import MANAGER_PATH, referred, value_at
from scimbridge.store import identities, target_groups


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
        self._owner_path = end_path(owner) if owner is not None else MANAGER_PATH

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
                return self._person(tx, MANAGER, value_at(identity.document, MANAGER_PATH), identity)
            case "owner" if identity.is_group:
                return self._owner_of_group(tx, identity)
            case "owner":
                said = value_at(identity.document, self._owner_path)
                found = self._person(tx, OWNER, said, identity)
                # An owner need not be a User of the source: a team has a mailbox, too.
                is_mailbox = found.problem == _UNKNOWN and said is not None and is_address(said)
                return Recipient(label=OWNER, address=said) if is_mailbox else found
            case address:
                return Recipient(label=f"recipient {number}", address=address)

    def _owner_of_group(self, tx: Connection, group: Identity) -> Recipient:
        """Return who answers for a group: the first owner whom some source knows and who has an address."""
        owners = target_groups.owners_of(tx, group)
        if not owners:
            return Recipient(label=OWNER, problem="the target names none")
        ids = target_groups.active_owners_of(tx, target_of(group.source), [owner.id for owner in owners])
        known = identities.users_by_id(tx, ids)
        addresses = [_address_of(known[key].identity.document) for key in ids if key in known]
        # An owner need not be somebody: a team has a mailbox, too.
        addresses += [owner.name for owner in owners if is_address(owner.name)]
        address = next((each for each in addresses if each is not None), None)
        return Recipient(label=OWNER, address=address, problem="" if address else _UNKNOWN)

    def _person(self, tx: Connection, label: str, said: str | None, identity: Identity) -> Recipient:
        if said is None:
            return Recipient(label=label, problem="the source names none")
        person = referred(tx, said, identity.source, self._profiles)
        if person is None:
            return Recipient(label=label, problem=_UNKNOWN)
        if person.is_gone:
            return Recipient(label=label, problem="has left, too")
        address = _address_of(person.document)
        return Recipient(label=label, address=address, problem="" if address else "has no e-mail address there")


_UNKNOWN = "is nobody whom the source knows"


def _address_of(document: Mapping[str, Any]) -> str | None:
    """Return the address that somebody reads: the primary one, else the one at work, else the first."""
    emails = [each for each in document.get("emails") or () if isinstance(each, Mapping)]
    usable = [each for each in emails if isinstance(each.get("value"), str) and is_address(each["value"])]
    best = sorted(usable, key=lambda each: (each.get("primary") is not True, each.get("type") != "work"))
    return best[0]["value"] if best else None
