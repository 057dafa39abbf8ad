"""Groups, directory roles and applications that an account is in, directly.

https://learn.microsoft.com/graph/api/user-list-memberof
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from connectors.microsoft365 import applications, roles
from connectors.microsoft365.applications import Applications
from connectors.microsoft365.batches import Request, refusal_of
from connectors.microsoft365.client import GraphClient, path_of
from connectors.microsoft365.errors import is_absent, is_there_already
from connectors.microsoft365.group import entitlement_of, hindrance, is_group
from connectors.microsoft365.roles import Roles
from scimbridge.sdk import Entitlement
from scimbridge.sdk.http import Answer

_SELECT = "id,displayName,groupTypes,mailEnabled,isAssignableToRole,onPremisesSyncEnabled"


@dataclass(slots=True)
class Changed:
    """What came of a change of several things.

    Attributes:
        done: How many there were.
        refused: Why others were refused, one sentence each.
        gone: Names of what is not there any more.
    """

    done: int = 0
    refused: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


class Memberships:
    """What one account at a time is in."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client
        self._roles = Roles(client)
        self._applications = Applications(client)

    def requests(self, user_id: str) -> list[Request]:
        """Return what tells the memberships of a user."""
        groups = Request.get(path_of("users", user_id, "memberOf"), select=_SELECT, top="999")
        return [groups, self._applications.request(user_id), *self._roles.requests(user_id)]

    def told(self, user_id: str, answers: list[Answer]) -> tuple[Entitlement, ...]:
        """Return the groups, roles and applications by the answers to ``requests``."""
        groups, assignments, *of_roles = answers
        listed = self._client.listed(groups)
        return (
            *(entitlement_of(each) for each in listed if is_group(each)),
            *self._roles.told(of_roles),
            *self._applications.told(user_id, assignments),
        )

    def leave(self, user_id: str, chosen: Iterable[Entitlement]) -> Changed:
        """Take somebody out, in batches; what refuses is named with what a person can do, and the rest is done."""
        assignments, others = _split(chosen)
        requests = [_removal(user_id, each) for each in others]
        requests += self._applications.removals(user_id, assignments)
        left = [*others, *assignments]
        changed, refused = Changed(), {}
        for each, answer in zip(left, self._client.batch(requests, call="removing a member"), strict=True):
            if answer.status // 100 == 2:
                changed.done += 1
            elif not is_absent(answer):
                refused[each] = answer
        changed.refused += self._explained(refused)
        return changed

    def join(self, user_id: str, chosen: Iterable[Entitlement]) -> Changed:
        """Put somebody back, in batches."""
        wanted = list(chosen)
        reference = self._client.reference(user_id)
        requests = [
            applications.giving(user_id, each)
            if applications.is_assignment(each)
            else Request(method="POST", path=path_of("groups", each.id, "members", "$ref"), body=reference)
            for each in wanted
        ]
        changed = Changed()
        for each, answer in zip(wanted, self._client.batch(requests, call="adding a member"), strict=True):
            if answer.status // 100 == 2:
                changed.done += 1
            elif is_absent(answer):
                changed.gone.append(each.name)
            elif not is_there_already(answer):
                changed.refused.append(f"{each.name}: {refusal_of(answer)}")
        return changed

    def _explained(self, refused: Mapping[Entitlement, Answer]) -> Iterator[str]:
        """Yield why each was refused, and what a person can do; what kind of group it is tells more than a refusal."""
        groups = [each for each in refused if not roles.is_role(each) and not applications.is_assignment(each)]
        asked = [Request.get(path_of("groups", each.id), select=_SELECT) for each in groups]
        found = dict(zip(groups, self._client.batch(asked, call="looking at a group"), strict=True))
        for each, answer in refused.items():
            document = (found[each].json_object_or_none() or {}) if each in found else {}
            said = hindrance(document) or (roles.BY_HAND if roles.is_role(each) else "")
            yield f"{each.name}: {refusal_of(answer)}" + (f": {said}" if said else "")


def _split(chosen: Iterable[Entitlement]) -> tuple[list[Entitlement], list[Entitlement]]:
    """Return the assignments to applications, and all else."""
    found: tuple[list[Entitlement], list[Entitlement]] = ([], [])
    for each in chosen:
        found[not applications.is_assignment(each)].append(each)
    return found


def _removal(user_id: str, entitlement: Entitlement) -> Request:
    if roles.is_role(entitlement):
        return roles.removal(user_id, entitlement)
    # Without $ref, Graph would delete the user and not the membership.
    return Request(method="DELETE", path=path_of("groups", entitlement.id, "members", user_id, "$ref"))
