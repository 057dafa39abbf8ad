"""A file of leavers is read as people export it, and says which line is wrong."""

from __future__ import annotations

import pytest

from scimbridge.errors import LeaverFileError
from scimbridge.services import leaver_file
from scimbridge.services.leaver_file import Leaver, Unread, read_leavers, whom
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import Bench


def read(text: str) -> leaver_file.LeaverFile:
    return read_leavers(text.encode())


def test_each_line_names_somebody() -> None:
    found = read("userName,externalId,id,source\nada,E1,,okta\nben,,,\n,,0a-1,\n")

    assert found.leavers == (
        Leaver(number=2, user_name="ada", external_id="E1", source="okta"),
        Leaver(number=3, user_name="ben"),
        Leaver(number=4, id="0a-1"),
    )
    assert (found.unread, found.ignored) == ((), ())


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfuserName;Department\r\nada;Sales\r\n",
        b'"User Name"\t"Department"\n"ada"\t"Sales"\n',
        b"USER_NAME,Department\n\n  ada  , Sales\n\n",
    ],
    ids=["excel", "tabs", "spaces"],
)
def test_a_file_is_read_as_programs_write_it(content: bytes) -> None:
    found = read_leavers(content)

    assert [str(leaver) for leaver in found.leavers] == ["ada"]
    assert found.ignored == ("Department",)


def test_a_value_may_go_over_several_lines_and_hold_separators() -> None:
    found = read('userName,note\n"ada","back, on\nMonday"\nben,\n')

    assert [(one.number, one.user_name) for one in found.leavers] == [(3, "ada"), (4, "ben")]


def test_lines_that_name_nobody_or_somebody_twice_are_told_apart() -> None:
    found = read("userName,source\nada,\n,okta\nADA,\nada,okta\nben,okta,x\n")

    assert [leaver.number for leaver in found.leavers] == [2, 5]
    assert found.unread == (
        Unread(3, "names nobody"),
        Unread(4, "names the same person as line 2"),
        Unread(6, "has 3 values, and the first line has 2 headings"),
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no column is called userName"),
        (b"ada\nben\n", "no column is called userName"),
        (b"userName,User Name\nada,ada\n", "two columns"),
        (b"userName\nad\xe4\n", "not UTF-8"),
        (b"userName\na\0da\n", "no text"),
        (b'userName\n"ada\n', "line 2 cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(content: bytes, said: str) -> None:
    with pytest.raises(LeaverFileError, match=said):
        read_leavers(content)


def test_a_file_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaver_file, "MOST_LINES", 2)
    assert len(read("userName\na\nb\n").leavers) == 2

    with pytest.raises(LeaverFileError, match="more than 2 lines"):
        read("userName\na\nb\nc\n")

    monkeypatch.setattr(leaver_file, "LARGEST", 10)
    with pytest.raises(LeaverFileError, match="larger"):
        read("userName\nada\n")


def test_a_line_is_about_everybody_whom_all_of_it_fits(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock)
    here = bench.join("Ada")
    there = bench.join("ada", source="hr", everywhere=False)
    gone = bench.join("ben")
    bench.delete(gone)

    def found(**said: str) -> list[str]:
        with database.read() as tx:
            return whom(tx, Leaver(number=2, **said))

    assert found(user_name="ADA") == sorted([here, there])
    assert found(user_name="ada", source="hr") == [there]
    assert found(external_id="ext-Ada") == [here]
    assert found(id=there) == [there]
    assert found(id=here, user_name="ben") == []
    assert found(user_name="ben") == []
