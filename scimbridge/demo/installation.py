"""What the demo runs on: two sample targets, a folder with a real configuration, and a real bridge."""

from __future__ import annotations

import contextlib
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from scimbridge.demo.application import Application
from scimbridge.demo.cast import Access, Person
from scimbridge.demo.directory import start_directory
from scimbridge.demo.entries import PEOPLE_DN, SERVICE_DN, DemoDirectory, Write
from scimbridge.demo.starting import InstallationError, announced, last_line, start, stop

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

{rules}
"""


@dataclass(frozen=True, slots=True)
class Logs:
    """What the targets' own logs show, read once.

    Attributes:
        requests: The application's.
        writes: The directory's; those of its administrator left out.
    """

    requests: Sequence[Mapping[str, Any]]
    writes: Sequence[Write]

    def changes(self, person: Person) -> list[str]:
        """Return what was changed for somebody, in order, target by target."""
        at_application = [f"{each['method']} at application" for each in self._named(person) if each["effective"]]
        return at_application + [f"{each.operation} at directory" for each in self._written(person) if each.changed]

    def attempts(self, person: Person) -> int:
        """Return how many requests were to change something of somebody, whatever came of them."""
        return len([each for each in self._named(person) if each["method"] != "GET"]) + len(self._written(person))

    def _named(self, person: Person) -> list[Mapping[str, Any]]:
        # Accounts are made by POST, and by nobody but us.
        return [each for each in self.requests if each["user_name"] == person.user_name and each["method"] != "POST"]

    def _written(self, person: Person) -> list[Write]:
        dn = DemoDirectory.dn_of(person.name.lower()).lower()
        return [write for write in self.writes if write.dn.lower() == dn]


class Installation:
    """The targets, the folder and the bridge; a context that leaves nothing behind.

    Args:
        rules: What follows the sections of sources and targets in the configuration (TOML).
        keep_waiting: Asked while something starts; False gives up.
    """

    def __init__(self, rules: str, keep_waiting: Callable[[], bool] = lambda: True) -> None:
        self._rules = rules
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
        self.bridge = start(command, self.log)
        self._ending.callback(stop, self.bridge)
        url = announced(self.bridge, "ready ", self._keep_waiting)
        if url is None:
            raise InstallationError(f"the bridge did not start: {last_line(self.log)}")
        return url

    @property
    def log(self) -> Path:
        """The bridge's log: JSON lines."""
        return self.folder / "bridge.log"

    def bridge_log(self, lines: int = 10) -> list[str]:
        """Return the last lines of the bridge's log."""
        return self.log.read_text(encoding="utf-8").splitlines()[-lines:] if self.log.exists() else []

    def access(self, person: Person) -> dict[str, Access]:
        """Return what somebody really has, by target, asked of the targets themselves."""
        return {"application": self.application.access(person), "directory": self._directory_access(person)}

    def logs(self) -> Logs:
        """Return what reached the targets so far."""
        return Logs(self.application.requests(), self.directory.writes())

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
                rules=self._rules,
            ),
            encoding="utf-8",
        )
        return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
