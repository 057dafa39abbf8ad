from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.scim.errors import KEYWORDS, STATUS_ERRORS, RefusedError, StaleError, explain, is_scim_error
from scimbridge.sdk import ConnectorError, RetryableError, TargetUnusableError
from scimbridge.sdk.http import Answer, error_for

SCIM_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


def answer(document: Any = None, *, body: bytes | None = None, status: int = 400) -> Answer:
    content = json.dumps(document).encode() if body is None else body
    return Answer(status=status, headers={}, body=content, call="trying")


@pytest.mark.parametrize(("status", "kind"), STATUS_ERRORS.items())
def test_each_row_is_what_the_engine_sees(status: int, kind: type[ConnectorError]) -> None:
    assert error_for(status, STATUS_ERRORS) is kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, TargetUnusableError),
        (403, RefusedError),
        (404, TargetUnusableError),
        (409, RefusedError),
        (412, StaleError),
        (422, RefusedError),
        (429, RetryableError),
        (500, RetryableError),
        (501, RefusedError),
        (503, RetryableError),
    ],
)
def test_the_rows_that_decide_about_people(status: int, kind: type[ConnectorError]) -> None:
    assert error_for(status, STATUS_ERRORS) is kind


@pytest.mark.parametrize("keyword", sorted(KEYWORDS))
def test_a_keyword_of_the_standard_is_shown(keyword: str) -> None:
    assert explain(answer({"scimType": keyword})) == keyword


@pytest.mark.parametrize(
    "document", [{"detail": "alice is protected"}, {"scimType": "alice"}, {"scimType": ["uniqueness"]}, [], None]
)
def test_nothing_else_of_an_answer_is_shown(document: Any) -> None:
    assert explain(answer(document)) == ""


def test_a_redirect_points_at_the_setting() -> None:
    assert "base_url" in explain(answer(body=b"", status=301))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (json.dumps({"schemas": [SCIM_ERROR], "status": "404"}).encode(), True),
        (b'{"message": "not found"}', False),
        (b'{"schemas": "x"}', False),
        (b"<html>404</html>", False),
        (b"", False),
    ],
)
def test_only_a_scim_error_is_taken_for_the_services_own_word(body: bytes, expected: bool) -> None:
    assert is_scim_error(answer(body=body)) is expected
