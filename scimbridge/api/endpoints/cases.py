"""``/cases``: looked at, and acted on one by one."""

from __future__ import annotations

from scimbridge.api.endpoint import Call, Model, Nothing, Routes
from scimbridge.api.models import cases as models
from scimbridge.api.models import steps
from scimbridge.api.paging import cut, link, position
from scimbridge.api.problems import ProblemError
from scimbridge.documents import case_document, snapshot_document, story_document
from scimbridge.domain.approval import digest
from scimbridge.domain.operator import Permission
from scimbridge.domain.situation import CaseQuery
from scimbridge.domain.task import Task
from scimbridge.services.approving import SeenAccount
from scimbridge.services.story import tell
from scimbridge.services.summing_up import CaseSummary

routes = Routes("cases")


def line(summary: CaseSummary) -> models.CaseLine:
    """Return one case of a list."""
    return models.CaseLine.model_validate(case_document(summary))


@routes.get("/cases", Permission.LOOK)
def list_cases(call: Call[models.CaseList, Nothing]) -> models.CasePage:
    """List cases, the newest first.

    Those that all of the parameters fit.
    """
    limit = call.query.limit
    found = call.bridge.overview.list_cases(call.query.as_query(), call.now, limit=limit + 1, after=position(call))
    shown, is_more = cut(found, limit)
    return models.CasePage(
        items=[line(each) for each in shown], next=link(call, shown[-1].case.id if is_more else None)
    )


@routes.get("/cases/{case}", Permission.LOOK)
def show_case(call: Call[Nothing, Nothing]) -> models.CaseStory:
    """Tell a case, and why it is not further."""
    story = call.bridge.stories.of(call.path["case"], call.now)
    return models.CaseStory.model_validate({**story_document(story), "told": list(tell(story))})


@routes.get("/cases/{case}/snapshots", Permission.AUDIT)
def show_snapshots(call: Call[Nothing, Nothing]) -> models.Snapshots:
    """Show a case's accounts as they were before the bridge touched them."""
    case_id = _known(call)
    found = [snapshot_document(taken) for taken in call.bridge.overview.snapshots(case_id)]
    return models.Snapshots(
        items=[
            models.Snapshot.model_validate(
                {
                    "target": each.pop("target"),
                    "taken_at": each.pop("taken_at"),
                    "state": each,
                }
            )
            for each in found
        ]
    )


@routes.post("/cases/{case}/cancel", Permission.ACT)
def cancel_case(call: Call[Nothing, steps.Because]) -> models.CaseLine:
    """Call a case off.

    What it has done already stays done. There is no undo.
    """
    call.bridge.operating.cancel(call.path["case"], reason=call.body.reason, by=call.by, now=call.now)
    return _line_of(call)


@routes.post("/cases/{case}/expedite", Permission.ACT)
def expedite_case(call: Call[Nothing, steps.ExpediteRequest]) -> steps.Expedited:
    """Let a stage or a task skip its grace.

    Approvals, holds, exclusions, freezes, schedules, the guard and the order count as ever.
    """
    if (call.body.stage is None) == (call.body.task is None):
        raise ProblemError(422, "name a stage or a task, and not both")
    came = call.bridge.expediting.expedite(
        call.path["case"],
        number=call.body.stage,
        task_id=call.body.task,
        reason=call.body.reason,
        by=call.by,
        now=call.now,
    )
    return steps.Expedited(tasks=[_task(each) for each in came.tasks], still=list(came.still))


@routes.post("/cases/{case}/retry", Permission.ACT)
def retry_case(call: Call[Nothing, steps.RetryRequest]) -> steps.TaskLines:
    """Try again what failed or waits."""
    operating = call.bridge.operating
    if call.body.observed:
        found = operating.do_observed(call.path["case"], by=call.by, now=call.now)
    else:
        found = operating.retry(call.path["case"], by=call.by, now=call.now, reason=call.body.reason)
    return steps.TaskLines(tasks=[_task(each) for each in found])


