"""The tables. Migrations build them; a test holds the two against each other."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from scimbridge.domain.ids import ID_LENGTH

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time. SQLite keeps it as text of a fixed width, which sorts like the time."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        """What its values are."""
        return datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC; SQLite has no time zones."""
        if value is None:
            return None
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return an aware UTC time."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Word(String):
    """A member of one of our enumerations, as text."""


Document: Any = JSON().with_variant(JSONB(), "postgresql")
# What is compared, and sorted, by code points; on PostgreSQL the locale of the database would say otherwise.
_Key: Any = Text().with_variant(Text(collation="C"), "postgresql")
_Id = String(ID_LENGTH)
_AutoId = BigInteger().with_variant(Integer(), "sqlite")

sources = Table(
    "sources",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
    # The rule by which `identities.user_name_key` was made; another one has to make the keys anew.
    Column("user_name_case", String(16), nullable=False, server_default="ignored"),
)

resource_counts = Table(
    "resource_counts",
    metadata,
    # How many Users and Groups a source has, so that the total of a list costs nothing. The sum over
    # the slots counts: writers of different resources wait for each other in one of sixteen cases only.
    Column("source", String(64), primary_key=True),
    Column("kind", String(8), primary_key=True),  # "User" or "Group"
    Column("slot", Integer, primary_key=True),
    Column("total", Integer, nullable=False),
)

