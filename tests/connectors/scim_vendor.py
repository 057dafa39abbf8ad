"""Connectors at the application of a vendor, set up by what that has."""

from __future__ import annotations

from typing import Any

from connectors.scim import ScimConfig, ScimConnector
from connectors.scim.calls import http_client
from scimbridge.sdk import Context, Permit
from scimbridge.sdk.testing import RecordingPermit
from tests.doubles.scim import Application, Habits
from tests.doubles.scim.application import TOKEN


def settings_for(habits: Habits) -> dict[str, Any]:
    """Return all that a target can be told to look at, by what the vendor has; not by what the connector knows."""
    return {
        "groups": "off" if habits.groups == "none" or "PATCH" not in habits.methods else "on",
        "roles": habits.roles,
        "entitlements": habits.entitlements,
        **({} if habits.marks is None else {"stamp_attribute": habits.marks}),
        "group_stamp_attribute": "description",
        "privileged_groups": ["Administrators"],
    }


def connector(app: Application, name: str, permit: Permit | None = None, **settings: Any) -> ScimConnector:
    config = ScimConfig.model_validate(
        {"connector": "scim", "dialect": name, "base_url": "https://app.example.com", "token": TOKEN, **settings}
    )
    context = Context(target="sample", permit=permit or RecordingPermit())
    http = http_client(config, context, transport=app.transport, sleep=lambda _: None)
    return ScimConnector(config, context, http=http)
