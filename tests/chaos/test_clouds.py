"""A storm at both clouds: throttling, faults and resets, and the bridge's own processes in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row

from tests.chaos import ledger
from tests.connectors.cloud_bench import doubled, storm
from tests.connectors.cloud_people import (
    ALL_AT_GOOGLE,
    ALL_AT_MICROSOFT,
    configuration,
    employ_at_google,
    employ_at_microsoft,
)
from tests.connectors.google_bridge import workspace
from tests.connectors.graph_bridge import directory
from tests.doubles.google.errors import throttled as google_throttled
from tests.doubles.graph.errors import throttled as graph_throttled
from tests.doubles.serving import Asked
from tests.processes.crash_points import Role
from tests.processes.installation import installed
from tests.processes.provider import IdentityProvider
from tests.processes.waiting import eventually

PATIENCE = 600.0
"""Seconds. In such a storm a task may fail eight times in a row, and waits for four minutes in all then."""
PEOPLE = 3
GROUPS = 5
AT_ONCE = 2
"""Calls of ``REPEATABLE`` that one attempt makes at most."""

# Each stage is due as soon as the one before it has come to its end.
STAGES = (
    'after = "0s"\ndo = ["suspend", "revoke_sessions", "reset_credentials"]',
    'after = "1s"\ndo = ["remove_from_groups", "release_licenses", "stamp", "move"]',
    'after = "2s"\ndo = ["delete"]\napproval = false',
)
GOOGLE_ORDER = (
    ("/asps/", "/tokens/", "/invalidate", "/signOut"),
    ('"suspended": true',),
    ("/members/", "/licensing/", "orgUnitPath"),
    ("DELETE /admin/directory/v1/users/{id} ",),
)
MICROSOFT_ORDER = (
    ('"accountEnabled": false',),
    ("/revokeSignInSessions",),
    ("/members/",),
    ("/assignLicense",),
    ("DELETE /v1.0/users/{id} ",),
)
REPEATABLE = ("signOut", "invalidate", '"password"', "revokeSignInSessions", "passwordProfile")
"""What changes nothing more where it is done again, and cannot be looked up."""


@pytest.mark.chaos
@pytest.mark.timeout(1200)
def test_leavers_are_gone_from_both_clouds_in_order_and_nothing_is_done_twice(folder: Path) -> None:
    with workspace(folder) as google, directory() as microsoft:
        names = [f"person-{number}@example.com" for number in range(PEOPLE)]
        at_google = [employ_at_google(google, name, GROUPS) for name in names]
        at_microsoft = [employ_at_microsoft(microsoft, name, GROUPS) for name in names]
        # So fast that the slowest pace that throttling can teach is fast enough for a test.
        targets = {"google": google.table(rate_limit="1000/s"), "m365": microsoft.table(rate_limit="1000/s")}
        with installed(folder, configuration(targets, STAGES)) as installation:
            database = installation.bridge.database
            installation.start_all()
            installation.start(Role.WORKER).wait_until_ready()
            with IdentityProvider(installation.base_url, installation.token) as provider:
                ids = [provider.create(name) for name in names]
                google.google.faults = storm(7, google_throttled())
                microsoft.graph.faults = storm(8, graph_throttled())
                for user_id in ids:
                    provider.disable(user_id)
            eventually(
                lambda: ledger.open_cases(database) == 0,
                PATIENCE,
                what="all cases completed",
                explain=lambda: (
                    ledger.left(database),
                    installation.bridge.overview.targets(installation.bridge.clock()),
                ),
            )
            assert not ledger.unfinished_tasks(database)
            further = {target: _further_attempts(ledger.attempts_at(database, target)) for target in targets}
            paces = [target.pace for target in installation.bridge.overview.targets(installation.bridge.clock())]

    assert all(person.is_deleted for person in at_google)
    assert all(person.is_deleted for person in at_microsoft)
    assert all(pace < 1.0 for pace in paces)
    assert not any("/members/" in asked.path for asked in microsoft.graph.calls)  # all of them in batches
    for target, double, people, needed, order in (
        ("google", google.google, at_google, ALL_AT_GOOGLE + GROUPS, GOOGLE_ORDER),
        ("m365", microsoft.graph, at_microsoft, ALL_AT_MICROSOFT + GROUPS, MICROSOFT_ORDER),
    ):
        assert [each for each in doubled(double.carried_out) if not any(word in each for word in REPEATABLE)] == []
        again = _repeated(double.carried_out, [person.id for person in people])
        assert len(double.carried_out) - again == PEOPLE * needed
        assert again <= AT_ONCE * further[target]
        for person in people:
            assert not list(out_of_order(double.carried_out, person.id, order))


def _further_attempts(attempts: Sequence[Row[Any]]) -> int:
    """Return how many attempts there were beside the first one of each task."""
    return len(attempts) - len({attempt.task_id for attempt in attempts})


def _repeated(carried_out: Sequence[Asked], native_ids: Sequence[str]) -> int:
    """Return how many calls have done to somebody what may be done again, and had been done before."""
    said = [f"{asked.path} {asked.body.decode()}" for asked in carried_out]
    found = [
        next(((who, what) for who, what in product(native_ids, REPEATABLE) if who in each and what in each), None)
        for each in said
    ]
    times = Counter(each for each in found if each is not None)
    return times.total() - len(times)


def out_of_order(carried_out: Sequence[Asked], native_id: str, order: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield what of somebody was carried out after something that has to come later."""
    latest = 0
    for asked in carried_out:
        said = f"{asked.method} {asked.path} {asked.body.decode()}"
        if native_id not in said:
            continue
        for place, words in enumerate(order):
            if any(word.format(id=native_id) in said for word in words):
                if place < latest:
                    yield said
                latest = max(latest, place)
