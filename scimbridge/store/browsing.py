"""Lists that operators look through: tasks and people, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, or_, select

from scimbridge.domain.action import Action
from scimbridge.domain.identity import AT_TARGET
from scimbridge.domain.names import any_case_key, fold
from scimbridge.domain.task import TaskState
from scimbridge.store.schema import cases, identities, identity_values, tasks

Condition = ColumnElement[bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskQuery:
    """Which tasks.

    Attributes:
        needs_person: Only those that failed, or that somebody has to decide about.
    """

    state: TaskState | None = None
    target: str | None = None
    action: Action | None = None
    case_id: str | None = None
    needs_person: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleQuery:
    """Which people.

    Attributes:
        search: A part of the userName, in any case; or an e-mail address, an externalId or an id, as a whole.
    """

    search: str | None = None
    source: str | None = None
    active: bool | None = None
    with_deleted: bool = False


def found_tasks(tx: Connection, query: TaskQuery, *, before: str | None, limit: int) -> Sequence[RowMapping]:
    """Return tasks, with the userName and the source of each."""
    conditions: list[Condition] = [
        column == value
        for column, value in (
            (tasks.c.state, query.state),
            (tasks.c.target, query.target),
            (tasks.c.action, query.action),
            (tasks.c.case_id, query.case_id),
        )
        if value is not None
    ]
    if query.needs_person:
        is_open = cases.c.state == "open"
        asks = and_(tasks.c.state == TaskState.WAITING, tasks.c.not_before.is_(None))
        conditions.append(and_(is_open, or_(tasks.c.state == TaskState.FAILED, asks)))
    if before is not None:
        conditions.append(tasks.c.id < before)
    found = (
        select(tasks, identities.c.user_name, cases.c.source)
        .join(cases, cases.c.id == tasks.c.case_id)
        .join(identities, identities.c.id == tasks.c.identity_id)
        .where(*conditions)
    )
    return tx.execute(found.order_by(tasks.c.id.desc()).limit(limit)).mappings().all()


def people(tx: Connection, query: PeopleQuery, *, after: str | None, limit: int) -> Sequence[RowMapping]:
    """Return people, those first who came first."""
    found = select(identities).where(*_about(query))
    if after is not None:
        found = found.where(identities.c.id > after)
    return tx.execute(found.order_by(identities.c.id).limit(limit)).mappings().all()


def _about(query: PeopleQuery) -> Iterator[Condition]:
    yield identities.c.source.not_like(f"{AT_TARGET}%")  # a group is nobody
    if query.source is not None:
        yield identities.c.source == query.source
    if query.active is not None:
        yield identities.c.active.is_(query.active)
    if not query.with_deleted:
        yield identities.c.deleted_at.is_(None)
    if query.search is not None:
        yield identities.c.id.in_(_named(query.search))


def _named(said: str) -> ColumnElement[object]:
    """Return the ids of those who may be called so; one question for each way, because each has its own index."""
    by_mail = select(identity_values.c.identity_id).where(
        identity_values.c.attribute == "emails.value", identity_values.c.value == fold(said)
    )
    alternatives = [
        select(identities.c.id).where(identities.c.any_case_name.contains(any_case_key(said), autoescape=True)),
        select(identities.c.id).where(identities.c.external_id == said),
        select(identities.c.id).where(identities.c.id == said),
    ]
    return by_mail.union_all(*alternatives).scalar_subquery()
