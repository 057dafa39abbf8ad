"""Where the pages show what a notice is about. The dashboard has pages and places of these names."""

from __future__ import annotations


def case_link(public_url: str, case_id: str) -> str:
    """Return where a case's story is told."""
    return f"{public_url}/cases/{case_id}"


def flood_link(public_url: str, flood_id: str) -> str:
    """Return where one decides about a flood."""
    return f"{public_url}/guard/{flood_id}"


def target_link(public_url: str, target: str) -> str:
    """Return where one sees how a target is."""
    return f"{public_url}/targets/{target}"


def rules_link(public_url: str, version: int) -> str:
    """Return where one sees what a version of the rules says and changes."""
    return f"{public_url}/rules/versions/{version}"


def sign_in_link(public_url: str, secret: str) -> str:
    """Return the address by which an operator signs in once."""
    return f"{public_url}/sign-in/once?token={secret}"
