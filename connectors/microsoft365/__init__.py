"""Microsoft 365 as a target: the users of an Entra ID tenant."""

from connectors.microsoft365.config import Microsoft365Config
from connectors.microsoft365.connector import Microsoft365Connector

__all__ = ["Microsoft365Config", "Microsoft365Connector"]
