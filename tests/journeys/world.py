"""A whole installation: ``scimbridge up``, identity providers, scim2-server and a real OpenLDAP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scimbridge.bridge import Bridge
from scimbridge.config import load
from scimbridge.demo.directory import OpenLdap
from scimbridge.demo.entries import PEOPLE_DN, SERVICE_DN
from scimbridge.demo.replay import IdentityProvider
from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.situation import CaseQuery
from scimbridge.domain.task import Task, TaskState
from scimbridge.store import accounts
from tests.journeys.processes import Command, eventually, started
from tests.servers import quiet_port
from tests.targets.scim import TOKEN, ScimTarget, running_scim_target

CONFIGURATION = """\
data_dir = "data"

[server]
listen = "127.0.0.1:{port}"

[sources.entra]
[sources.okta]

[targets.application]
connector = "scim"
mode = "enforce"
base_url = "{base_url}"
token = {{ env = "APPLICATION_TOKEN" }}

[targets.directory]
connector = "ldap"
mode = "enforce"
url = "{url}"
bind_dn = "{bind_dn}"
bind_password = {{ env = "DIRECTORY_PASSWORD" }}
base_dn = "{base_dn}"
match = {{ "emails.value" = "mail" }}

[[rules]]
name = "interns"
when = ["deactivated", "deleted"]
match = 'userType eq "Intern"'
restore = "auto"
stages = [
  {{ after = "2s", do = ["suspend"] }},
  {{ after = "3s", do = ["delete"], approval = false }},
]

[[rules]]
name = "staff"
when = ["deactivated"]
match = 'userType eq "Staff"'
stages = [
  {{ after = "1s", do = ["suspend"], targets = ["directory"] }},
  {{ after = "2s", do = ["suspend"], targets = ["application"] }},
  {{ after = "3s", do = ["delete"] }},
]

[[rules]]
name = "slow"
when = ["deactivated"]
match = 'userType eq "Slow"'
stages = [{{ after = "30m", do = ["suspend"] }}]

[[rules]]
name = "everyone"
when = ["deactivated", "deleted"]
restore = "auto"
stages = [{{ after = "2s", do = ["suspend"] }}]

[[rules]]
name = "asked for"
when = ["requested"]
stages = [{{ after = "30d", do = ["suspend"] }}]

