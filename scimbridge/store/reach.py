"""How many identities an exclusion is of, right now."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from scimbridge.domain.exclusion import Exclusion, Spared
from scimbridge.domain.names import fold
from scimbridge.domain.resource import MemberKind
from scimbridge.domain.source import NameCase
from scimbridge.store.filters import Filter
from scimbridge.store.resource_types import attributes_of
from scimbridge.store.schema import groups, identities, memberships


def active_spared(tx: Connection, exclusion: Exclusion) -> int | None:
    """Return how many active identities an exclusion spares; ``None`` where it is of something else.

    Whoever left a group a short while ago still counts as its member for the exclusion, but not here.
    """
    condition = _condition(tx, exclusion)
    if condition is None:
        return None
    query = select(func.count()).select_from(identities)
    found = tx.execute(query.where(condition, identities.c.active, identities.c.deleted_at.is_(None)))
    return int(found.scalar_one())


def _condition(tx: Connection, exclusion: Exclusion) -> ColumnElement[bool] | None:
    match exclusion.spared:
        case Spared.MATCH if exclusion.match is not None:
            attributes = attributes_of(MemberKind.USER, tx.dialect.name, "", NameCase.IGNORED)
            return or_(Filter(exclusion.match.text).condition(attributes))
        case Spared.IDENTITY:
            return identities.c.id == exclusion.subject
        case Spared.MEMBERS:
            members = (
                select(memberships.c.member_id)
                .join(groups, groups.c.id == memberships.c.group_id)
                .where(and_(groups.c.display_name_key == fold(exclusion.subject), groups.c.deleted_at.is_(None)))
            )
            return identities.c.id.in_(members)
        case _:
            return None
