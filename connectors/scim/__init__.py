"""SCIM 2.0 service providers as targets."""

from connectors.scim.config import ScimConfig
from connectors.scim.connector import ScimConnector

__all__ = ["ScimConfig", "ScimConnector"]
