"""Whom an inquiry is about, kept as it was when the inquiry was opened.

Open inquiries take over whom they are about now. The previous release runs on this schema, but what it asks is about
nobody here, and it may forget whom it was about: let it end before this release starts.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_LEFT = """
    INSERT INTO inquiry_people (inquiry_id, identity_id)
    SELECT inquiries.id, identities.id
    FROM inquiries
    JOIN past_memberships ON past_memberships.display_name = inquiries.display_name
        AND past_memberships.ended_at = inquiries.opened_at
    JOIN identities ON identities.id = past_memberships.identity_id AND identities.source = inquiries.source
    WHERE inquiries.closed_at IS NULL AND inquiries.cause NOT IN ('renamed', 'subgroup')
"""
_IN_THE_GROUP = """
    WITH RECURSIVE within (inquiry_id, member_id, kind) AS (
        SELECT inquiries.id, memberships.member_id, memberships.kind
        FROM inquiries
        JOIN memberships ON memberships.group_id = inquiries.group_id
        WHERE inquiries.closed_at IS NULL AND inquiries.cause IN ('renamed', 'subgroup')
        UNION
        SELECT within.inquiry_id, memberships.member_id, memberships.kind
        FROM within
        JOIN memberships ON memberships.group_id = within.member_id
    )
    INSERT INTO inquiry_people (inquiry_id, identity_id)
    SELECT inquiry_id, member_id FROM within WHERE kind = 'User'
"""


def upgrade() -> None:
    """Add the table, with what is known by now."""
    op.create_table(
        "inquiry_people",
        sa.Column("inquiry_id", sa.String(36), primary_key=True),
        sa.Column("identity_id", sa.String(36), primary_key=True),
    )
    op.create_index("ix_inquiry_people_identity_id", "inquiry_people", ["identity_id"])
    op.execute(_LEFT)
    op.execute(_IN_THE_GROUP)
