"""The two sample targets: a SCIM service and an OpenLDAP server, with people in both."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scimbridge.demo.directory import OpenLdap
from scimbridge.demo.entries import CHANGES_BY_ITSELF, SERVICE_DN
from tests.servers import quiet_port
from tests.targets.scim import TOKEN, ScimTarget

APP = "app"
DIRECTORY = "directory"
LOCK = "pwdAccountLockedTime"


@dataclass
class Targets:
    """Both sample targets, and who is in them.

    Attributes:
        app_ids: The id of each person's account at the SCIM service.
        uids: The uid of each person's entry in the directory.
    """

    app: ScimTarget
    directory: OpenLdap
    app_ids: dict[str, str] = field(default_factory=dict)
    uids: dict[str, str] = field(default_factory=dict)

    def add(self, user_name: str, *, active_in_app: bool = True) -> None:
        """Give a person an account in both."""
        uid = user_name.partition("@")[0]
        self.app_ids[user_name] = self.app.create_user(
            user_name, active=active_in_app, displayName=uid, emails=[{"value": user_name, "primary": True}]
        )
        self.directory.add_person(uid, uid, uid, user_name)
        self.uids[user_name] = uid

    def documents(self) -> dict[str, tuple[Any, Any]]:
        """Return everybody's whole document and entry, without what a server writes on its own with every change."""
        return {user_name: (self.app.user(self.app_ids[user_name]), self.entry(user_name)) for user_name in self.uids}

    def entry(self, user_name: str) -> Mapping[str, Any] | None:
        """Return a person's whole entry, without what slapd writes on its own."""
        found = self.directory.get(self.uids[user_name])
        return found and {name: values for name, values in found.items() if name not in CHANGES_BY_ITSELF}

    def is_suspended(self, user_name: str) -> bool:
        """Whether a person can sign in to neither."""
        document = self.app.user(self.app_ids[user_name])
        entry = self.directory.get(self.uids[user_name])
        return bool(document and document["active"] is False and entry and LOCK in entry)

    def is_gone(self, user_name: str) -> bool:
        """Whether a person has no account in either."""
        return self.app.user(self.app_ids[user_name]) is None and not self.directory.get(self.uids[user_name])

    def log(self) -> Log:
        """Return what the bridge has sent so far."""
        return Log(self)


class Log:
    """What reached the targets by their own logs, by person."""

    def __init__(self, targets: Targets) -> None:
        people = {f"/Users/{native_id}": name for name, native_id in targets.app_ids.items()}
        entries = {targets.directory.dn_of(uid): name for name, uid in targets.uids.items()}
        requests = [entry for entry in targets.app.requests() if entry["method"] != "POST"]
        named = [(people.get(entry["path"].removeprefix("/v2")), entry) for entry in requests]
        writes = targets.directory.writes()
        self.app_requests = Counter(name for name, _ in named if name)
        self.app_writes = Counter(name for name, entry in named if name and entry["method"] != "GET")
        self.app_effective = Counter(name for name, entry in named if name and entry["effective"])
        self.directory_writes = Counter(entries[write.dn] for write in writes)
        self.directory_effective = Counter(entries[write.dn] for write in writes if write.changed)


@contextmanager
def sample_targets(folder: Path) -> Iterator[Targets]:
    """Run both."""
    with scim_target(folder, quiet_port()) as app, OpenLdap(folder / "directory") as directory:
        yield Targets(app, directory)


@contextmanager
def scim_target(folder: Path, port: int) -> Iterator[ScimTarget]:
    """Run the SCIM service on a given port."""
    log = folder / "app.jsonl"
    log.touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "scimbridge.demo.scim_target", "--token", TOKEN, "--log", str(log), "--port", str(port)],
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("listening "), f"the sample target did not start: {line!r}"
    target = ScimTarget(line.split()[1], log, process)
    try:
        yield target
    finally:
        target.close()


NO_FLOOD = """
[guard]
all = { count = 1_000_000, window = "24h" }
"""
"""A guard that counts everybody and never trips: most tests let more people leave than any company does."""


def configuration(
    app_url: str,
    directory: OpenLdap,
    rules: str,
    *,
    store_url: str = "",
    concurrency: int = 10,
    guard: str = NO_FLOOD,
) -> str:
    """Return the configuration of a bridge that drives both, with these rules, on a port of its own."""
    store = f'[store]\nurl = "{store_url}"' if store_url else ""
    return f"""
data_dir = "data"
{store}
[server]
listen = "127.0.0.1:{quiet_port()}"

[sources.idp]

[targets.{APP}]
connector = "scim"
mode = "enforce"
base_url = "{app_url}"
token = "{TOKEN}"
concurrency = {concurrency}

[targets.{DIRECTORY}]
connector = "ldap"
mode = "enforce"
url = "{directory.url}"
flavor = "openldap"
bind_dn = "{SERVICE_DN}"
bind_password = "{directory.service_password}"
base_dn = "dc=example,dc=com"
match = {{ userName = "mail" }}
concurrency = {concurrency}
{guard}
{rules}
"""
