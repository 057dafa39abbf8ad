"""Suspensions in directories: the connector against its client library, and from PATCH to LDAP through the bridge."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from urllib.parse import quote

import httpx
import ldap3

from connectors.ldap import LdapConnector
from scimbridge.sdk import AccountState, Action
from tests.bench.effort import Effort
from tests.bench.load import PATCH_OP, create
from tests.bench.people import name_of
from tests.bench.stage import Installation, add_people
from tests.bench.table import Table, milliseconds, quantile
from tests.bench.waiting import linked, suspended, until
from tests.lab.directories.ds389 import Ds389Lab
from tests.lab.directories.lab import Lab, done
from tests.lab.directories.openldap import OpenLdapLab
from tests.lab.directories.samba import SambaLab

CONNECTIONS = 8
PACE = 20.0
"""PATCHes per second where none waits for another."""

LABS: dict[str, Callable[[], Lab]] = {"OpenLDAP": OpenLdapLab, "389 Directory Server": Ds389Lab, "Samba": SambaLab}
LOCKS = {
    "openldap": ("pwdAccountLockedTime", "000001010000Z", None),
    "389ds": ("nsAccountLock", "true", None),
    "active-directory": ("userAccountControl", "514", "512"),
}
"""What is written to lock an account, and what before."""

Change = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class _Run:
    """Suspensions per second, and seconds of CPU for each."""

    rate: float
    cpu: float


def measure_directories(folder: Path, effort: Effort) -> list[Table]:
    """Measure the connector at every kind of server, and the whole bridge at OpenLDAP."""
    return [_connector_alone(effort), _through_the_bridge(folder, effort)]


# -- the connector


def _connector_alone(effort: Effort) -> Table:
    head = ("server", "what", "suspensions", "against ldap3 alone", "CPU of the client for each")
    rows = [row for name, lab in LABS.items() for row in _rows_of(name, lab, effort)]
    return Table(f"Suspensions per second, {CONNECTIONS} connections, by the connector and by ldap3 alone", head, rows)


def _rows_of(name: str, start: Callable[[], Lab], effort: Effort) -> list[tuple[str, ...]]:
    with start() as lab, closing(_connector(lab)) as connector:
        states = [connector.read(lab.add_person(f"ann{number}")) for number in range(effort.suspended)]
        raw: list[_Run] = []
        only: list[_Run] = []
        whole: list[_Run] = []
        for _ in range(effort.rounds):
            raw.append(_run_ldap3(lab, states, 1))
            _run_ldap3(lab, states, 2)
            only.append(_run(states, lambda state: _suspend(connector, state)))
            _run_ldap3(lab, states, 2)
            whole.append(_run(states, lambda state: _read_suspend_read(connector, state)))
            _run_ldap3(lab, states, 2)
    said = (("ldap3: one modify", raw), ("the connector: suspend", only), ("the connector: read, suspend, read", whole))
    best = statistics.median(run.rate for run in raw)
    return [(name, what, *_figures(runs, best)) for what, runs in said]


def _figures(runs: Sequence[_Run], best: float) -> tuple[str, str, str]:
    rate = statistics.median(run.rate for run in runs)
    cpu = statistics.median(run.cpu for run in runs)
    return f"{rate:,.0f}/s", f"{rate / best:.2f}x", f"{cpu * 1e6:.0f} µs"


def _connector(lab: Lab) -> LdapConnector:
    return lab.connector(url=_url(lab))  # the server's own socket: the one that counts would be what is measured


def _url(lab: Lab) -> str:
    return f"ldapi://{quote(str(lab.socket), safe='')}"


def _suspend(connector: LdapConnector, state: AccountState) -> None:
    outcome = connector.perform(Action.SUSPEND, state, lambda: None)
    if not getattr(outcome, "changed", False):
        message = f"nothing was changed: {outcome}"
        raise RuntimeError(message)


def _read_suspend_read(connector: LdapConnector, state: AccountState) -> None:
    _suspend(connector, connector.read(state.id))
    connector.read(state.id)


def _run_ldap3(lab: Lab, states: Sequence[AccountState], which: int) -> _Run:
    """Return how fast ldap3 locks (1) or unlocks (2), each thread on a connection of its own."""
    lock = LOCKS[lab.flavor]
    attribute, value = lock[0], lock[which]
    change = {attribute: [(ldap3.MODIFY_REPLACE, [value] if value else [])]}
    free: SimpleQueue[Any] = SimpleQueue()
    links = [_bound(lab) for _ in range(CONNECTIONS)]
    for link in links:
        free.put(link)

    def modify(state: AccountState) -> None:
        link = free.get()
        done((True, _modified(link, state.name, change), None, None))
        free.put(link)

    run = _run(states, modify)
    for link in links:
        link.unbind()
    return run


def _modified(link: Any, dn: str, change: Any) -> Any:
    link.modify(dn, change)
    return link.result


def _bound(lab: Lab) -> Any:
    server = ldap3.Server(_url(lab), get_info=ldap3.NONE)
    link = ldap3.Connection(server, lab.service_dn, lab.password, client_strategy=ldap3.SYNC, check_names=False)
    link.bind(read_server_info=False)
    return link


def _run(states: Sequence[AccountState], change: Change) -> _Run:
    started, busy = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        for _ in threads.map(change, states):
            pass
    spent, cpu = time.perf_counter() - started, time.process_time() - busy
    return _Run(rate=len(states) / spent, cpu=cpu / len(states))


# -- the bridge


def _through_the_bridge(folder: Path, effort: Effort) -> Table:
    count = effort.suspended // 2
    with Installation(folder / "bridge", grace="0s", concurrency=CONNECTIONS) as bridge:
        add_people(bridge, range(2 * count))
        bridge.start("serve", "worker", "sweeper")
        ids = create(bridge.base_url, bridge.token, 2 * count, connections=1).ids
        until(lambda: linked(bridge) == 2 * count, seconds=300)
        paced = _leave(bridge, ids[:count], range(count), connections=1, pace=PACE)
        at_once = _leave(bridge, ids[count:], range(count, 2 * count), connections=CONNECTIONS)
    rows = [
        (f"{PACE:.0f} leavers per second", *paced),
        (f"{count} leavers, {CONNECTIONS} connections, as fast as they are answered", *at_once),
    ]
    head = ("what", "suspended", "PATCH sent → suspended, p50", "p99")
    return Table("From PATCH to suspended in OpenLDAP, through the whole bridge", head, rows)


def _leave(
    bridge: Installation, ids: Sequence[str], numbers: Sequence[int], *, connections: int, pace: float | None = None
) -> tuple[str, str, str]:
    """Deactivate people, and return how many were suspended per second, and how soon."""
    before = suspended(bridge)
    sent = _patch(bridge, ids, connections, pace)
    until(lambda: suspended(bridge) - before >= len(ids), seconds=300)
    ends = [_written_at(bridge, number) for number in numbers]
    spans = [end - start for start, end in zip(sent, ends, strict=True)]
    rate = len(ids) / (max(ends) - min(sent))
    return f"{rate:.0f}/s", milliseconds(quantile(spans, 0.5)), milliseconds(quantile(spans, 0.99))


def _patch(bridge: Installation, ids: Sequence[str], connections: int, pace: float | None) -> list[float]:
    """Deactivate people, and return when each request was sent (seconds since 1970)."""
    headers = {"Authorization": f"Bearer {bridge.token}", "Content-Type": "application/scim+json"}
    body = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "active", "value": False}]}
    started = time.time()
    with httpx.Client(base_url=bridge.base_url, headers=headers) as client, ThreadPoolExecutor(connections) as threads:

        def patch(number: int) -> float:
            if pace is not None:
                time.sleep(max(started + number / pace - time.time(), 0))
            at = time.time()
            client.patch(f"/Users/{ids[number]}", json=body).raise_for_status()
            return at

        return list(threads.map(patch, range(len(ids))))


def _written_at(bridge: Installation, number: int) -> float:
    """Return when somebody's entry was last written: OpenLDAP itself says so, to the microsecond, in ``entryCSN``."""
    (stamp,) = (bridge.directory.get(name_of(number).partition("@")[0]) or {})["entryCSN"]
    return datetime.strptime(stamp.partition("Z")[0], "%Y%m%d%H%M%S.%f").replace(tzinfo=UTC).timestamp()
