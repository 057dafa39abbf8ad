"""What the bridge does to the accounts of an OpenLDAP directory."""

from __future__ import annotations

from collections.abc import Callable

from connectors.ldap import dn
from connectors.ldap.client import ASSERTION_CONTROL, ENTRY_ID, Directory, Entry, equals
from connectors.ldap.config import LdapConfig
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountRef,
    AccountState,
    Action,
    AmbiguousAccountError,
    Confirm,
    Connector,
    Context,
    Done,
    Outcome,
    Person,
    RejectedError,
    RetryableError,
    TargetUnusableError,
    performs,
)

LOCK = "pwdAccountLockedTime"
LOCKED = "000001010000Z"
"""The one value that locks for good; a real time is a lock that ends by itself.

slapo-ppolicy(5), pwdAccountLockedTime.
"""


class LdapConnector(Connector[LdapConfig]):
    """OpenLDAP with the ppolicy overlay."""

    kind = "ldap"
    config_type = LdapConfig

    def __init__(self, config: LdapConfig, context: Context) -> None:
        super().__init__(config, context)
        self.directory = Directory(config, context.permit)

    def check(self) -> str:
        """Sign in, look for ``base_dn``, and say whether accounts can be locked."""
        self.directory.search(self.config.base_dn, "(objectClass=*)", [], scope="BASE")
        (server,) = self.directory.search(
            "", "(objectClass=*)", ["subschemaSubentry", "supportedControl"], scope="BASE"
        )
        if ASSERTION_CONTROL not in server.attributes["supportedControl"]:
            raise TargetUnusableError("the directory lacks the assertion control (RFC 4528); is it an OpenLDAP server?")
        if not self._knows_the_lock(server):
            raise TargetUnusableError(f"the directory does not know {LOCK}: load the ppolicy overlay")
        return f"signed in; base_dn is there; {self._lock_policy()}"

    def find(self, person: Person) -> AccountRef | None:
        """Return the account by the first pair of ``match`` that finds any."""
        for scim_attribute, attribute in self.config.match.items():
            values = person.get(scim_attribute)
            found = self._accounts(equals(attribute, values)) if values else []
            if len(found) > 1:
                raise AmbiguousAccountError(f"{len(found)} accounts have the same {attribute}", found)
            if found:
                return found[0]
        return None

    def read(self, account_id: str) -> AccountState:
        """Return the account as it is now, wherever beneath ``base_dn`` it has moved to."""
        names = dict.fromkeys((*self.config.match.values(), LOCK, "objectClass"))
        entries = self.directory.search(self.config.base_dn, equals(ENTRY_ID, [account_id]), list(names))
        if not entries:
            raise AccountNotFoundError(f"no entry beneath base_dn has the {ENTRY_ID} {account_id}")
        (entry,) = entries
        return AccountState(
            id=entry.id, name=entry.dn, suspended=LOCKED in entry.attributes[LOCK], attributes=entry.attributes
        )

    @performs(Action.SUSPEND, undo=Action.RESTORE, needs=(f"write {LOCK}",))
    def suspend(self, account: AccountState, confirm: Confirm) -> Outcome:  # noqa: ARG002  # it can be taken back
        """Stop new sign-ins. Connections that are open go on: the directory does not end them."""
        if account.suspended:
            return Done(changed=False)
        return self._set_lock(account, (LOCKED,), only_if=_is(account))

    @performs(Action.RESTORE, needs=(f"write {LOCK}",))
    def restore(self, account: AccountState, confirm: Confirm) -> Outcome:  # noqa: ARG002  # it can be taken back
        """Take the lock off, back to what the snapshot says; the password is the old one."""
        if account.is_as_wanted_by(Action.RESTORE):
            return Done(changed=False)
        before = account.original.attributes.get(LOCK, ()) if account.original else ()
        return self._set_lock(account, before, only_if=f"(&{_is(account)}({LOCK}={LOCKED}))")

    @performs(Action.DELETE, needs=("write entry", "write children"))
    def delete(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Remove the entry. The directory keeps nothing to bring it back from."""
        self._refuse_the_untouchable(account)
        try:
            self._unless_moved(
                account, lambda: self.directory.delete(account.name, only_if=_is(account), confirm=confirm)
            )
        except AccountNotFoundError:
            return Done(changed=False)
        return Done(changed=True)

    def close(self) -> None:
        """Give back the connections."""
        self.directory.close()

    def _accounts(self, by: str) -> list[AccountRef]:
        entries = self.directory.search(self.config.base_dn, f"(&{self.config.user_filter}{by})", [])
        if not all(entry.id for entry in entries):
            raise TargetUnusableError(f"the bind account may not read {ENTRY_ID}, the only lasting name of an account")
        return [AccountRef(entry.id, entry.dn) for entry in entries]

    def _set_lock(self, account: AccountState, values: tuple[str, ...], *, only_if: str) -> Outcome:
        self._refuse_the_untouchable(account)
        self._unless_moved(account, lambda: self.directory.replace(account.name, LOCK, values, only_if=only_if))
        return Done(changed=True, after={LOCK: list(values)})

    def _unless_moved(self, account: AccountState, change: Callable[[], None]) -> None:
        """Do it, and tell an account that is gone from one that was renamed since it was read."""
        try:
            change()
        except AccountNotFoundError:
            self.read(account.id)
            raise RetryableError("the account was renamed meanwhile; it is read again first") from None

    def _refuse_the_untouchable(self, account: AccountState) -> None:
        if dn.is_same(account.name, self.config.bind_dn):
            raise RejectedError("this is the bridge's own account in the directory (bind_dn)")
        if not dn.is_below(account.name, self.config.base_dn):
            raise RejectedError("the account is not beneath base_dn")

    def _knows_the_lock(self, server: Entry) -> bool:
        schemas = [
            schema
            for name in server.attributes["subschemaSubentry"]
            for schema in self.directory.search(name, "(objectClass=subschema)", ["attributeTypes"], scope="BASE")
        ]
        return any(
            f"'{LOCK}'" in definition for schema in schemas for definition in schema.attributes["attributeTypes"]
        )

    def _lock_policy(self) -> str:
        """Say whether a policy makes the directory honor the lock: without ``pwdLockout`` it ignores it."""
        policies = self.directory.search(self.config.base_dn, "(objectClass=pwdPolicy)", ["pwdLockout"])
        if any("TRUE" in policy.attributes["pwdLockout"] for policy in policies):
            return "accounts can be locked"
        if policies:
            return "WARNING: no password policy beneath it has pwdLockout TRUE, so the directory may ignore locks"
        return "no password policy is visible beneath it, so see to it that the default one has pwdLockout TRUE"


def _is(account: AccountState) -> str:
    """A filter that another entry, now of the same name, does not match."""
    return equals(ENTRY_ID, [account.id])
