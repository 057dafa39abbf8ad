"""The example file: every setting with its reference as a comment, generated from the models."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import Enum
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from scimbridge import registry
from scimbridge.config.document import (
    Document,
    EvidenceSection,
    ExclusionSection,
    FreezeSection,
    QueueSection,
    RuleSection,
    Section,
    ServerSection,
    SourceSection,
    StageSection,
    StoreSection,
)
from scimbridge.config.hooks import HookSection
from scimbridge.config.notify import NotifySection, NotifyTable, WebhookSection
from scimbridge.config.operators import OidcSection, OperatorsSection
from scimbridge.config.retention import RetentionSection
from scimbridge.errors import ConfigurationError
from scimbridge.sdk.config import TargetConfig
from scimbridge.sdk.limits import GuardSection

WIDTH = 100
HEADER = """\
# The configuration of scimbridge. Every key can be set in the environment too, as
# SCIMBRIDGE_SECTION__KEY: SCIMBRIDGE_SERVER__LISTEN, SCIMBRIDGE_TARGETS__DIRECTORY__URL,
# SCIMBRIDGE_RULES__0__RESTORE. Secrets are { env = "NAME" } or { file = "PATH" }.
# Lines that start with "# key =" show defaults, or values to choose."""

# What a connector needs and has no default for; its own examples, where it has some, come first.
_TARGETS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "command": (
        "legacy",
        {
            "allow_program": True,
            "program": ["/opt/leavers/legacy"],
            "actions": ["suspend", "restore"],
            "environment": {"LEGACY_FILE": "/srv/legacy/accounts.json"},
        },
    ),
    "google-workspace": (
        "google",
        {
            "credentials_file": "service-account.json",
            "subject": "scimbridge-admin@example.com",
            "disabled_ou": "/Leavers",
        },
    ),
    "home-folder": ("homes", {"root": "/home", "archives": "/srv/home-archives"}),
    "ldap": (
        "directory",
        {
            "url": "ldaps://directory.example.com",
            "bind_dn": "cn=scimbridge,dc=example,dc=com",
            "bind_password": {"env": "DIRECTORY_PASSWORD"},
            "base_dn": "dc=example,dc=com",
        },
    ),
    "microsoft365": (
        "m365",
        {
            "tenant_id": "11111111-2222-3333-4444-555555555555",
            "client_id": "99999999-8888-7777-6666-555555555555",
            "client_secret": {"env": "M365_SECRET"},
        },
    ),
    "sample": ("sample", {"file": "sample.db", "leavers_container": "leavers"}),
    "scim": (
        "application",
        {"base_url": "https://application.example.com/scim/v2", "token": {"env": "APPLICATION_TOKEN"}},
    ),
    "webhook": (
        "crm",
        {
            "base_url": "https://crm.example.com/api",
            "token": {"env": "CRM_TOKEN"},
            "match": {"userName": "/login"},
            "check": {"path": "/me"},
            "find": {"path": "/users?login={{ value }}", "at": "/users"},
            "account": {"name": "/login", "suspended": {"at": "/status", "values": ["disabled"]}},
            "read": {"path": "/users/{{ account.id }}"},
            "gone": {"status": [404]},
            "actions": {"suspend": {"path": "/users/{{ account.id }}/disable"}},
        },
    ),
}
_CHOICES: Mapping[str, Any] = {
    "rate_limit": "50/s",
    "reconcile": "0 3 * * *",
    "stale_after": "90d",
    "ca_file": "ca.pem",
    "client_certificate": "bridge.pem",
    "client_key": "bridge.key",
    "groups_dn": "ou=Groups,dc=example,dc=com",
    "disabled_ou": "ou=Disabled,dc=example,dc=com",
    "disabled_groups_ou": "ou=Old,ou=Groups,dc=example,dc=com",
    "hide_attribute": "msExchHideFromAddressLists",
    "unmanaged_attribute": "extensionAttribute15",
    "group_stand_in": "cn=nobody,dc=example,dc=com",
    "approval": True,
    "targets": ["application"],
    "grace": {"application": "14d"},
    "schedule": "0 22 * * 1-5",
    "window": "4h",
    "deadline": "1d",
    "only": ["Sales VPN"],
    "successor": "manager",
    "was": 'userType eq "Employee"',
    "now": 'userType eq "Contractor"',
    "hook": "ask_payroll",
    "suspend": {"count": 50, "window": "1h"},
    "strip": {"count": 50, "window": "1h"},
    "delete": {"count": 20, "percent": 2, "window": "24h"},
    "identity": "2819c223-7f76-453a-919d-413861904646",
    "members": "Break Glass",
    "target": "application",
    "account": "root@example.com",
    "group": "Domain Admins",
    "until": "2027-06-30",
    "notify": ["manager"],
    "user": "bridge",
    "password": {"env": "MAIL_PASSWORD"},
    "signing_secret": {"env": "HOOK_SECRET"},
    "reply_to": "it@example.com",
    "templates": "notices",
    "secret": {"env": "NOTIFY_SECRET"},
    "owner": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:division",
    "token_lifetime": "180d",
    "leavers": "1095d",
    "token_scheme": "Bearer",
    "username": "bridge",
    "token_url": "https://login.example.com/oauth/token",
    "client_id": "scimbridge",
    "scope": "scim",
    "stamp_attribute": "nickName",
    "jwt": {
        "issuer": "https://login.example.com/",
        "audience": "https://bridge.example.com",
        "jwks_url": "https://login.example.com/keys",
    },
    "basic": {"username": "entra", "password": {"env": "ENTRA_PASSWORD"}},
}
_LAST_STAGE = """\
  # What cannot be undone has to come after a stage that suspends, and waits for an operator.
  [[rules.stages]]
  after = "90d"
  do = ["delete"]"""


