"""``/rules/versions``: rules that are in force, were, or are drafted."""

from __future__ import annotations

from typing import Any

from scimbridge.api.endpoint import Call, Nothing, Routes
from scimbridge.api.models import rules as models
from scimbridge.api.models.steps import Because
from scimbridge.api.paging import Paging, cut, link, number
from scimbridge.api.problems import ProblemError
from scimbridge.documents import look_document, problem_document, version_document
from scimbridge.domain.duration import parse_duration
from scimbridge.domain.operator import Permission
from scimbridge.errors import NotFoundError

routes = Routes("rules")

MOST_DIGITS = 9


@routes.get("/rules/versions", Permission.LOOK)
def list_rule_versions(call: Call[Paging, Nothing]) -> models.VersionPage:
    """List versions of the rules, drafts and discarded ones among them, the newest first."""
    found = call.bridge.drafting.versions(call.query.limit + 1, before=number(call))
    shown, has_more = cut(found, call.query.limit)
    return models.VersionPage(
        items=[models.VersionLine.model_validate(version_document(each)) for each in shown],
        next=link(call, shown[-1].version if has_more else None),
    )


@routes.get("/rules/versions/{version}", Permission.LOOK)
def show_rule_version(call: Call[Nothing, Nothing]) -> models.VersionStory:
    """Show a version: its text, what it changes, and for a draft what keeps it from being put in force."""
    return _story(call, _number(call))


@routes.post("/rules/versions", Permission.ADMINISTER)
def draft_rules(call: Call[Nothing, models.DraftRequest]) -> models.VersionStory:
    """Make a draft of the rules.

    It is kept whatever is wrong with it; `problems` says that. Nobody goes by it.
    """
    asked = call.body
    if sum((asked.text is not None, asked.of is not None, asked.file)) != 1:
        raise ProblemError(422, "say one of text, of and file")
    drafting = call.bridge.drafting
    text = asked.text if asked.text is not None else call.bridge.file_rules.text
    text = drafting.version(asked.of).text if asked.of is not None else text
    return _story(call, drafting.begin(text, by=call.by, now=call.now).version)


@routes.post("/rules/versions/{version}/change", Permission.ADMINISTER)
def change_draft(call: Call[Nothing, models.ChangeRequest]) -> models.VersionStory:
    """Give a draft another text.

    Refused where somebody else has changed it since. What was replayed was about the old text.
    """
    made = call.bridge.drafting.change(
        _number(call),
        call.body.text,
        revision=call.body.revision,
        base=call.body.base,
        by=call.by,
        now=call.now,
    )
    return _story(call, made.version)


@routes.post("/rules/versions/{version}/replay", Permission.ADMINISTER)
def replay_draft(call: Call[Nothing, models.ReplayRequest]) -> models.VersionStory:
    """Begin to replay the past by a draft.

    Every fact of a time is judged by the rules in force and by the draft. `replay` of the draft tells how far it is,
    and then what was found. Nothing else is touched.
    """
    version = _number(call)
    call.bridge.replaying.start(version, by=call.by, now=call.now, span=parse_duration(call.body.span))
    return _story(call, version)


@routes.post("/rules/versions/{version}/activate", Permission.ADMINISTER)
def activate_draft(call: Call[Nothing, models.ActivateRequest]) -> models.VersionStory:
    """Put a draft in force, everywhere.

    It has to have been replayed within the last day, against what is in force. Open cases keep their plan.
    """
    version = _number(call)
    call.bridge.drafting.activate(
        version, revision=call.body.revision, reason=call.body.reason.strip(), by=call.by, now=call.now
    )
    call.bridge.following.follow()
    return _story(call, version)


@routes.post("/rules/versions/{version}/discard", Permission.ADMINISTER)
def discard_draft(call: Call[Nothing, Because]) -> models.VersionStory:
    """Give a draft of the rules up; it stays in the list."""
    version = _number(call)
    call.bridge.drafting.discard(version, reason=call.body.reason.strip(), by=call.by, now=call.now)
    return _story(call, version)


@routes.post("/rules/check", Permission.LOOK, reads=True)
def check_rules(call: Call[Nothing, models.CheckRequest]) -> models.Checked:
    """Say what is wrong with a text of rules, each with its line; nothing is kept."""
    read = call.bridge.drafting.check(call.body.text)
    problems = [models.Placed.model_validate(problem_document(each)) for each in read.problems]
    return models.Checked(ok=not problems, problems=problems)


def _number(call: Call[Any, Any]) -> int:
    said = call.path["version"]
    if not (said.isascii() and said.isdigit() and len(said) <= MOST_DIGITS):
        raise NotFoundError("version of the rules", said)
    return int(said)


def _story(call: Call[Any, Any], version: int) -> models.VersionStory:
    return models.VersionStory.model_validate(
        look_document(call.bridge.drafting.look(version, call.now, by=call.by), call.now)
    )
