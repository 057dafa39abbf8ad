"""Who is in the drill, and how it has to end for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from random import Random

from scimbridge.demo.cast import DELETED, SUSPENDED, Access, Person

DELETE_AFTER = 5
GRACE = 120
"""Seconds: those who come back do so long before."""


class Fate(StrEnum):
    """What has to become of somebody who is disabled; the word is their ``userType``."""

    LEAVES = "leaves"
    DELETED = "leaves for good"
    COMES_BACK = "comes back"
    EXCLUDED = "excluded"
    HELD = "held"


RULES = f"""\
[guard]
all = {{ count = 1_000_000, window = "24h" }}

[[exclusions]]
match = 'userType eq "{Fate.EXCLUDED}"'
reason = "never touched"

[[rules]]
name = "after a grace"
when = ["deactivated"]
match = 'userType eq "{Fate.COMES_BACK}"'
stages = [{{ after = "{GRACE}s", do = ["suspend"] }}]

[[rules]]
name = "for good"
when = ["deactivated"]
match = 'userType eq "{Fate.DELETED}"'
stages = [
  {{ after = "0s", do = ["suspend"] }},
  {{ after = "{DELETE_AFTER}s", do = ["delete"], approval = false }},
]

[[rules]]
name = "at once"
when = ["deactivated"]
stages = [{{ after = "0s", do = ["suspend"] }}]
"""

_ENDS = {
    Fate.LEAVES: (Access.SUSPENDED, SUSPENDED),
    Fate.DELETED: (Access.GONE, SUSPENDED + DELETED),
    Fate.COMES_BACK: (Access.ACTIVE, ()),
    Fate.EXCLUDED: (Access.ACTIVE, ()),
    Fate.HELD: (Access.ACTIVE, ()),
}


def squads(people: int, count: int, rng: Random) -> list[list[Person]]:
    """Return so many people in so many groups of nearly the same size; in each, one of every fate but ``LEAVES``."""
    sizes = [people // count + (number < people % count) for number in range(count)]
    found, number = [], 0
    for size in sizes:
        special = [fate for fate in Fate if fate is not Fate.LEAVES]
        fates = special + [Fate.LEAVES] * (size - len(special))
        rng.shuffle(fates)
        found.append([_person(number + place, fate) for place, fate in enumerate(fates)])
        number += size
    return found


def of_fate(people: Sequence[Person], *fates: Fate) -> list[Person]:
    """Return those for whom one of these is planned."""
    return [person for person in people if person.user_type in fates]


def shut_out(people: Sequence[Person]) -> list[Person]:
    """Return those who have to lose their access."""
    return of_fate(people, Fate.LEAVES, Fate.DELETED)


def _person(number: int, fate: Fate) -> Person:
    ends, changes = _ENDS[fate]
    return Person(f"P{number:03}", "Example", "entra", fate, ends, user_type=fate, changes=changes)
