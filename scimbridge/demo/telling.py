"""The demo's plot: who does what when, and what has to come of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing

from httpx import HTTPError
from ldap3.core.exceptions import LDAPException
from rich.table import Table

from scimbridge.bridge import Bridge
from scimbridge.config import load
from scimbridge.demo import ending
from scimbridge.demo.cast import TARGETS, Access, everybody
from scimbridge.demo.directory import DirectoryError
from scimbridge.demo.display import Display, people_table
from scimbridge.demo.installation import Installation
from scimbridge.demo.replay import IdentityProvider, TrafficError, says
from scimbridge.demo.rules import RULES
from scimbridge.demo.starting import InstallationError
from scimbridge.demo.watching import Watch
from scimbridge.domain.action import Action
from scimbridge.errors import BridgeError
from scimbridge.lifetime import Stop
from scimbridge.notices.links import sign_in_link

PATIENCE = 90.0
"""Seconds that one turn of the story may take, on a slow machine."""

LOOK_EVERY = 0.2
GRACE_SHOWN = 2.0
"""Seconds of somebody's grace to watch before they are hired again."""

ADMIN = "admin"
"""The operator as whom whoever watches may look around."""

AS_TOLD, NOT_AS_TOLD, INTERRUPTED = 0, 1, 130


class StoryError(Exception):
    """The story does not come out as told."""


class StoppedError(Exception):
    """Somebody pressed Ctrl-C."""


TROUBLE = (StoryError, TrafficError, BridgeError, DirectoryError, HTTPError, LDAPException)
"""What a part of the demo may raise that does not do what it should."""


def tell(*, once: bool, stop: Stop) -> int:
    """Tell the story from the first line to the end of the last process, and return the exit code (see ``story.run``).

    Args:
        once: End when the story has ended; otherwise stay up until it is stopped.
        stop: Set by Ctrl-C.
    """
    with Display() as display:
        try:
            with Installation(RULES, lambda: not stop.is_set()) as installation:
                story = Story(installation, display, stop)
                with closing(story):
                    return _tell(story, once=once)
        except InstallationError as error:
            if not stop.is_set():
                display.say(str(error), style="red")
            return INTERRUPTED if stop.is_set() else NOT_AS_TOLD


def _tell(story: Story, *, once: bool) -> int:
    ended = False
    try:
        story.tell()
        ended = True
        if not once:
            story.stay()
    except StoppedError:
        return AS_TOLD if ended else INTERRUPTED
    except TROUBLE as error:
        if story.is_stopped:  # a Ctrl-C reaches the sample directory, too, and what talks to it breaks
            return INTERRUPTED
        story.confess(error)
        return NOT_AS_TOLD
    return AS_TOLD


