"""What ``scimbridge check`` says of a Google Workspace customer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connectors.google_workspace import scopes
from connectors.google_workspace.client import GoogleClient, user_path
from connectors.google_workspace.config import GoogleWorkspaceConfig
from connectors.google_workspace.units import Units
from scimbridge.sdk import Action, Capability, RejectedError

_LOOKING = "looking"
"""What every action begins with."""


class Checkup:
    """Looks for what the configuration names, and asks for a token of each scope that the rules have a use for."""

    def __init__(self, config: GoogleWorkspaceConfig, client: GoogleClient, used: Mapping[Action, Capability]) -> None:
        self._config = config
        self._client = client
        self._used = used

    def run(self) -> str:
        """Return one sentence about what was found, and which scopes are granted.

        Raises:
            RejectedError: There is no ``disabled_ou``.
            TargetUnusableError: The key, the subject or the delegation is wrong.
        """
        params = {"customer": self._config.customer, "maxResults": "1"}
        self._client.send("GET", user_path(), call="listing accounts", scope=scopes.USER, params=params).json_object()
        unit = self._config.disabled_ou
        if unit and not Units(self._config, self._client).exists(unit):
            raise RejectedError(f"there is no organizational unit {unit} (disabled_ou)")
        granted = ", ".join(_short(scope) for scope in self._needed() if not self._client.lacks(scope))
        return f"Google Workspace, acting for {self._config.subject}; granted: {granted}"

    def missing(self) -> Iterator[str]:
        """Yield the scopes that the delegation lacks, each with what it is for."""
        for scope, uses in self._needed().items():
            if self._client.lacks(scope):
                yield f"the scope {_short(scope)}, for {', '.join(uses)}"

    def _needed(self) -> dict[str, list[str]]:
        """Return what each scope is needed for, as far as rules and configuration leave a use for it."""
        config = self._config
        has_use = {
            scopes.LICENSING: bool(config.licenses),
            scopes.MAIL: config.mail_settings,
            scopes.MAIL_SHARING: config.mail_settings,
            scopes.GROUP_SETTINGS: config.group_settings,
        }
        looking = (scopes.USER, scopes.GROUP, scopes.ROLES, scopes.LICENSING, scopes.MAIL)
        needed = {scope: [_LOOKING] for scope in looking if has_use.get(scope, True)}
        for action, capability in self._used.items():
            for scope in capability.needs:
                if has_use.get(scope, True):
                    needed.setdefault(scope, []).append(action)
        if Action.REVOKE_SESSIONS in self._used and config.devices != "leave":
            needed[scopes.DEVICES] = [Action.REVOKE_SESSIONS]
        return needed


def _short(scope: str) -> str:
    return scope.rpartition("/")[2]
