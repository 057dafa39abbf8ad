"""Rows of what operators sign in with, and of tries that failed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from scimbridge.errors import DuplicateError
from scimbridge.store.schema import (
    failed_sign_ins,
    operator_links,
    operator_secrets,
    operator_subjects,
    operators,
)


def live_operator(tx: Connection, name: str) -> RowMapping | None:
    """Return an operator who was not revoked."""
    query = select(operators).where(operators.c.name == name, operators.c.revoked_at.is_(None))
    return tx.execute(query).mappings().first()


def secrets_of(tx: Connection, name: str) -> RowMapping | None:
    """Return what an operator who was not revoked signs in with; ``None`` where nothing was chosen."""
    query = (
        select(operator_secrets, operators.c.role)
        .join(operators, operators.c.name == operator_secrets.c.operator)
        .where(operators.c.name == name, operators.c.revoked_at.is_(None))
    )
    return tx.execute(query).mappings().first()


def keep_secrets(tx: Connection, name: str, **values: Any) -> None:
    """Store what an operator signs in with; what is not named stays."""
    if tx.execute(update(operator_secrets).where(operator_secrets.c.operator == name).values(**values)).rowcount == 0:
        tx.execute(insert(operator_secrets).values(operator=name, **values))


def use_step(tx: Connection, name: str, step: int) -> bool:
    """Keep the step whose code was used. Returns whether it is later than the last one."""
    later = or_(operator_secrets.c.totp_step.is_(None), operator_secrets.c.totp_step < step)
    mine = update(operator_secrets).where(operator_secrets.c.operator == name, later)
    return tx.execute(mine.values(totp_step=step)).rowcount > 0


def insert_link(tx: Connection, name: str, digest: str, expires_at: datetime) -> None:
    """Store a one-time link; those that the operator had before are good no more."""
    tx.execute(delete(operator_links).where(operator_links.c.operator == name))
    tx.execute(insert(operator_links).values(digest=digest, operator=name, expires_at=expires_at))


def link(tx: Connection, digest: str, now: datetime) -> str | None:
    """Return the operator of a link that is still good."""
    query = (
        select(operator_links.c.operator)
        .join(operators, operators.c.name == operator_links.c.operator)
        .where(operator_links.c.digest == digest, operator_links.c.expires_at > now, operators.c.revoked_at.is_(None))
    )
    return tx.execute(query).scalar_one_or_none()


def use_link(tx: Connection, digest: str) -> bool:
    """Take a link away. Returns whether it was there: of two who come with it, one gets in."""
    return tx.execute(delete(operator_links).where(operator_links.c.digest == digest)).rowcount > 0


def forget_secrets(tx: Connection, name: str) -> None:
    """Drop everything that an operator signs in with."""
    tx.execute(delete(operator_secrets).where(operator_secrets.c.operator == name))
    tx.execute(delete(operator_links).where(operator_links.c.operator == name))


def operator_of(tx: Connection, issuer: str, subject: str) -> RowMapping | None:
    """Return the operator whom an identity provider calls by a subject, revoked or not."""
    query = (
        select(operators)
        .join(operator_subjects, operator_subjects.c.operator == operators.c.name)
        .where(operator_subjects.c.issuer == issuer, operator_subjects.c.subject == subject)
    )
    return tx.execute(query).mappings().first()


def insert_subject(tx: Connection, name: str, issuer: str, subject: str) -> None:
    """Store by which subject an identity provider calls an operator.

    Raises:
        DuplicateError: This operator is called by another subject.
    """
    try:
        with tx.begin_nested():
            tx.execute(insert(operator_subjects).values(operator=name, issuer=issuer, subject=subject))
    except IntegrityError as error:
        raise DuplicateError("name") from error


def failures(tx: Connection, name_digest: str, since: datetime) -> tuple[int, datetime | None]:
    """Return how often signing in by a name has failed, and when it last did; nothing that is older counts."""
    query = select(failed_sign_ins.c.count, failed_sign_ins.c.last_at).where(
        failed_sign_ins.c.name_digest == name_digest, failed_sign_ins.c.last_at > since
    )
    # Locked, so that of many tries at once none sees fewer failures than there are.
    row = tx.execute(query.with_for_update()).mappings().first()
    return (row["count"], row["last_at"]) if row is not None else (0, None)


def count_failure(tx: Connection, name_digest: str, now: datetime, since: datetime) -> None:
    """Count a failure; those before ``since`` are forgotten, whosever they are."""
    tx.execute(delete(failed_sign_ins).where(failed_sign_ins.c.last_at <= since))
    again = update(failed_sign_ins).where(failed_sign_ins.c.name_digest == name_digest)
    if tx.execute(again.values(count=failed_sign_ins.c.count + 1, last_at=now)).rowcount:
        return
    try:
        with tx.begin_nested():
            tx.execute(insert(failed_sign_ins).values(name_digest=name_digest, count=1, last_at=now))
    except IntegrityError:
        # Another process was faster, and one more is counted.
        tx.execute(again.values(count=failed_sign_ins.c.count + 1, last_at=now))


def forgive(tx: Connection, name_digest: str) -> None:
    """Forget the failures of a name."""
    tx.execute(delete(failed_sign_ins).where(failed_sign_ins.c.name_digest == name_digest))


def forget_links(tx: Connection, now: datetime) -> None:
    """Drop links that nobody has used in time."""
    tx.execute(delete(operator_links).where(operator_links.c.expires_at <= now))
