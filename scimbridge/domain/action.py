"""What can be done to an account."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """One thing to do to one account. "Make it so": a second run changes nothing."""

    SUSPEND = "suspend"
    """Block sign-in; everything the account holds stays as it is."""

    RESTORE = "restore"
    """Undo what the bridge took, from the snapshot."""

    DELETE = "delete"
    """Remove the account. Cannot be taken back."""

    @property
    def is_irreversible(self) -> bool:
        """Whether nothing in the bridge can undo this."""
        return self is Action.DELETE

    @property
    def is_revoking(self) -> bool:
        """Whether this takes access away; only such actions are checked against who must be spared."""
        return self is not Action.RESTORE
