"""The sample target across processes, its faults, and what its configuration has to say."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.sample import SampleConfig, SampleConnector
from connectors.sample.errors import FAULTS, Fault
from connectors.sample.store import SampleFile
from scimbridge.config import load
from scimbridge.errors import ConfigurationError
from scimbridge.sdk import Action, Context, RejectedError, RetryableError, TargetUnusableError
from scimbridge.sdk.testing import RecordingPermit, confirmed


@pytest.fixture
def file(tmp_path: Path) -> SampleFile:
    return SampleFile.create(tmp_path / "sample.db")


@pytest.fixture
def connector(file: SampleFile) -> SampleConnector:
    config = SampleConfig(connector="sample", file=file.path, leavers_container="leavers")
    return SampleConnector(config, Context(target="sample", permit=RecordingPermit()))


def test_every_account_action_and_undo_is_performed() -> None:
    assert set(SampleConnector.capabilities) == set(Action) - {Action.NOTIFY}


def test_a_check_counts_as_people_do(file: SampleFile, connector: SampleConnector) -> None:
    file.add("ada")
    one = connector.check()
    file.add("bob")

    assert (one, connector.check()) == ("a sample target with 1 account", "a sample target with 2 accounts")


def test_another_process_sees_what_was_changed(file: SampleFile, connector: SampleConnector) -> None:
    ada = file.add("ada")
    code = (
        "import sys; from pathlib import Path; from connectors.sample.store import SampleFile; "
        "print(SampleFile(Path(sys.argv[1])).look(sys.argv[2])['suspended'])"
    )

    connector.perform(Action.SUSPEND, connector.read(ada), confirmed)
    seen = subprocess.run([sys.executable, "-c", code, file.path, ada], capture_output=True, text=True, check=True)

    assert seen.stdout.strip() == "True"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.UNREACHABLE, RetryableError),
        (Fault.THROTTLED, RetryableError),
        (Fault.REJECTED, RejectedError),
        (Fault.UNUSABLE, TargetUnusableError),
    ],
)
def test_a_fault_fails_so_many_calls_and_no_more(
    file: SampleFile, connector: SampleConnector, fault: Fault, error: type[Exception]
) -> None:
    ada = file.add("ada")
    file.fail("read", fault, times=2)

    for _ in range(2):
        with pytest.raises(error):
            connector.read(ada)

    assert connector.read(ada).name == "ada"


def test_throttling_says_how_long() -> None:
    made = FAULTS[Fault.THROTTLED]
    assert made is not None
    error = made()
    assert isinstance(error, RetryableError)
    assert error.retry_after == timedelta(minutes=1)


def test_a_lying_target_answers_and_changes_nothing(file: SampleFile, connector: SampleConnector) -> None:
    ada = file.add("ada")
    file.fail("suspend", Fault.LYING)

    connector.perform(Action.SUSPEND, connector.read(ada), confirmed)

    assert not connector.read(ada).suspended
    assert file.writes() == [("suspend", ada, False)]


def test_who_is_left_alone_as_an_owner_is_protected(file: SampleFile, connector: SampleConnector) -> None:
    team, notes = file.offer("Team", is_privileged=True), file.offer("Notes")
    ada, bob = (file.add(name, owns=[team, notes]) for name in ("ada", "bob"))
    together = connector.read(ada).protected

    connector.perform(Action.SUSPEND, connector.read(bob), confirmed)

    assert together == ""
    assert connector.read(ada).protected == "the last owner of Team"


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    config = SampleConfig(connector="sample", file=tmp_path / "mistyped.db")
    with pytest.raises(RetryableError, match="there is no sample target"):
        SampleConnector(config, Context(target="sample", permit=RecordingPermit())).check()

    assert not config.file.exists()


def test_a_rule_that_moves_accounts_is_refused_where_nothing_says_where_to(tmp_path: Path) -> None:
    path = tmp_path / "scimbridge.toml"
    text = """
[sources.okta]
[targets.sample]
connector = "sample"
file = "sample.db"
[[rules]]
name = "leavers"
when = ["deactivated"]
stages = [{ after = "0s", do = ["suspend", "move"] }]
"""
    path.write_text(text)

    with pytest.raises(ConfigurationError) as caught:
        load(path, {})

    assert [problem.path for problem in caught.value.problems] == ["targets.sample.leavers_container"]
    path.write_text(text.replace('"sample.db"', '"sample.db"\nleavers_container = "leavers"'))
    assert load(path, {}).targets["sample"].connector == "sample"


@pytest.mark.parametrize(
    ("stages", "why"),
    [
        (("suspend", "purge"), '"purge" needs an earlier stage that does "delete" at sample'),
        (("suspend", 'delete", "purge'), '"purge" needs an earlier stage that does "delete" at sample'),
        (("delete", "suspend"), '"suspend" comes after "delete" at sample, when there is nothing left to do it to'),
        (
            ("delete", "purge", "stamp"),
            '"stamp" comes after "delete" at sample, when there is nothing left to do it to',
        ),
        (("delete", "purge"), None),
    ],
)
def test_only_what_an_earlier_stage_has_deleted_can_be_purged(
    tmp_path: Path, stages: tuple[str, ...], why: str | None
) -> None:
    path = tmp_path / "scimbridge.toml"
    planned = ", ".join(f'{{ after = "{number}d", do = ["{each}"] }}' for number, each in enumerate(stages))
    path.write_text(
        f"""
[sources.okta]
[targets.sample]
connector = "sample"
file = "sample.db"
[[rules]]
name = "leavers"
when = ["deactivated"]
stages = [{planned}]
"""
    )
    if why is None:
        load(path, {})
        return

    with pytest.raises(ConfigurationError) as caught:
        load(path, {})

    assert [problem.message for problem in caught.value.problems] == [why]