@routes.post("/cases/{case}/restore", Permission.ACT)
def restore_case(call: Call[Nothing, steps.RestoreRequest]) -> steps.Restored:
    """Give back what a case has taken.

    Also where the source still says that the person is gone: until it says something new, your word stands. An open
    case is canceled first. Roles and groups that give power over others are not given back.
    """
    for name in call.body.targets or ():
        call.bridge.fleet[name]
    given = call.bridge.giving_back.restore(
        call.path["case"], reason=call.body.reason, by=call.by, now=call.now, targets=call.body.targets
    )
    return steps.Restored(
        case_id=given.case.id,
        tasks=[_task(each) for each in given.tasks],
        lost=[steps.Lost(target=target, said=said) for target, said in given.lost],
    )


@routes.get("/cases/{case}/proposal", Permission.ACT, reaches_targets=True)
def propose_stage(call: Call[steps.StageChoice, Nothing]) -> steps.Proposal:
    """Read the accounts of a stage, and say what it will do to them.

    Touches nothing. What is answered is what an approval is given to.
    """
    found = call.bridge.approving.propose(call.path["case"], call.query.stage, call.now)
    return steps.Proposal(
        case_id=found.case.id,
        stage=found.stage.number,
        due_at=found.stage.due_at,
        approved_by=list(found.stage.approved_by),
        wanted=max(1, found.stage.terms.approvers),
        accounts=[_seen(each) for each in found.seen],
        digest=digest(found.plan.document()),
    )


@routes.post("/cases/{case}/approve", Permission.ACT, reaches_targets=True)
def approve_stage(call: Call[Nothing, steps.ApproveRequest]) -> steps.Approved:
    """Approve exactly what was proposed.

    The accounts are read once more: where anything decisive has changed, nothing is approved.
    """
    proposal = call.bridge.approving.propose(call.path["case"], call.body.stage, call.now)
    if digest(proposal.plan.document()) != call.body.digest:
        raise ProblemError(409, "what the stage will do has changed since it was proposed; look again")
    came = call.bridge.approving.approve(proposal, by=call.by, now=call.bridge.clock())
    return steps.Approved(
        case_id=proposal.case.id,
        stage=proposal.stage.number,
        digest=came.approval.digest,
        approved_by=came.approval.approved_by,
        approved_at=came.approval.approved_at,
        given=came.given,
        wanted=came.wanted,
        lapsed=came.lapsed or None,
        retried=[each.id for each in came.retried],
    )


@routes.post("/cases/{case}/unapprove", Permission.ACT)
def unapprove_stage(call: Call[Nothing, steps.WithdrawRequest]) -> steps.Withdrawn:
    """Take the approvals of a stage back.

    Whoever gave them. What was released for them and has not begun waits again.
    """
    found = call.bridge.approving.withdraw(
        call.path["case"], call.body.stage, reason=call.body.reason, by=call.by, now=call.now
    )
    late = [steps.TooLate(attempt=each.id, task_id=each.task_id, target=each.target) for each in found.too_late_for]
    return steps.Withdrawn(stage=found.stage.number, too_late_for=late)


def _known(call: Call[Model, Model]) -> str:
    """Return the id of the case in the path.

    Raises:
        ProblemError: There is no such case.
    """
    return _line_of(call).id


def _line_of(call: Call[Model, Model]) -> models.CaseLine:
    case_id = call.path["case"]
    found = call.bridge.overview.list_cases(CaseQuery(ids=(case_id,)), call.now, limit=1)
    if not found:
        raise ProblemError(404, f"no case {case_id!r}")
    return line(found[0])


def _task(task: Task) -> steps.TaskLine:
    return steps.TaskLine(id=task.id, action=task.action, target=task.target)


def _seen(seen: SeenAccount) -> steps.SeenAccount:
    state = seen.state
    return steps.SeenAccount(
        target=seen.target,
        id=seen.subject.native_id,
        name=state.name if state is not None else None,
        protection=(state.protection or None) if state is not None else None,
        decisive=dict(seen.subject.decisive) if seen.subject.decisive is not None else None,
        tasks=[_task(each) for each in seen.tasks],
    )
