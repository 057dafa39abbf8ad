"""What a boolean says, in the spellings that identity providers use."""

from __future__ import annotations

from typing import Any

_SPELLED = {"true": True, "false": False}


def boolean_of(value: Any) -> bool | None:
    """Return what a value says that is true or false, as Entra ID and Keycloak say it even as a string: ``"False"``.

    Nothing else is taken for a boolean, and gives ``None``: a 0 or a "no" that is a mistake must not cut anybody off.
    """
    if isinstance(value, str):
        return _SPELLED.get(value.lower())
    return value if isinstance(value, bool) else None
