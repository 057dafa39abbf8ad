"""The history is sealed, and whatever is changed afterwards is found."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from scimbridge.domain.action import Action
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.seal import ERASED, digest_of_document, digest_of_entry, gaps_between, ranges_of
from scimbridge.errors import InvalidKeyError
from scimbridge.services import sealing as sealing_module
from scimbridge.services.proving import Proving, document_of, problems_of
from scimbridge.services.seal_key import PublicKeys, SealKey
from scimbridge.services.sealing import Sealing
from scimbridge.services.verifying import Verification, Verifying
from scimbridge.store.database import Database
from scimbridge.store.schema import cases, history, seals, tasks
from tests.clock import FakeClock
from tests.services.bench import Bench, MemoryTarget, a_rule, a_stage


@pytest.fixture
def key(tmp_path: Path) -> SealKey:
    return SealKey.of_file(tmp_path / "evidence.key")


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    """Somebody has left, whose account was suspended and then stripped of its groups."""
    rules = Ruleset((a_rule(a_stage(), a_stage("7d", Action.REMOVE_FROM_GROUPS)),))
    made = Bench(database, clock, rules, {"crm": MemoryTarget()})
    ada = made.join()
    made.leave(ada)
    made.run("7d")
    return made


@pytest.fixture
def sealing(bench: Bench, key: SealKey) -> Sealing:
    """Everything so far is sealed."""
    made = Sealing(bench.database, key)
    made.run(bench.clock())
    return made


def verified(bench: Bench, key: SealKey, **more: Any) -> Verification:
    return Verifying(bench.database).verify(PublicKeys.of_pems([key.public_pem]), bench.clock(), **more)


def ids(bench: Bench) -> list[int]:
    with bench.database.read() as tx:
        return list(tx.execute(select(history.c.id).order_by(history.c.id)).scalars())


def the_case(bench: Bench) -> str:
    with bench.database.read() as tx:
        return str(tx.execute(select(cases.c.id).order_by(cases.c.opened_at).limit(1)).scalar_one())


def do(bench: Bench, statement: Any) -> None:
    with bench.database.write() as tx:
        tx.execute(statement)


def test_what_nobody_touched_is_as_it_was_sealed(bench: Bench, sealing: Sealing, key: SealKey) -> None:
    found = verified(bench, key)

    assert found.findings == ()
    assert (found.seals, found.entries, found.waiting) == (1, len(ids(bench)), 0)
    assert sealing.run(bench.clock()) == 0


def test_a_seal_follows_the_one_before_it(bench: Bench, sealing: Sealing, key: SealKey) -> None:
    bench.join("bob")
    bench.leave(bench.join("cleo"))
    waiting = verified(bench, key).waiting
    count = sealing.run(bench.clock())

    found = verified(bench, key)
    assert (found.seals, found.findings, found.waiting) == (2, (), 0)
    assert waiting
    assert count == waiting


def test_many_entries_are_sealed_batch_by_batch(bench: Bench, key: SealKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing_module, "BATCH", 3)

    assert Sealing(bench.database, key).run(bench.clock()) == len(ids(bench))
    assert verified(bench, key).findings == ()
    assert verified(bench, key).seals == -(-len(ids(bench)) // 3)


@pytest.mark.parametrize("column", ["event", "actor", "reason", "target", "case_id", "task_id", "identity_id"])
def test_a_changed_entry_is_named(bench: Bench, sealing: Sealing, key: SealKey, column: str) -> None:
    entry = ids(bench)[2]
    do(bench, update(history).where(history.c.id == entry).values({column: "something else"}))

    first, *_ = verified(bench, key).findings
    assert first.startswith(f"entry {entry} of 2026-03-")
    assert first.endswith("was changed after it was written")


def test_a_changed_time_and_changed_details_are_named(bench: Bench, sealing: Sealing, key: SealKey) -> None:
    one, other = ids(bench)[:2]
    do(bench, update(history).where(history.c.id == one).values(at=bench.clock() - timedelta(days=1)))
    do(bench, update(history).where(history.c.id == other).values(details={"rule": "another"}))

    assert [finding.split(" of ")[0] for finding in verified(bench, key).findings[:2]] == [
        f"entry {one}",
        f"entry {other}",
    ]


def test_who_changes_the_digest_too_is_found_by_the_seal(bench: Bench, sealing: Sealing, key: SealKey) -> None:
    with bench.database.write() as tx:
        row = dict(tx.execute(select(history).limit(1)).mappings().one(), actor="nobody")
        row["digest"] = digest_of_entry(row)
        tx.execute(update(history).where(history.c.id == row["id"]).values(row))

    assert verified(bench, key).findings == ("seal 1: its entries are not what was sealed",)


def test_a_removed_entry_is_named(bench: Bench, sealing: Sealing, key: SealKey) -> None:
    entry = ids(bench)[1]
    do(bench, delete(history).where(history.c.id == entry))

    assert f"the first is entry {entry}" in verified(bench, key).findings[0]


def test_an_entry_that_was_put_between_is_named(bench: Bench, sealing: Sealing, key: SealKey) -> None:
    with bench.database.write() as tx:
        row = dict(tx.execute(select(history).limit(1)).mappings().one(), id=-5, at=bench.clock())
        tx.execute(insert(history).values(row))

    assert verified(bench, key).findings == ()
    bench.run("2h")
    assert verified(bench, key).findings == ("entry -5 of 2026-03-09 09:00 UTC has no seal: it was added later",)


def test_changed_evidence_is_named(bench: Bench, sealing: Sealing, key: SealKey) -> None:
    do(bench, update(tasks).where(tasks.c.action == Action.SUSPEND).values(evidence={"before": None, "after": None}))

    assert [finding for finding in verified(bench, key).findings if finding.startswith("the evidence of task")]


def test_a_seal_that_was_made_anew_with_another_key_is_named(
    bench: Bench, sealing: Sealing, key: SealKey, tmp_path: Path
) -> None:
    do(bench, delete(seals))
    other = SealKey.of_file(tmp_path / "other.key")
    Sealing(bench.database, other).run(bench.clock())

    assert verified(bench, key).findings == (
        f"seal 1 was signed with the key {other.id}, which is not among those that are believed",
    )


def test_a_changed_seal_is_named(bench: Bench, sealing: Sealing, key: SealKey) -> None:
    do(bench, update(seals).values(at=bench.clock() - timedelta(days=3)))

    assert verified(bench, key).findings == ("seal 1 does not fit its signature: it was changed",)


def test_a_missing_seal_and_an_end_that_was_cut_off_are_named(bench: Bench, sealing: Sealing, key: SealKey) -> None:
    for name in ("bob", "cleo"):
        bench.leave(bench.join(name))
        sealing.run(bench.clock())
    head = verified(bench, key).head
    do(bench, delete(seals).where(seals.c.number == 3))

    assert verified(bench, key).findings == ()
    assert "the end was cut off" in verified(bench, key, expected=head).findings[0]
    do(bench, delete(seals).where(seals.c.number == 1))
    assert verified(bench, key).findings[0] == "seal 1 is missing"


def test_the_history_is_verified_part_by_part(bench: Bench, sealing: Sealing, key: SealKey) -> None:
    for name in ("bob", "cleo"):
        bench.leave(bench.join(name))
        sealing.run(bench.clock())

    def parts() -> list[Verification]:
        found = [verified(bench, key, most=1)]
        while found[-1].has_more:
            found.append(verified(bench, key, most=1, after=found[-1].head))
        return found

    whole, split = verified(bench, key), parts()
    assert [each.seals for each in split] == [1, 1, 1]
    assert [each.waiting for each in split] == [None, None, 0]
    assert sum(each.entries for each in split) == whole.entries
    assert (split[-1].head, [each.findings for each in split]) == (whole.head, [()] * 3)
    assert verified(bench, key, most=1, after=(1, "0" * 64)).findings == ("seal 1 was changed while it was verified",)
    do(bench, update(history).where(history.c.id == ids(bench)[-1]).values(reason="another"))
    assert [bool(each.findings) for each in parts()] == [False, False, True]


def test_a_seal_that_is_another_one_than_was_noted_is_named(bench: Bench, sealing: Sealing, key: SealKey) -> None:
    assert verified(bench, key, expected=verified(bench, key).head).findings == ()
    assert verified(bench, key, expected=(1, "0" * 64)).findings == ("seal 1 is not the one that was noted",)


def test_values_that_were_taken_out_and_that_nobody_has_erased_are_named(
    bench: Bench, sealing: Sealing, key: SealKey
) -> None:
    with bench.database.write() as tx:
        rows = tx.execute(select(history.c.id, history.c.personal).order_by(history.c.id)).all()
        for row in (row for row in rows if row.personal):
            erased = {ERASED: digest_of_document(row.personal)}
            tx.execute(update(history).where(history.c.id == row.id).values(personal=erased))

    # The entries are as they were sealed, but for that.
    assert verified(bench, key).findings == tuple(
        f"the personal values of entry {row.id} are gone, and no entry says that they were erased"
        for row in rows
        if row.personal
    )


@pytest.mark.parametrize("pause", ["0s", "9h"])
def test_an_entry_that_was_committed_late_gets_its_seal(
    bench: Bench, sealing: Sealing, key: SealKey, pause: str
) -> None:
    for name in ("bob", "cleo"):
        bench.leave(bench.join(name))
    with bench.database.write() as tx:
        late = dict(tx.execute(select(history).order_by(history.c.id.desc()).limit(1).offset(1)).mappings().one())
        tx.execute(delete(history).where(history.c.id == late["id"]))
    sealing.run(bench.clock())
    do(bench, insert(history).values(late))
    bench.clock.advance(pause)  # nothing runs meanwhile

    assert verified(bench, key).findings == ()
    assert sealing.run(bench.clock()) == 1
    assert verified(bench, key).findings == ()


def test_what_was_committed_late_after_a_quiet_time_gets_its_seal(bench: Bench, sealing: Sealing, key: SealKey) -> None:
    bench.clock.advance("9h")
    bench.leave(bench.join("bob"))
    bench.run()
    with bench.database.write() as tx:
        opened = select(history).where(history.c.event == "case opened")
        late = dict(tx.execute(opened.order_by(history.c.id.desc())).mappings().first() or {})
        tx.execute(delete(history).where(history.c.id == late["id"]))
    sealing.run(bench.clock())
    do(bench, insert(history).values(late))

    assert sealing.run(bench.clock()) == 1
    bench.clock.advance("9h")
    assert verified(bench, key).findings == ()


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("UPDATE history SET details = '[]' WHERE id = 2", "entry 2 of 2026"),
        ("UPDATE history SET personal = '[\"erased\"]' WHERE id = 2", "entry 2 of 2026"),
        ('UPDATE history SET personal = \'{"erased": ""}\', identity_id = NULL WHERE id = 2', "entry 2 of 2026"),
        ("UPDATE history SET details = '{' WHERE id = 2", "something under seal 1 cannot be read"),
        ("UPDATE history SET at = 'then' WHERE id = 2", "something under seal 1 cannot be read"),
        ("UPDATE seals SET ranges = '[]' WHERE number = 1", "seal 1 does not fit its signature"),
        ("UPDATE seals SET ranges = '{' WHERE number = 1", "something cannot be read"),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_nothing_is_hidden_by_what_cannot_be_read(
    bench: Bench, sealing: Sealing, key: SealKey, broken: str, said: str
) -> None:
    bench.leave(bench.join("bob"))
    sealing.run(bench.clock())
    with bench.database.write() as tx:
        tx.exec_driver_sql(broken)
        tx.execute(update(history).where(history.c.id == max(ids(bench))).values(actor="nobody"))

    findings = verified(bench, key).findings
    assert any(finding.startswith(said) for finding in findings)
    # A later one is named all the same, as long as the seals themselves can be read.
    last = f"entry {ids(bench)[-1]} of"
    assert any(finding.startswith(last) for finding in findings) is (said != "something cannot be read")


def test_of_two_that_seal_at_once_one_does(bench: Bench, key: SealKey) -> None:
    together = threading.Barrier(2)
    counts: list[int] = []

    def seal() -> None:
        own = Sealing(bench.database, key)
        together.wait()
        counts.append(own.run(bench.clock()))

    threads = [threading.Thread(target=seal) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(counts) == len(ids(bench))
    assert verified(bench, key).findings == ()


def test_a_proof_stands_without_the_database(bench: Bench, sealing: Sealing, key: SealKey) -> None:
    bench.leave(bench.join("bob"))
    sealing.run(bench.clock())
    document = json.loads(json.dumps(document_of(Proving(bench.database).of_case(the_case(bench)))))
    keys = PublicKeys.of_pems([key.public_pem])

    assert list(problems_of(document, keys)) == []
    assert len(document["seals"]) == 1
    entry, *_ = document["entries"]
    entry["reason"] = "something else"
    assert list(problems_of(document, keys)) == [f"entry {entry['id']} is not what was sealed"]


def without_seals(document: Any) -> None:
    document["seals"] = []


def another_digest(document: Any) -> None:
    document["seals"][0]["digests"][0][1] = "0" * 64


def another_signature(document: Any) -> None:
    document["seals"][0]["signature"] = "00" * 64


def other_evidence(document: Any) -> None:
    for kept in document["evidence"].values():
        kept["before"] = None


def more_evidence(document: Any) -> None:
    document["evidence"]["another task"] = {"before": None, "after": None}


def less_evidence(document: Any) -> None:
    document["evidence"].popitem()


@pytest.mark.parametrize(
    "change", [without_seals, another_digest, another_signature, other_evidence, more_evidence, less_evidence]
)
def test_a_proof_that_was_changed_is_found(
    bench: Bench, sealing: Sealing, key: SealKey, change: Callable[[Any], None]
) -> None:
    document = json.loads(json.dumps(document_of(Proving(bench.database).of_case(the_case(bench)))))
    change(document)

    assert list(problems_of(document, PublicKeys.of_pems([key.public_pem])))


def test_what_is_no_proof_is_said(key: SealKey) -> None:
    found = list(problems_of({"entries": [], "seals": [{"number": "x"}]}, PublicKeys.of_pems([key.public_pem])))

    assert len(found) == 1
    assert found[0].startswith("it is not a proof that can be read")


def test_a_sample_is_of_those_that_ended_and_can_be_chosen_again(bench: Bench) -> None:
    now = bench.clock()
    proving = Proving(bench.database)

    assert proving.sample(25, now - timedelta(days=1), now + timedelta(days=1), 7) == [the_case(bench)]
    assert proving.sample(25, now + timedelta(days=1), now + timedelta(days=2), 7) == []


def test_a_key_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "evidence.key"

    assert SealKey.of_file(path).id == SealKey.of_file(path).id
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["evidence.key"]


def test_a_file_that_is_no_key_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "evidence.key"
    path.write_text("a note")

    with pytest.raises(InvalidKeyError, match="is not a private key"):
        SealKey.of_file(path)
    assert path.read_text() == "a note"


def test_ranges_and_what_lies_between_them() -> None:
    assert ranges_of([1, 2, 3, 7, 9, 10]) == ((1, 3), (7, 7), (9, 10))
    assert list(gaps_between([(9, 10), (1, 3), (2, 5), (12, 12)])) == [(6, 8), (11, 11)]
