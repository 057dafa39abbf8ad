"""A stale account: nobody uses it, as a run of reconciliation has found, and a case takes it away for that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleAccount:
    """Why a case takes somebody's account at a target away, while that stands.

    Attributes:
        run_id: The run that has found it.
        since: Nobody had signed in from then on (UTC). Whoever has since is a reason to call it off.
        signed_in_at: The last sign-in that the target had noted; ``None`` where it had noted that there was none.
        untold_at: Since when the target does not tell any more whether anybody has signed in; ``None`` while it does.
    """

    case_id: str
    target: str
    run_id: str
    since: datetime
    signed_in_at: datetime | None
    untold_at: datetime | None = None

    @property
    def said(self) -> str:
        """What was found, as a part of a sentence."""
        when = f"since {self.signed_in_at:%Y-%m-%d}" if self.signed_in_at is not None else "at all"
        return f"{self.target} has noted no sign-in {when}, as reconciliation {self.run_id} has found"
