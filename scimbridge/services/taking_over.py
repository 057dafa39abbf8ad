"""Two Users of a source have one externalId: what is planned for one of them waits until a person has looked."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain.case import Case, CaseKind
from scimbridge.domain.hold import Scope
from scimbridge.domain.identity import Identity
from scimbridge.services.planning import Verdict
from scimbridge.store import cases, holds, identities, journal

MAY_BE_THEM = "another User of the source has this person's externalId now: is it the same person?"


def spare_former_owners(tx: Connection, identity: Identity, now: datetime) -> Verdict:
    """Hold the open leave cases of others whose externalId an identity has got.

    Same externalId is the same person, who may work under this record from now on. What is planned for the other one
    would fall on their accounts.

    Args:
        tx: The transaction in which the identity got it.
        identity: As it is now.
        now: When (UTC).
    """
    found = [case for each in identities.former_owners(tx, identity) if (case := cases.open_case_of(tx, [each]))]
    held = [case for case in found if case.kind is CaseKind.LEAVE and not _is_held(tx, case)]
    for case in held:
        _hold(tx, case, now)
    return Verdict("; ".join(f"case {case.id} held" for case in held))


def spare_twin(tx: Connection, case: Case, identity: Identity, now: datetime) -> bool:
    """Hold a case whose person is, by their externalId, an active User of the source; return whether it was held.

    The other one may have been there before the case was. Once somebody has looked, and lifted that hold, it is not
    asked again.

    Args:
        tx: A transaction that holds the identity's lock.
        case: An open case.
        identity: Whom it is about.
        now: When (UTC).
    """
    if not identities.has_active_twin(tx, identity) or holds.was_placed_on_case(tx, case.id, MAY_BE_THEM):
        return False
    _hold(tx, case, now)
    return True


def _is_held(tx: Connection, case: Case) -> bool:
    return any(hold.subject == case.id and hold.reason == MAY_BE_THEM for hold in holds.standing_on(tx, case))


def _hold(tx: Connection, case: Case, now: datetime) -> None:
    hold = holds.place(tx, Scope.CASE, case.id, reason=MAY_BE_THEM, by=journal.BRIDGE, now=now)
    details = {"hold": hold.id}
    journal.record(
        tx, "hold placed", now, reason=MAY_BE_THEM, case_id=case.id, identity_id=case.identity_id, details=details
    )
