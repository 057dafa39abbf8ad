"""The groups of a target in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from connectors.sample.group import EditGroup, Group
from scimbridge.sdk import AccountRef, Entitlement


class MemoryGroups:
    """Groups by id, as a sample target keeps them; who is in one stands with the accounts."""

    accounts: dict[str, dict[str, Any]]
    offers: dict[str, Entitlement]
    forms: dict[str, dict[str, Any]]

    def form(self, name: str, *members: str, **values: Any) -> str:
        """Make a group of accounts that are there, and return its id."""
        group_id = f"id-{name}"
        self.offers[group_id] = Entitlement(group_id, name, bool(values.get("protected")))
        self.forms[group_id] = Group.from_json({"id": group_id, "name": name, **values}).to_json()
        for member in members:
            self.accounts[f"native-{member}"]["groups"].append(group_id)
        return group_id

    def members(self, name: str) -> list[str]:
        """Return the names of those who are in a group."""
        found = self._group(f"id-{name}")
        return sorted(each.name for each in found.members) if found is not None else []

    # -- what the connector calls (connectors.sample.group.GroupSystem)

    def groups(self) -> Sequence[Group]:
        self.fail_if_told()
        return [group for group_id in self.forms if (group := self._group(group_id)) is not None]

    def find_groups(self, said: str) -> Sequence[Group]:
        return [group for group in self.groups() if said in (group.id, group.name)]

    def group(self, group_id: str) -> Group | None:
        self.before_read()
        self.fail_if_told()
        return self._group(group_id)

    def change_group(self, what: str, group_id: str, edit: EditGroup) -> bool:
        self.fail_if_told()
        group = self._group(group_id)
        if group is None:
            return False
        self.write(what, group_id, lambda _: self.forms.update({group_id: edit(group).to_json()}))
        return True

    def remove_group(self, group_id: str) -> bool:
        if group_id not in self.forms:
            return False
        self.write("delete_group", group_id, lambda _: self._forget(group_id))
        return True

    def _forget(self, group_id: str) -> None:
        del self.forms[group_id]
        for account in self.accounts.values():
            account["groups"] = [each for each in account["groups"] if each != group_id]

    def _group(self, group_id: str) -> Group | None:
        if group_id not in self.forms:
            return None
        members = [
            AccountRef(native_id, account["name"])
            for native_id, account in self.accounts.items()
            if group_id in account["groups"]
        ]
        return Group.from_json(self.forms[group_id], members)

    # -- what the target has

    def fail_if_told(self) -> None:
        raise NotImplementedError

    def write(self, what: str, native_id: str, change: Callable[[dict[str, Any]], object]) -> None:
        raise NotImplementedError

    before_read: Callable[[], None]
