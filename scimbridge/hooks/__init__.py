"""Asking hooks: callables of installed packages, and HTTP services."""
