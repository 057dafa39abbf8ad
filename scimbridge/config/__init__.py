"""The configuration: ``scimbridge.toml`` and the environment, read once at start and passed on as values."""

from scimbridge.config.addresses import EMBEDDED
from scimbridge.config.example import example
from scimbridge.config.ruleset import read_rules, rules_text, rules_within
from scimbridge.config.schema import json_schema, rule_keys
from scimbridge.config.settings import ServerSettings, Settings, load
from scimbridge.config.values import Listen

__all__ = [
    "EMBEDDED",
    "Listen",
    "ServerSettings",
    "Settings",
    "example",
    "json_schema",
    "load",
    "read_rules",
    "rule_keys",
    "rules_text",
    "rules_within",
]
