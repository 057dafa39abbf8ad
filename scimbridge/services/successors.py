"""Who gets the mail and the belongings of somebody who left: named by the stage, found at the target, never guessed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from scimbridge.domain.action import Action
from scimbridge.domain.identity import Identity
from scimbridge.domain.source import Profiles
from scimbridge.sdk.connector import Connector
from scimbridge.sdk.errors import AmbiguousAccountError
from scimbridge.sdk.state import AccountRef, Person
from scimbridge.services.claiming import Claim
from scimbridge.services.people import referred, wanted_successor
from scimbridge.store import identities, stages
from scimbridge.store.database import Database

_TO_SUCCESSOR = {Action.TRANSFER_OWNERSHIP: "what the account owns", Action.REDIRECT_MAIL: "the mail"}
_BY_HAND = "do it by hand, or mend that and retry the case"


class NoSuccessorError(Exception):
    """Nobody can be told for sure; the message tells a person what to do."""


class Successors:
    """Finds successors. Whoever is not there, or has left, too, is nobody."""

    def __init__(self, database: Database, profiles: Profiles) -> None:
        self._database = database
        self._profiles = profiles

    def find(self, claim: Claim, connector: Connector[Any]) -> AccountRef | None:
        """Return the successor's account at the claim's target, ``None`` where the action needs nobody.

        Raises:
            NoSuccessorError: A person has to decide.
            ConnectorError: The target cannot be asked.
        """
        what = _TO_SUCCESSOR.get(claim.task.action)
        if what is None:
            return None
        with self._database.read() as tx:
            person = self._successor(tx, claim, what)
        try:
            found = connector.find(Person(identities.match_values(person)))
        except AmbiguousAccountError as error:
            raise NoSuccessorError(
                f"the successor should get {what}, and several accounts match: {error}; {_BY_HAND}"
            ) from error
        if found is None or found.id == claim.account.native_id:
            raise NoSuccessorError(
                f"the successor should get {what}, and has no account at {claim.task.target}; {_BY_HAND}"
            )
        return found

    def _successor(self, tx: Connection, claim: Claim, what: str) -> Identity:
        leaver = claim.identity
        terms = stages.terms_of_task(tx, claim.task)
        who, said = wanted_successor(terms, leaver)
        if not who:
            raise NoSuccessorError(f"the stage does not say who gets {what} (`successor`); hand it over by hand")
        found = referred(tx, said, leaver.source, self._profiles) if said else None
        if found is None:
            raise NoSuccessorError(f"{who} should get {what}, and {leaver.source} does not say who that is; {_BY_HAND}")
        if found.is_gone or found.id == leaver.id:
            raise NoSuccessorError(f"{who} should get {what}, and has left, too; {_BY_HAND}")
        return found
