"""Files of leavers: a table with a line for each person, as people and HR systems write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scimbridge.domain.table import Columns, read_table

_COLUMNS = Columns(
    meaning={
        "username": "user_name",
        "externalid": "external_id",
        "email": "email",
        "id": "id",
        "source": "source",
        "reason": "reason",
        "date": "date",
    },
    naming=frozenset({"user_name", "external_id", "email", "id"}),
    wanted="userName, externalId, email or id",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaver:
    """One line: who is asked to leave. What is not said is empty.

    Attributes:
        line: Where it begins in the file, from 1.
        id: The SCIM id.
        date: When, as written.
        problem: What is wrong with the line; nothing of it counts then.
    """

    line: int
    user_name: str = ""
    external_id: str = ""
    email: str = ""
    id: str = ""
    source: str = ""
    reason: str = ""
    date: str = ""
    problem: str = ""

    @property
    def person(self) -> str:
        """What the line calls the person."""
        return self.user_name or self.email or self.external_id or self.id


@dataclass(frozen=True, slots=True)
class LeaversFile:
    """A file that was read.

    Attributes:
        ignored: Columns that mean nothing here, as they are spelled.
    """

    leavers: Sequence[Leaver]
    ignored: Sequence[str] = ()


def read_leavers(content: bytes) -> LeaversFile:
    """Return the lines of a file (``scimbridge.domain.table``).

    Raises:
        TableError: It is no table of leavers. No part of it counts then.
    """
    table = read_table(content, _COLUMNS)
    leavers = [Leaver(line=line.number, problem=line.problem, **line.values) for line in table.lines]
    return LeaversFile(leavers, table.ignored)
