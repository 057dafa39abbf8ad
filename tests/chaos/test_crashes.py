"""Kill -9, again and again, wherever it hurts: nothing is lost, nothing is done twice, nobody else is touched.

``CHAOS_SEED`` chooses another storm; ``CHAOS_LEAVERS`` and ``CHAOS_FACTOR`` make it longer.
"""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest

from scimbridge.domain.hold import Scope
from tests.chaos import ledger
from tests.chaos.cast import RULES, Fate, Person, a_cast
from tests.chaos.storm import Doom, Storm, dooms_for
from tests.processes.crash_points import POINTS, Role
from tests.processes.installation import Installation, installed
from tests.processes.provider import IdentityProvider
from tests.processes.targets import Log, Targets, configuration
from tests.processes.waiting import eventually
from tests.servers import postgresql

SEED = int(os.environ.get("CHAOS_SEED", "20260302"))
LEAVERS = int(os.environ.get("CHAOS_LEAVERS", "200"))
FACTOR = int(os.environ.get("CHAOS_FACTOR", "1"))

T = TypeVar("T")

CREW = {Role.WEB: 1, Role.WORKER: 3, Role.SWEEPER: 2}
CONNECTIONS = 4
"""Of the identity provider, at once."""

AHEAD = 10
"""How many more people than the storm's progress asks for are disabled, so that there is work at any time."""

SETTLE_SECONDS = 400.0

pytestmark = pytest.mark.chaos


@pytest.mark.timeout(1200 * FACTOR)
def test_killed_processes_lose_nothing_and_do_nothing_twice(folder: Path, targets: Targets) -> None:
    storm = _leave_and_return_in_a_storm(folder, targets, leavers=LEAVERS, each=3 * FACTOR, random=10 * FACTOR)

    assert storm.points.keys() == POINTS.keys(), f"not every point was met with seed {SEED}"
    assert all(storm.kills[role] >= 15 for role in Role)
    assert storm.kills.total() >= 60
    assert storm.flushes >= 10


@pytest.mark.timeout(1200 * FACTOR)
def test_the_same_holds_on_postgresql(folder: Path, targets: Targets) -> None:
    with postgresql() as store_url:
        _leave_and_return_in_a_storm(
            folder, targets, leavers=LEAVERS // 4, each=FACTOR, random=2 * FACTOR, store_url=store_url
        )


