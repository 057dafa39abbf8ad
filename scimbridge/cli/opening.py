"""From ``--config`` to a bridge that a command can ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scimbridge.cli.options import LogLevel
from scimbridge.cli.output import note
from scimbridge.errors import StoreUnavailableError

if TYPE_CHECKING:
    from scimbridge.bridge import Bridge
    from scimbridge.config import Settings


def read_settings(config: Path | None) -> Settings:
    """Return the configuration, after printing what is worth a look in it.

    Raises:
        ConfigurationError: It has mistakes.
    """
    from scimbridge.config import load

    settings = load(config)
    note(*(f"warning: {warning}" for warning in settings.warnings))
    return settings


def set_up_logging(level: LogLevel) -> None:
    """Log to standard error, from this level on.

    It imports the metrics; ``PROMETHEUS_MULTIPROC_DIR`` has to be set before, if at all.
    """
    from scimbridge.telemetry import configure_logging

    configure_logging(level)


@contextmanager
def opened(config: Path | None, log_level: LogLevel, *, makes_store: bool = False) -> Iterator[Bridge]:
    """Return a bridge whose store has this version's schema, and close it in the end.

    Args:
        config: The configuration's file, if one was named.
        log_level: What to log.
        makes_store: Whether the command makes a SQLite database that is not there yet.

    Raises:
        ConfigurationError: The configuration has mistakes.
        StoreUnavailableError: There is no usable database; the message says what to run.
    """
    settings = read_settings(config)
    set_up_logging(log_level)
    bridge = bridge_of(settings)
    try:
        _require_store(bridge, makes_store=makes_store)
        bridge.store_clock.measure()
        bridge.following.follow()
        yield bridge
    finally:
        bridge.close()


def bridge_of(settings: Settings) -> Bridge:
    """Return the bridge of a configuration. Where the queue is embedded, its messages go to what ``up`` runs."""
    from scimbridge.bridge import Bridge

    # Without `up` nobody listens there, and nothing is lost: the sweeper submits again.
    return Bridge(settings, queue_url=f"unix://{embedded_socket(settings)}" if is_embedded(settings) else None)


def is_embedded(settings: Settings) -> bool:
    """Whether Redis is a part of ``scimbridge up``."""
    from scimbridge.config import EMBEDDED

    return settings.queue_url == EMBEDDED


def embedded_socket(settings: Settings) -> Path:
    """Return where the embedded Redis listens while ``scimbridge up`` runs."""
    return (settings.data_dir / "redis" / "redis.sock").resolve()


def missing_database(settings: Settings) -> Path | None:
    """Return the path of the SQLite database if it is not there yet. Looking for it by opening would make it."""
    path = Path(settings.store_url.removeprefix("sqlite:///"))
    return path if settings.store_url.startswith("sqlite:///") and not path.exists() else None


def _require_store(bridge: Bridge, *, makes_store: bool) -> None:
    from scimbridge.store.upgrade import is_current

    missing = missing_database(bridge.settings)
    if missing is not None and not makes_store:
        raise StoreUnavailableError(
            f"there is no database at {missing} yet: run `scimbridge up` or `scimbridge db upgrade`"
        )
    if missing is not None:
        bridge.prepare_store(may_upgrade=True)
    elif not is_current(bridge.database):
        raise StoreUnavailableError("the database has another version's schema: run `scimbridge db upgrade`")
