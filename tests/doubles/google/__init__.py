"""Google Workspace as a double: the Directory, Data Transfer, Enterprise License Manager and Gmail APIs."""

from __future__ import annotations

from tests.doubles.google.company import Company, Group, User
from tests.doubles.google.server import ALL_SCOPES, Google

__all__ = ["ALL_SCOPES", "Company", "Google", "Group", "User"]
