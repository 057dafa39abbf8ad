"""What the bridge does to the accounts of a directory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial

from connectors.ldap import dn
from connectors.ldap.accounts import UNMANAGED, Accounts, unchanged
from connectors.ldap.checkup import Checkup
from connectors.ldap.client import Directory
from connectors.ldap.config import LdapConfig
from connectors.ldap.entry import Change, Edit, swapped
from connectors.ldap.errors import (
    ENTRY_EXISTS,
    INSUFFICIENT_ACCESS,
    NO_SUCH_ATTRIBUTE,
    VALUE_EXISTS,
    refusal,
)
from connectors.ldap.flavors import FLAVORS
from connectors.ldap.marks import marked, unmarked
from connectors.ldap.memberships import Memberships
from connectors.ldap.moving import new_name
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountRef,
    AccountState,
    Action,
    Confirm,
    Connector,
    Context,
    Done,
    Outcome,
    Person,
    RejectedError,
    RetryableError,
    performs,
)
from scimbridge.sdk.native import NativeState
from scimbridge.sdk.stamp import stamp_in, stamp_of

DESCRIPTION = "description"

_NEEDED = {
    Action.MOVE: ("disabled_ou", 'e.g. disabled_ou = "ou=Disabled,dc=example,dc=com"'),
    Action.HIDE_FROM_DIRECTORY: ("hide_attribute", 'e.g. hide_attribute = "msExchHideFromAddressLists"'),
    Action.DISCONNECT: ("unmanaged_attribute", 'e.g. unmanaged_attribute = "extensionAttribute15"'),
}
"""What an action cannot do without, and how it is written."""


class LdapConnector(Connector[LdapConfig]):
    """OpenLDAP, Active Directory, 389 Directory Server; what differs between them is in ``flavors``."""

    kind = "ldap"
    config_type = LdapConfig

    def __init__(self, config: LdapConfig, context: Context) -> None:
        super().__init__(config, context)
        self.directory = Directory(config, context.permit)
        self._flavor = FLAVORS[config.flavor]
        self._memberships = Memberships(config, self.directory)
        self._accounts = Accounts(config, self.directory, self._memberships)

    @classmethod
    def lacks(cls, config: LdapConfig, actions: Collection[Action]) -> Iterator[tuple[str, str]]:
        """Name the keys that actions cannot do without."""
        for action, (key, example) in _NEEDED.items():
            if action in actions and not getattr(config, key):
                yield key, f"is missing, and {action} needs it; {example}"

    def check(self) -> str:
        """Sign in, look for all that the configuration names, and say what may go wrong."""
        return Checkup(self.config, self.directory).run()

    def find(self, person: Person) -> AccountRef | None:
        """Return the account by the first pair of ``match`` that finds any."""
        return self._accounts.find(person)

    def read(self, account_id: str) -> AccountState:
        """Return the account as it is now, wherever beneath ``base_dn`` it has moved to."""
        return self._accounts.read(account_id)

    def is_as_wanted(self, action: Action, account: NativeState) -> bool | None:
        """Whether the account is as an action would make it; the container is told here, too."""
        if action is Action.MOVE and self.config.disabled_ou:
            return dn.is_same(account.container or "", self.config.disabled_ou)
        return account.is_as_wanted_by(action)

    def perform(self, action: Action, account: NativeState, confirm: Confirm) -> Outcome:
        """Do one action, unless the account is one that the bridge never touches."""
        self._refuse_the_untouchable(account)
        return super().perform(action, account, confirm)

    # -- signing in

    @performs(Action.SUSPEND, undo=Action.RESTORE, needs=("write the lock",))
    def suspend(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Stop new sign-ins. Connections that are open go on: the directory does not end them."""
        if account.suspended:
            return Done(changed=False)
        return self._edit(account, self._flavor.lock(account.attributes))

    @performs(Action.RESTORE, needs=("write the lock",))
    def restore(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Take the lock off, back to what the snapshot says; the password is the old one."""
        if account.is_as_wanted_by(Action.RESTORE):
            return Done(changed=False)
        before = account.original.attributes if account.original else {}
        return self._edit(account, self._flavor.unlock(account.attributes, before))

    # OpenLDAP takes the lock off where a password is written: the lock comes after it.
    @performs(Action.RESET_CREDENTIALS, before=(Action.SUSPEND,), needs=("write the password",))
    def reset_credentials(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Take the password, so that nobody knows one; a lock that is on stays on."""
        before = account.original.attributes if account.original else {}
        if self._flavor.has_no_password(self.directory, account.id, self.config.base_dn, before):
            return Done(changed=False)
        for edit in self._flavor.new_password():
            self._edit(account, edit, is_blind=True)
        if account.suspended and not self._flavor.is_locked(self._accounts.entry(account.id).attributes):
            self._edit(self.read(account.id), self._flavor.lock(account.attributes))
        return Done(changed=True)

    # -- groups

    @performs(Action.REMOVE_FROM_GROUPS, undo=Action.ADD_TO_GROUPS, needs=("write the groups' members",))
    def remove_from_groups(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Take the account out of its groups. The primary group of Active Directory stays: each account has one."""
        if not account.removable_groups:
            return Done(changed=False)
        left = self._memberships.leave(account, account.removable_groups)
        return Done(changed=bool(left), after={"how many": len(left)})

    @performs(Action.ADD_TO_GROUPS, needs=("write the groups' members",))
    def add_to_groups(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Put the account back into the groups that are still there."""
        if not account.missing_groups:
            return Done(changed=False)
        joined, gone = self._memberships.join(account, account.missing_groups)
        lost = tuple(f"the group {name} is gone" for name in gone)
        return Done(changed=bool(joined), after={"how many": len(joined)}, lost=lost)

    # -- what stands on the account

    @performs(Action.STAMP, undo=Action.UNSTAMP, needs=("write stamp_attribute and description",))
    def stamp(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Write the mark with its date behind what stands there, and the mark alone into the description."""
        if account.is_as_wanted_by(Action.STAMP):
            return Done(changed=False)
        mark = stamp_of(account.delete_at)
        wanted = {DESCRIPTION: stamp_of(None), self.config.stamp_attribute: mark}
        changes = []
        for attribute, each in wanted.items():
            values = account.attributes.get(attribute, ())
            if not any(map(stamp_in, values)):
                changes.append(swapped(attribute, values, marked(values, each, self._flavor.longest_text)))
        self._edit(account, Edit(tuple(changes)))
        return Done(changed=True, after={"stamp": mark})

    @performs(Action.UNSTAMP, needs=("write stamp_attribute and description",))
    def unstamp(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Take the mark off; what stands beside it stays."""
        if account.is_as_wanted_by(Action.UNSTAMP):
            return Done(changed=False)
        original = account.original.attributes if account.original else {}
        changes = []
        for attribute in dict.fromkeys((DESCRIPTION, self.config.stamp_attribute)):
            values = account.attributes.get(attribute, ())
            wanted = unmarked(values, original.get(attribute, ()), self._flavor.longest_text)
            if wanted != values:
                changes.append(swapped(attribute, values, wanted))
        return self._edit(account, Edit(tuple(changes)))

    @performs(Action.HIDE_FROM_DIRECTORY, undo=Action.SHOW_IN_DIRECTORY, needs=("write hide_attribute",))
    def hide_from_directory(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Say in ``hide_attribute`` that address lists leave the account out."""
        if account.hidden:
            return Done(changed=False)
        return self._swap(account, self._key("hide_attribute"), ("TRUE",))

    @performs(Action.SHOW_IN_DIRECTORY, needs=("write hide_attribute",))
    def show_in_directory(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Put back what ``hide_attribute`` said before."""
        if account.is_as_wanted_by(Action.SHOW_IN_DIRECTORY):
            return Done(changed=False)
        attribute = self._key("hide_attribute")
        before = account.original.attributes.get(attribute, ()) if account.original else ()
        return self._swap(account, attribute, before)

    @performs(Action.DISCONNECT, needs=("write unmanaged_attribute",))
    def disconnect(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Write the mark by which ``find`` passes the account over."""
        if account.unmanaged:
            return Done(changed=False)
        attribute = self._key("unmanaged_attribute")
        values = account.attributes.get(attribute, ())
        return self._swap(account, attribute, marked(values, UNMANAGED, self._flavor.longest_text))

    # -- where it is

    @performs(Action.MOVE, undo=Action.MOVE_BACK, needs=("move accounts",))
    def move(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Move the account to ``disabled_ou``, under its name or, where that is taken, under one like it."""
        if self.is_as_wanted(Action.MOVE, account):
            return Done(changed=False)
        container = self._key("disabled_ou")
        if self.directory.get(container, []) is None:
            raise RejectedError(f"disabled_ou: {container} does not exist, or may not be read")
        name = self._move_to(account, container, dn.first(account.name))
        return Done(changed=True, after={"renamed": name != dn.first(account.name)})

    @performs(Action.MOVE_BACK, needs=("move accounts",))
    def move_back(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Move the account to where it was, under the name that it had, unless that is gone or taken."""
        if account.is_as_wanted_by(Action.MOVE_BACK) or account.original is None:
            return Done(changed=False)
        before = account.original.container or ""
        if self.directory.get(before, []) is None:
            return Done(changed=False, lost=(f"{before} is gone; the account stays in {account.container}",))
        wanted = dn.first(account.original.name)
        name = self._move_to(account, before, wanted)
        lost = () if name == wanted else (f"its name is taken in {before}; the account has another one there now",)
        return Done(changed=True, lost=lost)

    @performs(Action.DELETE, needs=("delete accounts",))
    def delete(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Remove the entry. The directory keeps nothing to bring it back from."""
        allowed = self.config.delete_below
        if allowed and not any(dn.is_below(account.name, each) for each in allowed):
            raise RejectedError("the account is beneath none of delete_below, so that it is not deleted there")
        address, condition = self._address(account), self._flavor.condition(account.id)
        right = self._flavor.right_to_delete
        try:
            self._make_sure_of(account, ())
            code = self._unless_moved(
                account,
                lambda: self.directory.delete(
                    address, only_if=condition, right=right, confirm=confirm, accept=(INSUFFICIENT_ACCESS,)
                ),
            )
        except AccountNotFoundError:
            return Done(changed=False)
        if code == INSUFFICIENT_ACCESS:
            why = self._flavor.why_not_deleted(self.directory, account.id, account.name)
            refused = refusal(code, "delete", right=right)
            raise RejectedError(f"{refused}; {why}" if why else str(refused))
        return Done(changed=True)

    def close(self) -> None:
        """Give back the connections."""
        self.directory.close()

    # -- requests

    def _key(self, key: str) -> str:
        value: str | None = getattr(self.config, key)
        if value is None:
            raise RejectedError(f"{key} is missing in the configuration of this target")
        return value

    def _address(self, account: AccountState) -> str:
        return self._flavor.address(account.id, account.name)

    def _swap(self, account: AccountState, attribute: str, values: tuple[str, ...]) -> Done:
        return self._edit(account, Edit((swapped(attribute, account.attributes.get(attribute, ()), values),)))

    def _edit(self, account: AccountState, edit: Edit, *, is_blind: bool = False) -> Done:
        """Change an account that is still as it was read; blindly where what stands there does not matter."""
        self._make_sure_of(account, () if is_blind else edit.attributes)
        condition = self._flavor.condition(account.id, edit.only_if + ("" if is_blind else _still_empty(account, edit)))
        accept = (NO_SUCH_ATTRIBUTE, VALUE_EXISTS)
        code = self._unless_moved(
            account, lambda: self.directory.modify(self._address(account), edit, only_if=condition, accept=accept)
        )
        if code:
            if not unchanged(self._accounts.entry(account.id), account, edit.attributes):
                raise RetryableError("the account was changed meanwhile; it is read again first")
            raise RejectedError(self._flavor.why_not_changed(edit) or str(refusal(code, "modify", right="")))
        return Done(changed=True, after=_told(edit.changes))

    def _move_to(self, account: AccountState, container: str, name: str) -> str:
        """Move it, and return the name that it has there."""
        self._make_sure_of(account, ())
        for wanted in (name, new_name(name, account.id, self._flavor.longest_name)):
            code = self._unless_moved(account, partial(self._rename, account, container, wanted))
            if code != ENTRY_EXISTS:
                return wanted
        raise RejectedError(f"{container} has entries of this name already, and of the one that was tried instead")

    def _rename(self, account: AccountState, container: str, name: str) -> int:
        # The old name goes where it is only the one that a clash had brought.
        original = dn.first(account.original.name) if account.original else ""
        keeps = not self._flavor.renames_whole and name != dn.first(account.name) and name != original
        return self.directory.rename(
            self._address(account),
            name,
            container,
            keeps=keeps,
            only_if=self._flavor.condition(account.id),
            accept=(ENTRY_EXISTS,),
        )

    def _make_sure_of(self, account: AccountState, attributes: tuple[str, ...]) -> None:
        """Look once more, where the server takes no condition with a request."""
        if self._flavor.asserts:
            return
        now = self._accounts.entry(account.id)
        if self._flavor.address(now.id, now.dn) != self._address(account) or not unchanged(now, account, attributes):
            raise RetryableError("the account was renamed or changed meanwhile; it is read again first")

    def _unless_moved(self, account: AccountState, change: Callable[[], int]) -> int:
        """Do it, and tell an account that is gone from one that was renamed since it was read."""
        try:
            return change()
        except AccountNotFoundError:
            self._accounts.entry(account.id)
            raise RetryableError("the account was renamed meanwhile; it is read again first") from None

    def _refuse_the_untouchable(self, account: NativeState) -> None:
        if dn.is_same(account.name, self.config.bind_dn):
            raise RejectedError("this is the bridge's own account in the directory (bind_dn)")
        if not dn.is_below(account.name, self.config.base_dn):
            raise RejectedError("the account is not beneath base_dn")


def _still_empty(account: AccountState, edit: Edit) -> str:
    """Return a filter for attributes that had no value: there is none that the request could name."""
    empty = {change.attribute for change in edit.changes if not change.is_whole}
    return "".join(f"(!({name}=*))" for name in sorted(empty) if account.attributes.get(name) == ())


def _told(changes: tuple[Change, ...]) -> dict[str, list[str]]:
    """Return what was written, for the evidence: names of attributes only, and no octets."""
    return {"attributes": sorted({change.attribute for change in changes})}
