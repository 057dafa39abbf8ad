"""The drill, from the first process to the last: people join, blows fall while they leave, and all is counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from random import Random

from scimbridge.bridge import Bridge
from scimbridge.config import load
from scimbridge.demo.cast import TARGETS, Person
from scimbridge.demo.display import Display
from scimbridge.demo.installation import Installation
from scimbridge.demo.replay import IdentityProvider
from scimbridge.demo.telling import LOOK_EVERY, StoppedError, StoryError
from scimbridge.domain.hold import Scope
from scimbridge.drill.blows import STRIKES, Blow, Field
from scimbridge.drill.following import Following
from scimbridge.drill.people import Fate, of_fate, shut_out, squads
from scimbridge.drill.promises import Promise, count, judge
from scimbridge.lifetime import Stop
from scimbridge.queue.embedded import socket_url

PATIENCE = 120.0
"""Seconds that one turn may take, on a slow machine; a lease of 30 s is in it."""

SOURCE = "entra"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of the drill.

    Attributes:
        seed: With it, the same happens again.
        seconds: How long it took.
        shut_out_after: Seconds from the identity provider's answer to the last target, for each leaver, by blow.
    """

    seed: int
    seconds: float
    blows: Sequence[Blow]
    shut_out_after: Sequence[Sequence[float]]
    promises: Sequence[Promise]

    @property
    def is_kept(self) -> bool:
        """Whether all promises were kept."""
        return all(promise.is_kept for promise in self.promises)


class Exercise:
    """What happens, in its order; every turn waits for what really happened.

    Args:
        installation: Its bridge is not started yet.
        people: How many take part.
    """

    def __init__(self, installation: Installation, display: Display, stop: Stop, *, people: int, seed: int) -> None:
        self._began = time.monotonic()
        self._installation = installation
        self._display = display
        self._stop = stop
        self._seed = seed
        self._rng = Random(seed)  # noqa: S311  # who leaves when is no secret
        self._blows = [
            Blow(broken=broken, people=squad)
            for broken, squad in zip(STRIKES, squads(people, len(STRIKES), self._rng), strict=True)
        ]
        self._people = [person for blow in self._blows for person in blow.people]
        settings = load(installation.config, {})
        self._redis_url = socket_url(settings.data_dir / "redis")
        self._bridge = Bridge(settings, queue_url=self._redis_url)
        self._following = Following(self._bridge)

    def run(self) -> Outcome:
        """Do everything, and return what came of it.

        Raises:
            StoryError: Something did not happen in time.
            StoppedError: It was interrupted.
        """
        with closing(self._join()) as self._provider:
            self._display.heading("Things break, while people leave")
            closings = [self._strike(blow) for blow in self._blows]
            self._until(self._is_over, "everybody to be shut out, and all cases to end")
            self._display.event("bridge", "", "says that everybody is shut out, and all cases have ended")
        for close in closings:
            close()
        self._display.heading("What the targets hold, read from the targets themselves")
        return Outcome(
            seed=self._seed,
            promises=judge(self._people, count(self._installation, self._bridge, self._people)),
            seconds=round(time.monotonic() - self._began, 1),
            blows=self._blows,
            shut_out_after=[self._times(blow) for blow in self._blows],
        )

    def close(self) -> None:
        """Close what reads the bridge's database."""
        self._bridge.close()

    # -- scenes

    def _join(self) -> IdentityProvider:
        self._installation.admit(self._people)
        url = self._installation.start_bridge()
        self._display.event("bridge", "", f"is up at {url}")
        token = self._bridge.tokens.create(SOURCE, by="drill", now=self._bridge.clock())
        provider = IdentityProvider(f"{url}/scim/v2", token)
        for person in self._people:
            self._go_on()
            provider.play(f"{SOURCE}-create-user", person.values)
        for person in of_fate(self._people, Fate.HELD):
            now = self._bridge.clock()
            self._bridge.holding.place(Scope.IDENTITY, person.identity_id, reason="drill", by="drill", now=now)
        wanted = len(self._people) * len(TARGETS)
        self._until(lambda: self._following.linked >= wanted, "every account to be linked")
        self._display.event("bridge", "", f"knows {len(self._people)} people and their {wanted} accounts")
        return provider

    def _strike(self, blow: Blow) -> Callable[[], None]:
        ground = Field(
            installation=self._installation,
            following=self._following,
            rng=self._rng,
            redis_url=self._redis_url,
            tell=lambda text: self._display.event("drill", "", text),
            disable=self._disable,
            until=self._until,
            pause=self._pause,
            until_shut_out=self._until_shut_out,
        )
        return STRIKES[blow.broken](ground, blow)

    def _disable(self, blow: Blow, people: Sequence[Person]) -> None:
        """Have people of a blow disabled, and those who come back enabled again."""
        for person in people:
            self._play("disable", person)
            blow.asked_at[person.name] = time.monotonic()
        back = of_fate(people, Fate.COMES_BACK)
        for person in back:
            self._play("enable", person)
        self._display.event(
            "Entra ID", "", f"disables {len(people)} people" + (f", and enables {len(back)} again" if back else "")
        )

    def _until_shut_out(self, blow: Blow) -> None:
        leavers = shut_out(blow.people)
        self._until(
            lambda: all(self._following.done_at(person, *SUSPENDED) for person in leavers),
            f"the {len(leavers)} leavers to be shut out",
        )

    def _play(self, what: str, person: Person) -> None:
        self._go_on()
        self._provider.play(f"{SOURCE}-{what}-user", person.values)

    # -- turns

    def _is_over(self) -> bool:
        """Whether everything has happened that is to happen, as far as the bridge says."""
        return (
            all(self._following.done_at(person, *_planned(person)) for person in shut_out(self._people))
            and all(self._following.has_seen("case canceled", each) for each in of_fate(self._people, Fate.COMES_BACK))
            and self._bridge.overview.open_case_count() == len(of_fate(self._people, Fate.HELD))
        )

    def _times(self, blow: Blow) -> list[float]:
        done = ((person, self._following.done_at(person, *SUSPENDED)) for person in shut_out(blow.people))
        return sorted(round(at - blow.asked_at[person.name], 1) for person, at in done if at is not None)

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + PATIENCE
        self._following.look()
        while not holds():
            if time.monotonic() > until:
                raise StoryError(f"waited {PATIENCE:.0f} s for {what}")
            self._pause(LOOK_EVERY)

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._stop.wait(min(left, LOOK_EVERY))
            self._go_on()
            self._following.look()

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise StoppedError


SUSPENDED = tuple(f"suspend at {target}" for target in TARGETS)


def _planned(person: Person) -> tuple[str, ...]:
    """Return what the bridge has to say of somebody who is shut out."""
    deleted = tuple(f"delete at {target}" for target in TARGETS)
    return SUSPENDED + deleted if person.user_type == Fate.DELETED else SUSPENDED
