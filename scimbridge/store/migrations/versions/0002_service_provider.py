"""What the SCIM service provider needs: counts, end dates, quirks, tokens that expire, OAuth clients.

The previous release runs on this schema, with two exceptions: Users and Groups that it adds or
removes are not counted, so that lists say a wrong total, and Users that it adds are not found by
their names across sources. Stop it before the upgrade.
"""

import sqlalchemy as sa
from alembic import op

from scimbridge.store.schema import Document, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NESTED = sa.text("kind = 'Group'")
_LIVE = sa.text("deleted_at IS NULL")
_ABOUT_ONE = sa.text("resource_id IS NOT NULL")
_LIVE_END = sa.text("end_due_at IS NOT NULL AND deleted_at IS NULL")


def upgrade() -> None:
    """Add tables and columns; count what is there."""
    op.create_table(
        "resource_counts",
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source", "kind", "slot", name=op.f("pk_resource_counts")),
    )
    for kind, table in (("User", "identities"), ("Group", "groups")):
        op.execute(
            f"INSERT INTO resource_counts (source, kind, slot, total) "  # noqa: S608 - our own names
            f"SELECT source, '{kind}', 0, count(*) FROM {table} WHERE deleted_at IS NULL GROUP BY source"
        )
    op.create_table(
        "quirks",
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("source", "name", name=op.f("pk_quirks")),
    )
    op.add_column(
        "sources", sa.Column("user_name_case", sa.String(length=16), server_default="ignored", nullable=False)
    )
    # Keys were made in another way; the first start makes those that differ anew.
    op.execute("UPDATE sources SET user_name_case = 'lowercase'")
    _compare_by_code_points()
    op.add_column("identities", sa.Column("any_case_name", sa.Text(), server_default="", nullable=False))
    op.execute("UPDATE identities SET any_case_name = user_name_key")
    op.drop_index("ix_identities_user_name_key", "identities")
    op.create_index("ix_identities_any_case_name", "identities", ["any_case_name"], unique=False)
    # With the id at the end they serve the order of lists, too; SQLite would choose that over the filter.
    for table in ("identities", "groups"):
        op.drop_index(f"ix_{table}_external_id", table)
        op.create_index(f"ix_{table}_external_id", table, ["source", "external_id", "id"], unique=False)
    op.drop_index("ix_identities_modified_at", "identities")
    op.create_index(
        "ix_identities_modified_at",
        "identities",
        ["source", "modified_at", "id"],
        unique=False,
        sqlite_where=_LIVE,
        postgresql_where=_LIVE,
    )
    op.create_index(
        "ix_memberships_nested",
        "memberships",
        ["group_id"],
        unique=False,
        sqlite_where=_NESTED,
        postgresql_where=_NESTED,
    )
    op.add_column("tokens", sa.Column("expires_at", UtcDateTime(), nullable=True))
    # Nobody asked by them, and each entry wrote to a place of its own.
    op.drop_index("ix_history_identity_id", "history")
    op.drop_index("ix_facts_identity_id", "facts")
    _create_oauth_tables()
    op.add_column("requests", sa.Column("resource_id", sa.String(length=200), nullable=True))
    op.create_index(
        "ix_requests_resource_id",
        "requests",
        ["resource_id"],
        unique=False,
        sqlite_where=_ABOUT_ONE,
        postgresql_where=_ABOUT_ONE,
    )
    op.add_column("facts", sa.Column("targets", Document, nullable=True))
    op.add_column("identities", sa.Column("end_due_at", UtcDateTime(), nullable=True))
    op.create_table(
        "unassignments",
        sa.Column("identity_id", sa.String(length=36), nullable=False),
        sa.Column("target", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["identity_id"], ["identities.id"], name=op.f("fk_unassignments_identity_id")),
        sa.PrimaryKeyConstraint("identity_id", "target", name=op.f("pk_unassignments")),
    )
    op.create_table(
        "inquiries",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("cause", sa.String(length=16), nullable=False),
        sa.Column("group_id", sa.String(length=36), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("targets", Document, nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_inquiries_group_id")),
        sa.ForeignKeyConstraint(["source"], ["sources.name"], name=op.f("fk_inquiries_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inquiries")),
    )
    op.create_index(
        "ix_inquiries_open",
        "inquiries",
        ["opened_at"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_identities_end_due_at",
        "identities",
        ["end_due_at"],
        unique=False,
        sqlite_where=_LIVE_END,
        postgresql_where=_LIVE_END,
    )


def _create_oauth_tables() -> None:
    op.create_table(
        "oauth_clients",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("secret_digest", sa.String(length=64), nullable=True),
        sa.Column("jwks", Document, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["source"], ["sources.name"], name=op.f("fk_oauth_clients_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oauth_clients")),
    )
    op.create_index("ix_oauth_clients_source", "oauth_clients", ["source"], unique=False)
    op.create_table(
        "access_tokens",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=36), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["oauth_clients.id"], name=op.f("fk_access_tokens_client_id")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_access_tokens")),
    )
    op.create_index("ix_access_tokens_client_id", "access_tokens", ["client_id"], unique=False)
    op.create_index("ix_access_tokens_expires_at", "access_tokens", ["expires_at"], unique=False)
    op.create_table(
        "used_assertions",
        sa.Column("client_id", sa.String(length=36), nullable=False),
        sa.Column("jti_digest", sa.String(length=64), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["oauth_clients.id"], name=op.f("fk_used_assertions_client_id")),
        sa.PrimaryKeyConstraint("client_id", "jti_digest", name=op.f("pk_used_assertions")),
    )
    op.create_index("ix_used_assertions_expires_at", "used_assertions", ["expires_at"], unique=False)


def _compare_by_code_points() -> None:
    """Give keys the collation that SQLite has anyway; their indexes then serve sorted lists."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute('ALTER TABLE identities ALTER COLUMN user_name_key TYPE TEXT COLLATE "C"')
        op.execute('ALTER TABLE groups ALTER COLUMN display_name_key TYPE TEXT COLLATE "C"')
