from __future__ import annotations

from scimbridge.domain.rule import Ruleset
from scimbridge.services.overview import Overview
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import Bench, a_rule, an_exclusion


def test_who_was_left_alone_is_listed_with_the_reason(database: Database, clock: FakeClock) -> None:
    rules = Ruleset((a_rule(match='userType eq "Employee"'),), (an_exclusion('userName eq "root"', "break glass"),))
    bench = Bench(database, clock, rules)
    bench.leave(bench.join("contractor", userType="Contractor"))
    bench.leave(bench.join("root", userType="Employee"))
    bench.leave(bench.join("ada", userType="Employee"))

    found = Overview(database, bench.fleet).left_alone(clock())

    assert {row["user_name"]: row["verdict"] for row in found} == {
        "contractor": "no rule matches",
        "root": "excluded: break glass",
    }