[[exclusions]]
match = 'groups.display eq "Break Glass"'
reason = "emergency accounts"
"""


@dataclass
class Person:
    """Somebody with an account in both targets, known to one identity provider."""

    name: str
    source: str
    application_id: str
    directory_id: str
    values: dict[str, str] = field(default_factory=dict)

    @property
    def identity_id(self) -> str:
        return self.values["id"]


class World:
    """What a test does as an identity provider, and sees as the administrator of the targets."""

    def __init__(self, application: ScimTarget, directory: OpenLdap, up: Command, config: Path) -> None:
        self._config = config
        self.application = application
        self.directory = directory
        self.up = up
        self.bridge = Bridge(load(config))
        url = f"{self.bridge.settings.server.public_url}/scim/v2"
        self.providers = {
            source: IdentityProvider(url, self.bridge.tokens.create(source, by="test", now=self.bridge.clock()))
            for source in ("entra", "okta")
        }

    def close(self) -> None:
        for provider in self.providers.values():
            provider.close()
        self.bridge.close()

    def hire(self, name: str, source: str = "entra", user_type: str = "Employee") -> Person:
        """Give somebody accounts in both targets, and have the identity provider create them."""
        mail = f"{name}@example.com"
        person = Person(
            name,
            source,
            self.application.create_user(mail),
            self.directory.add_person(name, name.title(), "Example", mail),
            {
                "user_name": mail,
                "given": name.title(),
                "family": "Example",
                "external_id": f"{source}-{name}",
                "employee_number": "1000",
                "user_type": user_type,
                "group": "Break Glass",
            },
        )
        self.play("create-user", person)
        return person

    def play(self, what: str, person: Person) -> None:
        """Have the person's identity provider do something, in its own dialect."""
        self.providers[person.source].play(f"{person.source}-{what}", person.values)

    def command(self, *arguments: str) -> None:
        """Have an operator run a command, and see that it ends well."""
        with started(*arguments, "--config", str(self._config)) as command:
            assert command.end() == 0

    # -- what the targets hold

    def in_application(self, person: Person) -> str:
        user = self.application.user(person.application_id)
        if user is None:
            return "gone"
        return "active" if user["active"] else "suspended"

    def in_directory(self, person: Person) -> str:
        if self.directory.get_by_id(person.directory_id) is None:
            return "gone"
        return "active" if self.directory.can_bind(person.name) else "suspended"

    def both(self, person: Person) -> tuple[str, str]:
        return self.in_application(person), self.in_directory(person)

    def await_both(self, person: Person, access: str) -> None:
        eventually(lambda: self.both(person) == (access, access), f"{person.name} {access} in both targets")

    def changes(self, person: Person) -> list[str]:
        """Return what was changed for somebody, from the targets' own logs."""
        in_application = [
            entry["method"]
            for entry in self.application.effective_writes()
            if entry["user_name"] == person.values["user_name"] and entry["method"] != "POST"
        ]
        dn = self.directory.dn_of(person.name).lower()
        return in_application + [
            write.operation for write in self.directory.writes() if write.changed and write.dn.lower() == dn
        ]

    # -- what the bridge says

    def task(self, person: Person, target: str, action: Action = Action.SUSPEND) -> Task | None:
        """Return the newest task of somebody at a target."""
        return next((task for task in self._tasks(person) if (task.target, task.action) == (target, action)), None)

    def state(self, person: Person, target: str, action: Action = Action.SUSPEND) -> TaskState | None:
        """Return the state of that task, if there is one."""
        task = self.task(person, target, action)
        return None if task is None else task.state

    def await_link(self, person: Person) -> None:
        """Wait until the bridge has found somebody's accounts, so that it asks the targets nothing more on its own."""
        eventually(lambda: self._linked(person) == {"application", "directory"}, f"{person.name} linked")

    def await_end(self, person: Person) -> None:
        """Wait until no case of somebody's is open."""
        eventually(lambda: not self._case_ids(person, CaseState.OPEN), f"no open case of {person.name}")

    def _linked(self, person: Person) -> set[str]:
        with self.bridge.database.read() as tx:
            found = accounts.accounts_of(tx, [person.identity_id])
        return {account.target for account in found if account.native_id is not None}

    def _tasks(self, person: Person) -> Iterator[Task]:
        for case_id in self._case_ids(person):
            yield from self.bridge.stories.of(case_id, self.bridge.clock()).tasks

    def cases(self, person: Person) -> list[str]:
        """Return the ids of a person's cases."""
        return self._case_ids(person)

    def situation(self, case: str) -> str:
        """Return what a case is doing, as lists say it."""
        return self.bridge.stories.of(case, self.bridge.clock()).summary.situation

    def _case_ids(self, person: Person, state: CaseState | None = None) -> list[str]:
        found = self.bridge.overview.list_cases(CaseQuery(state=state), self.bridge.clock())
        return [summary.case.id for summary in found if summary.case.identity_id == person.identity_id]


@contextmanager
def running_world(folder: Path) -> Iterator[World]:
    """Run everything; each part is a process of its own."""
    with ExitStack() as stack:
        application = stack.enter_context(running_scim_target(folder))
        directory = stack.enter_context(OpenLdap(folder / "ldap"))
        config = folder / "scimbridge.toml"
        config.write_text(
            CONFIGURATION.format(
                port=quiet_port(),
                base_url=application.base_url,
                url=directory.url,
                bind_dn=SERVICE_DN,
                base_dn=PEOPLE_DN,
            )
        )
        secrets = {"APPLICATION_TOKEN": TOKEN, "DIRECTORY_PASSWORD": directory.service_password}
        patch = stack.enter_context(_environment(secrets))
        up = stack.enter_context(started("up", "--config", str(config), "--log-level", "warning", **patch))
        up.read_until("scimbridge is up")
        world = World(application, directory, up, config)
        stack.callback(world.close)
        yield world


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[dict[str, str]]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield variables
