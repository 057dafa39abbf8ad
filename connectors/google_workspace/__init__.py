"""Google Workspace as a target."""

from connectors.google_workspace.config import GoogleWorkspaceConfig
from connectors.google_workspace.connector import GoogleWorkspaceConnector

__all__ = ["GoogleWorkspaceConfig", "GoogleWorkspaceConnector"]