def example() -> str:
    """Return a complete configuration in TOML, which loads once the environment has the secrets it names."""
    parts = [
        HEADER,
        _scalars(Document),
        _table("[server]", ServerSection),
        _table("[store]", StoreSection),
        _table("[queue]", QueueSection),
        _table("[operators]", OperatorsSection),
        _table("[operators.oidc]", OidcSection),
        _table("[sources.entra]", SourceSection),
        *_targets(),
        _table("[[rules]]", RuleSection),
        textwrap.indent(_table("[[rules.stages]]", StageSection), "  "),
        _LAST_STAGE,
        _table("[[exclusions]]", ExclusionSection),
        _table("[guard]", GuardSection),
        _table("[[freeze]]", FreezeSection),
        _table("[evidence]", EvidenceSection),
        _table("[retention]", RetentionSection),
        _table("[notify]", NotifySection),
        _table("[notify.webhook]", WebhookSection),
        _table("[hooks.ask_payroll]", HookSection),
    ]
    return "\n\n".join(parts) + "\n"


def _targets() -> Iterator[str]:
    for kind in registry.available_kinds():
        name, values = _TARGETS.get(kind, (kind, {}))
        try:
            config = registry.connector_class(kind).config_type
        except ConfigurationError as error:
            yield "\n".join(f"# {problem.message}" for problem in error.problems)
        else:
            yield _table(f"[targets.{name}]", config, {"connector": kind, **values})


def _table(heading: str, model: type[BaseModel], values: Mapping[str, Any] | None = None) -> str:
    return "\n".join([*_comment(model.__doc__ or ""), heading, _scalars(model, values or {})])


def _scalars(model: type[BaseModel], values: Mapping[str, Any] | None = None) -> str:
    fields = {
        field.alias or name: field
        for name, field in model.model_fields.items()
        if not _is_section(field) or (name in _CHOICES and model is not Document)  # its sections stand by themselves
    }
    return "\n".join(line for key, field in fields.items() for line in _setting(key, field, values or {}))


def _is_section(field: FieldInfo) -> bool:
    """Whether a field is a table, or several, with keys of its own."""
    return (
        field.description is None
        or any(
            isinstance(part, type) and issubclass(part, Section | TargetConfig | GuardSection | NotifyTable)
            for part in (field.annotation, *getattr(field.annotation, "__args__", ()))
        )
        or field.annotation == Document.model_fields["targets"].annotation
    )


def _setting(key: str, field: FieldInfo, values: Mapping[str, Any]) -> Iterator[str]:
    yield from _comment(field.description or "")
    if key in values:
        yield f"{key} = {_toml(values[key])}"
    elif field.examples:
        yield f"{key} = {_toml(field.examples[0])}"
    else:
        default = field.get_default(call_default_factory=True, validated_data={})
        yield f"# {key} = {_toml(_CHOICES.get(key, '…') if default is None else default)}"


def _comment(text: str) -> Iterator[str]:
    for line in textwrap.wrap(" ".join(text.split("Attributes:")[0].split()), WIDTH):
        yield f"# {line}"


def _toml(value: Any) -> str:
    match value:
        case Enum():
            return _toml(value.value)
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case timedelta():
            return f"{value.total_seconds():g}"
        case list() | tuple():
            return f"[{', '.join(_toml(each) for each in value)}]"
        case Mapping():
            return f"{{ {', '.join(f'{key} = {_toml(each)}' for key, each in value.items())} }}"
        case _:
            text = str(value)
            return f"'{text}'" if '"' in text and "'" not in text else json.dumps(text, ensure_ascii=False)
