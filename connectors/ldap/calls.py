"""How a change reaches the directory: conditional on what was read, and never twice."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from connectors.ldap import dn
from connectors.ldap.accounts import Accounts
from connectors.ldap.client import Directory
from connectors.ldap.config import LdapConfig
from connectors.ldap.entry import Change, Edit, Entry, swapped
from connectors.ldap.errors import (
    ENTRY_EXISTS,
    INSUFFICIENT_ACCESS,
    NO_SUCH_ATTRIBUTE,
    VALUE_EXISTS,
    refusal,
)
from connectors.ldap.flavors import FLAVORS
from connectors.ldap.groups import NAME, Groups
from connectors.ldap.marks import marked, unmarked
from connectors.ldap.memberships import Memberships
from connectors.ldap.moving import new_name
from scimbridge.sdk import (
    AccountNotFoundError,
    Action,
    Confirm,
    Connector,
    Context,
    Done,
    GroupState,
    NativeState,
    Outcome,
    RejectedError,
    RetryableError,
)
from scimbridge.sdk.stamp import stamp_in, stamp_of


class LdapCalls(Connector[LdapConfig]):
    """What all actions have in common. Accounts and groups are entries alike."""

    def __init__(self, config: LdapConfig, context: Context) -> None:
        super().__init__(config, context)
        self.directory = Directory(config, context.permit)
        self._flavor = FLAVORS[config.flavor]
        self._memberships = Memberships(config, self.directory)
        self._accounts = Accounts(config, self.directory, self._memberships)
        self._groups = Groups(config, self.directory, self._memberships)

    def perform(self, action: Action, account: NativeState, confirm: Confirm) -> Outcome:
        """Do one action, unless it is about an entry that the bridge never touches."""
        name = name_of(account)
        if dn.is_same(name, self.config.bind_dn):
            raise RejectedError("this is the bridge's own account in the directory (bind_dn)")
        base = (self.config.groups_dn or self.config.base_dn) if action.is_of_groups else self.config.base_dn
        if not dn.is_below(name, base):
            raise RejectedError(f"the entry is not beneath {'groups_dn' if base != self.config.base_dn else 'base_dn'}")
        return super().perform(action, account, confirm)

    def close(self) -> None:
        """Give back the connections."""
        self.directory.close()

    # -- the mark

    def _stamp(self, state: NativeState, places: dict[str, str]) -> Done:
        """Write marks into attributes, behind what stands there; one with a date takes the place of an older one."""
        changes = []
        for attribute, mark in places.items():
            values = state.attributes.get(attribute, ())
            if mark != stamp_of(None) or not any(map(stamp_in, values)):
                changes.append(swapped(attribute, values, marked(values, mark, self._flavor.longest_text)))
        self._edit(state, Edit(tuple(changes)))
        return Done(changed=True, after={"stamp": stamp_of(state.delete_at)})

    def _unstamp(self, state: NativeState, attributes: tuple[str, ...]) -> Done:
        """Take marks off again."""
        original = state.original.attributes if state.original else {}
        changes = []
        for attribute in dict.fromkeys(attributes):
            values = state.attributes.get(attribute, ())
            wanted = unmarked(values, original.get(attribute, ()), self._flavor.longest_text)
            if wanted != values:
                changes.append(swapped(attribute, values, wanted))
        return self._edit(state, Edit(tuple(changes)))

    # -- where it is

    def _move(self, state: NativeState, key: str) -> Done:
        """Move an entry to the container that a key names."""
        container = self._key(key)
        if self.directory.get(container, []) is None:
            raise RejectedError(f"{key}: {container} does not exist, or may not be read")
        name = dn.first(name_of(state))
        return Done(changed=True, after={"renamed": self._move_to(state, container, name) != name})

    def _move_back(self, state: NativeState) -> Done:
        """Move an entry to where it was, under the name that it had."""
        assert state.original is not None  # noqa: S101  # else it is where it was
        before = state.original.container or ""
        if self.directory.get(before, []) is None:
            return Done(changed=False, lost=(f"{before} is gone; the entry stays in {state.container}",))
        wanted = dn.first(name_of(state.original))
        name = self._move_to(state, before, wanted)
        lost = () if name == wanted else (f"its name is taken in {before}; it has another one there now",)
        return Done(changed=True, lost=lost)

    def _move_to(self, state: NativeState, container: str, name: str) -> str:
        """Move it, and return the name that it has there."""
        self._make_sure_of(state, ())
        for wanted in (name, new_name(name, state.id, self._flavor.longest_name)):
            code = self._unless_moved(state, partial(self._rename, state, container, wanted))
            if code != ENTRY_EXISTS:
                return wanted
        raise RejectedError(f"{container} has entries of this name already, and of the one that was tried instead")

    def _rename(self, state: NativeState, container: str, name: str) -> int:
        # The old name goes where it is only the one that a clash had brought.
        original = dn.first(name_of(state.original)) if state.original else ""
        keeps = not self._flavor.renames_whole and name != dn.first(name_of(state)) and name != original
        return self.directory.rename(
            self._address(state),
            name,
            container,
            keeps=keeps,
            only_if=self._flavor.condition(state.id),
            accept=(ENTRY_EXISTS,),
        )

    # -- requests

    def _key(self, key: str) -> str:
        value: str | None = getattr(self.config, key)
        if value is None:
            raise RejectedError(f"{key} is missing in the configuration of this target")
        return value

    def _swap(self, state: NativeState, attribute: str, values: tuple[str, ...]) -> Done:
        return self._edit(state, Edit((swapped(attribute, state.attributes.get(attribute, ()), values),)))

    def _edit(self, state: NativeState, edit: Edit, *, is_blind: bool = False, confirm: Confirm | None = None) -> Done:
        """Change an entry that is still as it was read; blindly where what stands there does not matter."""
        if edit.is_empty:
            return Done(changed=False)
        self._make_sure_of(state, () if is_blind else edit.attributes)
        condition = self._flavor.condition(state.id, edit.only_if + ("" if is_blind else _still_empty(state, edit)))
        accept = (NO_SUCH_ATTRIBUTE, VALUE_EXISTS)
        code = self._unless_moved(
            state,
            lambda: self.directory.modify(
                self._address(state), edit, only_if=condition, confirm=confirm, accept=accept
            ),
        )
        if code:
            if not _is_unchanged(self._entry(state), state, edit.attributes):
                raise RetryableError("it was changed meanwhile; it is read again first")
            raise RejectedError(self._flavor.why_not_changed(edit) or str(refusal(code, "modify", right="")))
        return Done(changed=True, after=_told(edit.changes))

    def _remove(self, state: NativeState, confirm: Confirm, *, accept: tuple[int, ...] = ()) -> tuple[Done, int]:
        """Delete an entry; one that is gone already is deleted. The code is 0, or one of ``accept``."""
        right = self._flavor.right_to_delete
        try:
            self._make_sure_of(state, ())
            code = self._unless_moved(
                state,
                lambda: self.directory.delete(
                    self._address(state),
                    only_if=self._flavor.condition(state.id),
                    right=right,
                    confirm=confirm,
                    accept=(INSUFFICIENT_ACCESS, *accept),
                ),
            )
        except AccountNotFoundError:
            return Done(changed=False), 0
        if code == INSUFFICIENT_ACCESS:
            why = self._flavor.why_not_deleted(self.directory, state.id, name_of(state))
            refused = refusal(code, "delete", right=right)
            raise RejectedError(f"{refused}; {why}" if why else str(refused))
        return Done(changed=True), code

    def _address(self, state: NativeState) -> str:
        return self._flavor.address(state.id, name_of(state))

    def _entry(self, state: NativeState) -> Entry:
        return self._groups.entry(state.id) if isinstance(state, GroupState) else self._accounts.entry(state.id)

    def _make_sure_of(self, state: NativeState, attributes: tuple[str, ...]) -> None:
        """Look once more, where the server takes no condition with a request."""
        if self._flavor.asserts:
            return
        is_group = isinstance(state, GroupState)
        now = self._groups.entry(state.id) if is_group else self._accounts.glance(state.id, attributes)
        if self._flavor.address(now.id, now.dn) != self._address(state) or not _is_unchanged(now, state, attributes):
            raise RetryableError("it was renamed or changed meanwhile; it is read again first")

    def _unless_moved(self, state: NativeState, change: Callable[[], int]) -> int:
        """Do it, and tell what is gone from what was renamed since it was read."""
        try:
            return change()
        except AccountNotFoundError:
            self._entry(state)
            raise RetryableError("it was renamed meanwhile; it is read again first") from None


def name_of(state: NativeState) -> str:
    """Return the DN of an account or a group; people call groups by something shorter."""
    return state.attributes[NAME][0] if isinstance(state, GroupState) else state.name


def _is_unchanged(entry: Entry, state: NativeState, attributes: tuple[str, ...]) -> bool:
    """Whether attributes of an entry still have the values that an earlier read found."""
    before = state.attributes
    return all(entry.get(name) == tuple(before[name]) for name in attributes if name in before)


def _still_empty(state: NativeState, edit: Edit) -> str:
    """Return a filter for attributes that had no value: there is none that the request could name."""
    empty = {change.attribute for change in edit.changes if not change.is_whole}
    return "".join(f"(!({name}=*))" for name in sorted(empty) if state.attributes.get(name) == ())


def _told(changes: tuple[Change, ...]) -> dict[str, list[str]]:
    """Return what was written, for the evidence: names of attributes only, and no octets."""
    return {"attributes": sorted({change.attribute for change in changes})}
