"""``/targets`` and ``/groups``: the systems to act on, and groups there that are given up."""

from __future__ import annotations

from datetime import datetime
from itertools import islice

from scimbridge.api.endpoint import Call, Model, Nothing, Routes
from scimbridge.api.models import targets as models
from scimbridge.api.models.steps import Because
from scimbridge.api.problems import ProblemError
from scimbridge.documents import (
    account_document,
    group_finding_document,
    stale_document,
    status_document,
    target_document,
)
from scimbridge.domain.duration import parse_duration
from scimbridge.domain.operator import Permission
from scimbridge.domain.request import Asked
from scimbridge.domain.retirement import NamedGroup
from scimbridge.services.preflight import Finding, Verdict
from scimbridge.services.queues import QueueStatus

routes = Routes("targets")


@routes.get("/targets", Permission.LOOK)
def list_targets(call: Call[Nothing, Nothing]) -> models.Targets:
    """List the targets and what goes on at each."""
    found = call.bridge.overview.targets(call.now)
    return models.Targets(items=[models.TargetLine.model_validate(target_document(each)) for each in found])


@routes.get("/targets/{target}", Permission.LOOK)
def show_target(call: Call[Nothing, Nothing]) -> models.TargetLine:
    """Show what goes on at a target."""
    name = _named(call)
    status = next(each for each in call.bridge.overview.targets(call.now) if each.name == name)
    return models.TargetLine.model_validate(target_document(status))


@routes.post("/targets/{target}/pause", Permission.ACT)
def pause_target(call: Call[Nothing, Because]) -> models.Changed:
    """Pause a target: its tasks wait and burn no attempts."""
    return models.Changed(
        changed=call.bridge.operating.pause(call.path["target"], reason=call.body.reason, by=call.by, now=call.now)
    )


@routes.post("/targets/{target}/resume", Permission.ACT)
def resume_target(call: Call[Nothing, Nothing]) -> models.Changed:
    """Let a paused target go on.

    What has piled up is let go gradually: one attempt at a time, and one more every 30 seconds.
    """
    return models.Changed(changed=call.bridge.operating.resume(call.path["target"], by=call.by, now=call.now))


@routes.post("/targets/{target}/arm", Permission.ACT)
def arm_target(call: Call[Nothing, models.ArmRequest]) -> models.Armed:
    """Let an observing target act for a time.

    The time ends by itself. What was only observed before stays so; `retry` with `observed` does it.
    """
    name = _named(call)
    span = parse_duration(call.body.span)
    until = call.bridge.arming.arm(name, span=span, reason=call.body.reason, by=call.by, now=call.now)
    tasks, people = call.bridge.arming.due_until(name, until)
    return models.Armed(until=until, tasks=tasks, people=people)


@routes.post("/targets/{target}/disarm", Permission.ACT)
def disarm_target(call: Call[Nothing, Because]) -> models.Changed:
    """Let an armed target observe again, now."""
    return models.Changed(
        changed=call.bridge.arming.disarm(call.path["target"], reason=call.body.reason, by=call.by, now=call.now)
    )


@routes.post("/targets/{target}/retry", Permission.ACT)
def retry_target(call: Call[Nothing, Because]) -> models.Retried:
    """Try again what waits for a person at a target, the newest 500 of it."""
    found = call.bridge.operating.retry_at(call.path["target"], reason=call.body.reason, by=call.by, now=call.now)
    return models.Retried(count=found.count, left=found.left)


@routes.get("/targets/{target}/check", Permission.LOOK)
def show_check(call: Call[Nothing, Nothing]) -> models.KeptChecks:
    """Say what was found when a target was last checked."""
    found = call.bridge.preflight.kept().get(_named(call))
    if found is None:
        return models.KeptChecks(at=None, ok=False, items=[])
    return models.KeptChecks(
        at=found.at, ok=found.worst is not Verdict.FAILED, items=[_check(each) for each in found.findings]
    )


@routes.post("/targets/{target}/check", Permission.ACT, reaches_targets=True)
def check_target(call: Call[Nothing, Nothing]) -> models.Checks:
    """Reach a target with its credentials, and say what they lack and when they end.

    Changes nothing there; what was found is kept for whoever looks later.
    """
    name = _named(call)
    found = call.bridge.preflight.check_one(name, call.now)
    call.bridge.preflight.keep(name, found, call.bridge.clock())
    return models.Checks(
        ok=all(each.verdict is not Verdict.FAILED for each in found), items=[_check(each) for each in found]
    )


