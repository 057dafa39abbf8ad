"""Every list as a file: whole, safe to open in a spreadsheet, and only for those who may have it."""

from __future__ import annotations

import csv
import io

import pytest

from scimbridge.dashboard.pages.exports import EXPORTS
from scimbridge.documents import sheet
from scimbridge.domain.hold import Scope
from scimbridge.domain.operator import Role
from scimbridge.sdk import RejectedError, RetryableError
from tests.counting import counted
from tests.dashboard.conftest import Browse
from tests.services.bench import Bench

PATHS = [each.path for each in EXPORTS]


def read(text: str) -> list[list[str]]:
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def leave(bench: Bench, *names: str) -> None:
    people = [bench.join(name) for name in names]
    bench.run()
    for person in people:
        bench.clock.advance("1s")
        bench.leave(person)


@pytest.mark.parametrize("path", PATHS)
def test_each_list_is_a_file_with_its_columns(bench: Bench, browse: Browse, path: str) -> None:
    leave(bench, "ada", "ben")
    bench.fail(RetryableError("later"), RejectedError("no"))
    bench.run("7d")
    bench.holding.place(Scope.TARGET, "crm", reason="audit", by="ops", now=bench.clock())

    answer = browse().get(path)

    columns, *rows = read(answer.text)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="')
    assert answer.headers["cache-control"] == "no-store"
    assert [len(row) for row in rows if len(row) != len(columns)] == []


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("role", "status"), [(Role.VIEWER, 403), (Role.AUDITOR, 200), (None, 303)])
def test_only_those_who_may_audit_get_files(browse: Browse, path: str, role: Role | None, status: int) -> None:
    assert browse(role).get(path).status_code == status


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\tx", 'O"Brien, <b>Söhne</b>'])
def test_nothing_in_a_file_is_a_formula(bench: Bench, browse: Browse, name: str) -> None:
    leave(bench, name)

    (row,) = read(browse().get("/cases.csv").text)[1:]

    assert row[1] == (f"'{name}" if name[0] in "=+-@\t" else name)


def test_a_file_has_all_that_the_filter_finds_however_many_parts_it_takes(
    bench: Bench, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheet, "AT_ONCE", 3)
    leave(bench, *(f"p{number}" for number in range(7)), "ada")
    browser = browse()

    rows = read(browser.get("/cases.csv").text)[1:]
    few = read(browser.get("/cases.csv?text=ada").text)[1:]

    assert [row[1] for row in rows] == ["ada", "p6", "p5", "p4", "p3", "p2", "p1", "p0"]
    assert [row[1] for row in few] == ["ada"]


def test_failures_of_one_target_are_a_file_of_their_own(bench: Bench, browse: Browse) -> None:
    leave(bench, "ada")
    bench.fail(RejectedError("no <b>way</b>"))
    bench.run("7d")
    browser = browse()

    (row,) = read(browser.get("/failures.csv?target=crm").text)[1:]

    assert (row[2], row[4], row[6], row[7]) == ("ada", "crm", "failed", "no <b>way</b>")
    assert read(browser.get("/failures.csv?target=directory").text)[1:] == []
    assert browser.get("/failures.csv?target=nowhere").status_code == 404


@pytest.mark.parametrize("path", ["/cases.csv", "/leavers.csv", "/history.csv", "/requests.csv"])
def test_a_filter_that_means_nothing_makes_no_file(browse: Browse, path: str) -> None:
    browser = browse()

    answer = browser.get(f"{path}?since=soon")

    assert answer.status_code == 400
    assert "since: &#39;soon&#39; is not a time; write 2026-03-02" in answer.text
    assert "list exported" not in browser.get("/history").text


def test_who_took_a_list_is_in_the_history(bench: Bench, browse: Browse) -> None:
    browse(Role.AUDITOR, "olga").get("/holds.csv")

    (entry,) = bench.overview.history_after(0)
    assert (entry["event"], entry["actor"], entry["details"]) == ("list exported", "olga", {"list": "holds"})


def test_a_page_offers_its_file_to_those_who_may_have_it(bench: Bench, browse: Browse) -> None:
    leave(bench, "ada")
    offered = '<a href="/cases.csv?state=all" download>'

    assert offered not in browse(Role.VIEWER, "vera").get("/cases?state=all").text
    assert offered in browse().get("/cases?state=all").text


def test_a_part_of_a_file_costs_as_much_as_a_page(bench: Bench, browse: Browse) -> None:
    leave(bench, *(f"p{number}" for number in range(6)))
    browser = browse()

    with counted(bench.database) as statements:
        browser.get("/cases.csv")

    assert len(statements) <= 6


@pytest.mark.parametrize(
    ("path", "part"), [("/history.csv", "dashboard.pages.exports.records"), ("/requests.csv", "documents.sheet")]
)
def test_what_happened_is_a_file_whole_and_by_its_filter(
    bench: Bench, browse: Browse, monkeypatch: pytest.MonkeyPatch, path: str, part: str
) -> None:
    leave(bench, "ada", "ben", "cid")
    bench.run("7d")
    browser = browse()
    expected = len(bench.overview.history_after(0, 1000)) if "history" in path else 6
    monkeypatch.setattr(f"scimbridge.{part}.AT_ONCE", 2)

    rows = read(browser.get(path).text)[1:]
    none = read(browser.get(f"{path}?until=2020-01-01").text)[1:]

    assert (len(rows), none) == (expected, [])
    assert len({row[0] for row in rows}) == expected


def test_who_left_is_a_file_with_how_far_it_is_and_how_long_it_took(bench: Bench, browse: Browse) -> None:
    leave(bench, "ada", "=ben")
    bench.run("7d")
    browser = browse()

    columns, *rows = read(browser.get("/leavers.csv").text)
    found = [dict(zip(columns, row, strict=True)) for row in rows]

    assert [each["person"] for each in found] == ["'=ben", "ada"]
    assert {(each["trigger"], each["stages"], each["stages finished"], each["late tasks"]) for each in found} == {
        ("deactivated", "2", "1", "0")
    }
    assert all(float(each["time to revoke (s)"]) >= 0 and each["revoked at"] for each in found)
    assert read(browser.get("/leavers.csv?until=2020-01-01&since=2019-01-01").text)[1:] == []
