"""Files of leavers, as people and HR systems write them."""

from __future__ import annotations

import pytest

from scimbridge.domain import table
from scimbridge.domain.leavers import Leaver, read_leavers
from scimbridge.domain.table import TableError


def read(text: str) -> list[Leaver]:
    return list(read_leavers(text.encode()).leavers)


def test_each_line_is_a_person() -> None:
    found = read("userName,externalId,email,source,reason,date\nada,7,a@x.example,okta,left,2026-03-31\n")

    assert found == [
        Leaver(
            line=2,
            user_name="ada",
            external_id="7",
            email="a@x.example",
            source="okta",
            reason="left",
            date="2026-03-31",
        )
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_any_usual_separator_will_do(separator: str) -> None:
    found = read(f"userName{separator}reason\nada{separator}left\n")

    assert (found[0].user_name, found[0].reason) == ("ada", "left")


def test_one_column_needs_no_separator() -> None:
    assert [each.user_name for each in read("userName\nada\nbob\n")] == ["ada", "bob"]


@pytest.mark.parametrize("name", ["userName", "USERNAME", "user_name", "User Name", " username ", '"userName"'])
def test_columns_are_known_however_they_are_spelled(name: str) -> None:
    assert read(f"{name}\nada\n")[0].user_name == "ada"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_marks_of_the_encoding_are_understood(encoding: str) -> None:
    found = read_leavers("userName\nzoë\n".encode(encoding)).leavers

    assert found[0].user_name == "zoë"


def test_lines_are_counted_as_an_editor_does() -> None:
    found = read('userName,reason\r\n\r\nada,"two\r\nlines, one cell"\r\n\r\n,,\r\nbob,left\r\n')

    assert [(each.line, each.user_name) for each in found] == [(3, "ada"), (7, "bob")]
    assert found[0].reason == "two\r\nlines, one cell"


def test_lines_may_end_as_on_an_old_mac() -> None:
    assert [(each.line, each.user_name) for each in read("userName\rada\rbob\r")] == [(2, "ada"), (3, "bob")]


@pytest.mark.parametrize(
    ("line", "person"),
    [
        (Leaver(line=2, user_name="ada", email="a@x.example", external_id="7", id="u1"), "ada"),
        (Leaver(line=2, email="a@x.example", external_id="7", id="u1"), "a@x.example"),
        (Leaver(line=2, external_id="7", id="u1"), "7"),
        (Leaver(line=2, id="u1"), "u1"),
        (Leaver(line=2), ""),
    ],
)
def test_a_person_is_called_by_the_name_that_people_know_best(line: Leaver, person: str) -> None:
    assert line.person == person


def test_columns_that_mean_nothing_are_named() -> None:
    assert read_leavers(b"userName,Office,\nada,Berlin,\n").ignored == ["Office"]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (",left", "it names nobody"),
        ("ada,left,early", "it has 3 values for 2 columns"),
    ],
)
def test_a_line_that_says_too_little_or_too_much_has_a_problem(row: str, problem: str) -> None:
    assert read(f"userName,reason\n{row}\n")[0].problem.startswith(problem)


def test_a_line_may_leave_out_its_end() -> None:
    assert read("userName,reason\nada\n")[0] == Leaver(line=2, user_name="ada")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the first line has to name the columns: userName, externalId, email or id"),
        (b"Name,Mail\nada,a\n", "the first line has to name the columns: userName, externalId, email or id"),
        (b"userName,username\nada,bob\n", "the first line names a column twice"),
        (b"userName\n", "there is no line below the names of the columns"),
        (b"userName\nada\nzo\xeb\n", "line 3 is not in UTF-8; save the file as CSV in UTF-8"),
        (b'userName\nada\n"bob\n', "line 3: unexpected end of data; check its quotes"),
        (b"userName\nada\0\n", "it contains a NUL, so it is not text; save the file as CSV in UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(content: bytes, message: str) -> None:
    with pytest.raises(TableError) as refusal:
        read_leavers(content)

    assert str(refusal.value) == message


def test_a_file_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MOST_LINES", 2)
    monkeypatch.setattr(table, "MOST_BYTES", 100)
    fits = b"userName\n" + b"a" * 91

    assert len(read_leavers(b"userName\na\nb\n").leavers) == 2
    assert len(read_leavers(fits).leavers) == 1
    with pytest.raises(TableError, match=r"^there are more than 2 lines; split the file$"):
        read_leavers(b"userName\na\nb\nc\n")
    with pytest.raises(TableError, match="larger than"):
        read_leavers(fits + b"a")


def test_a_file_that_is_too_large_is_told_how_large_it_may_be() -> None:
    with pytest.raises(TableError, match=r"^the file is larger than 8 MiB; split it$"):
        read_leavers(b"a" * (8 << 20) + b"a")
