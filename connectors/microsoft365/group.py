"""What can be read from a group as Graph writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.microsoft365.batches import Document
from scimbridge.sdk import Entitlement

GROUP = "#microsoft.graph.group"


def is_group(listed: Document) -> bool:
    """Whether something in a list of several kinds is a group."""
    return listed.get("@odata.type") == GROUP


def entitlement_of(group: Document) -> Entitlement:
    """Return a group as something that an account is in, or owns."""
    name = str(group.get("displayName") or group["id"])
    return Entitlement(str(group["id"]), name, is_privileged=bool(group.get("isAssignableToRole")))


def is_elsewhere(group: Mapping[str, Any]) -> str:
    """Return where alone a group can be changed, if that is not in Graph.

    https://learn.microsoft.com/graph/api/resources/groups-overview#group-types-in-microsoft-graph
    """
    if group.get("onPremisesSyncEnabled"):
        return "it is synchronized from Active Directory: change it there"
    if group.get("mailEnabled") and "Unified" not in (group.get("groupTypes") or ()):
        return "only Exchange changes it: in the Exchange admin center under Recipients > Groups"
    return ""


def hindrance(group: Mapping[str, Any]) -> str:
    """Return why Graph does not change a group's members, and where it is done instead; empty where it does."""
    if "DynamicMembership" in (group.get("groupTypes") or ()):
        return "its members follow a rule: change the rule, or what the rule looks at, in the Entra admin center"
    return is_elsewhere(group)
