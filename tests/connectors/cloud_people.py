"""People who have all that a leaver loses, in Google Workspace and in Microsoft 365, and a bridge that takes it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.connectors.google_bridge import PRODUCT, SKUS, Workspace
from tests.connectors.graph_bridge import Directory
from tests.doubles.google import User as GoogleUser
from tests.doubles.graph import User as GraphUser
from tests.servers import quiet_port

ALL_AT_GOOGLE = 10
"""Changes that somebody needs beside one for each group: password, app password, backup codes, token, sign-out,
suspension; license, mark, org unit; deletion. Each of them is a call of its own."""

ALL_AT_MICROSOFT = 9
"""Such changes there: suspension, sessions, grant, password, two methods; licenses, mark; deletion."""


def employ_at_google(cloud: Workspace, name: str, groups: int) -> GoogleUser:
    """Hire somebody, with groups of their own."""
    company = cloud.google.company
    person = company.hire(name)
    for number in range(groups):
        company.form(f"{name.partition('@')[0]}-{number}", person)
    company.license(person, PRODUCT, SKUS[0])
    person.tokens, person.app_passwords = {"app": "An app"}, {7: "Phone"}
    return person


def employ_at_microsoft(cloud: Directory, name: str, groups: int) -> GraphUser:
    """Hire somebody, with groups of their own."""
    tenant = cloud.graph.tenant
    person = tenant.hire(name)
    for number in range(groups):
        tenant.form(f"{name}-{number}", person)
    for sku in cloud.skus:
        tenant.license(person, sku)
    person.grants, person.methods = {f"grant-{name}": "app"}, {f"phone-{name}": "phone", f"key-{name}": "fido2"}
    return person


def configuration(targets: Mapping[str, Mapping[str, Any]], stages: Sequence[str], **queue: str) -> str:
    """Return the configuration of a bridge with these targets, whose one rule has these stages."""
    tables = [
        f"[targets.{name}]\n" + "\n".join(f"{key} = {_toml(value)}" for key, value in table.items())
        for name, table in targets.items()
    ]
    listed = "\n".join(f"[[rules.stages]]\n{stage}" for stage in stages)
    queue_table = "[queue]\n" + "\n".join(f"{key} = {_toml(value)}" for key, value in queue.items()) if queue else ""
    return f"""
data_dir = "data"
{queue_table}
[server]
listen = "127.0.0.1:{quiet_port()}"
[sources.idp]
{chr(10).join(tables)}
[guard]
all = {{ count = 1_000_000, window = "24h" }}
[[rules]]
name = "leavers"
when = ["deactivated"]
{listed}
"""


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f'"{key}" = {_toml(each)}' for key, each in value.items()) + " }"
    return json.dumps(value)
