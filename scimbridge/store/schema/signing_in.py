"""Tables of how operators sign in, and of what they have signed in to."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, String, Table, Text, UniqueConstraint

from scimbridge.store.schema.columns import Id, UtcDateTime, metadata

operator_secrets = Table(
    "operator_secrets",
    metadata,
    Column("operator", ForeignKey("operators.name"), primary_key=True),
    # Argon2id, with its parameters and salt; null until a password is chosen.
    Column("password_hash", Text),
    Column("password_at", UtcDateTime),
    # Base32; null without a second factor. It has to be readable, for codes are made from it.
    Column("totp_secret", String(64)),
    # The last step whose code was used: a code is good once.
    Column("totp_step", Integer),
)

operator_subjects = Table(
    "operator_subjects",
    metadata,
    # Whom an identity provider calls by this subject is this operator for good, whatever they are called later.
    Column("operator", ForeignKey("operators.name"), primary_key=True),
    Column("issuer", Text, nullable=False),
    Column("subject", String(255), nullable=False),
    UniqueConstraint("issuer", "subject"),
)

operator_links = Table(
    "operator_links",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("operator", ForeignKey("operators.name"), nullable=False, index=True),
    Column("expires_at", UtcDateTime, nullable=False),
)

operator_sessions = Table(
    "operator_sessions",
    metadata,
    # The id is what lists show; the cookie, whose digest this is, carries 256 random bits.
    Column("id", Id, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("operator", ForeignKey("operators.name"), nullable=False, index=True),
    Column("way", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False, index=True),
    Column("address", String(64), nullable=False),
    Column("browser", String(200), nullable=False),
)

failed_sign_ins = Table(
    "failed_sign_ins",
    metadata,
    # By digest of the name, whether there is such an operator or not, so that nobody can tell from it.
    Column("name_digest", String(64), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("last_at", UtcDateTime, nullable=False, index=True),
)
