"""A database that cannot be written, and targets that are not there: refused or kept, never lost."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest

from scimbridge.demo.directory import OpenLdap
from scimbridge.domain.task import TaskState
from scimbridge.store.database import Database
from tests.chaos import ledger
from tests.processes.crash_points import Role
from tests.processes.installation import Installation, Process, installed
from tests.processes.postgresql import ServerControl
from tests.processes.provider import IdentityProvider
from tests.processes.rules import AT_ONCE
from tests.processes.store_faults import StoreFault
from tests.processes.targets import APP, DIRECTORY, Targets, configuration, scim_target
from tests.processes.waiting import eventually
from tests.servers import postgresql, quiet_port

ADA, BEN = "ada@example.com", "ben@example.com"
PATIENCE = 200.0
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
# Large enough to need pages of its own: a full disk still has room in those that are there.
LARGE = "x" * 200_000

pytestmark = pytest.mark.chaos


@dataclass(frozen=True, slots=True)
class Trouble:
    """A way in which the disk fails, and its end."""

    begin: Callable[[], None]
    end: Callable[[], None]


def _fault(installation: Installation, fault: StoreFault) -> Trouble:
    return Trouble(partial(installation.break_store, fault), partial(installation.break_store, StoreFault.NONE))


def _no_byte_more(_installation: Installation, processes: dict[Role, Process]) -> Trouble:
    """The operating system refuses every write to a file (EFBIG)."""

    def limit(bytes_: int) -> None:
        for process in processes.values():
            psutil.Process(process.pid).rlimit(resource.RLIMIT_FSIZE, (bytes_, resource.RLIM_INFINITY))

    return Trouble(partial(limit, 0), partial(limit, resource.RLIM_INFINITY))


def _full(installation: Installation, _processes: dict[Role, Process]) -> Trouble:
    return _fault(installation, StoreFault.FULL)


def _read_only(installation: Installation, _processes: dict[Role, Process]) -> Trouble:
    return _fault(installation, StoreFault.READ_ONLY)


Begin = Callable[[Installation, dict[Role, Process]], Trouble]


@pytest.fixture
def installation(folder: Path, targets: Targets) -> Iterator[Installation]:
    targets.add(ADA)
    targets.add(BEN)
    with installed(folder, configuration(targets.app.base_url, targets.directory, AT_ONCE)) as installation:
        yield installation


@pytest.mark.parametrize("trouble", [_read_only, _full, _no_byte_more])
def test_nothing_is_acknowledged_that_cannot_be_stored_and_all_goes_on_after_the_repair(
    installation: Installation, targets: Targets, trouble: Begin
) -> None:
    processes = installation.start_all(log_to_files=False)
    with IdentityProvider(installation.base_url, installation.token) as provider:
        ada, ben = provider.create(ADA), provider.create(BEN)
        disk = trouble(installation, processes)

        disk.begin()
        answers = [_disable_with_a_large_note(provider, ada) for _ in range(5)]
        created = provider.send("POST", "/Users", {"userName": "new@example.com", "displayName": LARGE})

        assert [answer.status_code for answer in (*answers, created)] == [503] * 6
        assert all(answer.json()["schemas"] == [ERROR] for answer in (*answers, created))
        assert "Retry-After" in created.headers
        assert provider.is_active(ada)

        disk.end()
        provider.disable(ada)
        provider.disable(ben)
        eventually(lambda: targets.is_suspended(ADA) and targets.is_suspended(BEN), PATIENCE, what="both suspended")


# A full disk is no case for this one: the record is small, and fits into the pages that are there.
@pytest.mark.parametrize("trouble", [_read_only, _no_byte_more])
def test_a_change_that_could_not_be_recorded_is_looked_at_again_and_not_done_again(
    installation: Installation, targets: Targets, trouble: Begin
) -> None:
    database = installation.bridge.database
    processes = installation.start_all(log_to_files=False)
    disk = trouble(installation, processes)
    with IdentityProvider(installation.base_url, installation.token) as provider:
        ada = provider.create(ADA)
        targets.app.faults(holding=True)

        provider.disable(ada)
        eventually(lambda: ledger.reads_committed(database, APP), PATIENCE, what="the change under way")
        disk.begin()
        targets.app.recover()
        eventually(lambda: targets.log().app_effective[ADA] == 1, PATIENCE, what="the application changed")
        # The read-back, and then the record that fails: until nothing of the worker's is on its way any more.
        eventually(lambda: ledger.lease_has_run_out(database, installation.bridge.clock()), PATIENCE, what="lapse")
        disk.end()
        eventually(lambda: ledger.open_cases(database) == 0, PATIENCE, what="the case completed")

        assert targets.log().app_writes[ADA] == 1
        assert ledger.attempts_at(database, APP)[-1].outcome == "done"
        assert targets.is_suspended(ADA)


def live_attempts(database: Database) -> int:
    with database.read() as tx:
        return int(tx.exec_driver_sql("SELECT count(*) FROM attempts WHERE ended_at IS NULL").scalar_one())


def test_targets_that_cannot_be_reached_at_start_are_named_and_their_tasks_are_kept(folder: Path) -> None:
    directory, port = OpenLdap(folder / "directory"), quiet_port()
    config = configuration(f"http://127.0.0.1:{port}/v2", directory, AT_ONCE)
    with (
        installed(folder, config) as installation,
        IdentityProvider(installation.base_url, installation.token) as provider,
    ):
        database = installation.bridge.database
        installation.start_all()

        provider.disable(provider.create(ADA))
        said = {
            name: eventually(lambda name=name: ledger.reasons(database, name, TaskState.WAITING), PATIENCE)  # type: ignore[misc]
            for name in (APP, DIRECTORY)
        }

        assert "cannot connect" in said[APP][0]
        assert "cannot be reached" in said[DIRECTORY][0]
        # Between its start and its first account a target would say, rightly, that there is no account.
        operating, clock = installation.bridge.operating, installation.bridge.clock
        for name in (APP, DIRECTORY):
            operating.pause(name, reason="being set up", by="ops", now=clock())
        eventually(lambda: not live_attempts(database), PATIENCE, what="no attempt under way")
        with scim_target(folder, port) as app, directory:
            targets = Targets(app, directory)
            targets.add(ADA)
            for name in (APP, DIRECTORY):
                operating.resume(name, by="ops", now=clock())
            # The longer a target was away, the longer the next attempt waits.
            eventually(lambda: targets.is_suspended(ADA), 400, what="suspended", explain=lambda: said)
            eventually(lambda: ledger.open_cases(database) == 0, PATIENCE)


def test_work_goes_on_after_postgresql_was_away(folder: Path, targets: Targets) -> None:
    with (
        postgresql() as store_url,
        installed(
            folder, configuration(targets.app.base_url, targets.directory, AT_ONCE, store_url=store_url)
        ) as installation,
        IdentityProvider(installation.base_url, installation.token) as provider,
    ):
        database = installation.bridge.database
        control = ServerControl(database)
        targets.add(ADA)
        targets.add(BEN)
        processes = installation.start_all()
        ada, ben = provider.create(ADA), provider.create(BEN)
        targets.app.faults(holding=True)

        provider.disable(ada)
        eventually(lambda: ledger.reads_committed(database, APP), PATIENCE, what="the change under way")
        control.stop()
        targets.app.recover()
        refused = provider.disable_once(ben)
        eventually(lambda: targets.log().app_effective[ADA] == 1, PATIENCE, what="the application changed")
        control.start()
        provider.disable(ben)
        eventually(lambda: ledger.open_cases(database) == 0, PATIENCE, what="both cases completed")

        assert refused.status_code == 503
        assert targets.is_suspended(ADA)
        assert targets.is_suspended(BEN)
        assert (targets.log().app_effective[ADA], targets.log().app_effective[BEN]) == (1, 1)
        assert all(process.is_alive for process in processes.values())


def _disable_with_a_large_note(provider: IdentityProvider, user_id: str) -> httpx.Response:
    operations = [{"op": "replace", "value": {"active": False, "displayName": LARGE}}]
    return provider.send(
        "PATCH",
        f"/Users/{user_id}",
        {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations},
    )
