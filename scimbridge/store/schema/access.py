"""Tables of who may write and ask: sources with their tokens and clients, and operators."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, String, Table, Text

from scimbridge.store.schema.columns import Document, Id, UtcDateTime, metadata

sources = Table(
    "sources",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
    # The rule by which `identities.user_name_key` was made; another one has to make the keys anew.
    Column("user_name_case", String(16), nullable=False, server_default="ignored"),
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
    Column("id", Id, primary_key=True),
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
    Column("id", Id, primary_key=True),
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
    Column("id", Id, primary_key=True),
    Column("operator", ForeignKey("operators.name"), nullable=False, index=True),
    # What it is for, in the operator's own words.
    Column("name", String(100), nullable=False, server_default=""),
    # As for `tokens`: there is nothing to guess.
    Column("digest", String(64), nullable=False, unique=True),
    Column("hint", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
    Column("expires_at", UtcDateTime),
)
