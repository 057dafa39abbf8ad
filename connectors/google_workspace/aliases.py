"""Further addresses of accounts. An address belongs to one account at a time, and those of others are left alone.

https://developers.google.com/workspace/admin/directory/v1/guides/manage-user-aliases
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from connectors.google_workspace import scopes
from connectors.google_workspace.client import Document, GoogleClient, group_path, user_path
from connectors.google_workspace.errors import RefusedError
from connectors.google_workspace.users import addresses_of
from scimbridge.sdk import Entitlement, RetryableError


@dataclass(slots=True)
class Moved:
    """What came of removing addresses, or giving them to somebody.

    Attributes:
        done: How many addresses were changed.
        refused: Those that Google does not let go, or does not give.
    """

    done: int = 0
    refused: list[str] = field(default_factory=list)


class Aliases:
    """Takes addresses from accounts, and gives them to others, by their ids."""

    def __init__(self, client: GoogleClient) -> None:
        self._client = client

    def remove(self, user_id: str, aliases: Iterable[Entitlement]) -> Moved:
        """Take addresses from an account; mail to them then comes back."""
        moved = Moved()
        for alias in aliases:
            try:
                moved.done += self._drop(user_id, alias)
            except RefusedError:
                # It comes from a domain alias, or this administrator may not change it.
                moved.refused.append(alias.name)
        return moved

    def move(self, user_id: str, taken: Iterable[Entitlement], to: str) -> Moved:
        """Give addresses to another account, also those that an earlier attempt has taken and not given yet.

        Raises:
            RetryableError: Google does not show them there yet.
        """
        moved, there = Moved(), addresses_of(self._holder(to))
        wanted = [alias for alias in taken if alias.id not in there]
        given = []
        for alias in wanted:
            try:
                if self._move(user_id, alias, to):
                    given.append(alias)
            except RefusedError:
                moved.refused.append(alias.name)
        moved.done = len(given)
        if given:
            there = addresses_of(self._holder(to))
        if any(alias.id not in there for alias in given):
            raise RetryableError("giving an address to the successor: Google does not show it there yet")
        return moved

    def bring_back(self, user_id: str, aliases: Iterable[Entitlement], moved_to: str | None) -> tuple[int, list[str]]:
        """Give an account its addresses again, unless they are somebody else's by now.

        Returns:
            How many, and the sentences about those that are not to be had.
        """
        given, lost = 0, []
        for alias in aliases:
            try:
                holder = self._holder(alias.id) or {}
                if moved_to is not None and str(holder.get("primaryEmail")).casefold() == moved_to.casefold():
                    self._drop(str(holder["id"]), alias)
                    holder = {}
                if holder.get("id") == user_id:
                    continue
                if holder or not self._give(user_id, alias):
                    lost.append(f"the address {alias.name} is {holder.get('primaryEmail', 'a group')}'s now")
                    continue
                given += 1
            except RefusedError:
                lost.append(f"Google does not give the address {alias.name} again")
        return given, lost

    def _move(self, user_id: str, alias: Entitlement, to: str) -> bool:
        """Take an address and give it away; where that is refused, the account gets it back.

        Returns:
            False where somebody else has it by now.

        Raises:
            RefusedError: It is where it was.
        """
        self._drop(user_id, alias)
        try:
            return self._give(to, alias)
        except RefusedError:
            self._give(user_id, alias)
            raise

    def _drop(self, user_id: str, alias: Entitlement) -> bool:
        path = user_path(user_id, "aliases", alias.id)
        return self._client.remove(path, call="removing an address", scope=scopes.USER)

    def _give(self, user_id: str, alias: Entitlement) -> bool:
        """Give an account an address; returns False where another one, or a group, has it.

        Raises:
            RetryableError: Nobody has it, and Google has not noticed yet.
        """
        path, body = user_path(user_id, "aliases"), {"alias": alias.name}
        answer = self._client.send("POST", path, call="giving an address", scope=scopes.USER, body=body, expect=(409,))
        if answer.status != 409:
            return True
        if self._holder(alias.id) is None and not self._is_of_a_group(alias.id):
            raise RetryableError("giving an address: Google has not let go of it yet")
        return False

    def _is_of_a_group(self, address: str) -> bool:
        path, call = group_path(address), "looking whose an address is"
        return self._client.look(path, call=call, scope=scopes.GROUP) is not None

    def _holder(self, key: str) -> Document | None:
        return self._client.look(user_path(key), call="looking whose an address is", scope=scopes.USER)
