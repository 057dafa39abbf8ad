"""A program of one's own as a target: JSON in, JSON out."""

from connectors.command.config import CommandConfig
from connectors.command.connector import CommandConnector

__all__ = ["CommandConfig", "CommandConnector"]
