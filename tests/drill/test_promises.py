"""The drill's own eyes: whatever is not as promised is seen, and named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from scimbridge.demo.cast import TARGETS, Access, Person
from scimbridge.demo.directory import DemoDirectory, Write
from scimbridge.demo.entries import SERVICE_DN
from scimbridge.demo.installation import Logs
from scimbridge.drill.people import Fate, of_fate, shut_out, squads
from scimbridge.drill.promises import Counted, judge
from scimbridge.services.verifying import Verification

SQUADS = squads(30, 4, Random(1))
PEOPLE = [person for squad in SQUADS for person in squad]
FOUR = len(SQUADS)


def request(person: Person, method: str, **more: Any) -> dict[str, Any]:
    return {"method": method, "user_name": person.user_name, "effective": True, "status": 200, **more}


def write(person: Person, operation: str, *, changed: bool = True) -> Write:
    return Write(operation, DemoDirectory.dn_of(person.name.lower()), SERVICE_DN, 0, changed)


def logs(*people: Person) -> Logs:
    """What the targets note when all goes as planned; they are read and created, too."""
    planned = [(person, change.partition(" at ")) for person in people for change in person.changes]
    return Logs(
        [request(person, "POST") for person in PEOPLE]
        + [request(person, "GET", effective=False) for person in PEOPLE]
        + [request(person, what) for person, (what, _, target) in planned if target == "application"],
        [write(person, what) for person, (what, _, target) in planned if target == "directory"],
    )


GOOD = Counted(
    access={person.name: dict.fromkeys(TARGETS, person.ends) for person in PEOPLE},
    logs=logs(*PEOPLE),
    open_cases=FOUR,
    held_cases=FOUR,
    attempts=0,
    history=Verification(seals=1, entries=200, waiting=0, head=None, findings=()),
)
LEAVER, HELD = shut_out(PEOPLE)[0], of_fate(PEOPLE, Fate.HELD)[0]
TWICE = [*LEAVER.changes, "modify at directory"]


def more(*, requests: list[dict[str, Any]] | None = None, writes: list[Write] | None = None) -> Counted:
    noted = Logs([*GOOD.logs.requests, *(requests or [])], [*GOOD.logs.writes, *(writes or [])])
    return replace(GOOD, logs=noted)


def test_everybody_takes_part_in_groups_of_nearly_the_same_size_with_each_fate_in_each() -> None:
    assert sorted(map(len, SQUADS)) == [7, 7, 8, 8]
    assert len({person.user_name for person in PEOPLE}) == 30
    for squad in SQUADS:
        fates = Counter(person.user_type for person in squad)
        assert fates == {**dict.fromkeys(Fate, 1), Fate.LEAVES: len(squad) - 4}


def test_another_seed_is_another_order_and_the_same_seed_the_same() -> None:
    def order(seed: int) -> list[str]:
        return [person.user_type for squad in squads(40, 4, Random(seed)) for person in squad]

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_where_all_is_as_planned_all_promises_are_kept() -> None:
    assert [line for promise in judge(PEOPLE, GOOD) for line in promise.broken] == []


@pytest.mark.parametrize(
    ("counted", "broken"),
    [
        (
            lambda: replace(GOOD, access={**GOOD.access, LEAVER.name: {TARGETS[0]: Access.ACTIVE}}),
            {"leavers": [f"{LEAVER.name} is active at application, not {LEAVER.ends}"]},
        ),
        (
            lambda: replace(GOOD, access={**GOOD.access, HELD.name: {TARGETS[1]: Access.SUSPENDED}}),
            {"leavers": [f"{HELD.name} is suspended at directory, not active"]},
        ),
        (
            lambda: replace(GOOD, logs=logs(*(person for person in PEOPLE if person is not LEAVER))),
            {"each": [f"for {LEAVER.name} the targets' logs show [], not {list(LEAVER.changes)}"]},
        ),
        (
            lambda: more(writes=[write(LEAVER, "modify")]),
            {"each": [f"for {LEAVER.name} the targets' logs show {TWICE}, not {list(LEAVER.changes)}"]},
        ),
        (lambda: more(writes=[write(LEAVER, "modify", changed=False)]), {}),
        (
            lambda: more(requests=[request(HELD, "PATCH", effective=False, status=429)]),
            {"who": [f"1 requests were to change {HELD.name}, who is held"]},
        ),
        (
            lambda: more(writes=[write(HELD, "modify", changed=False)]),
            {"who": [f"1 requests were to change {HELD.name}, who is held"]},
        ),
        (
            lambda: replace(GOOD, open_cases=FOUR + 1),
            {"nothing": ["5 cases are open, not the 4 of those who are held"]},
        ),
        (lambda: replace(GOOD, held_cases=FOUR - 1), {"nothing": ["3 cases are held, not 4"]}),
        (lambda: replace(GOOD, attempts=2), {"nothing": ["2 attempts have not ended"]}),
        (
            lambda: replace(GOOD, history=replace(GOOD.history, findings=("entry 7 was changed",))),
            {"the": ["entry 7 was changed"]},
        ),
    ],
)
def test_what_is_not_as_promised_is_named(counted: Callable[[], Counted], broken: dict[str, list[str]]) -> None:
    found = judge(PEOPLE, counted())

    # By the first word of the promise.
    assert {each.said.split()[0]: list(each.broken) for each in found if not each.is_kept} == broken
