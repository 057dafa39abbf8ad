"""Tables of what is known about leaving: facts, what they left behind, and what is no fact yet."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text, text

from scimbridge.store.schema.columns import Document, Id, UtcDateTime, Word, metadata

_WITHOUT_CASE = text("case_id IS NULL")

facts = Table(
    "facts",
    metadata,
    # Every trigger that arrived, also those that no rule matched; but for those of which the case that they opened
    # keeps all.
    Column("id", Id, primary_key=True),
    Column("identity_id", ForeignKey("identities.id"), nullable=False),
    Column("source", String(64), nullable=False),
    Column("trigger", Word(16), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("request_id", Id),
    Column("case_id", Id),
    Column("verdict", Text, nullable=False),
    # The targets concerned, where the fact is not about all of them (`unassigned`).
    Column("targets", Document),
    # What led to nothing, newest first. All of them are found by their ids, which are in the order of time.
    Index("ix_facts_without_case", "at", sqlite_where=_WITHOUT_CASE, postgresql_where=_WITHOUT_CASE),
    # The same of one person. What leads to a case costs no entry.
    Index("ix_facts_left_alone", "identity_id", "at", sqlite_where=_WITHOUT_CASE, postgresql_where=_WITHOUT_CASE),
)

unassignments = Table(
    "unassignments",
    metadata,
    # From which target an identity was unassigned, and since when; gone once it is assigned again.
    Column("identity_id", ForeignKey("identities.id"), primary_key=True),
    Column("target", String(64), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
)

moves = Table(
    "moves",
    metadata,
    # Which target an identity lost by changing, and by which rule; gone once it has changed back.
    Column("identity_id", ForeignKey("identities.id"), primary_key=True),
    Column("target", String(64), primary_key=True),
    Column("rule", String(100), primary_key=True),
    # The rule's filters as they were then: whether the fact still holds must not hang on who edits the rule.
    Column("was", Text, nullable=False),
    Column("now", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

returns = Table(
    "returns",
    metadata,
    # Who came back together with so many others that nobody has seen to them yet. By `unassigned`: they are assigned to
    # the target again. By `changed`: they may have changed back. Without references that would be checked row by row.
    Column("identity_id", Id, primary_key=True),
    Column("target", String(64), primary_key=True),
    Column("trigger", Word(16), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    sqlite_with_rowid=False,
)

stale_accounts = Table(
    "stale_accounts",
    metadata,
    # Which accounts a case takes away because nobody uses them, and what was found out about that; over once
    # somebody has signed in.
    Column("case_id", ForeignKey("cases.id"), primary_key=True),
    Column("target", String(64), primary_key=True),
    Column("run_id", Id, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("signed_in_at", UtcDateTime),
    Column("untold_at", UtcDateTime),
    Column("over_at", UtcDateTime),
)

_WAITING = text("ended_at IS NULL")

dated_requests = Table(
    "dated_requests",
    metadata,
    # Who is to leave on a date, because an operator asked for it: a fact when the date has come.
    Column("id", Id, primary_key=True),
    Column("identity_id", ForeignKey("identities.id"), nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("reason", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("verdict", Text, nullable=False, server_default=""),
    # One date for one identity.
    Index("uq_dated_requests_identity_id", "identity_id", unique=True,
          sqlite_where=_WAITING, postgresql_where=_WAITING),
    # The sweeper's question.
    Index("ix_dated_requests_due_at", "due_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
)  # fmt: skip

inquiries = Table(
    "inquiries",
    metadata,
    # What may mean that people lost a target, but is no fact: an operator decides.
    Column("id", Id, primary_key=True),
    Column("source", ForeignKey("sources.name"), nullable=False),
    Column("cause", String(16), nullable=False),
    Column("group_id", ForeignKey("groups.id"), nullable=False),
    Column("display_name", Text, nullable=False),  # as the group was called when it granted the targets
    Column("targets", Document, nullable=False),
    Column("people", Integer, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("closed_by", Text),
    Column("verdict", Text, nullable=False, server_default=""),
    Index("ix_inquiries_open", "opened_at",
          sqlite_where=text("closed_at IS NULL"), postgresql_where=text("closed_at IS NULL")),
)  # fmt: skip

inquiry_people = Table(
    "inquiry_people",
    metadata,
    # Whom an open inquiry is about, as it was at that moment; without references that would be checked row by row.
    Column("inquiry_id", Id, primary_key=True),
    Column("identity_id", Id, primary_key=True),
    Index("ix_inquiry_people_identity_id", "identity_id"),
)