@routes.get("/queues", Permission.LOOK)
def list_queues(call: Call[Nothing, Nothing]) -> models.Queues:
    """Show what waits at each target, who works on it, and what is under way."""
    board, destroyed = call.bridge.queues.board(call.now), call.bridge.queues.last_destroyed()
    return models.Queues(
        redis_answers=board.redis_answers,
        items=[_queue(each, destroyed.get(each.status.name)) for each in board.queues],
        workers=[
            models.WorkerLine(
                name=each.name,
                queues=list(each.queues),
                state=each.state,
                born_at=each.born_at,
                seen_at=each.seen_at,
                is_gone=each.is_gone,
            )
            for each in board.workers
        ],
        attempts=[
            models.LiveLine(
                attempt=each.attempt_id,
                case_id=each.case_id,
                user_name=each.user_name,
                target=each.target,
                action=each.action,
                worker=each.worker,
                started_at=each.started_at,
                lease_until=each.lease_until,
                past_the_line=each.past_the_line,
            )
            for each in board.attempts
        ],
    )


@routes.get("/targets/{target}/accounts", Permission.AUDIT, reaches_targets=True)
def list_accounts(call: Call[models.AccountChoice, Nothing]) -> models.Accounts:
    """List the accounts of a target, used or not.

    As far as the target tells; what it does not tell is null, and never counts as unused. Touches nothing, and keeps
    nothing.
    """
    asked = call.query
    found = call.bridge.inventory.accounts(_named(call))
    if asked.unused_for is not None:
        since = call.now - parse_duration(asked.unused_for)
        found = (each for each in found if each.is_unused_since(since))
    page = list(islice(found, asked.offset, asked.offset + asked.limit + 1))
    return models.Accounts(
        items=[models.AccountLine.model_validate(account_document(each)) for each in page[: asked.limit]],
        more=len(page) > asked.limit,
    )


@routes.get("/targets/{target}/stale-groups", Permission.AUDIT, reaches_targets=True)
def list_stale_groups(call: Call[models.StaleChoice, Nothing]) -> models.StaleGroups:
    """List groups that seem unused, with the reason.

    They are empty, or nobody has changed them for long, as the target tells it; what it does not tell is no reason.
    """
    found = call.bridge.stale_groups.at(
        _named(call),
        call.now,
        unchanged_for=parse_duration(call.query.unchanged_for),
        ownerless=call.query.ownerless,
    )
    return models.StaleGroups(items=[models.StaleLine.model_validate(stale_document(each)) for each in found])


@routes.post("/targets/{target}/retire-groups", Permission.ACT, reaches_targets=True)
def retire_groups(call: Call[Nothing, models.RetireRequest]) -> models.RetireReport:
    """Have groups given up.

    A rule with actions of groups says what happens; usually a stamp comes first. Asking twice does nothing twice.
    """
    body, name = call.body, _named(call)
    asked = Asked(by=call.by, reason=body.reason, again=body.again)
    named = [NamedGroup(line=number, said=said) for number, said in enumerate(body.groups, 1)]
    if body.dry_run:
        report = call.bridge.retiring.look(name, named, asked, call.now)
    else:
        report = call.bridge.retiring.request(name, named, asked, call.now, partial=body.partial)
    lines = [models.RetireLine.model_validate(group_finding_document(each)) for each in report.findings]
    found = models.RetireReport(done=report.is_done, lines=lines)
    if not report.is_done and not body.dry_run:
        detail = f"nothing was done: {len(report.failed)} of {len(named)} groups cannot be given up"
        raise ProblemError(422, detail, more=found.model_dump(mode="json"))
    return found


@routes.get("/groups", Permission.LOOK)
def list_groups(call: Call[models.GroupChoice, Nothing]) -> models.Groups:
    """Show where groups stand that are given up.

    That is what was done, what comes next, and when. The endpoints of cases cancel, approve, retry and restore them.
    """
    asked = call.query
    found = call.bridge.group_statuses.list(
        call.now, target=asked.target, is_open=not asked.everything, limit=asked.limit
    )
    return models.Groups(items=[models.GroupLine.model_validate(status_document(each)) for each in found])


def _named(call: Call[Model, Model]) -> str:
    """Return the name of the target in the path.

    Raises:
        NotFoundError: There is no such target.
    """
    return call.bridge.fleet[call.path["target"]].name


def _check(finding: Finding) -> models.CheckLine:
    return models.CheckLine(
        name=finding.name,
        verdict=finding.verdict,
        message=finding.message,
        next_step=finding.next_step,
        about=finding.about,
        ends_at=finding.ends_at,
    )


def _queue(queue: QueueStatus, destroyed_at: datetime | None) -> models.QueueLine:
    return models.QueueLine(
        target=queue.status.name,
        runnable=queue.status.runnable,
        waited_seconds=queue.waited.total_seconds() if queue.waited is not None else None,
        live=queue.status.live,
        done_lately=queue.done_lately,
        retrying=queue.retrying,
        next_retry_at=queue.next_retry_at,
        failed=queue.failed,
        depth=queue.seen.depth if queue.seen is not None else None,
        started=queue.seen.started if queue.seen is not None else None,
        last_irreversible_at=destroyed_at,
    )
