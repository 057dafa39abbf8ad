"""The command line: ``scimbridge``."""

from scimbridge.cli.app import main

__all__ = ["main"]
