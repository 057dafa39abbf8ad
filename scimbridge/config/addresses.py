"""The addresses of store and queue. They may hold a password, so that no message repeats them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

from scimbridge.sdk.secret import Secret

EMBEDDED = "embedded"
SQLITE = "sqlite:///"

_POSTGRESQL = re.compile(r"postgres(ql)?(\+psycopg)?://")


def store_url(secret: SecretStr | None, *, base_dir: Path, data_dir: Path) -> str:
    """Return the database's address for SQLAlchemy, with an absolute path or the driver's name in it."""
    if secret is None:
        return f"{SQLITE}{data_dir / 'bridge.db'}"
    url = secret.get_secret_value()
    if url.startswith(SQLITE):
        return f"{SQLITE}{base_dir / url.removeprefix(SQLITE)}"
    return _POSTGRESQL.sub("postgresql+psycopg://", url, count=1)


def queue_url(secret: SecretStr | None) -> str:
    """Return ``embedded`` or a Redis address."""
    return secret.get_secret_value() if secret else EMBEDDED


def has_password(url: str) -> bool:
    """Whether an address holds a password."""
    try:
        return bool(urlsplit(url).password) or "password=" in url
    except ValueError:
        return True


def _usable_store(secret: SecretStr) -> SecretStr:
    url = secret.get_secret_value()
    if url.startswith("sqlite") and url.removeprefix(SQLITE).startswith((":memory:", "file:", "sqlite:")):
        raise ValueError("a database in memory forgets who left; write sqlite:///PATH")
    if not _POSTGRESQL.match(url) and not (url.startswith(SQLITE) and len(url) > len(SQLITE)):
        raise ValueError("write sqlite:///PATH or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE")
    return secret


def _usable_queue(secret: SecretStr) -> SecretStr:
    url = secret.get_secret_value()
    if url.startswith(("sentinel://", "redis+sentinel://")):
        raise ValueError("Redis Sentinel comes in a later version; write redis://, rediss:// or unix:///PATH")
    if url != EMBEDDED and not re.match(r"unix:///.|rediss?://[^/]", url):
        raise ValueError('write "embedded", redis://HOST:PORT, rediss://HOST:PORT or unix:///PATH')
    return secret


StoreUrl = Annotated[Secret, AfterValidator(_usable_store)]
"""SQLite or PostgreSQL."""

QueueUrl = Annotated[Secret, AfterValidator(_usable_queue)]
"""A Redis, or the embedded one."""
