"""``scimbridge db``: the store."""

from __future__ import annotations

from scimbridge.cli.opening import bridge_of, read_settings, set_up_logging
from scimbridge.cli.options import ConfigPath, Log, LogLevel, new_group
from scimbridge.cli.output import say

app = new_group("db", "The database.")


@app.callback()
def group() -> None:
    """The database."""  # with a callback, a group of one command stays a group


@app.command()
def upgrade(config: ConfigPath = None, log_level: Log = LogLevel.ERROR) -> None:
    """Create the database, or bring it up to date.

    Running it twice does no harm.
    """
    settings = read_settings(config)
    set_up_logging(log_level)
    bridge = bridge_of(settings)
    try:
        bridge.prepare_store(may_upgrade=True)
    finally:
        bridge.close()
    say("The database is up to date.")
