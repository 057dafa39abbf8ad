"""What an operator writes under ``[targets.NAME]`` for an LDAP directory."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from connectors.ldap import addresses, dn
from connectors.ldap.archiving import is_secret
from connectors.ldap.entry import ALL
from connectors.ldap.flavors import FLAVORS, FlavorName
from scimbridge.sdk import Action, Secret, TargetConfig
from scimbridge.sdk.config import Matchable
from scimbridge.sdk.fields import ExistingFile, refusing_link_local

ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]*")


_NO_KERBEROS = (
    "Kerberos (GSSAPI) is not offered: the client library does not sign or seal with it, which Active Directory asks "
    "for; write bind_password, or client_certificate, over ldaps:// or with start_tls"
)


class LdapConfig(TargetConfig):
    """Settings of a directory."""

    not_offered = dict.fromkeys(("gssapi", "kerberos", "keytab", "sasl", "sasl_mechanism"), _NO_KERBEROS)

    url: str | Annotated[list[str], Field(min_length=1)]
    """`ldaps://HOST[:PORT]`, `ldap://HOST[:PORT]` with `start_tls`, or `ldapi://%2Fpath%2Fto%2Fsocket`. A list of them
    is tried in order, when a server cannot be reached."""

    start_tls: bool = False
    """Encrypt an `ldap://` connection before the password is sent."""

    flavor: FlavorName = "openldap"
    """The kind of server: `openldap`, `active-directory` or `389ds`."""

    ca_file: ExistingFile | None = None
    """PEM file with the authority that signed the directory's certificate; the system's authorities where absent."""

    bind_dn: str
    """The bridge's own account in the directory."""

    bind_password: Secret = SecretStr("")
    """Its password; not needed with `client_certificate`."""

    client_certificate: ExistingFile | None = None
    """PEM file with a certificate by which the directory knows the bridge, instead of a password (SASL EXTERNAL)."""

    client_key: ExistingFile | None = None
    """PEM file with its private key, where that is not in the same file."""

    base_dn: str
    """Accounts are looked for, and touched, beneath this entry only."""

    match: dict[Matchable, str] = Field(default={"userName": "uid"}, min_length=1)
    """How accounts are found: SCIM attribute = LDAP attribute, tried in order. With `active-directory`, the
    userName is looked for in `userPrincipalName` where absent."""

    user_filter: str = "(objectClass=person)"
    """What an entry must match beside `match` to be found as an account; keeps groups and service entries out. With
    `active-directory`, `(&(objectCategory=person)(objectClass=user))` where absent."""

    groups_dn: str | None = None
    """Groups are looked for beneath this entry; beneath `base_dn` where absent."""

    disabled_ou: str | None = None
    """Where `move` moves accounts to; it must be beneath `base_dn`."""

    lock_also: dict[str, str] = Field(default={})
    """What `suspend` writes beside the lock, attribute = value, for programs that look at it and not at the lock, e.g.
    `{ loginShell = "/usr/sbin/nologin", shadowExpire = "1" }`; `restore` takes it back. Accounts that have neither the
    attribute nor, for these two, the class that it belongs to, are left alone."""

    stamp_attribute: str = "description"
    """Where `stamp` writes "To Be Deleted" and the date, behind what stands there; `description` says it, too. With
    `active-directory`, `info` where absent."""

    group_stamp_attribute: str = "description"
    """Where `stamp_group` writes "To Be Deleted" and the date, behind what stands there. With `active-directory`,
    `info` where absent."""

    disabled_groups_ou: str | None = None
    """Where `move_group` moves groups to; it must be beneath `groups_dn`."""

    archive_attributes: list[str] = Field(default=[])
    """What `archive` takes off accounts, e.g. `["mobile", "homePhone", "homePostalAddress"]`. It stays in the snapshot
    that the bridge took before it first touched the account; what somebody has written since is left to a person."""

    snapshot_attributes: list[str] = Field(default=[])
    """What the snapshot keeps beside what undo needs, e.g. `["telephoneNumber", "title"]`, or `["*"]` for all text, so
    that a deleted account can be made anew by hand. Passwords and other secrets are never kept."""

    hide_attribute: str | None = None
    """A yes-or-no attribute that takes accounts out of address lists, for `hide_from_directory`."""

    unmanaged_attribute: str | None = None
    """Where `disconnect` writes that the bridge keeps away from the account; such accounts are no longer found."""

    group_stand_in: str | None = None
    """DN of an entry that takes the place of a group's last member, where the directory allows no empty groups."""

    protected: list[str] = Field(default=[])
    """DNs of entries that a person must decide about, like whatever is beneath them."""

    privileged_groups: list[str] = Field(default=[])
    """DNs of groups that give power over others, like whatever groups are in them: a person must decide about their
    members, and nobody is put back into them. Active Directory's own are known."""

    member_attributes: list[str] = Field(default=["member"], min_length=1)
    """Where groups keep the DNs of their members, e.g. `["member", "uniqueMember"]`; with `memberUid`, groups of Unix
    machines count, too, which name their members by `uid`. Each should have an index."""

    containers: dict[str, list[Action]] = Field(default={})
    """DNs of containers, each with the actions that are for the accounts beneath it; of several, the innermost one
    counts. About an account beneath none of them, a person decides. Where absent, every action is for everybody."""

    delete_below: list[str] = Field(default=[])
    """DNs: `delete` removes only what is beneath one of them; anything beneath `base_dn` where absent."""

    connect_timeout: int = Field(default=5, ge=1, le=60)
    """Seconds to wait for a connection."""

    receive_timeout: int = Field(default=10, ge=1, le=120)
    """Seconds to wait for each answer."""

    @property
    def urls(self) -> list[str]:
        """The addresses, in the order in which they are tried."""
        return [self.url] if isinstance(self.url, str) else self.url

    @model_validator(mode="before")
    @classmethod
    def _as_the_flavor_has_it(cls, data: Any) -> Any:
        flavor = FLAVORS.get(data.get("flavor", "openldap")) if isinstance(data, dict) else None
        known = {key: value for key, value in flavor.defaults.items() if key in cls.model_fields} if flavor else {}
        return {**known, **data} if known else data

    @field_validator("url")
    @classmethod
    def _usable_urls(cls, value: str | list[str], info: ValidationInfo) -> str | list[str]:
        found = [
            refusing_link_local(addresses.usable(each), info) for each in ([value] if isinstance(value, str) else value)
        ]
        return found[0] if isinstance(value, str) else found

    @field_validator("bind_dn", "base_dn")
    @classmethod
    def _real_dn(cls, value: str) -> str:
        dn.parse(value)
        return value

    @field_validator("groups_dn", "disabled_ou", "disabled_groups_ou", "group_stand_in")
    @classmethod
    def _real_dn_if_any(cls, value: str | None) -> str | None:
        if value is not None:
            dn.parse(value)
        return value

    @field_validator("protected", "privileged_groups", "delete_below")
    @classmethod
    def _real_dns(cls, value: list[str]) -> list[str]:
        for each in value:
            dn.parse(each)
        return value

    @field_validator("containers")
    @classmethod
    def _real_containers(cls, value: dict[str, list[Action]]) -> dict[str, list[Action]]:
        names = [dn.parse(each) for each in value]
        if len(set(names)) < len(names):
            raise ValueError("names a container twice")
        for actions in value.values():
            for action in actions:
                if not action.is_revoking or action.is_of_groups:
                    raise ValueError(f"{action} takes nothing from an account; name what rules do")
        return value

    @field_validator("bind_password")
    @classmethod
    def _no_anonymous_bind(cls, value: SecretStr) -> SecretStr:
        # RFC 4513 section 5.1.2: a bind with an empty password succeeds, as nobody.
        if not value.get_secret_value():
            raise ValueError("must not be empty: the directory would take the bridge for an anonymous visitor")
        return value

    @field_validator("lock_also")
    @classmethod
    def _written_attributes(cls, value: dict[str, str]) -> dict[str, str]:
        for name, written in value.items():
            if not ATTRIBUTE.fullmatch(name) or not written:
                raise ValueError(f"write an attribute and what it shall be; {name!r} = {written!r} is no such pair")
            if name.casefold() in {"userpassword", "unicodepwd"}:
                raise ValueError(
                    "a password is for reset_credentials; a mark before its hash would become the password"
                )
        return value

    @field_validator("archive_attributes", "snapshot_attributes")
    @classmethod
    def _no_secrets(cls, value: list[str]) -> list[str]:
        for name in value:
            if is_secret(name):
                raise ValueError(f"{name} is a secret, and the snapshot keeps none; reset_credentials is for passwords")
        return value

    @model_validator(mode="after")
    def _archives_nothing_of_use(self) -> LdapConfig:
        flavor = FLAVORS[self.flavor]
        own = {
            *self.match.values(),
            *self.lock_also,
            *self.member_attributes,
            flavor.id_attribute,
            flavor.lock_attribute,
        }
        named = (self.stamp_attribute, self.hide_attribute, self.unmanaged_attribute, "description", "objectClass")
        needed = {name.casefold() for name in (*own, *named) if name}
        for name in self.archive_attributes:
            if name.casefold() in needed:
                raise ValueError(f"archive_attributes: the bridge itself needs {name} on accounts; leave it out")
        return self

    @field_validator("snapshot_attributes")
    @classmethod
    def _plain_or_all(cls, value: list[str]) -> list[str]:
        cls._plain_attributes([name for name in value if name != ALL])
        return value

    @field_validator("match", "member_attributes", "archive_attributes")
    @classmethod
    def _plain_attributes(cls, value: dict[Matchable, str] | list[str]) -> dict[Matchable, str] | list[str]:
        for name in value.values() if isinstance(value, dict) else value:
            if not ATTRIBUTE.fullmatch(name):
                raise ValueError(f"{name!r} is not the name of an LDAP attribute")
        return value

    @field_validator("stamp_attribute", "group_stamp_attribute", "hide_attribute", "unmanaged_attribute")
    @classmethod
    def _plain_attribute(cls, value: str | None) -> str | None:
        if value is not None and not ATTRIBUTE.fullmatch(value):
            raise ValueError(f"{value!r} is not the name of an LDAP attribute")
        return value

    @field_validator("user_filter")
    @classmethod
    def _bracketed_filter(cls, value: str) -> str:
        if not (value.startswith("(") and value.endswith(")") and value.count("(") == value.count(")")):
            raise ValueError("write an LDAP filter in brackets, like (objectClass=person)")
        return value

    @model_validator(mode="after")
    def _password_is_encrypted(self) -> LdapConfig:
        for url in self.urls:
            addresses.check_encryption(url, start_tls=self.start_tls)
        return self

    def actions_in(self, container: str) -> frozenset[Action] | None:
        """Return what is for the accounts of a container; ``None`` where ``containers`` has no word about it."""
        if not self.containers:
            return frozenset(Action)
        around = [each for each in self.containers if dn.is_same(container, each) or dn.is_below(container, each)]
        if not around:
            return None
        named = self.containers[max(around, key=lambda each: len(dn.parse(each)))]
        return frozenset(named).union(*(action.facts.needs for action in named))

    @model_validator(mode="after")
    def _leavers_stay_in_reach(self) -> LdapConfig:
        if self.disabled_ou and not dn.is_below(self.disabled_ou, self.base_dn):
            raise ValueError("disabled_ou must be beneath base_dn: an account that is moved out of it looks deleted")
        for each in self.containers:
            if not dn.is_same(each, self.base_dn) and not dn.is_below(each, self.base_dn):
                raise ValueError(f"containers: {each} is not beneath base_dn, so that no account is found there")
        if self.disabled_groups_ou and not dn.is_below(self.disabled_groups_ou, self.groups_dn or self.base_dn):
            raise ValueError(
                "disabled_groups_ou must be beneath groups_dn: a group that is moved out of it looks deleted"
            )
        return self

    @model_validator(mode="after")
    def _one_way_to_sign_in(self) -> LdapConfig:
        has_password = bool(self.bind_password.get_secret_value())
        if self.client_certificate is None and not has_password:
            raise ValueError("bind_password is missing; or name a client_certificate")
        if self.client_certificate is not None and has_password:
            raise ValueError("client_certificate takes the place of bind_password; leave one of them out")
        if self.client_key is not None and self.client_certificate is None:
            raise ValueError("client_key goes with a client_certificate; write that, too, or leave it out")
        if self.client_certificate is not None and not (
            self.start_tls or all(url.startswith("ldaps:") for url in self.urls)
        ):
            raise ValueError("a client_certificate needs an encrypted connection: ldaps:// or start_tls")
        return self
