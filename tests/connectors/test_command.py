from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tempfile
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import psutil
import pytest
from pydantic import ValidationError

from connectors.command import CommandConfig, CommandConnector
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountState,
    Action,
    ConnectorError,
    Done,
    InProgress,
    NeedsPerson,
    Person,
    RejectedError,
    RetryableError,
    TargetUnusableError,
)
from scimbridge.sdk.relaying import RelayedAction
from scimbridge.sdk.testing import confirmed
from tests.connectors.legacy import Legacy, save

ANN = AccountState(id="17", name="ann@example.com", suspended=False)


@pytest.fixture
def legacy(tmp_path: Path) -> Legacy:
    return Legacy(tmp_path)


def saying(legacy: Legacy, text: str, **settings: Any) -> CommandConnector:
    """A connector whose program is this one, whatever it is asked."""
    program = save(legacy.program.with_name("other"), f"import json, os, signal, subprocess, sys, time\n{text}\n")
    return legacy.connector(program=[str(program), "--site", "a b; rm -rf $HOME"], **settings)


def suspend(connector: CommandConnector) -> Any:
    return connector.perform(Action.SUSPEND, ANN, confirmed)


def test_every_action_that_can_be_named_is_performed() -> None:
    assert {Action(name) for name in get_args(RelayedAction)} == set(CommandConnector.capabilities)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"allow_program": False}, "allow_program"),
        ({"program": ["legacy"]}, "whole path"),
        ({"program": []}, "program"),
        ({"actions": []}, "actions"),
        ({"actions": ["move"]}, "actions"),
        ({"environment": {"LD_PRELOAD": "x"}}, "not a name for a variable"),
        ({"environment": {"a=b": "x"}}, "not a name for a variable"),
        ({"environment": {"A": "x\0"}}, "cannot hold a NUL"),
    ],
)
def test_a_mistake_is_refused(settings: dict[str, Any], said: str) -> None:
    whole = {"connector": "command", "allow_program": True, "program": ["/opt/x"], "actions": ["suspend"]}
    with pytest.raises(ValidationError, match=said):
        CommandConfig.model_validate({**whole, **settings})


def test_a_program_is_never_run_unless_it_is_allowed_by_name() -> None:
    with pytest.raises(ValidationError, match="allow_program"):
        CommandConfig.model_validate({"connector": "command", "program": ["/opt/x"], "actions": ["suspend"]})


