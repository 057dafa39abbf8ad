"""Who is meant: people found by what a source, a target or an operator calls them. Nobody is guessed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Connection, select

from scimbridge.domain.identity import AT_TARGET, Identity
from scimbridge.domain.names import any_case_key, fold
from scimbridge.store.identities import identity_of
from scimbridge.store.schema import identities, identity_values


def by_external_id(tx: Connection, source: str, external_id: str) -> Identity | None:
    """Return the only User of a source that has this externalId; ``None`` where there is none, or more than one."""
    query = select(identities).where(
        identities.c.source == source, identities.c.external_id == external_id, identities.c.deleted_at.is_(None)
    )
    rows = tx.execute(query.limit(2)).mappings().all()
    return identity_of(rows[0]) if len(rows) == 1 else None


def by_name_anywhere(tx: Connection, user_name: str) -> list[str]:
    """Return the ids of the identities, not deleted, that have this userName in any case, by source."""
    query = select(identities.c.id).where(
        identities.c.any_case_name == any_case_key(user_name), identities.c.deleted_at.is_(None)
    )
    return list(tx.execute(query.order_by(identities.c.source, identities.c.id)).scalars())


def everybody_named(tx: Connection, user_name: str) -> list[tuple[str, str]]:
    """Return the ids and sources of all people that have or had this userName, in any case; deleted ones, too."""
    query = select(identities.c.id, identities.c.source).where(
        identities.c.any_case_name == any_case_key(user_name),
        identities.c.source.not_like(f"{AT_TARGET}%"),  # a group is nobody
    )
    return [(identity_id, source) for identity_id, source in tx.execute(query.order_by(identities.c.id))]


def names_of(tx: Connection, ids: Sequence[str]) -> list[tuple[str, str]]:
    """Return the ids and userNames of some identities, by name."""
    query = select(identities.c.id, identities.c.user_name).where(identities.c.id.in_(ids))
    return [(row[0], row[1]) for row in tx.execute(query.order_by(identities.c.user_name))] if ids else []


def find_people(
    tx: Connection,
    *,
    user_name: str = "",
    external_id: str = "",
    email: str = "",
    id: str = "",  # noqa: A002 - SCIM's word
    source: str = "",
) -> list[Identity]:
    """Return the identities, not deleted, to whom all that is said applies; at least one of the first four is.

    userNames and addresses are compared in any case; where a source tells names apart by their
    case, the one that is spelled alike counts.
    """
    conditions: list[ColumnElement[bool]] = [
        identities.c.deleted_at.is_(None),
        identities.c.source.not_like(f"{AT_TARGET}%"),  # a group is nobody
    ]
    if user_name:
        conditions.append(identities.c.any_case_name == any_case_key(user_name))
    if external_id:
        conditions.append(identities.c.external_id == external_id)
    if email:
        rows = select(identity_values.c.identity_id).where(
            identity_values.c.attribute == "emails.value", identity_values.c.value == fold(email)
        )
        conditions.append(identities.c.id.in_(rows))
    if id:
        conditions.append(identities.c.id == id)
    if source:
        conditions.append(identities.c.source == source)
    found = [identity_of(row) for row in tx.execute(select(identities).where(*conditions)).mappings()]
    if len(found) > 1 and len({each.source for each in found}) == 1:
        return [each for each in found if each.user_name == user_name] or found
    return found


def active_owners(tx: Connection, attribute: str, values: Iterable[str], *, but_not: str) -> list[Identity]:
    """Return the active identities of all sources that have one of these values.

    Args:
        tx: Any transaction.
        attribute: ``userName``, ``externalId``, ``emails.value`` or ``employeeNumber``.
        values: As a target spells them.
        but_not: The id of the identity that is leaving.
    """
    wanted = list(values)
    match attribute:
        case "userName":
            same: ColumnElement[bool] = identities.c.any_case_name.in_([any_case_key(value) for value in wanted])
        case "externalId":
            same = identities.c.external_id.in_(wanted)
        case _:
            rows = select(identity_values.c.identity_id).where(
                identity_values.c.attribute == attribute,
                identity_values.c.value.in_([fold(value) for value in wanted]),
            )
            same = identities.c.id.in_(rows)
    query = select(identities).where(
        same, identities.c.active, identities.c.deleted_at.is_(None), identities.c.id != but_not
    )
    return [identity_of(row) for row in tx.execute(query).mappings()]