class Story:
    """What happens, in its order; every turn waits for what really happened."""

    def __init__(self, installation: Installation, display: Display, stop: Stop) -> None:
        self.installation = installation
        self.people = everybody()
        self._by_name = {person.name: person for person in self.people}
        self._display = display
        self._stop = stop
        self._settings = load(installation.config, {})
        self._bridge = Bridge(self._settings)
        self._watch = Watch(self._bridge)
        self._providers: dict[str, IdentityProvider] = {}
        self._tokens: dict[str, str] = {}

    def tell(self) -> None:
        """Tell everything, from the first account to the last look at the targets.

        Raises:
            StoryError: Something came out otherwise.
            TrafficError: The bridge refused an identity provider.
            StoppedError: It was interrupted.
        """
        self._set_up()
        self._people_join()
        self._people_leave()
        self._look_at_the_end()

    def stay(self) -> None:
        """Say what to try next, and go on showing what happens until Ctrl-C.

        Raises:
            StoppedError: Then.
        """
        case_id = self._watch.open_case(self._by_name["Noor"].identity_id)
        link = self._sign_in_link()
        ending.say_what_next(self._display, self._settings, self._tokens["entra"], self._by_name["Dora"], case_id, link)
        self._display.follow(self._table)
        while True:
            self._pause()

    def _sign_in_link(self) -> str:
        """Return the address by which whoever watches signs in to the pages, once."""
        now = self._bridge.clock()
        self._bridge.operators.add_first(ADMIN, now=now)
        secret = self._bridge.signing_in.make_link(ADMIN, by=ADMIN, now=now)
        return sign_in_link(self._settings.server.public_url, secret)

    def confess(self, error: Exception) -> None:
        """Say what went wrong, and what the bridge's log has to say about it."""
        self._display.settle()
        self._display.say()
        self._display.say(f"NOT AS TOLD: {error}", style="bold red")
        for line in self.installation.bridge_log():
            self._display.say(f"  {line}", style="dim")

    @property
    def is_stopped(self) -> bool:
        """Whether somebody pressed Ctrl-C."""
        return self._stop.is_set()

    def close(self) -> None:
        """Close what reads the bridge's database, and the identity providers' connections."""
        self._display.settle()
        self._bridge.close()
        for provider in self._providers.values():
            provider.close()

    # -- scenes

    def _set_up(self) -> None:
        ending.introduce(self._display, self.installation)
        self.installation.admit(self.people)
        url = self.installation.start_bridge()
        for source in ("entra", "okta"):
            token = self._bridge.tokens.create(source, by="demo", now=self._bridge.clock())
            self._tokens[source] = token
            self._providers[source] = IdentityProvider(f"{url}/scim/v2", token)
        self._display.event("bridge", "", f"is up at {url}")
        self._display.follow(self._table)

    def _people_join(self) -> None:
        self._display.heading("People join")
        for person in self.people:
            self._play(f"{person.source}-create-user", person.name)
        self._play("entra-create-group", "Cleo")
        self._until(lambda: self._watch.linked == len(self.people) * len(TARGETS), "every account to be linked")
        self._display.event("bridge", "", f"has linked {self._watch.linked} accounts by their immutable ids")

    def _people_leave(self) -> None:
        self._display.heading("People leave")
        self.installation.application.misbehave(unavailable=2, throttled=1, retry_after=str(ending.RETRY_AFTER))
        says_next = f"will answer 503 twice, then 429 with Retry-After: {ending.RETRY_AFTER}"
        self._display.event("application", "", says_next)
        for name in ("Ada", "Ben", "Cleo"):
            self._play("entra-disable-user", name)
        self._until_event("case opened", "Ben")
        self._until_event("excluded", "Cleo")
        self._pause(GRACE_SHOWN)
        self._play("entra-enable-user", "Ben")
        self._until_event("case canceled", "Ben")
        for name in ("Noor", "Omar"):
            self._play("okta-deactivate-user", name)
        self._play("entra-delete-user", "Eli")
        for name in ("Omar", "Noor", "Eli", "Ada"):
            self._until_done(Action.SUSPEND, name, Access.SUSPENDED)
            if name == "Omar":
                self._play("okta-reactivate-user", name)
        self._until_done(Action.RESTORE, "Omar", Access.ACTIVE)
        for name in ("Eli", "Ada"):
            self._until_done(Action.DELETE, name, Access.GONE)

    def _look_at_the_end(self) -> None:
        self._display.settle()
        self._display.heading("What the targets hold, read from the targets themselves")
        wrong = ending.verify(self._display, self.installation, self.people)
        if wrong:
            raise StoryError("; ".join(wrong))

    # -- turns

    def _play(self, name: str, who: str) -> None:
        """Have an identity provider do something, and show what it sent."""
        self._go_on()
        person = self._by_name[who]
        idp, what = says(name, person.values)
        exchanges = self._providers[person.source].play(name, person.values)
        sent = ", ".join(
            f"{each.method} {each.gist} -> {each.status}".replace("  ", " ") for each in exchanges if each.writes
        )
        self._display.event(idp, who, f"{what}: {sent}")

    def _until_event(self, event: str, who: str) -> None:
        self._until(lambda: (event, self._by_name[who].identity_id) in self._watch.seen, f"{event!r} of {who}")

    def _until_done(self, action: Action, who: str, access: Access) -> None:
        """Wait until the bridge says that it has done something, and ask the targets."""
        person = self._by_name[who]
        self._until(lambda: self._watch.has_done(person.identity_id, action), f"the {action} of {who}")
        self._show_news()  # the cases were read after the history: what they say may not have been shown yet
        found = self.installation.access(person)
        self._display.event("targets", who, ", ".join(f"{target}: {what}" for target, what in found.items()))
        if set(found.values()) != {access}:
            raise StoryError(f"the bridge says that the {action} of {who} is done, and the targets say otherwise")

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > until:
                raise StoryError(f"waited {PATIENCE:.0f} s for {what}")
            self._pause()

    def _pause(self, seconds: float = LOOK_EVERY) -> None:
        """Let time pass, and show what is new meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._stop.wait(min(left, LOOK_EVERY))
            self._go_on()
            self._show_news()

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise StoppedError

    def _show_news(self) -> None:
        names = {person.identity_id: person.name for person in self.people}
        for news in self._watch.look():
            self._display.event("bridge", names.get(news.identity_id or "", ""), news.text)
        self._display.refresh()

    def _table(self) -> Table:
        rows = [
            [person.name, person.source, *(self._watch.status(person.identity_id, target) for target in TARGETS)]
            for person in self.people
        ]
        return people_table(["", "source", *TARGETS], rows)
