"""SCIM applications as their vendors describe them, in memory: one application, and the habits of each as data."""

from tests.doubles.scim.application import Application
from tests.doubles.scim.habits import Habits, vendors

__all__ = ["Application", "Habits", "vendors"]
