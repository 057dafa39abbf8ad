"""The people of the big crash test, and what has to become of each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Fate(StrEnum):
    """What happens to somebody who is disabled; the word stands in their ``userType``."""

    LEAVES = "leaves"
    """Suspended at once."""

    LEAVES_LATER = "leaves later"
    """Suspended after a grace of a few seconds."""

    WAS_SUSPENDED = "was suspended"
    """Their account at the application was suspended before the bridge came, and stays so."""

    DELETED = "deleted"
    """Suspended at once, deleted a little later."""

    EXCLUDED = "excluded"
    """Never touched, says the configuration."""

    HELD = "held"
    """Not touched while the hold stands."""


RULES = f"""
[[exclusions]]
match = 'userType eq "{Fate.EXCLUDED}"'
reason = "never touched"

[[rules]]
name = "later"
when = ["deactivated"]
match = 'userType eq "{Fate.LEAVES_LATER}"'
restore = "auto"
[[rules.stages]]
after = "3s"
do = ["suspend"]

[[rules]]
name = "for good"
when = ["deactivated"]
match = 'userType eq "{Fate.DELETED}"'
[[rules.stages]]
after = "0s"
do = ["suspend"]
[[rules.stages]]
after = "1s"
do = ["delete"]
approval = false

[[rules]]
name = "at once"
when = ["deactivated"]
restore = "auto"
[[rules.stages]]
after = "0s"
do = ["suspend"]
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account in both targets."""

    user_name: str
    fate: Fate

    @property
    def is_spared(self) -> bool:
        """Whether no request may ever name one of their accounts."""
        return self.fate in (Fate.EXCLUDED, Fate.HELD)

    @property
    def comes_back(self) -> bool:
        """Whether they are there at the end."""
        return self.fate is not Fate.DELETED

    def writes_on_leaving(self) -> tuple[int, int]:
        """How many times their accounts change when they leave: at the application, and in the directory."""
        match self.fate:
            case Fate.LEAVES | Fate.LEAVES_LATER:
                return 1, 1
            case Fate.WAS_SUSPENDED:
                return 0, 1
            case Fate.DELETED:
                return 2, 2
            case Fate.EXCLUDED | Fate.HELD:
                return 0, 0

    def writes_on_return(self) -> tuple[int, int]:
        """The same for their return."""
        return self.writes_on_leaving() if self.comes_back else (0, 0)

    def cases_after_leaving(self) -> list[tuple[str, str]]:
        """What cases they have then: kind and state."""
        match self.fate:
            case Fate.EXCLUDED:
                return []
            case Fate.HELD:
                return [("leave", "open")]
            case Fate.LEAVES | Fate.LEAVES_LATER | Fate.WAS_SUSPENDED | Fate.DELETED:
                return [("leave", "completed")]

    def cases_after_return(self) -> list[tuple[str, str]]:
        """The same at the end."""
        match self.fate:
            case Fate.EXCLUDED:
                return []
            case Fate.HELD:
                return [("leave", "canceled")]
            case Fate.DELETED:
                return [("leave", "completed")]
            case Fate.LEAVES | Fate.LEAVES_LATER | Fate.WAS_SUSPENDED:
                return [("leave", "completed"), ("restore", "completed")]


def a_cast(leavers: int, rng: Random) -> list[Person]:
    """Return so many leavers whose access comes back, and a fifth of that of all others together, mixed."""
    later, already = leavers // 6, leavers // 20
    fates = [Fate.LEAVES_LATER] * later + [Fate.WAS_SUSPENDED] * already + [Fate.LEAVES] * (leavers - later - already)
    fates += [Fate.DELETED] * (leavers // 5) + [Fate.EXCLUDED] * (leavers // 20) + [Fate.HELD] * (leavers // 20)
    rng.shuffle(fates)
    return [Person(f"{number:03}-{fate.replace(' ', '-')}@example.com", fate) for number, fate in enumerate(fates)]
