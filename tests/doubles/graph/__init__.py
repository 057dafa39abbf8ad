"""Microsoft Graph v1.0 and its token endpoint as a double."""

from __future__ import annotations

from tests.doubles.graph.server import ALL_PERMISSIONS, Graph
from tests.doubles.graph.tenant import Group, Tenant, User
from tests.doubles.graph.tokens import CLIENT, SECRET, TENANT

__all__ = ["ALL_PERMISSIONS", "CLIENT", "SECRET", "TENANT", "Graph", "Group", "Tenant", "User"]
