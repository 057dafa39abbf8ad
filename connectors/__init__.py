"""Connectors that ship with scimbridge."""