def test_a_program_that_others_can_change_is_refused(legacy: Legacy, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(legacy.program)
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    way = tmp_path / "way"
    way.symlink_to(shared)
    within = save(shared / "legacy", "print('{}')")
    writable = save(tmp_path / "writable", "print('{}')")
    writable.chmod(0o775)
    theirs = save(tmp_path / "theirs", "print('{}')")
    if os.geteuid() == 0:
        os.chown(theirs, 65534, 65534)
    plain = tmp_path / "plain"
    plain.touch()

    for path, said in (
        (link, "not an executable file"),
        (within, f"others can change {shared}"),
        (way / within.name, f"others can change {shared}"),
        (writable, "others can change"),
        *([(theirs, "others can change")] if os.geteuid() == 0 else []),
        (plain, "not an executable file"),
        (tmp_path / "nowhere", "there is no"),
    ):
        with pytest.raises(TargetUnusableError, match=said):
            legacy.connector(program=[str(path)]).check()


def test_it_gets_its_arguments_as_they_are_and_nothing_of_the_bridges_surroundings(
    legacy: Legacy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BRIDGE_SECRET", "of-the-bridge")
    facts = tmp_path / "facts.json"
    told = saying(
        legacy,
        "facts = [sys.argv[1:], dict(os.environ), os.getcwd(), os.listdir()]\n"
        'facts += [json.load(sys.stdin), os.listdir("/proc/self/fd")]\n'
        f'json.dump(facts, open({str(facts)!r}, "w"))\nprint("{{}}")',
        environment={"SITE": "berlin"},
        secrets={"PASSWORD": "of-the-program"},
    )

    assert suspend(told) == Done(changed=True)

    arguments, environment, folder, files, asked, open_files = json.loads(facts.read_text())
    assert arguments == ["--site", "a b; rm -rf $HOME"]
    environment.pop("LC_CTYPE", None)
    assert environment == {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": folder,
        "TMPDIR": folder,
        "SITE": "berlin",
        "PASSWORD": "of-the-program",
    }
    assert asked == {
        "version": 1,
        "call": "act",
        "action": "suspend",
        "account": {"id": "17", "name": "ann@example.com"},
        "handle": None,
    }
    assert (files, len(open_files)) == ([], 4), "the three streams, and the listing itself"
    assert not Path(folder).exists()


@pytest.mark.parametrize(
    ("code", "answer", "error", "said"),
    [
        (65, {"message": "locked by payroll"}, RejectedError, "suspend by the program: locked by payroll"),
        (67, {}, AccountNotFoundError, "gave no reason"),
        (75, {"message": "later", "retry_after": 90}, RetryableError, "later"),
        (78, {"message": "no licence"}, TargetUnusableError, "no licence"),
        (1, "Traceback of ann", RetryableError, r"gave no reason \(exit code 1\)"),
        (0, "no JSON", RejectedError, "cannot be used"),
        (0, {"changed": "yes"}, RejectedError, "changed: Input should be a valid boolean"),
        (0, {"nonsense": 1}, RejectedError, "nonsense"),
        (10, {"handle": ""}, RejectedError, "handle"),
        (11, {}, RejectedError, "instructions"),
    ],
)
def test_an_exit_code_says_what_comes_next(
    legacy: Legacy, code: int, answer: Any, error: type[ConnectorError], said: str
) -> None:
    text = answer if isinstance(answer, str) else json.dumps(answer)

    with pytest.raises(error, match=said) as caught:
        suspend(saying(legacy, f"print({text!r})\nsys.exit({code})"))

    if isinstance(caught.value, RetryableError):
        assert caught.value.retry_after == (timedelta(seconds=90) if code == 75 else None)


def test_it_may_go_on_later_or_ask_a_person(legacy: Legacy) -> None:
    later = saying(legacy, """print('{"handle": "job-7", "check_after": 5, "progress": "2 of 9"}')\nsys.exit(10)""")
    assert suspend(later) == InProgress(handle="job-7", check_after=timedelta(seconds=5), progress="2 of 9")
    person = saying(legacy, """print('{"instructions": "call them"}')\nsys.exit(11)""")
    assert suspend(person) == NeedsPerson("call them")
    with pytest.raises(RejectedError, match="an answer to act alone"):
        later.check()
    same = saying(legacy, """print('{"changed": false}')""")
    assert suspend(same) == Done(changed=False)


LEAVES_A_CHILD = """
child = subprocess.Popen(["/bin/sleep", "300"])
with open(FILE + ".new", "w") as file:
    file.write(f"{os.getpid()} {child.pid}")
os.replace(FILE + ".new", FILE)
print("{}", flush=True)
"""


def leaving_a_child(children: Path) -> str:
    """A program that tells in a file who it is and whom it has started."""
    return f"FILE = {str(children)!r}\n{LEAVES_A_CHILD}"


def test_what_takes_too_long_is_killed_with_all_that_it_started(
    legacy: Legacy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    children = tmp_path / "children"
    monkeypatch.setattr("connectors.command.program.monotonic", lambda: 31.0 if children.exists() else 0.0)
    slow = saying(
        legacy, f"signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{leaving_a_child(children)}\ntime.sleep(300)"
    )

    with pytest.raises(RetryableError, match="longer than 30 s and was killed"):
        suspend(slow)

    assert [pid for pid in pids(children) if _is_alive(pid)] == []


def test_what_it_leaves_behind_is_killed_too_and_keeps_nobody_waiting(legacy: Legacy, tmp_path: Path) -> None:
    children = tmp_path / "children"

    assert suspend(saying(legacy, leaving_a_child(children))) == Done(changed=True)

    assert [pid for pid in pids(children) if _is_alive(pid)] == []


def test_what_it_leaves_behind_in_a_session_of_its_own_cannot_keep_the_bridge_reading(legacy: Legacy) -> None:
    left = saying(
        legacy,
        """
told, tells = os.pipe()
if not os.fork():
    os.setsid()
    os.write(tells, b"!")
    while True: os.write(2, b"x" * 65536)  # ends when nobody reads any more
os.read(told, 1)
print("{}")
""",
    )

    assert suspend(left) == Done(changed=True)


@pytest.mark.parametrize(
    ("number", "error"),
    [(errno.ENOSPC, RetryableError), (errno.EMFILE, RetryableError), (errno.EACCES, TargetUnusableError)],
)
def test_a_machine_without_room_is_asked_again(
    legacy: Legacy, monkeypatch: pytest.MonkeyPatch, number: int, error: type[ConnectorError]
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "mkdtemp", failing)

    with pytest.raises(error, match=rf"cannot be run \({os.strerror(number)}"):
        suspend(legacy.connector())


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("json.dumps({'message': 'x' * 301})", f"suspend by the program: {'x' * 300} (exit code 65)"),
        ("json.dumps({'message': 'a\\x1b[31m\\n b\\0c'})", "a [31m b\ufffdc (exit code 65)"),
        ("json.dumps({'reason': 'no'})", "the program's answer cannot be used: reason: Extra inputs"),
        ("'no JSON'", "the program gave no reason (exit code 65)"),
    ],
)
def test_the_reason_that_it_gives_is_one_line_for_operators(legacy: Legacy, printed: str, said: str) -> None:
    with pytest.raises(RejectedError) as caught:
        suspend(saying(legacy, f"print({printed})\nsys.exit(65)"))

    assert said in str(caught.value)


def test_who_is_not_found_by_one_value_may_be_found_by_the_next(legacy: Legacy) -> None:
    by_number = saying(
        legacy,
        """
asked = json.load(sys.stdin)
if asked["attribute"] != "number": sys.exit(67)
account = {"id": "17", "name": "ann", "suspended": False, "attributes": {"number": "4711"}}
print(json.dumps({"accounts": [account]}))
""",
        match={"userName": "login", "employeeNumber": "number"},
    )

    found = by_number.find(Person({"userName": ("ann",), "employeeNumber": ("4711",)}))

    assert found is not None
    assert found.id == "17"
    assert by_number.find(Person({"userName": ("ann",)})) is None


def test_a_bridge_that_is_killed_takes_the_program_along(legacy: Legacy, tmp_path: Path) -> None:
    children = tmp_path / "children"
    os.mkfifo(tmp_path / "ready")
    program = save(
        tmp_path / "slow",
        f"import os, time\nopen({str(children)!r}, 'w').write(str(os.getpid()))\n"
        f"open({str(tmp_path / 'ready')!r}, 'w').close()\ntime.sleep(300)\n",
    )
    bridge = subprocess.Popen(
        [sys.executable, "-c", RUNS, str(program)], stdout=subprocess.DEVNULL, cwd=Path(__file__).parents[2]
    )

    (tmp_path / "ready").read_bytes()  # ends when the program has told who it is
    bridge.kill()
    bridge.wait()

    assert [pid for pid in pids(children) if _is_alive(pid)] == []


RUNS = """
import sys
from connectors.command.program import run
run(sys.argv[1:], b"", environment={}, seconds=300, memory=2**30, words="trying")
"""


def pids(children: Path) -> list[int]:
    return [int(each) for each in children.read_text(encoding="utf-8").split()]


def _is_alive(pid: int) -> bool:
    """Whether a process works; one that is dead and not yet reaped by init does not."""
    for _ in range(500):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return False
        except psutil.NoSuchProcess:
            return False
        threading.Event().wait(0.01)
    return True


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ('while True: os.write(1, b"x" * 65536)', RejectedError, "wrote more than 1048576 bytes"),
        ("x = bytearray(300 * 1024 * 1024)", RetryableError, "exit code 1"),
        ("os.kill(os.getpid(), signal.SIGKILL)", RetryableError, "signal 9"),
    ],
)
def test_what_takes_too_much_or_dies_is_no_answer(
    legacy: Legacy, text: str, error: type[ConnectorError], said: str
) -> None:
    with pytest.raises(error, match=said):
        suspend(saying(legacy, text, memory_mib=128))


