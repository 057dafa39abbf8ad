"""OpenLDAP with the ppolicy overlay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connectors.ldap.entry import Change, Edit, Entry
from connectors.ldap.flavors.flavor import ASSERTION_CONTROL, Lookup
from connectors.ldap.flavors.times import Times
from connectors.ldap.flavors.user_password import UserPassword
from scimbridge.sdk import TargetUnusableError

LOCK = "pwdAccountLockedTime"
LOCKED = "000001010000Z"
"""The one value that locks for good; a real time is a lock that ends by itself.

slapo-ppolicy(5), pwdAccountLockedTime.
"""


class OpenLdap(UserPassword):
    """Accounts have an entryUUID (RFC 4530), and each request its condition (RFC 4528)."""

    id_attribute = "entryUUID"
    asserts = True
    lock_attribute = LOCK
    right_to_delete = "write access to the pseudo-attribute entry of the accounts, and to children of their parent"
    # slapd notes the first (lastbind), the second comes from the overlay of that name; ppolicy honors the end.
    times = Times(signed_in=("pwdLastSuccess", "authTimestamp"), ends="pwdEndTime")
    snapshot = (LOCK, "description", "mail", "manager", "employeeType", "loginShell", "shadowExpire")

    def is_locked(self, entry: Mapping[str, tuple[str, ...]]) -> bool:
        """Whether the lock that never ends is on."""
        return LOCKED in entry.get(LOCK, ())

    def lock(self, entry: Mapping[str, tuple[str, ...]]) -> Edit:
        """Return the lock that never ends, in place of one that would."""
        del entry
        return Edit((Change(LOCK, add=(LOCKED,), is_whole=True),))

    def unlock(self, entry: Mapping[str, tuple[str, ...]], before: Mapping[str, tuple[str, ...]]) -> Edit:
        """Return the lock that was there before, if any. Only ours is taken."""
        del entry
        return Edit((Change(LOCK, add=before.get(LOCK, ()), is_whole=True),), only_if=f"({LOCK}={LOCKED})")

    def vouch(self, server: Entry) -> None:
        """Look for the assertion control: without it, requests could not be conditional."""
        if ASSERTION_CONTROL not in server.get("supportedControl"):
            raise TargetUnusableError("the directory lacks the assertion control (RFC 4528); is it an OpenLDAP server?")

    def examine(self, directory: Lookup, server: Entry, base: str) -> Iterator[str]:
        """Yield whether a policy makes the directory honor the lock: without ``pwdLockout`` it ignores it."""
        if not _knows_the_lock(directory, server):
            raise TargetUnusableError(f"the directory does not know {LOCK}: load the ppolicy overlay")
        policies = directory.search(base, "(objectClass=pwdPolicy)", ["pwdLockout"])
        if any("TRUE" in policy.get("pwdLockout") for policy in policies):
            yield "accounts can be locked"
        elif policies:
            yield "WARNING: no password policy beneath it has pwdLockout TRUE, so the directory may ignore locks"
        else:
            yield "no password policy is visible beneath it, so see to it that the default one has pwdLockout TRUE"


def _knows_the_lock(directory: Lookup, server: Entry) -> bool:
    schemas = [
        schema
        for name in server.get("subschemaSubentry")
        if (schema := directory.get(name, ["attributeTypes"], of_class="subschema")) is not None
    ]
    return any(f"'{LOCK}'" in definition for schema in schemas for definition in schema.get("attributeTypes"))
