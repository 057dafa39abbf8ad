"""Tables of what sources write: Users, Groups, and who is in which."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, text

from scimbridge.store.schema.columns import Document, Id, Key, UtcDateTime, metadata

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

_UNERASED = text("deleted_at IS NOT NULL AND erased_at IS NULL")
_LIVE_END = text("end_due_at IS NOT NULL AND deleted_at IS NULL")

identities = Table(
    "identities",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source", ForeignKey("sources.name"), nullable=False),
    Column("user_name", Text, nullable=False),
    Column("user_name_key", Key, nullable=False),
    # The name without its case, whatever the source's rule: for the questions that cross sources, where
    # an account that may be somebody else's is not touched.
    Column("any_case_name", Key, nullable=False, server_default=""),
    Column("external_id", Text),
    Column("active", Boolean, nullable=False),
    Column("document", Document, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("modified_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),
    # When its personal values were erased; the row stays, for what was done to whom is proven by its id.
    Column("erased_at", UtcDateTime),
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
    # Whom retention asks for.
    Index("ix_identities_deleted_at", "deleted_at", "id", sqlite_where=_UNERASED, postgresql_where=_UNERASED),
    # The order of lists, and so of pages.
    Index("ix_identities_listed", "source", "id",
          sqlite_where=text("deleted_at IS NULL"), postgresql_where=text("deleted_at IS NULL")),
)  # fmt: skip

identity_values = Table(
    "identity_values",
    metadata,
    # Values of attributes that can have several, or that lie deep in the document, for indexed lookups:
    # emails.value and employeeNumber, folded by the attribute's case rule. As displayName, what somebody is called,
    # and what is left of that from each further word on: searches ask for beginnings.
    Column("identity_id", ForeignKey("identities.id"), primary_key=True),
    Column("attribute", String(64), primary_key=True),
    Column("value", Key, primary_key=True),
    Index("ix_identity_values_value", "attribute", "value"),
)

groups = Table(
    "groups",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source", ForeignKey("sources.name"), nullable=False),
    Column("display_name", Text, nullable=False),
    Column("display_name_key", Key, nullable=False),
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
    Column("group_id", Id, primary_key=True),
    Column("member_id", Id, primary_key=True),
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
    Column("identity_id", Id, primary_key=True),
    Column("display_name", Text, primary_key=True),
    Column("ended_at", UtcDateTime, nullable=False, index=True),
    # Until when, by the source's setting of the moment it ended; null where the release before has written it.
    Column("seen_until", UtcDateTime),
)
