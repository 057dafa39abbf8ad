"""Hooks of installed packages: a package is put on the path, as an installer would."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from scimbridge.hooks.entry_point import EntryPointHook, installed
from scimbridge.hooks.hook import BrokenHookError
from scimbridge.sdk.hook import HookAnswer, HookRequest, Verdict
from tests.hooks.conftest import NOW

MODULE = """
import threading

from scimbridge.sdk import HookAnswer

awake = threading.Event()
NOTHING = 3

def payroll(request):
    return HookAnswer.hold(f"{request.user_name} has a laptop")

def raises(request):
    raise ValueError("secret")

def exits(request):
    raise SystemExit(1)

def odd(request):
    return True

def hangs(request):
    awake.wait(120)
    return HookAnswer.proceed()
"""
NAMES = ("payroll", "raises", "exits", "odd", "hangs", "NOTHING", "missing")


@pytest.fixture(autouse=True)
def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "acme_hooks.py").write_text(MODULE)
    info = tmp_path / "acme_hooks-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-hooks\nVersion: 1.0\n")
    lines = [f"{name} = acme_hooks:{name}" for name in NAMES] + ["gone = acme_nothing:gone"]
    (info / "entry_points.txt").write_text("[scimbridge.hooks]\n" + "\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    if "acme_hooks" in sys.modules:
        sys.modules["acme_hooks"].awake.set()
        del sys.modules["acme_hooks"]


def ask(name: str, question: HookRequest, seconds: float = 10) -> HookAnswer:
    return EntryPointHook(name, timedelta(seconds=seconds)).ask(question, now=NOW)


def test_its_names_are_known_without_importing_it() -> None:
    assert {"payroll", "gone"} <= installed()
    assert "acme_hooks" not in sys.modules


def test_it_is_called_with_the_question(question: HookRequest) -> None:
    answer = ask("payroll", question)

    assert (answer.verdict, answer.reason) == (Verdict.HOLD, "jürgen has a laptop")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("raises", "it raised ValueError$"),
        ("exits", "it raised SystemExit$"),
        ("odd", "returned bool instead of a HookAnswer"),
        ("NOTHING", "nothing that can be called"),
        ("missing", "cannot be imported: AttributeError"),
        ("gone", "cannot be imported: ModuleNotFoundError"),
        ("unheard", "no installed package has a hook 'unheard'"),
    ],
)
def test_one_that_is_broken_says_how(question: HookRequest, name: str, why: str) -> None:
    with pytest.raises(BrokenHookError, match=why):
        ask(name, question)


def test_one_that_hangs_is_not_waited_for_nor_asked_again_meanwhile(question: HookRequest) -> None:
    hook = EntryPointHook("hangs", timedelta(seconds=0.05))

    with pytest.raises(BrokenHookError, match="did not answer within"):
        hook.ask(question, now=NOW)
    threads = threading.active_count()
    with pytest.raises(BrokenHookError, match="still busy"):
        hook.ask(question, now=NOW)

    assert threading.active_count() <= threads


def test_it_is_asked_again_once_it_has_come_back(question: HookRequest) -> None:
    hook = EntryPointHook("hangs", timedelta(seconds=0.05))
    with pytest.raises(BrokenHookError):
        hook.ask(question, now=NOW)

    sys.modules["acme_hooks"].awake.set()

    assert _until(lambda: EntryPointHook.ask(hook, question, now=NOW)).verdict is Verdict.PROCEED


def _until(attempt: Callable[[], HookAnswer]) -> HookAnswer:
    for _ in range(200):
        try:
            return attempt()
        except BrokenHookError:
            continue
    raise AssertionError("never")
