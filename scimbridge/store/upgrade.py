"""Bringing the schema of a database up to date."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from scimbridge.errors import StoreBusyError
from scimbridge.store.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

PATIENCE = timedelta(minutes=10)
"""How long another process may take to upgrade a large database, while this one waits for it."""

log = structlog.get_logger("scimbridge.store")

# Alembic is imported where it is used: every command opens the store, few look at its schema.


def upgrade(database: Database) -> None:
    """Apply all migrations that the database lacks. Running it twice does nothing more.

    The whole upgrade is one transaction: several processes may start it at once.

    Raises:
        StoreBusyError: Another process has kept the database locked for ten minutes.
    """
    until = time.monotonic() + PATIENCE.total_seconds()
    while True:
        try:
            return _upgrade(database)
        except StoreBusyError:
            if time.monotonic() > until:
                raise
            log.info("another process has locked the database; waiting for it", action="upgrade.waits")


def _upgrade(database: Database) -> None:
    from alembic import command

    with database.write() as connection:
        if not database.is_sqlite:
            # One upgrade at a time; the number is ours alone in this database.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(731944871)")
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def is_current(database: Database) -> bool:
    """Whether the database has the schema that this version of the code needs."""
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    with database.read() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    return found == ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "scimbridge.store:migrations")
    config.set_main_option("path_separator", "os")
    return config