def _leave_and_return_in_a_storm(
    folder: Path, targets: Targets, *, leavers: int, each: int, random: int, store_url: str = ""
) -> Storm:
    """Have people leave and come back while processes are killed, and hold the outcome against what should be."""
    rng = Random(SEED)
    people = a_cast(leavers, rng)
    held = sum(person.fate is Fate.HELD for person in people)
    config = configuration(targets.app.base_url, targets.directory, RULES, store_url=store_url)
    with (
        installed(folder, config) as installation,
        IdentityProvider(installation.base_url, installation.token) as provider,
    ):
        ids = _everybody_joins(installation, targets, provider, people)
        originals = targets.documents()
        at_first = targets.log()
        storm = Storm(installation, CREW, rng)

        storm.brew(_dooms(rng, each=each, random=random), flushes=10 * FACTOR)
        _say(storm, people, lambda person: provider.disable(ids[person.user_name]))
        _settle(installation, held=held)
        after_leaving = targets.log()

        assert _cases(installation) == _that_exist(people, Person.cases_after_leaving)
        assert _effective_writes(at_first, after_leaving) == _that_exist(people, Person.writes_on_leaving)
        assert _touched(people, at_first, after_leaving) == Counter()

        storm.brew(_dooms(rng, each=1, random=random // 2), flushes=2)
        returning = [person for person in people if person.comes_back]
        _say(storm, returning, lambda person: provider.enable(ids[person.user_name]))
        _settle(installation, held=0)
        after_return = targets.log()

        assert _cases(installation) == _that_exist(people, Person.cases_after_return)
        assert _effective_writes(after_leaving, after_return) == _that_exist(people, Person.writes_on_return)
        assert _touched(people, at_first, after_return) == Counter()
        assert targets.documents() == {
            person.user_name: originals[person.user_name] if person.comes_back else (None, None) for person in people
        }
        assert ledger.overlaps(installation.bridge.database) == []
        assert ledger.standing_snapshots(installation.bridge.database) == _deleted_accounts(people)
    return storm


def _everybody_joins(
    installation: Installation, targets: Targets, provider: IdentityProvider, people: Iterable[Person]
) -> dict[str, str]:
    """Give everybody their accounts and their identity, and hold those who are to be held. Returns their SCIM ids."""
    web = installation.start(Role.WEB)
    web.wait_until_ready()
    ids = {}
    for person in people:
        targets.add(person.user_name, active_in_app=person.fate is not Fate.WAS_SUSPENDED)
        ids[person.user_name] = provider.create(person.user_name, userType=person.fate)
        if person.fate is Fate.HELD:
            bridge = installation.bridge
            subject = ids[person.user_name]
            bridge.holding.place(Scope.IDENTITY, subject, reason="litigation", by="test", now=bridge.clock())
    web.stop()
    return ids


def _dooms(rng: Random, *, each: int, random: int) -> dict[Role, list[Doom]]:
    return {role: dooms_for(role, rng, each=each * FACTOR, random=random * FACTOR) for role in Role}


def _say(storm: Storm, people: Iterable[Person], say: Callable[[Person], None]) -> None:
    """Say something about everybody, in step with the storm, and see it through to its end."""
    waiting = deque(people)
    count, sent = len(waiting), list[Future[None]]()
    pool = ThreadPoolExecutor(CONNECTIONS)
    try:
        while waiting or not storm.is_over or not all(each.done() for each in sent):
            while waiting and len(sent) < count * storm.share + AHEAD:
                sent.append(pool.submit(say, waiting.popleft()))
            storm.tick()
            time.sleep(0.01)  # how often the storm looks round; nothing waits for this
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    for each in sent:
        each.result()


def _settle(installation: Installation, *, held: int) -> None:
    """Wait until nothing goes on any more, but for the tasks of so many held people."""
    database = installation.bridge.database
    eventually(
        lambda: (
            ledger.live_attempts(database) == 0
            and ledger.open_cases(database) == held
            and ledger.unfinished_tasks(database) == Counter(planned=2 * held)
        ),
        SETTLE_SECONDS,
        what="everything worked off",
        explain=lambda: (ledger.live_attempts(database), ledger.unfinished_tasks(database)),
    )


def _cases(installation: Installation) -> dict[str, list[tuple[str, str]]]:
    return ledger.cases_by_person(installation.bridge.database)


def _effective_writes(before: Log, after: Log) -> dict[str, tuple[int, int]]:
    """Return how many requests changed something between two looks at the logs: by person, at both targets."""
    app = after.app_effective - before.app_effective
    directory = after.directory_effective - before.directory_effective
    return {name: (app[name], directory[name]) for name in app | directory}


def _that_exist(people: Iterable[Person], expected: Callable[[Person], T]) -> dict[str, T]:
    """Return what is expected of each person, but for those of whom nothing is."""
    return {person.user_name: value for person in people if (value := expected(person)) not in ([], (0, 0))}


def _touched(people: Iterable[Person], before: Log, after: Log) -> Counter[str]:
    """Return the requests that named an account of the excluded or the held; in the directory, the writes."""
    spared = {person.user_name for person in people if person.is_spared}
    requests = (after.app_requests - before.app_requests) + (after.directory_writes - before.directory_writes)
    return Counter({name: count for name, count in requests.items() if name in spared})


def _deleted_accounts(people: Iterable[Person]) -> int:
    return 2 * sum(not person.comes_back for person in people)
