"""The targets: health, mode, pace and permissions; and what an operator does about one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from starlette.responses import Response

from scimbridge.dashboard import flash
from scimbridge.dashboard.deciding import be_sure, who_and_why
from scimbridge.dashboard.flash import Message
from scimbridge.dashboard.page import Page, go_to
from scimbridge.dashboard.times import moment
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.duration import parse_duration
from scimbridge.domain.operator import Permission
from scimbridge.domain.outline import NOTICES
from scimbridge.errors import ArmingError
from scimbridge.sdk.config import Mode
from scimbridge.services.arming import LONGEST
from scimbridge.services.overview import MOST_RUNNABLE
from scimbridge.services.preflight import SOON, About, Verdict

USUAL_SPAN = timedelta(hours=4)
"""How long a target is armed for unless somebody says otherwise."""


class TargetsPage(Page):
    """All targets."""

    path = "/targets"
    template = "targets.html"

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return how each is."""
        return {
            "targets": self.bridge.overview.targets(visit.now),
            "checked": self.bridge.preflight.kept(),
            "destroyed": self.bridge.queues.last_destroyed(),
            "most_runnable": MOST_RUNNABLE,
            "soon": visit.now + SOON,
            "about": About,
        }


class TargetPage(Page):
    """One target."""

    path = "/targets/{name}"
    template = "target.html"
    posting = Permission.ACT

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return how it is, what it can do, what waits there and what failed."""
        name = visit.request.path_params["name"]
        found = self.bridge.queues.of_target(name, visit.now, after=visit.asked("after") or None)
        config = self.bridge.settings.targets.get(name)
        observes = found.target.mode is Mode.OBSERVE
        return {
            "name": name,
            "target": found.target,
            "found": found,
            "status": found.queue.status,
            "checked": self.bridge.preflight.kept().get(name),
            "can_be_armed": observes,
            "due_if_armed": self.bridge.arming.due_until(name, visit.now + USUAL_SPAN) if observes else (0, 0),
            "granted_by": tuple(config.granted_by) if config is not None else (),
            "is_bridge": name == NOTICES,
            "usual_span": USUAL_SPAN,
            "longest": LONGEST,
            "most_runnable": MOST_RUNNABLE,
            "about": About,
        }

    def post(self, visit: Visit) -> Response:
        """Pause, resume, arm, disarm or check it, or try again what failed there."""
        name = self.bridge.fleet[visit.request.path_params["name"]].name
        actions: Mapping[str, Callable[[str, Visit], Message]] = {
            "pause": self._pause,
            "resume": self._resume,
            "arm": self._arm,
            "disarm": self._disarm,
            "check": self._check,
            "retry": self._retry,
        }
        act = actions.get(visit.form.get("do", ""))
        said = act(name, visit) if act is not None else flash.refused("There is no such action.")
        return go_to(visit, f"/targets/{name}", [said])

    def _pause(self, name: str, visit: Visit) -> Message:
        paused = self.bridge.operating.pause(name, **who_and_why(visit))
        return flash.done(f"{name} is paused: its tasks wait, and burn no attempts." if paused else _ALREADY)

    def _resume(self, name: str, visit: Visit) -> Message:
        resumed = self.bridge.operating.resume(name, **who_and_why(visit))
        return flash.done(f"{name} goes on; what has piled up is let go gradually." if resumed else _ALREADY)

    def _arm(self, name: str, visit: Visit) -> Message:
        be_sure(visit)
        try:
            span = parse_duration(visit.form.get("span", ""))
        except (ValueError, OverflowError) as error:
            raise ArmingError(f"how long: {error}") from error
        until = self.bridge.arming.arm(name, span=span, **who_and_why(visit))
        return flash.done(f"{name} acts until {moment(until)}; then it observes again.")

    def _disarm(self, name: str, visit: Visit) -> Message:
        was_armed = self.bridge.arming.disarm(name, **who_and_why(visit))
        return flash.done(f"{name} observes again." if was_armed else _ALREADY)

    def _check(self, name: str, visit: Visit) -> Message:
        findings = self.bridge.preflight.check_one(name, visit.now)
        self.bridge.preflight.keep(name, findings, visit.now)
        wrong = [finding for finding in findings if finding.verdict is not Verdict.OK]
        return flash.done(f"{name} was reached." if not wrong else f"{name} was asked: {wrong[0].message}")

    def _retry(self, name: str, visit: Visit) -> Message:
        retried = self.bridge.operating.retry_at(name, **who_and_why(visit))
        if not retried.count:
            return flash.done("Nothing waited for a person any more.")
        left = f" {retried.left} wait still: once more tries the next ones." if retried.left else ""
        return flash.done(f"{retried.count} tasks at {name} are tried again.{left}")


_ALREADY = "It was so already; nothing was changed."
