"""A question for hooks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scimbridge.domain.action import Action
from scimbridge.sdk.hook import HookRequest, HookStage, HookTask

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def question() -> HookRequest:
    return HookRequest(
        id="call-1",
        hook="payroll",
        case_id="case-1",
        rule="employees",
        trigger="deactivated",
        trigger_at=NOW,
        source="okta",
        identity_id="identity-1",
        user_name="jürgen",
        external_id=None,
        active=False,
        document={"userName": "jürgen"},
        groups=("Sales",),
        stages=(
            HookStage(
                number=0,
                after=timedelta(days=1),
                due_at=NOW + timedelta(days=1),
                tasks=(HookTask(target="crm", action=Action.SUSPEND),),
            ),
            HookStage(
                number=1,
                after=timedelta(days=30),
                due_at=NOW + timedelta(days=30),
                tasks=(HookTask(target="crm", action=Action.DELETE),),
            ),
        ),
    )
