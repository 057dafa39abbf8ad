"""``scimbridge groups``: from the list of those that nobody needs to the case of each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from connectors.sample.store import SampleFile
from scimbridge.bridge import Bridge
from scimbridge.sdk import AccountRef
from tests.cli.conftest import Terminal
from tests.clock import FakeClock

CONFIG = """
data_dir = "data"

[targets.directory]
connector = "sample"
file = "directory.db"
mode = "enforce"

[[rules]]
name = "old groups"
when = ["requested"]

  [[rules.stages]]
  after = "0s"
  do = ["stamp_group"]

  [[rules.stages]]
  after = "30d"
  do = ["empty_group"]
"""


@pytest.fixture
def directory(config: Path, terminal: Terminal, sqlite_template: bytes, clock: FakeClock) -> SampleFile:
    config.write_text(CONFIG)
    (config.parent / "data").mkdir()
    (config.parent / "data" / "bridge.db").write_bytes(sqlite_template)
    return SampleFile.create(config.parent / "directory.db")


@pytest.fixture
def fairs(directory: SampleFile) -> dict[str, str]:
    """Groups that are used, empty, and old and nobody's; by name."""
    ada = directory.add("ada")
    owner = [[ada, "ada"]]
    return {
        "Sales": directory.form("Sales", [ada], owners=owner, changed_at="2026-02-27T09:00:00+00:00"),
        "Fair 2019": directory.form("Fair 2019", owners=owner),
        "=Fair 2018": directory.form("=Fair 2018", [ada], changed_at="2018-09-01T09:00:00+00:00"),
        "Canteen": directory.form("Canteen", [ada]),
    }


def test_groups_that_nobody_seems_to_need_are_listed_with_the_reason(
    terminal: Terminal, fairs: dict[str, str], directory: SampleFile
) -> None:
    shown = {each["name"]: each["reasons"] for each in terminal.read("groups", "stale", "directory")}
    more = {each["name"] for each in terminal.read("groups", "stale", "directory", "--ownerless")}

    assert shown == {"Fair 2019": ["has no members"], "=Fair 2018": ["not changed for 2739d", "has no owner"]}
    assert more == {"Fair 2019", "=Fair 2018", "Canteen"}
    assert directory.writes() == []
    assert fairs["Fair 2019"] in terminal.run("groups", "stale", "directory").stdout


def test_the_list_is_a_file_that_can_be_stamped(terminal: Terminal, fairs: dict[str, str], empty_folder: Path) -> None:
    listed = terminal.run("groups", "stale", "directory", "--csv").stdout
    (empty_folder / "stale.csv").write_text(listed)

    answer = terminal.read("groups", "stamp", "directory", "stale.csv", "--by", "eve")

    assert f'{fairs["=Fair 2018"]},\'=Fair 2018,1,"not changed for 2739d, has no owner"' in listed
    assert answer["done"] is True
    assert {(line["id"], line["outcome"]) for line in answer["lines"]} == {
        (fairs["Fair 2019"], "opened"), (fairs["=Fair 2018"], "opened")
    }  # fmt: skip


def test_a_group_is_stamped_and_its_case_says_where_it_stands(
    terminal: Terminal, fairs: dict[str, str], directory: SampleFile, clock: FakeClock
) -> None:
    (line,) = terminal.read("groups", "stamp", "directory", "fair 2019", "--reason", "over", "--by", "eve")["lines"]
    work(terminal, clock)

    (found,) = terminal.read("groups", "status", "directory")
    story = terminal.run("cases", "show", line["case_id"]).stdout
    assert (found["done"], found["next"], found["target"]) == (["stamp_group"], "empty_group", "directory")
    assert found["id"] == line["case_id"]
    assert "Group Fair 2019 at directory is to be given up, as eve asked at" in story
    assert "empty_group" in terminal.run("groups", "status").stdout
    assert "[To Be Deleted]" in (directory.look_at_group(fairs["Fair 2019"]) or {})["note"]
    assert terminal.read("groups", "stale", "directory")[1]["case_id"] == line["case_id"]


def test_what_a_group_opens_is_shown_before_it_goes(
    terminal: Terminal, fairs: dict[str, str], directory: SampleFile
) -> None:
    shares = (AccountRef("s1", "Share Canteen"), AccountRef("s2", "VPN"))
    directory.edit_group(fairs["Canteen"], lambda group: replace(group, opens=shares))
    asked = ("groups", "stamp", "directory", "Canteen", "--reason", "over", "--dry-run")

    (line,) = terminal.read(*asked)["lines"]
    shown = terminal.run(*asked).stdout

    assert (line["members"], line["opens"]) == (1, ["Share Canteen", "VPN"])
    assert "Share Canteen, VPN" in shown


def test_an_approval_shows_the_group_and_who_is_in_it(
    terminal: Terminal, fairs: dict[str, str], directory: SampleFile, clock: FakeClock
) -> None:
    directory.edit_group(fairs["Canteen"], lambda group: replace(group, protected="the key to the safe"))
    (line,) = terminal.read("groups", "stamp", "directory", "Canteen", "--reason", "over")["lines"]
    work(terminal, clock)

    shown = terminal.run("cases", "approve", line["case_id"], "--yes", "--by", "dan")

    said = shown.stdout + shown.stderr
    assert "Group Canteen at directory, by rule old groups." in said
    assert f"directory: group Canteen ({fairs['Canteen']})" in said
    assert "it is the key to the safe" in said
    assert "members: ada" in said


def work(terminal: Terminal, clock: FakeClock) -> None:
    """Do what a worker does."""
    from scimbridge.config import load

    bridge = Bridge(load(terminal.config), queue_url="unix:///nowhere")
    with bridge.database.write() as tx:
        from scimbridge.store import targets

        targets.ensure_targets(tx, ["directory"])
    with bridge.database.read() as tx:
        from scimbridge.store import agenda

        ready = agenda.runnable_accounts(tx, "directory", clock(), 10)
    for account_id in ready:
        bridge.execution.work(account_id)
    bridge.close()


@pytest.mark.usefixtures("fairs")
@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("directory", "Nobody", "--reason", "x"), 1, "there is no such group at directory"),
        (("directory", "Nobody", "--reason", "x", "--partial"), 3, "there is no such group at directory"),
        (("directory", "Fair 2019"), 1, "no reason is given"),
        (("directory", "Fair 2019", "--reason", "x", "--dry-run"), 0, "Nothing was done"),
        (("nowhere", "Fair 2019", "--reason", "x"), 1, "nowhere"),
        (("directory", "nothing.csv", "--reason", "x"), 2, "nothing.csv"),
    ],
)
def test_what_cannot_be_stamped_is_said(terminal: Terminal, arguments: tuple[str, ...], code: int, says: str) -> None:
    shown = terminal.run("groups", "stamp", *arguments, code=code)

    assert says in shown.stdout + shown.stderr
    assert terminal.read("groups", "status") == []