quirks = Table(
    "quirks",
    metadata,
    # What a source writes otherwise than RFC 7643 and RFC 7644 have it, and attributes that nobody here knows.
    Column("source", String(64), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("seen", Integer, nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("source", ForeignKey("sources.name"), nullable=False, index=True),
    # SHA-256 is enough: the token itself carries 256 random bits, so there is nothing to guess.
    Column("digest", String(64), nullable=False, unique=True),
    Column("hint", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Column("expires_at", UtcDateTime),
)

oauth_clients = Table(
    "oauth_clients",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("source", ForeignKey("sources.name"), nullable=False, index=True),
    # One of the two: the digest of a secret of 256 random bits, or public keys (a JWK Set, RFC 7517).
    Column("secret_digest", String(64)),
    Column("jwks", Document),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
)

access_tokens = Table(
    "access_tokens",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("client_id", ForeignKey("oauth_clients.id"), nullable=False, index=True),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

used_assertions = Table(
    "used_assertions",
    metadata,
    # What a client has signed once is refused the second time (RFC 7523 §3), until it has expired anyway.
    Column("client_id", ForeignKey("oauth_clients.id"), primary_key=True),
    Column("jti_digest", String(64), primary_key=True),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

operators = Table(
    "operators",
    metadata,
    # Who may use the API, by the name that stands in the history.
    Column("name", String(100), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
)

operator_tokens = Table(
    "operator_tokens",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("operator", ForeignKey("operators.name"), nullable=False, index=True),
    # As for `tokens`: there is nothing to guess.
    Column("digest", String(64), nullable=False, unique=True),
    Column("hint", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
    Column("expires_at", UtcDateTime),
)

_LIVE_END = text("end_due_at IS NOT NULL AND deleted_at IS NULL")

identities = Table(
    "identities",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("source", ForeignKey("sources.name"), nullable=False),
    Column("user_name", Text, nullable=False),
    Column("user_name_key", _Key, nullable=False),
    # The name without its case, whatever the source's rule: for the questions that cross sources, where
    # an account that may be somebody else's is not touched.
    Column("any_case_name", Text, nullable=False, server_default=""),
    Column("external_id", Text),
    Column("active", Boolean, nullable=False),
    Column("document", Document, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("modified_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),
    # When its time ends, until that is a fact; from the source's `end_date` attribute.
    Column("end_due_at", UtcDateTime),
    # A deleted identity keeps its row (its case needs it) and gives its name back.
    Index("uq_identities_user_name", "source", "user_name_key", unique=True,
          sqlite_where=text("deleted_at IS NULL"), postgresql_where=text("deleted_at IS NULL")),
    Index("ix_identities_external_id", "source", "external_id", "id"),
    Index("ix_identities_any_case_name", "any_case_name"),
    Index("ix_identities_any_external_id", "external_id"),
    # What has changed since: the order of an import that goes on where it stopped.
    Index("ix_identities_modified_at", "source", "modified_at", "id",
          sqlite_where=text("deleted_at IS NULL"), postgresql_where=text("deleted_at IS NULL")),
    # The sweeper's question.
    Index("ix_identities_end_due_at", "end_due_at", sqlite_where=_LIVE_END, postgresql_where=_LIVE_END),
    # The order of lists, and so of pages.
    Index("ix_identities_listed", "source", "id",
          sqlite_where=text("deleted_at IS NULL"), postgresql_where=text("deleted_at IS NULL")),
)  # fmt: skip

identity_values = Table(
    "identity_values",
    metadata,
    # Values of attributes that can have several, or that lie deep in the document, for indexed lookups:
    # emails.value and employeeNumber, folded by the attribute's case rule.
    Column("identity_id", ForeignKey("identities.id"), primary_key=True),
    Column("attribute", String(64), primary_key=True),
    Column("value", Text, primary_key=True),
    Index("ix_identity_values_value", "attribute", "value"),
)

groups = Table(
    "groups",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("source", ForeignKey("sources.name"), nullable=False),
    Column("display_name", Text, nullable=False),
    Column("display_name_key", _Key, nullable=False),
    Column("external_id", Text),
    Column("document", Document, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("modified_at", UtcDateTime, nullable=False),
    # How many Users are directly in it, so that the total of a list of them costs nothing.
    Column("users", Integer, nullable=False, server_default="0"),
    Column("deleted_at", UtcDateTime),
    Index("uq_groups_display_name", "source", "display_name_key", unique=True,
          sqlite_where=text("deleted_at IS NULL"), postgresql_where=text("deleted_at IS NULL")),
    Index("ix_groups_external_id", "source", "external_id", "id"),
    Index("ix_groups_listed", "source", "id",
          sqlite_where=text("deleted_at IS NULL"), postgresql_where=text("deleted_at IS NULL")),
)  # fmt: skip

memberships = Table(
    "memberships",
    metadata,
    # No reference that the database would check row by row: whoever writes a row holds the lock of its group.
    Column("group_id", _Id, primary_key=True),
    Column("member_id", _Id, primary_key=True),
    Column("kind", String(8), nullable=False),  # "User" or "Group"
    Index("ix_memberships_member_id", "member_id"),
    # Whether there are any, and which: most groups have none.
    Index("ix_memberships_nested", "group_id",
          sqlite_where=text("kind = 'Group'"), postgresql_where=text("kind = 'Group'")),
)  # fmt: skip

past_memberships = Table(
    "past_memberships",
    metadata,
    # Identity providers take people out of their groups just before they disable them; rules still see these.
    Column("identity_id", _Id, primary_key=True),
    Column("display_name", Text, primary_key=True),
    Column("ended_at", UtcDateTime, nullable=False, index=True),
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

_WAITING = text("ended_at IS NULL")

dated_requests = Table(
    "dated_requests",
    metadata,
    # Who is to leave on a date, because an operator asked for it: a fact when the date has come.
    Column("id", _Id, primary_key=True),
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
    Column("id", _Id, primary_key=True),
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

accounts = Table(
    "accounts",
    metadata,
    # One row for an identity at a target, from the identity's creation on. `native_id` is the target's
    # immutable id, once the account has been found there. A group at a target has one, too.
    Column("id", _Id, primary_key=True),
    Column("identity_id", ForeignKey("identities.id"), nullable=False),
    Column("target", String(64), nullable=False),
    Column("native_id", Text),
    Column("name", Text),
    Column("linked_at", UtcDateTime),
    Column("link_due_at", UtcDateTime),
    Column("link_attempts", Integer, nullable=False, server_default="0"),
    Column("candidates", Document),
    Column("note", Text, nullable=False, server_default=""),
    # Of a group: how it was when an operator asked to give it up.
    Column("asked_state", Document),
    Index("uq_accounts_identity_target", "identity_id", "target", unique=True),
    Index("ix_accounts_native_id", "target", "native_id"),
    Index("ix_accounts_link_due_at", "target", "link_due_at",
          sqlite_where=text("link_due_at IS NOT NULL"), postgresql_where=text("link_due_at IS NOT NULL")),
)  # fmt: skip

snapshots = Table(
    "snapshots",
    metadata,
    # The state of a native account before the bridge first touched it. Keyed by the native account, because
    # two sources may know the same one. A complete restore releases it, and the next case takes a new one.
    Column("id", _Id, primary_key=True),
    Column("target", String(64), nullable=False),
    Column("native_id", Text, nullable=False),
    Column("state", Document, nullable=False),
    Column("taken_at", UtcDateTime, nullable=False),
    Column("released_at", UtcDateTime),
    # The account as the bridge left it last: undo leaves alone what somebody else has changed since.
    Column("left_state", Document),
    # An attempt that may have changed the account and whose end is not known: the action, and what it had read.
    Column("begun", Document),
    # The first snapshot wins: a second one cannot be written while it stands.
    Index("uq_snapshots_standing", "target", "native_id", unique=True,
          sqlite_where=text("released_at IS NULL"), postgresql_where=text("released_at IS NULL")),
)  # fmt: skip

cases = Table(
    "cases",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("identity_id", ForeignKey("identities.id"), nullable=False, index=True),
    Column("source", String(64), nullable=False),
    Column("kind", Word(16), nullable=False),
    Column("rule", Text, nullable=False),
    Column("trigger", Word(16)),
    Column("trigger_at", UtcDateTime, nullable=False),
    Column("state", Word(16), nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("reason", Text, nullable=False, server_default=""),
    Column("rule_version", String(16), nullable=False, server_default=""),
    # Who asked for it, where that was an operator.
    Column("opened_by", Text),
    # One identity, one open case.
    Index("uq_cases_open", "identity_id", unique=True,
          sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
    Index("ix_cases_state", "state", "opened_at"),
)  # fmt: skip

_WITHOUT_CASE = text("case_id IS NULL")

facts = Table(
    "facts",
    metadata,
    # Every trigger that arrived, also those that no rule matched.
    Column("id", _Id, primary_key=True),
    Column("identity_id", ForeignKey("identities.id"), nullable=False),
    Column("source", String(64), nullable=False),
    Column("trigger", Word(16), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("request_id", _Id),
    Column("case_id", _Id),
    Column("verdict", Text, nullable=False),
    # The targets concerned, where the fact is not about all of them (`unassigned`).
    Column("targets", Document),
    # What led to nothing, newest first. All of them are found by their ids, which are in the order of time.
    Index("ix_facts_without_case", "at", sqlite_where=_WITHOUT_CASE, postgresql_where=_WITHOUT_CASE),
)

stages = Table(
    "stages",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("after_seconds", Integer, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    # How many operators have to approve; nothing of the stage is released before.
    Column("approvers", Integer, nullable=False, server_default="0"),
    # The rest of its terms, where it has some, as they were planned.
    Column("terms", Document),
)

approvals = Table(
    "approvals",
    metadata,
    # One operator's approval of one stage: given to exactly what is in `document`, and gone when that is no longer so.
    Column("id", _Id, primary_key=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False, index=True),
    Column("stage_id", ForeignKey("stages.id"), nullable=False),
    Column("digest", String(64), nullable=False),
    # Personal: it names accounts and what they own. The digest outlives it.
    Column("document", Document),
    # The accounts that the bridge itself has changed since, as it left them.
    Column("expected", Document),
    Column("approved_by", Text, nullable=False),
    Column("approved_at", UtcDateTime, nullable=False),
    Column("lapsed_at", UtcDateTime),
    Column("lapse_reason", Text, nullable=False, server_default=""),
    # Nobody approves the same stage twice.
    Index("uq_approvals_standing", "stage_id", "approved_by", unique=True,
          sqlite_where=text("lapsed_at IS NULL"), postgresql_where=text("lapsed_at IS NULL")),
)  # fmt: skip

RUNNABLE = text("state IN ('ready', 'waiting')")
_PLANNED = text("state = 'planned'")
LATE = text("deadline_at IS NOT NULL AND alarmed_at IS NULL AND state NOT IN ('done', 'skipped', 'canceled')")

tasks = Table(
    "tasks",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False, index=True),
    Column("stage_id", ForeignKey("stages.id"), nullable=False),
    Column("identity_id", _Id, nullable=False),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("target", String(64), nullable=False),
    Column("action", Word(32), nullable=False),
    Column("state", Word(16), nullable=False),
    Column("irreversible", Boolean, nullable=False),
    Column("position", Integer, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("not_before", UtcDateTime),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("first_tried_at", UtcDateTime),
    Column("reason", Text, nullable=False, server_default=""),
    Column("evidence", Document),
    Column("changed", Boolean),
    Column("finished_at", UtcDateTime),
    # What the target called the work that it accepted and does by itself.
    Column("handle", Text),
    # When it should have ended; and when somebody was told that it has not.
    Column("deadline_at", UtcDateTime),
    Column("alarmed_at", UtcDateTime),
    # When an operator has let it skip its grace.
    Column("expedited_at", UtcDateTime),
    # The sweeper's question for what is late.
    Index("ix_tasks_late", "deadline_at", sqlite_where=LATE, postgresql_where=LATE),
    Index("ix_tasks_account_id", "account_id", "state"),
    # The sweeper's question: costs by what is due, not by what is open.
    Index("ix_tasks_planned", "due_at", sqlite_where=_PLANNED, postgresql_where=_PLANNED),
    # The worker's and the courier's question.
    Index("ix_tasks_runnable", "target", "due_at", sqlite_where=RUNNABLE, postgresql_where=RUNNABLE),
)

attempts = Table(
    "attempts",
    metadata,
    # One run of a task (or one look-up of a link) under a lease.
    Column("id", _Id, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("task_id", _Id, index=True),  # none for a look-up
    Column("target", String(64), nullable=False),
    # The native id once it is known, else the id of our own row.
    Column("lock_key", Text, nullable=False),
    Column("worker", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("lease_until", UtcDateTime, nullable=False),
    Column("state_read", Document),
    Column("read_at", UtcDateTime),
    # Past this line the request may have left; a hold that comes later comes too late.
    Column("confirmed_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("outcome", String(16)),
    Column("reason", Text, nullable=False, server_default=""),
    # At most one live attempt per native account, over all cases, sources and processes.
    Index("uq_attempts_live", "target", "lock_key", unique=True,
          sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")),
    Index("ix_attempts_lease_until", "lease_until",
          sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")),
)  # fmt: skip

targets = Table(
    "targets",
    metadata,
    # What the processes share about a target at run time; its settings are in the configuration.
    Column("name", String(64), primary_key=True),
    Column("paused_at", UtcDateTime),
    Column("paused_by", Text),
    Column("pause_reason", Text),
    Column("next_call_at", UtcDateTime),
    # An observing target acts until then.
    Column("armed_until", UtcDateTime),
    Column("armed_by", Text),
    # Its work is let go gradually from then on.
    Column("resumed_at", UtcDateTime),
)

holds = Table(
    "holds",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("scope", String(16), nullable=False),
    Column("subject", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("placed_by", Text, nullable=False),
    Column("placed_at", UtcDateTime, nullable=False),
    Column("lifted_at", UtcDateTime),
    Column("lifted_by", Text),
    Column("is_legal", Boolean, nullable=False, server_default=false()),
    # The flood that the guard holds with it.
    Column("flood_id", _Id),
    Index("ix_holds_lifted_at", "lifted_at"),
    Index("ix_holds_flood_id", "flood_id",
          sqlite_where=text("flood_id IS NOT NULL AND lifted_at IS NULL"),
          postgresql_where=text("flood_id IS NOT NULL AND lifted_at IS NULL")),
    Index("ix_holds_standing", "scope", "subject",
          sqlite_where=text("lifted_at IS NULL"), postgresql_where=text("lifted_at IS NULL")),
)  # fmt: skip

exclusions = Table(
    "exclusions",
    metadata,
    # Made at run time; those of the configuration stay in the file.
    Column("id", _Id, primary_key=True),
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
    Column("id", _Id, primary_key=True),
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
    Column("flood_id", _Id),
)

guard_marks = Table(
    "guard_marks",
    metadata,
    # Each identity that was planned for, once per limit: the newest time counts.
    Column("scope", String(16), primary_key=True),
    Column("subject", String(64), primary_key=True),
    Column("guard_class", String(16), primary_key=True),
    Column("identity_id", _Id, primary_key=True),
    Column("case_id", _Id, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Index("ix_guard_marks_at", "scope", "subject", "guard_class", "epoch", "at"),
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

_UNSENT = text("sent_at IS NULL AND failed_at IS NULL")

notices = Table(
    "notices",
    metadata,
    # What operators are to be told: written with the fact that it is about, sent by a sweeper afterwards.
    Column("id", _Id, primary_key=True),
    Column("kind", String(32), nullable=False),
    # The flood, target or task that it is about: told once.
    Column("subject", Text, nullable=False),
    Column("details", Document, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("lease_until", UtcDateTime),
    Column("sent_at", UtcDateTime),
    Column("failed_at", UtcDateTime),
    Column("reason", Text, nullable=False, server_default=""),
    Index("uq_notices_subject", "kind", "subject", unique=True),
    Index("ix_notices_due_at", "due_at", sqlite_where=_UNSENT, postgresql_where=_UNSENT),
)

_UNANSWERED = text("answered_at IS NULL")

hook_calls = Table(
    "hook_calls",
    metadata,
    # A case that waits for what its rule's hook says, under a hold until then.
    Column("id", _Id, primary_key=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False, index=True),
    Column("hold_id", ForeignKey("holds.id"), nullable=False),
    Column("hook", Text, nullable=False),
    # About what a later fact has added to a case that was open already.
    Column("is_addition", Boolean, nullable=False, server_default=false()),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("lease_until", UtcDateTime),
    Column("answered_at", UtcDateTime),
    Column("answer", Text, nullable=False, server_default=""),
    Index("ix_hook_calls_due_at", "due_at", sqlite_where=_UNANSWERED, postgresql_where=_UNANSWERED),
)

REFUSED = text("status >= 400")

requests = Table(
    "requests",
    metadata,
    # What a source sent, without passwords and credentials. `received` is personal and can be erased.
    Column("id", _Id, primary_key=True),
    Column("source", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("method", String(8), nullable=False),
    Column("path", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("received", Document),
    Column("understood", Text, nullable=False),
    Column("applied", Text, nullable=False),
    # The User or Group concerned: "why is this user still active" is one query.
    Column("resource_id", String(200)),
    Index("ix_requests_resource_id", "resource_id",
          sqlite_where=text("resource_id IS NOT NULL"), postgresql_where=text("resource_id IS NOT NULL")),
    # What of a source was refused lately. Most requests are not, and cost no entry.
    Index("ix_requests_refused", "source", "at", sqlite_where=REFUSED, postgresql_where=REFUSED),
)  # fmt: skip

DONE = text("event = 'task done'")

history = Table(
    "history",
    metadata,
    Column("id", _AutoId, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("event", String(40), nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("identity_id", _Id),
    Column("case_id", _Id, index=True),
    Column("task_id", _Id),
    Column("target", String(64)),
    Column("details", Document, nullable=False),
    # Erasable. Carries a nonce, so that the digest of an erased value cannot be guessed back.
    Column("personal", Document),
    Column("digest", String(64), nullable=False),
    # What a target has done lately.
    Index("ix_history_done", "target", "at", sqlite_where=DONE, postgresql_where=DONE),
)
