"""The first and the last page of the demo: what it runs on, what came of it, and what to try next."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlencode

from scimbridge.config import Settings
from scimbridge.demo.cast import GROUP, TARGETS, Access, Person
from scimbridge.demo.directory import OpenLdap
from scimbridge.demo.display import Display, people_table
from scimbridge.demo.installation import Installation
from scimbridge.demo.rules import DELETE_AFTER, SUSPEND_AFTER

RETRY_AFTER = 4
FAULTS = (503, 503, 429)


def introduce(display: Display, installation: Installation) -> None:
    """Say what the demo runs on, and by which rules."""
    kind = (
        "OpenLDAP" if isinstance(installation.directory, OpenLdap) else "a small LDAP server (slapd is not installed)"
    )
    display.say("scimbridge demo: leavers on their way out of two sample targets", style="bold")
    display.say()
    display.say(f"  application   scim2-server at {installation.application.base_url}")
    display.say(f"  directory     {kind} at {installation.directory.url}")
    display.say(f"  employees     suspended after {SUSPEND_AFTER} s, deleted after {DELETE_AFTER} s")
    display.say(f"  contractors   suspended after {SUSPEND_AFTER} s, deleted after 90 days")
    display.say(f"  never         members of {GROUP}")
    display.say()


def verify(display: Display, installation: Installation, people: Iterable[Person]) -> list[str]:
    """Show what everybody has at the targets, and return what is not as told."""
    rows, wrong, logs = [], [], installation.logs()
    for person in people:
        found, writes = installation.access(person), logs.changes(person)
        wrong += _mistakes(person, found, writes)
        rows.append([person.name, person.part, *(found[target] for target in TARGETS), str(len(writes))])
    display.show(people_table(["", "what happened", *TARGETS, "changes"], rows))
    if not _has_failed_as_told(installation):
        wrong.append(f"the application did not answer {FAULTS} in a row")
    display.say()
    if not wrong:
        display.say("As told. By the targets' own logs, each change was made once and nobody else was touched,")
        display.say(f"although the application answered {', '.join(map(str, FAULTS))} on the way.")
    return wrong


def _mistakes(person: Person, found: dict[str, Access], writes: list[str]) -> list[str]:
    wrong = [
        f"{person.name} is {access} at {target}, not {person.ends}"
        for target, access in found.items()
        if access is not person.ends
    ]
    if sorted(writes) != sorted(person.changes):
        wrong.append(f"for {person.name} the targets' logs show {writes}, not {list(person.changes)}")
    return wrong


def _has_failed_as_told(installation: Installation) -> bool:
    failures = [entry["status"] for entry in installation.application.requests() if entry["status"] in FAULTS]
    return failures == list(FAULTS)


def say_what_next(display: Display, settings: Settings, token: str, person: Person, case_id: str, link: str) -> None:
    """Print addresses and commands that work while the demo stays up.

    Args:
        display: Where to print.
        settings: The bridge's.
        token: Of the source that knows the person.
        person: Somebody who could leave next.
        case_id: An open case.
        link: To the pages, good once.
    """
    url, command = settings.server.public_url, f"{_command()} %s --config {settings.path}"
    header = f"-H 'Authorization: Bearer {token}'"
    query = urlencode({"filter": "active eq false"})
    body = '{"Operations": [{"op": "Replace", "path": "active", "value": "False"}]}'
    display.heading("What to try next, while this stays up")
    leave = f"curl -X PATCH {header} -H 'Content-Type: application/scim+json' -d '{body}'"
    for what, how in (
        ("the pages, as an admin (this link is good once)", link),
        ("who is inactive, as Entra ID", f"curl {header} '{url}/scim/v2/Users?{query}'"),
        (f"have {person.name} leave, too", f"{leave} {url}/scim/v2/Users/{person.identity_id}"),
        ("all cases", command % "cases list --state all"),
        ("why Noor is suspended, and what comes", command % f"cases show {case_id}"),
        ("put that on hold", command % f"hold place --case {case_id} --reason litigation"),
        ("reach the targets with their credentials", command % "targets check"),
        ("metrics", f"{url}/metrics"),
        ("the configuration", str(settings.path)),
    ):
        display.say(f"  {what}")
        display.say(f"    {how}", style="cyan")


def _command() -> str:
    """Return how to call scimbridge from here."""
    program = Path(sys.executable).parent / "scimbridge"
    if not program.exists():
        return "scimbridge"
    return str(program.relative_to(Path.cwd()) if program.is_relative_to(Path.cwd()) else program)
