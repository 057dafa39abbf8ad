"""What the bridge does to the accounts of a directory."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from connectors.ldap import dn
from connectors.ldap.archiving import archived
from connectors.ldap.checkup import Checkup
from connectors.ldap.config import LdapConfig
from connectors.ldap.entry import Edit
from connectors.ldap.flavors import FLAVORS
from connectors.ldap.group_actions import GroupActions
from connectors.ldap.listing import Listing
from connectors.ldap.locking import also_locked, also_unlocked
from connectors.ldap.marks import marked
from scimbridge.sdk import (
    AccountPage,
    AccountRef,
    AccountState,
    AccountSummary,
    Action,
    Confirm,
    Done,
    Expiry,
    NativeState,
    NeedsPerson,
    Outcome,
    Person,
    RejectedError,
    performs,
)
from scimbridge.sdk.expiry import expiry_of
from scimbridge.sdk.stamp import UNMANAGED, stamp_of

DESCRIPTION = "description"

_NEEDED = {
    Action.MOVE: ("disabled_ou", 'e.g. disabled_ou = "ou=Disabled,dc=example,dc=com"'),
    Action.MOVE_GROUP: ("disabled_groups_ou", 'e.g. disabled_groups_ou = "ou=Old groups,dc=example,dc=com"'),
    Action.HIDE_FROM_DIRECTORY: ("hide_attribute", 'e.g. hide_attribute = "msExchHideFromAddressLists"'),
    Action.ARCHIVE: ("archive_attributes", 'e.g. archive_attributes = ["mobile", "homePhone"]'),
    Action.DISCONNECT: ("unmanaged_attribute", 'e.g. unmanaged_attribute = "extensionAttribute15"'),
}
"""What an action cannot do without, and how it is written."""


class LdapConnector(GroupActions):
    """OpenLDAP, Active Directory, 389 Directory Server; what differs between them is in ``flavors``."""

    kind = "ldap"
    contract = 1
    config_type = LdapConfig

    @classmethod
    def lacks(cls, config: LdapConfig, actions: Collection[Action]) -> Iterator[tuple[str, str]]:
        """Name the keys that actions cannot do without."""
        for action, (key, example) in _NEEDED.items():
            if action in actions and not getattr(config, key):
                yield key, f"is missing, and {action} needs it; {example}"
        never = {action for action in actions if action.is_revoking and not action.is_of_groups}
        for container in config.containers:
            never -= config.actions_in(container) or set()
        if config.containers and never:
            yield "containers", f"none of them has {', '.join(sorted(never))}, so that the rules would never do it here"
        if Action.DISABLE_GROUP in actions and not FLAVORS[config.flavor].disables_groups:
            yield (
                "flavor",
                f"{config.flavor} has no groups that open nothing, so that disable_group cannot be done there",
            )

    def check(self) -> str:
        """Sign in, look for all that the configuration names, and say what may go wrong."""
        return Checkup(self.config, self.directory).run()

    def expiries(self) -> Iterator[Expiry]:
        """Yield when the bridge's certificate ends, and the directory's."""
        if self.config.client_certificate is not None:
            yield expiry_of("the bridge's certificate", self.config.client_certificate)
        ends_at = self.directory.certificate_ends()
        if ends_at is not None:
            yield Expiry("the server's certificate", ends_at)

    def find(self, person: Person) -> AccountRef | None:
        """Return the account by the first pair of ``match`` that finds any."""
        return self._accounts.find(person)

    def list_accounts(self, since: str | None = None) -> Iterator[AccountPage]:
        """Yield the accounts beneath ``base_dn``, or what has changed among them since."""
        return Listing(self.config, self.directory).accounts(since)

    def summarize(self, account_id: str) -> AccountSummary:
        """Return one account as the list has it, wherever beneath ``base_dn`` it has moved to."""
        listing = Listing(self.config, self.directory)
        return listing.summary(self._accounts.glance(account_id, listing.names))

    def read(self, account_id: str) -> AccountState:
        """Return the account as it is now, wherever beneath ``base_dn`` it has moved to."""
        return self._accounts.read(account_id)

    def read_first(self, action: Action, native_id: str) -> NativeState:
        """Return an account with what the configuration wants kept of it, too."""
        if action.is_of_groups:
            return self.read_group(native_id)
        return self._accounts.read(native_id, self.config.snapshot_attributes)

    def is_as_wanted(self, action: Action, account: NativeState) -> bool | None:
        """Whether the account is as an action would make it; the container is told here, too."""
        if action is Action.ARCHIVE:
            return not any(account.attributes.get(name) for name in self.config.archive_attributes)
        container = {Action.MOVE: self.config.disabled_ou, Action.MOVE_GROUP: self.config.disabled_groups_ou}.get(
            action
        )
        if container is not None:
            return dn.is_same(account.container or "", container)
        return account.is_as_wanted_by(action)

    def allowed_in(self, container: str) -> Collection[Action] | None:
        """Return what ``containers`` has for the accounts of a container."""
        return self.config.actions_in(container)

    # -- signing in

    @performs(Action.SUSPEND, undo=Action.RESTORE, needs=("write the lock",))
    def suspend(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Stop new sign-ins. Connections that are open go on: the directory does not end them."""
        if account.suspended:
            return Done(changed=False)
        lock = self._flavor.lock(account.attributes)
        return self._edit(account, Edit((*lock.changes, *also_locked(account, self.config.lock_also)), lock.only_if))

    @performs(Action.RESTORE, needs=("write the lock",))
    def restore(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Take the lock off, back to what the snapshot says; the password is the old one."""
        if account.is_as_wanted_by(Action.RESTORE):
            return Done(changed=False)
        before = account.original.attributes if account.original else {}
        unlock = self._flavor.unlock(account.attributes, before)
        also = also_unlocked(account, self.config.lock_also, before)
        return self._edit(account, Edit((*unlock.changes, *also), unlock.only_if))

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
        member = self._accounts.entry(account.id)
        left = self._memberships.leave(member, account.removable_groups)
        return Done(changed=bool(left), after={"how many": len(left), **self._kept(account)})

    @performs(Action.ADD_TO_GROUPS, needs=("write the groups' members",))
    def add_to_groups(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Put the account back into the groups that are still there."""
        if not account.missing_groups:
            return Done(changed=False)
        joined, gone = self._memberships.join(self._accounts.entry(account.id), account.missing_groups)
        lost = tuple(f"the group {name} is gone" for name in gone)
        return Done(changed=bool(joined), after={"how many": len(joined)}, lost=lost)

    def _kept(self, account: AccountState) -> dict[str, int]:
        """Return what the account still belongs to, as evidence; asked only where the server tells."""
        names = self._flavor.membership_attributes
        if not names:
            return {}
        now = self._accounts.glance(account.id, names)
        return self._flavor.groups_kept(now, self.config.groups_dn or self.config.base_dn)

    # -- what stands on the account

    @performs(Action.STAMP, undo=Action.UNSTAMP, needs=("write stamp_attribute and description",))
    def stamp(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Write the mark with its date behind what stands there, and the mark alone into the description."""
        if account.is_as_wanted_by(Action.STAMP):
            return Done(changed=False)
        return self._stamp(
            account, {DESCRIPTION: stamp_of(None), self.config.stamp_attribute: stamp_of(account.delete_at)}
        )

    @performs(Action.UNSTAMP, needs=("write stamp_attribute and description",))
    def unstamp(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Take the mark off; what stands beside it stays."""
        if account.is_as_wanted_by(Action.UNSTAMP):
            return Done(changed=False)
        return self._unstamp(account, (DESCRIPTION, self.config.stamp_attribute))

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

    @performs(Action.ARCHIVE, needs=("write archive_attributes",))
    def archive(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Take off what the snapshot keeps; what somebody has written since is left to a person."""
        if self.is_as_wanted(Action.ARCHIVE, account):
            return Done(changed=False)
        names = self.config.archive_attributes
        changes, others = archived(account, names, self._accounts.glance(account.id, names))
        done = self._edit(account, Edit(changes), confirm=confirm) if changes else Done(changed=False)
        if others:
            return NeedsPerson(
                f"the snapshot does not keep {', '.join(others)} as it is: somebody has written it since the bridge "
                "first touched the account, or archive_attributes names it only since then. "
                "Keep it elsewhere, and take it off by hand"
            )
        return done

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
        return self._move(account, "disabled_ou")

    @performs(Action.MOVE_BACK, needs=("move accounts",))
    def move_back(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Move the account to where it was, under the name that it had, unless that is gone or taken."""
        if account.is_as_wanted_by(Action.MOVE_BACK):
            return Done(changed=False)
        return self._move_back(account)

    @performs(Action.DELETE, needs=("delete accounts",))
    def delete(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Remove the entry. The directory keeps nothing to bring it back from."""
        allowed = self.config.delete_below
        if allowed and not any(dn.is_below(account.name, each) for each in allowed):
            raise RejectedError("the account is beneath none of delete_below, so that it is not deleted there")
        done, _ = self._remove(account, confirm)
        return done
