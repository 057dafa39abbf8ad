"""What the demo runs on: two sample targets, a folder with a real configuration, and a real bridge."""

from __future__ import annotations

import contextlib
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Self

from scimbridge.demo.application import Application
from scimbridge.demo.cast import Access, Person
from scimbridge.demo.directory import start_directory
from scimbridge.demo.entries import PEOPLE_DN, SERVICE_DN, DemoDirectory, Write
from scimbridge.demo.starting import InstallationError, announced, last_line, start, stop

SUSPEND_AFTER = 5
DELETE_AFTER = 13

CONFIGURATION = """\
data_dir = "data"

[server]
listen = "127.0.0.1:{port}"

[queue]
url = "embedded"

[sources.entra]
[sources.okta]

[targets.application]
connector = "scim"
mode = "enforce"
base_url = "{application}"
token = {{ file = "application-token" }}

[targets.directory]
connector = "ldap"
mode = "enforce"
url = "{directory}"
bind_dn = "{bind_dn}"
bind_password = {{ file = "directory-password" }}
base_dn = "{base_dn}"
match = {{ "emails.value" = "mail" }}

[[rules]]
name = "contractors"
when = ["deactivated", "deleted"]
match = 'userType eq "Contractor"'
restore = "auto"
stages = [
  {{ after = "{suspend}s", do = ["suspend"] }},
  {{ after = "90d", do = ["delete"], approval = false }},
]

[[rules]]
name = "employees"
when = ["deactivated", "deleted"]
restore = "auto"
stages = [
  {{ after = "{suspend}s", do = ["suspend"] }},
  {{ after = "{delete}s", do = ["delete"], approval = false }},
]

[[exclusions]]
match = 'groups.display eq "Break Glass"'
reason = "emergency accounts belong to the security team"
"""


class Installation:
    """The targets, the folder and the bridge; a context that leaves nothing behind.

    Args:
        keep_waiting: Asked while something starts; False gives up.
    """

    def __init__(self, keep_waiting: Callable[[], bool] = lambda: True) -> None:
        self._keep_waiting = keep_waiting
        self._ending = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with self._ending:
            # Short, because a socket's path has room for about 100 bytes.
            self.folder = Path(tempfile.mkdtemp(prefix="scb-"))
            self._ending.callback(shutil.rmtree, self.folder, ignore_errors=True)
            self.directory: DemoDirectory = start_directory(self.folder / "ldap")
            self._ending.callback(self.directory.stop)
            self.application = Application(self.folder, self._keep_waiting)
            self._ending.callback(self.application.close)
            self.config = self._configure()
            self._ending = self._ending.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.close()

    def admit(self, people: Iterable[Person]) -> None:
        """Give everybody an account at both targets."""
        for person in people:
            self.application.add_person(person)
            self.directory.add_person(person.name.lower(), person.name, person.family, person.user_name)

    def start_bridge(self) -> str:
        """Start everything that ``scimbridge up`` starts, and return the bridge's address.

        Raises:
            InstallationError: It is not ready in time, or was told to give up.
        """
        command = [sys.executable, "-m", "scimbridge.demo.bridge", str(self.config)]
        self.bridge = start(command, self.folder / "bridge.log")
        self._ending.callback(stop, self.bridge)
        url = announced(self.bridge, "ready ", self._keep_waiting)
        if url is None:
            raise InstallationError(f"the bridge did not start: {last_line(self.folder / 'bridge.log')}")
        return url

    def bridge_log(self, lines: int = 10) -> list[str]:
        """Return the last lines of the bridge's log."""
        log = self.folder / "bridge.log"
        return log.read_text(encoding="utf-8").splitlines()[-lines:] if log.exists() else []

    def access(self, person: Person) -> dict[str, Access]:
        """Return what somebody really has, by target, asked of the targets themselves."""
        return {"application": self.application.access(person), "directory": self._directory_access(person)}

    def writes(self, person: Person) -> list[str]:
        """Return what was changed for somebody at the targets, from the targets' own logs."""
        name, dn = person.user_name, self.directory.dn_of(person.name.lower())
        at_application = [
            f"{entry['method']} at application"
            for entry in self.application.requests()
            if entry["effective"] and entry["user_name"] == name and entry["method"] != "POST"
        ]
        return at_application + [f"{write.operation} at directory" for write in self._directory_writes(dn)]

    def _directory_writes(self, dn: str) -> Sequence[Write]:
        return [write for write in self.directory.writes() if write.changed and write.dn.lower() == dn.lower()]

    def _directory_access(self, person: Person) -> Access:
        uid = person.name.lower()
        if self.directory.get(uid) is None:
            return Access.GONE
        return Access.ACTIVE if self.directory.can_bind(uid) else Access.SUSPENDED

    def _configure(self) -> Path:
        for name, secret in (
            ("application-token", self.application.token),
            ("directory-password", self.directory.service_password),
        ):
            (self.folder / name).touch(mode=0o600)
            (self.folder / name).write_text(secret, encoding="utf-8")
        path = self.folder / "scimbridge.toml"
        path.write_text(
            CONFIGURATION.format(
                port=_free_port(),
                application=self.application.base_url,
                directory=self.directory.url,
                bind_dn=SERVICE_DN,
                base_dn=PEOPLE_DN,
                suspend=SUSPEND_AFTER,
                delete=DELETE_AFTER,
            ),
            encoding="utf-8",
        )
        return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
