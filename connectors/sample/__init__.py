"""A small target in one file that can do everything: for demos, drills and tests."""

from connectors.sample.config import SampleConfig
from connectors.sample.connector import SampleConnector

__all__ = ["SampleConfig", "SampleConnector"]
