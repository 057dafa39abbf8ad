"""Lists of accounts from services that no sound server is: the contract's own tests run against a sound one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from connectors.scim import ScimConfig, ScimConnector
from connectors.scim.calls import http_client
from scimbridge.sdk import AccountPage, Context, Coverage, RejectedError, RetryableError
from scimbridge.sdk.testing import RecordingPermit

Respond = Callable[[httpx.QueryParams], httpx.Response]
MADE = "2031-02-28T22:00:00Z"


class App:
    """A scripted application with so many users, who may come and go between two pages.

    Attributes:
        asked: The query of each request for users.
        before_page: What happens right before a page is answered, by its number.
        respond: Answers requests for users.
    """

    def __init__(self, count: int, *, filters: bool = True, page: int = 100) -> None:
        self.users = [a_user(number) for number in range(count)]
        self.filters = filters
        self.page = page
        self.asked: list[httpx.QueryParams] = []
        self.before_page: dict[int, Callable[[], object]] = {}
        self.respond: Respond = self.of_all

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/ServiceProviderConfig"):
            return httpx.Response(200, json={"filter": {"supported": self.filters}})
        self.asked.append(request.url.params)
        self.before_page.get(len(self.asked), lambda: None)()
        return self.respond(request.url.params)

    def of_all(self, asked: httpx.QueryParams) -> httpx.Response:
        start = int(asked.get("startIndex", "1")) - 1
        return answer(self.users[start : start + min(self.page, int(asked["count"]))], total=len(self.users))

    def pages(self, since: str | None = None) -> list[AccountPage]:
        config = ScimConfig.model_validate(
            {"connector": "scim", "base_url": "https://app.example.com/scim", "token": "t"}
        )
        context = Context(target="app", permit=RecordingPermit())
        http = http_client(config, context, transport=httpx.MockTransport(self.answer), sleep=lambda _: None)
        found: list[AccountPage] = []
        try:
            found.extend(ScimConnector(config, context, http=http).list_accounts(since))
        finally:
            self.found = found
        return found


def a_user(number: int) -> dict[str, Any]:
    return {"id": str(number), "userName": f"user{number}", "meta": {"created": MADE, "lastModified": MADE}}


def answer(users: list[dict[str, Any]], **more: Any) -> httpx.Response:
    return httpx.Response(
        200,
        json={
            "totalResults": len(users),
            "Resources": users,
            **{"totalResults" if name == "total" else name: value for name, value in more.items()},
        },
    )


def ids(pages: list[AccountPage]) -> list[str]:
    return [account.id for page in pages for account in page.accounts]


@pytest.mark.parametrize("page", [100, 40, 1000])
def test_everybody_is_listed_once_however_large_the_pages_are(page: int) -> None:
    app = App(250, page=page)

    pages = app.pages()

    assert ids(pages) == [str(number) for number in range(250)]
    assert pages[-1].end is not None
    assert pages[-1].end.coverage is Coverage.WHOLE
    account = pages[0].accounts[0]
    assert (account.suspended, account.signed_in_at) == (None, None), "the application does not say"
    assert account.created_at == datetime(2031, 2, 28, 22, 0, tzinfo=UTC)


def test_who_was_moved_to_a_page_that_was_read_already_is_not_missed() -> None:
    app = App(250)
    app.before_page[2] = lambda: app.users.pop(50)

    with pytest.raises(RetryableError, match="came or went"):
        app.pages()

    assert len(app.found) == 1
    assert app.found[0].end is None


def test_a_service_that_knows_one_page_only_has_no_list() -> None:
    app = App(250)
    app.respond = lambda _asked: answer(app.users[:100], total=250)

    with pytest.raises(RejectedError, match="first page again"):
        app.pages()


def by_cursor(app: App, asked: httpx.QueryParams) -> httpx.Response:
    """Answer like a service that counts no pages, and gives a cursor whether it is asked for one or not."""
    start = int(asked.get("cursor", "0"))
    users = app.users[start : start + 100]
    place = {"nextCursor": str(start + 100)} if start + 100 < len(app.users) else {}
    return httpx.Response(200, json={"Resources": users, **place})


def test_a_service_that_gives_cursors_is_followed() -> None:
    app = App(250)
    app.respond = lambda asked: by_cursor(app, asked)

    assert ids(app.pages()) == [str(number) for number in range(250)]


def test_cursors_that_lead_in_circles_are_left() -> None:
    app = App(250)
    app.respond = lambda _asked: httpx.Response(200, json={"Resources": app.users[:100], "nextCursor": "same"})

    with pytest.raises(RejectedError, match="in circles"):
        app.pages()


def test_cursors_that_end_before_all_were_told_lead_to_no_whole_list() -> None:
    app = App(250)
    app.respond = lambda asked: answer(app.users[:100], total=250, **({} if "cursor" in asked else {"nextCursor": "x"}))

    with pytest.raises(RejectedError, match="announced more"):
        app.pages()


@pytest.mark.parametrize(
    ("respond", "message"),
    [
        (lambda app: httpx.Response(200, json={"Resources": app.users[:100]}), "how many there are"),
        (lambda app: answer(app.users[:0], total=250), "announced more"),
        (lambda app: answer([{"userName": "nobody"}], total=1), "without an id"),
    ],
)
def test_a_list_that_cannot_be_whole_never_looks_so(respond: Callable[[App], httpx.Response], message: str) -> None:
    app = App(250)
    app.respond = lambda _asked: respond(app)

    with pytest.raises(RejectedError, match=message):
        app.pages()

    assert all(page.end is None for page in app.found)


def test_an_application_that_filters_is_asked_for_what_has_changed() -> None:
    app = App(3)
    first = app.pages()[-1].end
    assert first is not None

    changes = app.pages(first.cursor)[-1].end

    assert changes is not None
    assert changes.coverage is Coverage.CHANGES
    assert app.asked[-1]["filter"].startswith('meta.lastModified gt "2031-02-28T20:59:')


@pytest.mark.parametrize("answers", [httpx.Response(400, json={"scimType": "invalidFilter"}), answer([])])
def test_a_filter_that_is_refused_or_finds_nobody_leads_to_a_whole_list(answers: httpx.Response) -> None:
    app = App(3)
    first = app.pages()[-1].end
    assert first is not None
    app.respond = lambda asked: answers if "filter" in asked else app.of_all(asked)

    pages = app.pages(first.cursor)

    assert pages[-1].end is not None
    assert pages[-1].end.coverage is Coverage.WHOLE
    assert ids(pages) == ["0", "1", "2"]


@pytest.mark.parametrize("spoil", ["filters", "times", "nonsense"])
def test_without_filters_or_times_of_change_there_are_only_whole_lists(spoil: str) -> None:
    app = App(3, filters=spoil != "filters")
    if spoil != "filters":
        app.users[1]["meta"] = {"lastModified": "yesterday"} if spoil == "nonsense" else {}

    end = app.pages()[-1].end

    assert end is not None
    assert end.cursor is None
    assert "filter" not in app.asked[-1]
