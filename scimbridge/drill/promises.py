"""What has to hold after all blows, counted at the targets' own side wherever they can tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scimbridge.bridge import Bridge
from scimbridge.demo.cast import TARGETS, Access, Person
from scimbridge.demo.installation import Installation, Logs
from scimbridge.domain.situation import Wanted
from scimbridge.drill.people import Fate, of_fate, shut_out
from scimbridge.services.seal_key import PublicKeys
from scimbridge.services.verifying import Verification, Verifying

_SPARED = {Fate.EXCLUDED: "excluded", Fate.HELD: "held", Fate.COMES_BACK: "back in time"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What there is at the end.

    Attributes:
        access: Everybody's, by name and target, as the targets answer.
        logs: What the targets have noted.
        open_cases: How many cases have not ended.
        held_cases: How many of them a hold stops.
        attempts: How many have not ended.
        history: What verifying the seals has found.
    """

    access: Mapping[str, Mapping[str, Access]]
    logs: Logs
    open_cases: int
    held_cases: int
    attempts: int
    history: Verification


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One promise.

    Attributes:
        said: What the bridge promises.
        found: What was counted.
        broken: What is not so, as sentences; empty where the promise was kept.
    """

    said: str
    found: str
    broken: tuple[str, ...]

    @property
    def is_kept(self) -> bool:
        """Whether it was kept."""
        return not self.broken


def count(installation: Installation, bridge: Bridge, people: Sequence[Person]) -> Counted:
    """Ask the targets and the bridge; what has no seal yet gets one."""
    now = bridge.clock()
    bridge.sealing.run(now)
    return Counted(
        access={person.name: installation.access(person) for person in people},
        logs=installation.logs(),
        open_cases=bridge.overview.open_case_count(),
        held_cases=bridge.overview.situation_counts(now)[Wanted.HELD],
        attempts=len(bridge.queues.board(now).attempts),
        history=Verifying(bridge.database).verify(PublicKeys.of_pems([bridge.sealing.public_key]), now),
    )


def judge(people: Sequence[Person], counted: Counted) -> list[Promise]:
    """Hold what was counted against what was promised."""
    return [
        _shut_out(people, counted.access),
        _once(people, counted.logs),
        _left_alone(people, counted.logs),
        _nothing_stuck(len(of_fate(people, Fate.HELD)), counted),
        _whole(counted.history),
    ]


def _shut_out(people: Sequence[Person], access: Mapping[str, Mapping[str, Access]]) -> Promise:
    wrong = [
        (person, f"{person.name} is {found} at {target}, not {person.ends}")
        for person in people
        for target, found in access[person.name].items()
        if found is not person.ends
    ]
    leavers, names = shut_out(people), {person.name for person, _ in wrong}
    right = sum(person.name not in names for person in leavers)
    return Promise(
        said="leavers are shut out, all others are not",
        found=f"{right} of {len(leavers)} leavers, at {len(TARGETS)} targets",
        broken=tuple(sentence for _, sentence in wrong),
    )


def _once(people: Sequence[Person], logs: Logs) -> Promise:
    made = {person.name: logs.changes(person) for person in people}
    planned = sum(len(person.changes) for person in people)
    return Promise(
        said="each change is made, and made once",
        found=f"{sum(map(len, made.values()))} changes, {planned} planned",
        broken=tuple(
            f"for {person.name} the targets' logs show {made[person.name]}, not {list(person.changes)}"
            for person in people
            if sorted(made[person.name]) != sorted(person.changes)
        ),
    )


def _left_alone(people: Sequence[Person], logs: Logs) -> Promise:
    broken = tuple(
        f"{requests} requests were to change {person.name}, who is {person.user_type}"
        for person in of_fate(people, *_SPARED)
        if (requests := logs.attempts(person))
    )
    kinds = ", ".join(f"{len(of_fate(people, fate))} {word}" for fate, word in _SPARED.items())
    return Promise(said="who is spared is not touched", found=f"{kinds}; {len(broken)} touched", broken=broken)


def _nothing_stuck(held: int, counted: Counted) -> Promise:
    broken = []
    if counted.open_cases != held:
        broken.append(f"{counted.open_cases} cases are open, not the {held} of those who are held")
    if counted.held_cases != held:
        broken.append(f"{counted.held_cases} cases are held, not {held}")
    if counted.attempts:
        broken.append(f"{counted.attempts} attempts have not ended")
    return Promise(
        said="nothing is lost, nothing is stuck",
        found=f"{counted.open_cases} cases open, {counted.held_cases} held, {counted.attempts} attempts under way",
        broken=tuple(broken),
    )


def _whole(history: Verification) -> Promise:
    return Promise(
        said="the history is whole",
        found=f"{history.entries} entries sealed, {len(history.findings)} changed or missing",
        broken=history.findings,
    )
