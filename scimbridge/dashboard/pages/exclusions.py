"""Exclusions: who and what is never touched, adding one, and ending one."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from scimbridge.dashboard import flash
from scimbridge.dashboard.deciding import IncompleteFormError, until, who_and_why
from scimbridge.dashboard.page import Page, go_to
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.exclusion import Exclusion, Spared
from scimbridge.domain.filter import IdentityFilter
from scimbridge.domain.number import number_of
from scimbridge.domain.operator import Permission
from scimbridge.errors import NotFoundError

KINDS = {
    Spared.IDENTITY: "a person, by id or userName",
    Spared.MATCH: "whoever matches a SCIM filter",
    Spared.MEMBERS: "whoever is in a SCIM group, by its name",
    Spared.ACCOUNT: "one account at a target, by id or name",
    Spared.GROUP: "a group at a target, by its name",
    Spared.TARGET: "a whole target",
}


class ExclusionsPage(Page):
    """Those that were made at run time, and those of the configuration."""

    path = "/exclusions"
    template = "exclusions.html"
    posting = Permission.ACT

    def context(self, _visit: Visit) -> dict[str, Any]:
        """Return all of them."""
        return {
            "made": self.bridge.holding.exclusions(),
            "written": self.bridge.settings.ruleset.exclusions,
            "kinds": KINDS,
            "targets": [(target.name, target.name) for target in self.bridge.fleet],
        }

    def post(self, visit: Visit) -> Response:
        """Add one, and tell whom it spares right now."""
        wanted, reach = self._wanted(visit), None
        exclusion_id = self.bridge.holding.exclude(wanted, by=visit.operator.name, now=visit.now)
        reach = self.bridge.holding.reach(wanted)
        if reach == 0:
            said = flash.refused("It was added, and no active person matches right now: check its spelling.")
        elif reach is not None:
            said = flash.done(f"It spares {number_of(reach, 'active person', 'active people')} right now.")
        else:
            said = flash.done("It counts from now on, for cases that are open, too.")
        return go_to(visit, f"/exclusions/{exclusion_id}", [said])

    def _wanted(self, visit: Visit) -> Exclusion:
        reason = who_and_why(visit)["reason"]
        try:
            spared = Spared(visit.form.get("spared", ""))
        except ValueError as error:
            raise IncompleteFormError("choose what is spared") from error
        subject = visit.form.get("subject", "")
        if not subject:
            raise IncompleteFormError("name who or what is spared")
        if spared is Spared.IDENTITY:
            subject = self.bridge.holding.identity_named(subject, visit.now)
        has_place = spared in (Spared.ACCOUNT, Spared.GROUP)
        return Exclusion(
            reason=reason,
            spared=spared,
            match=_filter(subject) if spared is Spared.MATCH else None,
            subject=subject if spared is not Spared.MATCH else "",
            target=visit.form.get("target", "") if has_place else "",
            until=until(visit),
        )


class ExclusionPage(Page):
    """One exclusion and its reach, to end it."""

    path = "/exclusions/{exclusion_id}"
    template = "exclusion.html"
    posting = Permission.ACT

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return it, and how many active people it spares right now."""
        wanted = visit.request.path_params["exclusion_id"]
        for exclusion, row in self.bridge.holding.exclusions():
            if row["id"] == wanted:
                return {"exclusion": exclusion, "row": row, "reach": self.bridge.holding.reach(exclusion)}
        raise NotFoundError("standing exclusion", wanted)

    def post(self, visit: Visit) -> Response:
        """End it."""
        self.bridge.holding.end_exclusion(visit.request.path_params["exclusion_id"], **who_and_why(visit))
        said = "It spares nobody any more. Whose case it ended stays as they are; the next fact about them counts."
        return go_to(visit, "/exclusions", [flash.done(said)])


def _filter(text: str) -> IdentityFilter:
    try:
        return IdentityFilter(text)
    except ValueError as error:
        raise IncompleteFormError(f"the filter: {error}") from error
