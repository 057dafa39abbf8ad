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
        over_at: Since when it is so no more; ``None`` while it is.
    """

    case_id: str
    target: str
    run_id: str
    since: datetime
    signed_in_at: datetime | None
    untold_at: datetime | None = None
    over_at: datetime | None = None

    @property
    def said(self) -> str:
        """What was found of whoever has the account, as a part of a sentence."""
        if self.signed_in_at is None:
            return f"has never signed in at {self.target}, as far as it has noted (reconciliation {self.run_id})"
        noted = f"the last sign-in noted there was on {self.signed_in_at:%Y-%m-%d}"
        return f"has not signed in at {self.target} for long: {noted} (reconciliation {self.run_id})"
