"""A mass mistake at an identity provider, with several processes of each kind, on both stores."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from pathlib import Path

import pytest
from sqlalchemy import exists, func, select

from scimbridge.domain.case import CaseState
from scimbridge.domain.flood import Flood
from scimbridge.domain.task import TaskState
from scimbridge.store import floods
from scimbridge.store.database import Database
from scimbridge.store.schema import cases, holds, notices
from tests.chaos import ledger
from tests.processes.crash_points import Role
from tests.processes.installation import Installation, installed
from tests.processes.provider import IdentityProvider
from tests.processes.targets import Targets, configuration
from tests.processes.waiting import eventually
from tests.servers import postgresql, quiet_port

PEOPLE = 200
LIMIT = 50
AT_ONCE = 16
PATIENCE = 240.0

GUARD = f"""
[guard]
all = {{ count = {LIMIT}, window = "24h" }}
[notify.webhook]
url = "http://127.0.0.1:9/"
"""
RULE = """
[[rules]]
name = "leavers"
when = ["deactivated"]
exclude_targets = ["directory"]
[[rules.stages]]
after = "0s"
do = ["suspend"]
"""

pytestmark = pytest.mark.chaos


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(request: pytest.FixtureRequest, folder: Path, targets: Targets) -> Iterator[Installation]:
    with postgresql() if request.param == "postgresql" else nullcontext("") as store_url:
        config = configuration(targets.app.base_url, targets.directory, RULE, store_url=store_url, guard=GUARD)
        with installed(folder, config) as installation:
            yield installation


def test_of_a_mass_mistake_no_more_than_the_limit_is_done_and_operators_are_told_once(
    installation: Installation, targets: Targets
) -> None:
    database = installation.bridge.database
    people = [f"person-{number}@example.com" for number in range(PEOPLE)]
    for name in people:
        targets.add(name)
    with ExitStack() as stack:
        providers = [stack.enter_context(IdentityProvider(url, installation.token)) for url in _start_all(installation)]
        ids = [providers[0].create(name) for name in people]

        with ThreadPoolExecutor(AT_ONCE) as pool:
            said = [pool.submit(providers[number % 2].disable, user_id) for number, user_id in enumerate(ids)]
            for one in said:
                one.result()
        eventually(lambda: not ledger.live_attempts(database) and _is_quiet(database), PATIENCE, what="all at rest")

        changed = targets.log().app_effective
        assert changed.total() <= LIMIT
        assert max(changed.values(), default=1) == 1
        flood = _the_flood(database)
        with database.read() as tx:
            assert floods.extent(tx, flood.id).cases == PEOPLE
            assert tx.execute(select(func.count()).select_from(notices)).scalar_one() == 1
        assert (installation.folder / "web.log").read_text(encoding="utf-8").count("guard.flood") == 1

        _release(installation, flood)
        eventually(lambda: ledger.open_cases(database) == 0, PATIENCE, what="all suspended")
        accounts = [targets.app.user(targets.app_ids[name]) for name in people]
        assert all(account is not None and account["active"] is False for account in accounts)


def _start_all(installation: Installation) -> list[str]:
    """Start two web processes, three workers and a sweeper; return where SCIM is spoken."""
    listen = installation.bridge.settings.server.listen
    other = installation.folder / "other.toml"
    port = quiet_port()
    text = installation.config.read_text(encoding="utf-8")
    other.write_text(text.replace(str(listen), f"127.0.0.1:{port}"), encoding="utf-8")
    processes = [installation.start(Role.WEB), installation.start(Role.WEB, config=other)]
    processes += [installation.start(role) for role in (Role.WORKER, Role.WORKER, Role.WORKER, Role.SWEEPER)]
    for process in processes:
        process.wait_until_ready()
    return [installation.base_url, f"http://127.0.0.1:{port}/scim/v2"]


def _is_quiet(database: Database) -> bool:
    """Whether what is left to do is held, and nothing else."""
    free = (
        select(func.count())
        .select_from(cases)
        .where(
            cases.c.state == CaseState.OPEN,
            ~exists(select(holds.c.id).where(holds.c.subject == cases.c.id, holds.c.lifted_at.is_(None))),
        )
    )
    with database.read() as tx:
        return not tx.execute(free).scalar_one() and not ledger.unfinished_tasks(database)[TaskState.RUNNING]


def _the_flood(database: Database) -> Flood:
    with database.read() as tx:
        (flood,) = floods.standing(tx)
    return flood


def _release(installation: Installation, flood: Flood) -> None:
    flooding, now = installation.bridge.flooding, installation.bridge.clock()
    flooding.release(flood.id, reason="it was meant", by="ops", now=now)
    for _ in flooding.carry_out(flood.id, now):
        pass
