"""What can be read from a group as Graph writes it."""

from __future__ import annotations

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


def hindrance(group: Document) -> str:
    """Return why Graph does not change a group's members, and where it is done instead; empty where it does.

    https://learn.microsoft.com/graph/api/resources/groups-overview#group-types-in-microsoft-graph
    """
    kinds = group.get("groupTypes") or ()
    if group.get("onPremisesSyncEnabled"):
        return "it is synchronized from Active Directory: change it there"
    if "DynamicMembership" in kinds:
        return "its members follow a rule: change the rule, or what the rule looks at, in the Entra admin center"
    if group.get("mailEnabled") and "Unified" not in kinds:
        return "only Exchange changes it: in the Exchange admin center under Recipients > Groups"
    return ""
