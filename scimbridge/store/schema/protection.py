"""Tables of what keeps work from being done: holds, exclusions, and the guard."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, false, text

from scimbridge.store.schema.columns import Id, UtcDateTime, metadata

_ENDS = text("until IS NOT NULL AND lifted_at IS NULL")

holds = Table(
    "holds",
    metadata,
    Column("id", Id, primary_key=True),
    Column("scope", String(16), nullable=False),
    Column("subject", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("placed_by", Text, nullable=False),
    Column("placed_at", UtcDateTime, nullable=False),
    # When it ends by itself; it stands until a sweeper has lifted it.
    Column("until", UtcDateTime),
    Column("lifted_at", UtcDateTime),
    Column("lifted_by", Text),
    Column("is_legal", Boolean, nullable=False, server_default=false()),
    # The flood that the guard holds with it.
    Column("flood_id", Id),
    Index("ix_holds_lifted_at", "lifted_at"),
    Index("ix_holds_flood_id", "flood_id",
          sqlite_where=text("flood_id IS NOT NULL AND lifted_at IS NULL"),
          postgresql_where=text("flood_id IS NOT NULL AND lifted_at IS NULL")),
    # The sweeper's question.
    Index("ix_holds_until", "until", sqlite_where=_ENDS, postgresql_where=_ENDS),
    Index("ix_holds_standing", "scope", "subject",
          sqlite_where=text("lifted_at IS NULL"), postgresql_where=text("lifted_at IS NULL")),
)  # fmt: skip

exclusions = Table(
    "exclusions",
    metadata,
    # Made at run time; those of the configuration stay in the file.
    Column("id", Id, primary_key=True),
    # A filter; empty where it is of something else than identities that match one.
    Column("match", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("placed_by", Text, nullable=False),
    Column("placed_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("ended_by", Text),
    Column("spared", String(16), nullable=False, server_default="match"),
    Column("subject", Text, nullable=False, server_default=""),
    Column("target", String(64), nullable=False, server_default=""),
    Column("until", UtcDateTime),
)

UNSETTLED = text("settled_at IS NULL AND closed_at IS NOT NULL")

floods = Table(
    "floods",
    metadata,
    # More identities than a limit of the guard allows: held until a person decides.
    Column("id", Id, primary_key=True),
    Column("scope", String(16), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("guard_class", String(16), nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("reason", Text, nullable=False),
    # What was decided, by whom and why. From then on it takes nobody in.
    Column("closed_at", UtcDateTime),
    Column("closed_by", Text),
    Column("verdict", Text, nullable=False, server_default=""),
    Column("closing_reason", Text, nullable=False, server_default=""),
    # Canceled, and what it has taken is given back.
    Column("gives_back", Boolean, nullable=False, server_default=false()),
    # When the decision had been carried out for all of its cases: that takes many transactions.
    Column("settled_at", UtcDateTime),
    # One limit, one flood at a time.
    Index("uq_floods_open", "scope", "subject", "guard_class", unique=True,
          sqlite_where=text("closed_at IS NULL"), postgresql_where=text("closed_at IS NULL")),
    # The sweeper's question: what somebody began and did not finish.
    Index("ix_floods_unsettled", "id", sqlite_where=UNSETTLED, postgresql_where=UNSETTLED),
)  # fmt: skip

flood_cases = Table(
    "flood_cases",
    metadata,
    # What belongs to a flood: what was counted when it began, and what has followed.
    Column("flood_id", ForeignKey("floods.id"), primary_key=True),
    Column("case_id", ForeignKey("cases.id"), primary_key=True),
    # When the decision about the flood was carried out for this case.
    Column("settled_at", UtcDateTime),
    Index("ix_flood_cases_case_id", "case_id"),
    Index("ix_flood_cases_unsettled", "flood_id", "case_id",
          sqlite_where=text("settled_at IS NULL"), postgresql_where=text("settled_at IS NULL")),
)  # fmt: skip

guard_counters = Table(
    "guard_counters",
    metadata,
    # The row that is locked while a limit is counted, so that it is exact with any number of processes.
    Column("scope", String(16), primary_key=True),
    Column("subject", String(64), primary_key=True),
    Column("guard_class", String(16), primary_key=True),
    # Counting starts anew with each: only marks of the present one count.
    Column("epoch", Integer, nullable=False, server_default="0"),
    # No more identities than that are in the window. While it is within the limit, nothing has to be counted.
    Column("at_most", Integer, nullable=False, server_default="0"),
    # The open flood, where there is one.
    Column("flood_id", Id),
)

guard_marks = Table(
    "guard_marks",
    metadata,
    # Each identity that was planned for, once per limit: the newest time counts.
    Column("scope", String(16), primary_key=True),
    Column("subject", String(64), primary_key=True),
    Column("guard_class", String(16), primary_key=True),
    Column("identity_id", Id, primary_key=True),
    Column("case_id", Id, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Index("ix_guard_marks_at", "scope", "subject", "guard_class", "epoch", "at"),
)

uncounted = Table(
    "uncounted",
    metadata,
    # What a case plans at a target that only observed then: it counts for the guard once the target is about to act.
    Column("case_id", ForeignKey("cases.id"), primary_key=True),
    Column("target", String(64), primary_key=True),
)

populations = Table(
    "populations",
    metadata,
    # How many identities were active, counted now and then: what the guard's percentages are of.
    Column("scope", String(16), primary_key=True),
    Column("subject", String(64), primary_key=True),
    Column("at", UtcDateTime, primary_key=True),
    Column("active", Integer, nullable=False),
)
