"""What the connector asks and does by twenty requests a call."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors.microsoft365 import Microsoft365Connector
from scimbridge.sdk import Action, ConnectorError, Done, RetryableError, TargetUnusableError
from scimbridge.sdk.testing import RecordingPermit, confirmed
from tests.connectors.graph_bridge import Directory, perform
from tests.doubles.graph import User
from tests.doubles.graph.errors import refusal, throttled
from tests.doubles.serving import Answer, Asked, Fault

pytest_plugins = ("tests.connectors.graph_fixtures",)


def test_a_look_at_an_account_is_one_call_that_changes_nothing(running: Directory, ann: User) -> None:
    permit = RecordingPermit()
    connector = running.connector(permit)
    connector.check()
    running.graph.calls.clear()
    permit.asked.clear()

    connector.read(ann.id)

    assert [asked.path for asked in running.graph.calls] == ["/v1.0/$batch"]
    assert permit.asked == [False]
    connector.close()


def test_a_rate_limit_counts_each_write_of_a_call(running: Directory, ann: User) -> None:
    for number in range(25):
        running.graph.tenant.form(f"group-{number}", ann)
    permit = RecordingPermit()
    connector = running.connector(permit)
    state = connector.read(ann.id)
    permit.asked.clear()

    connector.perform(Action.REMOVE_FROM_GROUPS, state, confirmed)

    assert permit.asked == [True] * 25
    connector.close()


def test_an_account_with_many_groups_is_read_to_the_last_page(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    for number in range(1001):
        running.graph.tenant.form(f"group-{number}", ann)

    assert len(connector.read(ann.id).groups or ()) == 1001


@pytest.mark.parametrize("answer", [throttled(1), throttled(None), refusal(503, "ServiceUnavailable", "later")])
def test_what_is_put_off_of_a_look_is_asked_for_again_and_the_rest_is_not(
    running: Directory, ann: User, connector: Microsoft365Connector, answer: Answer
) -> None:
    running.graph.faults = [Fault(answer, is_meant=is_about("memberOf"))]

    assert connector.read(ann.id).name == ann.upn

    asked = [asked.path.rpartition("/")[2] for asked in running.graph.batched]
    assert (asked.count("memberOf"), asked.count("ownedObjects")) == (2, 1)


def test_a_look_that_stays_put_off_is_left_to_the_engine(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    running.graph.faults = [Fault(throttled(600), times=100, is_meant=is_about("ownedObjects"))]

    with pytest.raises(RetryableError, match="put off 1 of") as caught:
        connector.read(ann.id)

    assert caught.value.retry_after is not None
    assert caught.value.retry_after.total_seconds() == 600


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(403, "Authorization_RequestDenied", "Insufficient privileges"), ConnectorError),
        # Graph has told the account by the same call: that it is gone is no fact.
        (refusal(404, "Request_ResourceNotFound", "gone"), RetryableError),
        (Answer(status=404, body={"page": "of something else"}), TargetUnusableError),
    ],
)
def test_a_refused_part_means_the_same_as_a_refused_call_and_never_that_the_account_is_gone(
    running: Directory, ann: User, connector: Microsoft365Connector, answer: Answer, kind: type[ConnectorError]
) -> None:
    running.graph.faults = [Fault(answer, is_meant=is_about("memberOf"))]

    with pytest.raises(kind, match=r"reading an account: the target answered 40[34]"):
        connector.read(ann.id)


def test_a_request_that_a_batch_leaves_out_is_no_answer(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    running.graph.faults = [Fault(Answer(status=200, body={"responses": []}), is_meant=is_about("$batch"))]

    with pytest.raises(RetryableError, match="did not answer a request"):
        connector.read(ann.id)


def test_a_look_whose_answer_was_lost_is_sent_again(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    running.graph.faults = [Fault(is_late=True, is_meant=is_about("$batch"))]

    assert connector.read(ann.id).name == ann.upn


def test_a_throttled_write_is_repeated_and_one_of_unknown_fate_is_not(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    groups = [running.graph.tenant.form(f"group-{number}", ann) for number in range(3)]
    running.graph.faults = [Fault(throttled(1), is_meant=is_about(groups[1].id, "DELETE"))]
    assert perform(connector, Action.REMOVE_FROM_GROUPS, ann) == Done(changed=True, after={"how many": 3})

    groups[0].members.add(ann.id)
    state = connector.read(ann.id)
    running.graph.faults = [
        Fault(refusal(503, "ServiceUnavailable", "later"), is_meant=is_about(groups[0].id, "DELETE"))
    ]
    running.graph.batched.clear()
    with pytest.raises(RetryableError, match="put off 1 of 1"):
        connector.perform(Action.REMOVE_FROM_GROUPS, state, confirmed)
    assert len(running.graph.batched) == 1


def is_about(part: str, method: str | None = None) -> Callable[[Asked], bool]:
    def is_meant(asked: Asked) -> bool:
        return part in asked.path and method in (None, asked.method)

    return is_meant
