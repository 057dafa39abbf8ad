"""Rows of accounts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, exists, insert, select, update

from scimbridge.domain.ids import AccountId, IdentityId, new_id
from scimbridge.domain.outline import NOTICES
from scimbridge.domain.task import TaskState
from scimbridge.errors import NotFoundError
from scimbridge.sdk.state import AccountRef
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import BEGUN, accounts, attempts, identities, targets, tasks
from scimbridge.store.values import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An identity's account at a target.

    Attributes:
        native_id: The target's immutable id, once the account has been found.
        name: What people call it there.
        link_due_at: When it is to be looked up next; ``None`` when it need not be.
        candidates: What there is to choose among, where several accounts matched.
    """

    id: AccountId
    identity_id: IdentityId
    target: str
    native_id: str | None
    name: str | None
    link_due_at: datetime | None
    link_attempts: int
    candidates: Sequence[dict[str, str]] | None
    note: str

    @property
    def lock_key(self) -> str:
        """What at most one live attempt may hold at the target."""
        return self.native_id or unlinked_key(self.id)

    def is_to_be_looked_up(self, now: datetime) -> bool:
        """Whether it is time to look for it at its target."""
        return self.native_id is None and self.link_due_at is not None and self.link_due_at <= now


def unlinked_key(account_id: str) -> str:
    """Return what an attempt on an account holds until it is known which one it is at the target."""
    return f"unlinked:{account_id}"


_BY_ID = select(accounts).where(accounts.c.id == bindparam("key"))
_SHARERS = (
    select(identities.c.id)
    .join(accounts, accounts.c.identity_id == identities.c.id)
    .where(
        accounts.c.target == bindparam("at"),
        accounts.c.native_id == bindparam("native"),
        identities.c.active,
        identities.c.deleted_at.is_(None),
        identities.c.id != bindparam("leaving"),
    )
)
_OF_IDENTITY = Prepared(
    select(accounts).where(accounts.c.identity_id == bindparam("identity")).order_by(accounts.c.target)
)
_LINKS_DUE = Prepared(
    select(accounts.c.id)
    .where(
        accounts.c.target == bindparam("at"),
        accounts.c.link_due_at <= bindparam("now"),
        ~exists(
            select(tasks.c.id).where(tasks.c.account_id == accounts.c.id, tasks.c.state == TaskState.READY.value, BEGUN)
        ),
        ~exists(select(attempts.c.id).where(attempts.c.account_id == accounts.c.id, attempts.c.ended_at.is_(None))),
        # Asked once, not of each account: PostgreSQL would expect it to leave next to none of them, and read all.
        ~exists(select(targets.c.name).where(targets.c.name == bindparam("at"), targets.c.paused_at.is_not(None))),
    )
    .order_by(accounts.c.link_due_at)
    .limit(bindparam("most"))
)
_INSERT = Prepared(insert(accounts), ("id", "identity_id", "target", "link_due_at"))
_LOOK_UP_AGAIN = Prepared(
    update(accounts).where(
        accounts.c.identity_id == bindparam("identity"),
        accounts.c.native_id.is_(None),
        # Nobody has an account where the bridge tells people.
        accounts.c.target != NOTICES,
    ),
    ("link_due_at", "link_attempts"),
)


def ensure_accounts(
    tx: Connection, identity_id: str, target_names: Iterable[str], now: datetime, *, link_due_at: datetime | None
) -> dict[str, Account]:
    """Make sure that an identity has an account row for every target, and return them by target."""
    known = {account.target: account for account in accounts_of(tx, [identity_id])}
    new = [name for name in target_names if name not in known]
    if not new:
        return known
    insert_accounts(tx, identity_id, new, now, link_due_at=link_due_at)
    return {account.target: account for account in accounts_of(tx, [identity_id])}


def insert_accounts(
    tx: Connection,
    identity_id: str,
    target_names: Iterable[str],
    now: datetime,
    *,
    link_due_at: datetime | None = None,
) -> dict[str, AccountId]:
    """Store accounts of an identity at targets where it has none yet, and return their ids by target."""
    ids = {name: AccountId(new_id(now)) for name in target_names}
    due = {"identity_id": identity_id, "link_due_at": link_due_at}
    _INSERT.run_many(tx, [{"id": key, "target": name, **due} for name, key in ids.items()])
    return ids


def look_up_again(tx: Connection, identity_id: str, now: datetime) -> None:
    """Have the identity's unlinked accounts looked up again, after a match attribute changed."""
    _LOOK_UP_AGAIN.run(tx, {"identity": identity_id, "link_due_at": now, "link_attempts": 0})


def account_by_id(tx: Connection, account_id: str) -> Account:
    """Return an account.

    Raises:
        NotFoundError: There is none of this id.
    """
    row = tx.execute(_BY_ID, {"key": account_id}).mappings().first()
    if row is None:
        raise NotFoundError("account", account_id)
    return _account(row)


def accounts_of(tx: Connection, identity_ids: Sequence[str]) -> list[Account]:
    """Return all accounts of some identities."""
    found = [_account(row) for key in identity_ids for row in _OF_IDENTITY.all(tx, {"identity": key})]
    return sorted(found, key=lambda account: account.target) if len(identity_ids) > 1 else found


def link(tx: Connection, account_id: str, ref: AccountRef, now: datetime) -> None:
    """Link an account to what was found at the target."""
    tx.execute(
        update(accounts)
        .where(accounts.c.id == account_id)
        .values(native_id=ref.id, name=ref.name, linked_at=now, link_due_at=None, candidates=None, note="")
    )


def unlink(tx: Connection, account_id: str, *, note: str) -> None:
    """Forget which account at the target it was."""
    tx.execute(
        update(accounts)
        .where(accounts.c.id == account_id)
        .values(native_id=None, name=None, linked_at=None, link_due_at=None, candidates=None, note=note)
    )


def note_look_up(
    tx: Connection,
    account_id: str,
    *,
    note: str,
    again_at: datetime | None = None,
    attempts: int = 0,
    candidates: Sequence[AccountRef] | None = None,
) -> None:
    """Keep the result of a look-up that linked nothing."""
    values: dict[str, Any] = {"note": note, "link_due_at": again_at, "link_attempts": attempts}
    if candidates is not None:
        values["candidates"] = [{"id": ref.id, "name": ref.name} for ref in candidates]
    tx.execute(update(accounts).where(accounts.c.id == account_id).values(**values))


def active_sharers(tx: Connection, account: Account, but_not: str) -> list[str]:
    """Return the ids of other, active identities that are linked to the same native account."""
    if account.native_id is None:
        return []
    wanted = {"at": account.target, "native": account.native_id, "leaving": but_not}
    return list(tx.execute(_SHARERS, wanted).scalars())


def links_due(tx: Connection, target: str, now: datetime, limit: int) -> list[str]:
    """Return accounts that can be looked up at a target now, and have no task that would do so anyway."""
    return _LINKS_DUE.column(tx, {"at": target, "now": now, "most": limit})


def _account(row: Row) -> Account:
    return Account(
        id=AccountId(row["id"]),
        identity_id=IdentityId(row["identity_id"]),
        target=row["target"],
        native_id=row["native_id"],
        name=row["name"],
        link_due_at=row["link_due_at"],
        link_attempts=row["link_attempts"],
        candidates=row["candidates"],
        note=row["note"],
    )
