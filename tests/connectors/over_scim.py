"""What the conformance suite needs of any SCIM service that the connector reaches over HTTP."""

from __future__ import annotations

import socket
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from connectors.scim import ScimConfig, ScimConnector
from connectors.scim.calls import http_client
from scimbridge.sdk import Context, Permit
from scimbridge.sdk.conformance.arranging import Arranging


class OverScim(Arranging):
    """A SCIM service; accounts carry a text in ``nickName``."""

    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """Return what its configuration has beside what all have: at least ``base_url`` and ``token``."""

    def connect(self, permit: Permit) -> ScimConnector:
        return self._connector(permit)

    def connect_wrongly(self, permit: Permit, secret: str) -> ScimConnector:
        return self._connector(permit, token=secret)

    def connect_nowhere(self, permit: Permit) -> ScimConnector:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
        return self._connector(permit, base_url=f"http://127.0.0.1:{port}")

    def text_of(self, account_id: str) -> str:
        user = self.look(account_id)
        assert user is not None
        return str(user.get("nickName", ""))

    def is_blocked(self, account_id: str) -> bool:
        user = self.look(account_id)
        return user is not None and user["active"] is False

    def _connector(self, permit: Permit, **changes: Any) -> ScimConnector:
        config = ScimConfig.model_validate(
            {
                "connector": "scim",
                "entitlements": True,
                "stamp_attribute": "nickName",
                "privileged_groups": ["Administrators"],
                **self.settings(),
                **changes,
            }
        )
        context = Context(target="sample", permit=permit)
        return ScimConnector(config, context, http=http_client(config, context, sleep=lambda _: None))
