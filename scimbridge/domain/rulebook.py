"""The rules in force in a process: replaced as a whole while it runs, never changed."""

from __future__ import annotations

from scimbridge.domain.mover import Movers
from scimbridge.domain.rule import Ruleset


class Edition:
    """One set of rules that is, or was, in force; whoever decides something takes all of it from one edition.

    Attributes:
        rules: The rules and exclusions.
        number: Its version in the store; ``None`` where the store knows of none yet.
        movers: The rules for movers among them.
        behind: Why this process cannot use the version that is in force; empty where it does.
        in_force: That version; the same as ``number`` where it can be used.
    """

    __slots__ = ("behind", "in_force", "movers", "number", "rules")

    def __init__(
        self, rules: Ruleset, number: int | None = None, *, behind: str = "", in_force: int | None = None
    ) -> None:
        self.rules = rules
        self.number = number
        self.movers = Movers(rules.rules)
        self.behind = behind
        self.in_force = number if in_force is None else in_force


class Rulebook:
    """Holds the edition in force. Reading it costs nothing: it is asked for every fact.

    Attributes:
        edition: The one in force; what takes its place is another object.
    """

    __slots__ = ("edition",)

    def __init__(self, rules: Ruleset) -> None:
        self.edition = Edition(rules)

    @property
    def rules(self) -> Ruleset:
        """The rules and exclusions in force."""
        return self.edition.rules
