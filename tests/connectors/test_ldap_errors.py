from __future__ import annotations

import pytest

from connectors.ldap.errors import RESULTS, ConnectionLostError, bind_refusal, refusal, unreachable
from scimbridge.sdk import (
    AccountNotFoundError,
    ConnectorError,
    RejectedError,
    RetryableError,
    TargetUnusableError,
)

WHAT_TO_DO: dict[type[ConnectorError], set[int]] = {
    RetryableError: {3, 11, 51, 52, 122},
    TargetUnusableError: {7, 8, 10, 13, 48, 49},
    AccountNotFoundError: {32},
    RejectedError: {1, 2, 4, 12, 16, 17, 19, 20, 21, 34, 50, 53, 64, 65, 66, 68, 71, 80},
}
ROWS = [(code, error) for error, codes in WHAT_TO_DO.items() for code in sorted(codes)]


def test_every_row_of_the_table_is_looked_at() -> None:
    assert {code for code, _ in ROWS} == set(RESULTS)


@pytest.mark.parametrize(("code", "error"), ROWS)
def test_a_result_code_says_what_to_do_next(code: int, error: type[ConnectorError]) -> None:
    raised = refusal(code, "modify pwdAccountLockedTime", right="write access")

    assert type(raised) is error
    assert f"({code})" in str(raised)
    assert str(raised).startswith("modify pwdAccountLockedTime: ")


def test_a_result_code_we_do_not_know_is_not_tried_again() -> None:
    raised = refusal(71, "delete", right="write access")

    assert type(raised) is RejectedError
    assert "(71)" in str(raised)


def test_only_a_missing_right_names_the_right() -> None:
    assert "write access to x" in str(refusal(50, "modify x", right="write access to x"))
    assert "write access to x" not in str(refusal(53, "modify x", right="write access to x"))


@pytest.mark.parametrize(("code", "error"), ROWS)
def test_a_refused_bind_of_our_own_stops_the_target_unless_waiting_helps(
    code: int, error: type[ConnectorError]
) -> None:
    raised = bind_refusal(code)

    assert type(raised) is (RetryableError if error is RetryableError else TargetUnusableError)


@pytest.mark.parametrize(
    "reason",
    [
        "socket ssl wrapping error: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
        "[SSL: WRONG_VERSION_NUMBER] wrong version number",
        "startTLS failed - protocolError",
    ],
)
def test_a_connection_that_will_never_be_trusted_is_not_tried_again(reason: str) -> None:
    raised = unreachable(reason, is_stale=True)

    assert type(raised) is TargetUnusableError
    assert reason in str(raised)


@pytest.mark.parametrize("is_stale", [False, True])
def test_a_broken_connection_says_whether_a_new_one_may_help(is_stale: bool) -> None:
    raised = unreachable("[Errno 111] Connection refused", is_stale=is_stale)

    assert isinstance(raised, ConnectionLostError)
    assert raised.is_stale is is_stale


def test_the_reason_that_active_directory_gives_is_told() -> None:
    raised = bind_refusal(49, "80090308: LdapErr: DSID-0C09042F, comment: AcceptSecurityContext error, data 533, v3839")

    assert type(raised) is TargetUnusableError
    assert "it is disabled" in str(raised)