def test_a_lot_is_sent_and_answered_at_once_without_a_deadlock(legacy: Legacy) -> None:
    """It writes before it reads, and more than pipes hold."""
    value = "x" * 500_000
    echo = saying(
        legacy, 'print(" " * 500_000, flush=True)\nasked = sys.stdin.read()\nprint(json.dumps({"accounts": []}))'
    )

    assert echo.find(Person({"userName": (value,)})) is None


def test_what_it_wrote_at_its_very_end_is_read(legacy: Legacy, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has ended long before all of it is read."""
    monkeypatch.setattr("connectors.command.program._PIECE", 16)
    answer = '{"accounts": []' + " " * 20_000 + "}"
    last = saying(legacy, f"os.write(1, {answer!r}.encode())\nos._exit(0)")

    assert last.find(Person({"userName": ("ann",)})) is None


def test_stderr_stays_here_but_for_a_line_in_the_log_without_secrets_and_names(
    legacy: Legacy, capsys: pytest.CaptureFixture[str]
) -> None:
    careless = saying(
        legacy,
        'sys.stderr.write("first line\\ncannot suspend ann@example.com with s3cret-word\\x1b[31m\\n")\nsys.exit(65)',
        secrets={"PASSWORD": "s3cret-word"},
    )

    with pytest.raises(RejectedError) as caught:
        suspend(careless)

    printed = capsys.readouterr().out
    assert "with …" in printed
    for hidden in ("first line", "ann@example.com", "s3cret-word", "\x1b[31m"):
        assert hidden not in printed + str(caught.value)


def test_what_it_finds_is_compared_with_what_was_asked(legacy: Legacy) -> None:
    account = {"id": "1", "name": "bob", "suspended": False, "attributes": {"userName": "bob"}}
    silent = saying(legacy, f"print({json.dumps({'accounts': [{**account, 'attributes': {}}]})!r})")

    with pytest.raises(RejectedError, match="does not tell the userName"):
        silent.find(Person({"userName": ("bob",)}))
    wide = saying(legacy, f"print({json.dumps({'accounts': [account]})!r})")
    assert wide.find(Person({"userName": ("ann",)})) is None
    with pytest.raises(RejectedError, match="something else"):
        saying(legacy, f"print({json.dumps({'account': account})!r})").read("2")


def test_without_a_successor_nothing_is_handed_over(legacy: Legacy) -> None:
    outcome = legacy.connector(actions=["transfer_ownership"]).perform(Action.TRANSFER_OWNERSHIP, ANN, confirmed)

    assert isinstance(outcome, NeedsPerson)
