"""Proof at the command line."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from sqlalchemy import update

from scimbridge.store.schema import history
from tests.cli.conftest import Terminal
from tests.services.bench import Bench


def test_a_bundle_is_written_sealed_and_checked_elsewhere(bench: Bench, terminal: Terminal, tmp_path: Path) -> None:
    bench.leave(bench.join("ada"))
    bench.run("7d")

    said = terminal.run("evidence", "export", "ada", "--to", "ada.zip").stdout
    (tmp_path / "key.pem").write_text(terminal.run("evidence", "key").stdout)

    assert "1 case" in said
    assert (tmp_path / "ada.zip").stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile("ada.zip") as archive:
        told = [name for name in archive.namelist() if name.endswith(".txt")]
        assert "ada" in archive.read(told[-1]).decode()
    terminal.config.unlink()  # whoever checks it has neither configuration nor database
    answer = terminal.read("evidence", "verify", "ada.zip", "--public-key", "key.pem")
    assert answer["intact"]
    assert "proves nothing about who made it" in terminal.run("evidence", "verify", "ada.zip").stderr


def test_what_the_api_has_answered_is_checked_too(bench: Bench, terminal: Terminal, tmp_path: Path) -> None:
    bench.leave(bench.join("ada"))
    terminal.run("evidence", "export", "ada", "--to", "ada.zip")
    with zipfile.ZipFile(tmp_path / "ada.zip") as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".json"))
        answer = {"proof": json.loads(archive.read(name)), "public_key": archive.read("public-key.pem").decode()}
    (tmp_path / "ada.json").write_text(json.dumps(answer))
    answer["proof"]["entries"][0]["reason"] = "another"
    (tmp_path / "changed.json").write_text(json.dumps(answer))

    assert terminal.read("evidence", "verify", "ada.json")["intact"] is True
    assert "is not what was sealed" in terminal.run("evidence", "verify", "changed.json", code=1).stdout


def test_a_change_of_the_history_is_told_and_fails(bench: Bench, terminal: Terminal) -> None:
    bench.leave(bench.join("ada"))
    terminal.run("evidence", "export", "ada", "--to", "ada.zip")
    head = terminal.read("evidence", "verify")["head"]
    assert "are as they were sealed" in terminal.run("evidence", "verify").stdout

    with bench.database.write() as tx:
        tx.execute(update(history).values(actor="nobody"))

    expected = f"{head['number']}:{head['digest']}"
    told = terminal.run("evidence", "verify", "--expect", expected, code=1).stdout
    assert "was changed after it was written" in told
    assert not terminal.read("evidence", "verify", code=1)["intact"]


def test_a_sample_says_how_to_choose_it_again(bench: Bench, terminal: Terminal) -> None:
    bench.leave(bench.join("ada"))
    bench.run("7d")
    bench.run("90d")

    chosen = terminal.run("evidence", "export", "--sample", "25", "--seed", "7", "--to", "sample.zip")

    assert "Drawn at random: 1 case; --seed 7 draws the same again." in chosen.stderr


def test_what_makes_no_sense_is_refused_with_the_reason(bench: Bench, terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "note.zip").write_text("a note")

    assert "or give --sample" in terminal.run("evidence", "export", "--to", "x.zip", code=2).stderr
    assert "is not a bundle of evidence" in terminal.run("evidence", "verify", "note.zip", code=2).stderr
    assert "NUMBER:DIGEST" in terminal.run("evidence", "verify", "--expect", "7", code=2).stderr
    assert "no case 'nobody'" in terminal.run("evidence", "export", "nobody", "--to", "x.zip", code=1).stderr
    assert not (tmp_path / "x.zip").exists()


def test_a_person_is_erased_once_somebody_has_seen_what_goes(bench: Bench, terminal: Terminal) -> None:
    ada = bench.join("ada")
    why = ("--reason", "asked to be forgotten", "--by", "ops")
    assert "still has this User" in terminal.run("erase", "ada", *why, code=1).stderr
    bench.delete(ada)
    bench.run("7d")
    bench.run("90d")
    terminal.run("evidence", "export", "ada", "--to", "ada.zip")  # seals

    shown = terminal.run("erase", "ada", *why, code=2).stderr

    assert f"ada of idp ({ada}), deleted on 2026-03-02" in shown
    assert "this is not a terminal, so nobody can be asked; give --yes if you are sure" in shown
    assert terminal.read("erase", "ada", *why, "--yes")["identity_id"] == ada
    assert terminal.read("evidence", "verify")["intact"]
    assert "'ada'" in terminal.run("erase", "ada", *why, "--yes", code=1).stderr
    assert "was erased on" in terminal.run("erase", ada, *why, "--yes", code=1).stderr
