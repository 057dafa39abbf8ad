"""What somebody owns: groups, applications, and the answering for those who report to them.

https://learn.microsoft.com/graph/api/user-list-ownedobjects
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from connectors.microsoft365.batches import Request, refusal_of
from connectors.microsoft365.client import GraphClient, path_of
from connectors.microsoft365.config import Microsoft365Config
from connectors.microsoft365.errors import is_absent, is_there_already
from connectors.microsoft365.group import GROUP, entitlement_of
from connectors.microsoft365.memberships import Changed
from scimbridge.sdk import AccountRef, Confirm, Entitlement
from scimbridge.sdk.http import Answer

_APPLICATIONS: Mapping[str, tuple[str, str]] = {
    "#microsoft.graph.application": ("applications", "application"),
    "#microsoft.graph.servicePrincipal": ("servicePrincipals", "enterprise application"),
}
"""By kind: where such are found, which their ids begin with, and what people call them."""

_REPORTS = "reports"
"""What the ids of those begin with who report to somebody."""


class Belongings:
    """What one account at a time owns."""

    def __init__(self, config: Microsoft365Config, client: GraphClient) -> None:
        self._client = client
        self._with_reports = config.direct_reports == "successor"

    def requests(self, user_id: str) -> list[Request]:
        """Return what tells what a user owns."""
        owned = Request.get(path_of("users", user_id, "ownedObjects"), top="999")
        reports = Request.get(path_of("users", user_id, "directReports"), select="id,userPrincipalName", top="999")
        return [owned, reports] if self._with_reports else [owned]

    def told(self, answers: list[Answer]) -> tuple[Entitlement, ...]:
        """Return what a user owns by the answers to ``requests``."""
        owned, *reports = answers
        return (
            *self._owned(owned),
            *(
                Entitlement(f"{_REPORTS}:{each['id']}", f"manager of {each.get('userPrincipalName') or each['id']}")
                for answer in reports
                for each in self._client.listed(answer)
            ),
        )

    def alone_with(self, user_id: str, belongings: Iterable[Entitlement]) -> list[str]:
        """Return the names of those that give power over others, and that nobody else owns."""
        powerful = [each for each in belongings if each.is_privileged]
        asked = [Request.get(_owners_of(each), select="id", top="2") for each in powerful]
        answers = self._client.batch(asked, call="looking at the owners of a group")
        return [
            each.name
            for each, answer in zip(powerful, answers, strict=True)
            if {str(owner["id"]) for owner in self._client.listed(answer)} <= {user_id}
        ]

    def hand_over(
        self, user_id: str, successor: AccountRef, belongings: Iterable[Entitlement], confirm: Confirm
    ) -> Changed:
        """Make somebody else the owner and the manager: first the new owner, so that nothing is ever without."""
        chosen = list(belongings)
        reports = [each for each in chosen if _is_report(each)]
        changed = Changed()
        self._owners(user_id, successor, [each for each in chosen if not _is_report(each)], confirm, changed)
        self._managers(successor, reports, confirm, changed)
        return changed

    def _owned(self, answer: Answer) -> Iterator[Entitlement]:
        for each in self._client.listed(answer):
            kind = str(each.get("@odata.type"))
            if kind == GROUP:
                yield entitlement_of(each)
            elif kind in _APPLICATIONS:
                place, called = _APPLICATIONS[kind]
                yield Entitlement(f"{place}:{each['id']}", f"{called} {each.get('displayName') or each['id']}")

    def _owners(
        self, user_id: str, successor: AccountRef, chosen: list[Entitlement], confirm: Confirm, changed: Changed
    ) -> None:
        reference = self._client.reference(successor.id)
        adding = [Request(method="POST", path=_owners_of(each, "$ref"), body=reference) for each in chosen]
        added = self._client.batch(adding, call="adding an owner", confirm=confirm)
        owned = [each for each, answer in zip(chosen, added, strict=True) if _owns(each, answer, changed)]
        removing = [Request(method="DELETE", path=_owners_of(each, user_id, "$ref")) for each in owned]
        removed = self._client.batch(removing, call="removing an owner", confirm=confirm)
        for each, answer in zip(owned, removed, strict=True):
            _count(each, answer, changed)

    def _managers(self, successor: AccountRef, reports: list[Entitlement], confirm: Confirm, changed: Changed) -> None:
        others = [each for each in reports if _key(each) != successor.id]
        if len(others) < len(reports):
            changed.refused.append(f"{successor.name}: nobody is their own manager; name another one")
        reference = self._client.reference(successor.id)
        requests = [
            Request(method="PUT", path=path_of("users", _key(each), "manager", "$ref"), body=reference)
            for each in others
        ]
        answers = self._client.batch(requests, call="naming another manager", confirm=confirm)
        for each, answer in zip(others, answers, strict=True):
            _count(each, answer, changed)


def _is_report(belonging: Entitlement) -> bool:
    return belonging.id.startswith(f"{_REPORTS}:")


def _key(belonging: Entitlement) -> str:
    return belonging.id.rpartition(":")[2]


def _owners_of(belonging: Entitlement, *more: str) -> str:
    place, _, key = belonging.id.rpartition(":")
    return path_of(place or "groups", key, "owners", *more)


def _owns(belonging: Entitlement, answer: Answer, changed: Changed) -> bool:
    """Whether the new owner is one by now; why not is noted."""
    if answer.status // 100 == 2 or is_there_already(answer):
        return True
    if not is_absent(answer):
        changed.refused.append(f"{belonging.name}: {refusal_of(answer)}")
    return False


def _count(belonging: Entitlement, answer: Answer, changed: Changed) -> None:
    if answer.status // 100 == 2:
        changed.done += 1
    elif not is_absent(answer):
        changed.refused.append(f"{belonging.name}: {refusal_of(answer)}")
