"""Notices with everything and with little in them, to try templates on before they are needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from scimbridge.notices import commands
from scimbridge.notices.notice import (
    Content,
    DeadlineMissed,
    GuardTripped,
    Kind,
    Leaver,
    RulesActivated,
    RulesUnused,
    Step,
    TargetPaused,
)

_AT = datetime(2026, 11, 30, 8, tzinfo=UTC)
_CASE = "0193753c-5e00-7b6c-8d20-1f0a5c3b9e11"
_FLOOD = "0193753c-5e00-7b6c-8d20-1f0a5c3b9e12"
_LINK = "https://bridge.example.com/"

_FULL = Leaver(
    person="Alex <Example> & Co",
    user_name="alex@example.com",
    source="okta",
    trigger="deactivated",
    case_id=_CASE,
    steps=(
        Step(at=_AT, action="suspend", targets=("crm", "directory")),
        Step(at=datetime(2027, 2, 28, 21, tzinfo=UTC), action="delete", targets=("directory",), is_irreversible=True),
        Step(
            at=datetime(2027, 5, 30, 8, tzinfo=UTC),
            action="archive",
            targets=("crm",),
            is_irreversible=True,
            needs_approval=True,
        ),
    ),
    point_of_no_return=datetime(2027, 2, 28, 21, tzinfo=UTC),
    hold_command=commands.hold_case(_CASE),
    cancel_command=commands.cancel_case(_CASE),
    link=_LINK,
)
_BARE = Leaver(
    person="alex@example.com",
    user_name="alex@example.com",
    source="okta",
    trigger="requested",
    case_id=_CASE,
    steps=(),
    point_of_no_return=None,
    hold_command=commands.hold_case(_CASE),
    cancel_command=commands.cancel_case(_CASE),
    link=_LINK,
)

_GROUP = Leaver(
    person="Fair 2019",
    user_name="Fair 2019",
    source="directory",
    trigger="requested",
    case_id=_CASE,
    steps=(Step(at=_AT, action="disable_group", targets=("directory",)),),
    point_of_no_return=None,
    hold_command=commands.hold_case(_CASE),
    cancel_command=commands.cancel_case(_CASE),
    link=_LINK,
    is_group=True,
)

SAMPLES: Mapping[Kind, Sequence[Content]] = {
    Kind.LEAVER: (_FULL, _BARE, _GROUP),
    Kind.GUARD_TRIPPED: (
        GuardTripped(
            flood_id=_FLOOD,
            where="source okta",
            reason="101 identities in 24h, and 100 are allowed",
            release_command=commands.release_flood(_FLOOD),
            cancel_command=commands.cancel_flood(_FLOOD),
            link=_LINK,
        ),
    ),
    Kind.TARGET_PAUSED: (
        TargetPaused(
            target="crm",
            reason="reading an account: the target answered 401 Unauthorized",
            check_command=commands.check_target("crm"),
            resume_command=commands.resume_target("crm"),
            link=_LINK,
        ),
    ),
    Kind.DEADLINE_MISSED: (
        DeadlineMissed(
            action="suspend",
            target="crm",
            case_id=_CASE,
            due_at=_AT,
            deadline_at=datetime(2026, 11, 30, 8, 5, tzinfo=UTC),
            reason="reading an account: cannot connect (Connection refused)",
            show_command=commands.show_case(_CASE),
            link=_LINK,
        ),
    ),
    Kind.RULES_ACTIVATED: (
        RulesActivated(
            version=4,
            by="ada",
            reason="a week more before licenses go",
            changes=("added: contractors", "changed: employees"),
            warnings=("new, and cannot be undone: rule contractors: delete after 30d, with an approval",),
            diff_command=commands.compare_rules(4, 3),
            back_command=commands.draft_rules_of(3),
            link=_LINK,
        ),
        RulesActivated(
            version=4,
            by="/etc/scimbridge.toml on web-1",
            reason="the configuration file has changed",
            changes=(),
            warnings=(),
            diff_command=commands.compare_rules(4, 3),
            back_command=commands.draft_rules_of(3),
            link=_LINK,
        ),
    ),
    Kind.RULES_UNUSED: (
        RulesUnused(
            version=4,
            where="/etc/scimbridge.toml on web-2",
            reason='1 problem, the first: rules[0].stages[0].targets: there is no target "crm"; what it plans is held',
            check_command=commands.check(),
            link=_LINK,
        ),
    ),
}
"""Of each kind."""
