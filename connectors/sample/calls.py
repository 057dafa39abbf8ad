"""How the actions of the sample connector reach its target."""

from __future__ import annotations

import time

from connectors.sample.config import SampleConfig
from connectors.sample.record import Edit, System
from connectors.sample.store import SampleFile
from scimbridge.sdk import AccountNotFoundError, Action, Connector, Context


class SampleCalls(Connector[SampleConfig]):
    """A connector with a target behind it.

    Args:
        config: Where the file is.
        context: What the engine hands over.
        system: Another place where the accounts live; the file where absent.
    """

    config_type = SampleConfig

    def __init__(self, config: SampleConfig, context: Context, system: System | None = None) -> None:
        super().__init__(config, context)
        self._system = system or SampleFile(config.file, config.token.get_secret_value())

    def _enter(self, *, writes: bool) -> System:
        """Return the target for one call, once that is permitted."""
        self.context.permit(writes=writes)
        if self.config.delay:
            time.sleep(self.config.delay)
        return self._system

    def _change(self, action: Action, account_id: str, edit: Edit) -> None:
        if not self._enter(writes=True).change(action, account_id, edit):
            raise AccountNotFoundError("the target has no such account")
