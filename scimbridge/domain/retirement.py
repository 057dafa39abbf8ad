"""Groups that operators ask to give up: what a file names, and what becomes of each line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scimbridge.domain.request import LineReport, Outcome
from scimbridge.domain.table import Columns, read_table

_COLUMNS = Columns(
    meaning={"group": "said", "id": "said", "reason": "reason"}, naming=frozenset({"said"}), wanted="group"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedGroup:
    """One line: which group is to be given up.

    Attributes:
        line: Where it stands, from 1.
        said: Its immutable id at the target, or its name.
        reason: Why; empty where the line does not say.
        problem: What is wrong with the line; nothing of it counts then.
    """

    line: int
    said: str = ""
    reason: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class GroupsFile:
    """A file that was read.

    Attributes:
        ignored: Columns that mean nothing here, as they are spelled.
    """

    groups: Sequence[NamedGroup]
    ignored: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFinding:
    """What becomes of one line.

    Attributes:
        why: Why so, as one sentence; why not, where it is not done.
        native_id: The group's immutable id, once it was found.
        name: What it is called.
        members: How many it has; ``None`` where the target does not tell.
        opens: Names of what they lose with it; ``None`` where the target does not tell.
    """

    asked: NamedGroup
    outcome: Outcome
    why: str = ""
    native_id: str | None = None
    name: str | None = None
    members: int | None = None
    opens: tuple[str, ...] | None = None
    case_id: str | None = None


GroupReport = LineReport[GroupFinding]


def read_groups(content: bytes) -> GroupsFile:
    """Return the lines of a file (``scimbridge.domain.table``).

    Raises:
        TableError: It is no table of groups. No part of it counts then.
    """
    table = read_table(content, _COLUMNS)
    groups = [NamedGroup(line=line.number, problem=line.problem, **line.values) for line in table.lines]
    return GroupsFile(groups, table.ignored)
