"""What a fact is about."""

from __future__ import annotations

from datetime import UTC, datetime

from scimbridge.domain.trigger import Fact, Trigger

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def a_fact(trigger: Trigger = Trigger.REQUESTED, **changes: object) -> Fact:
    settings: dict[str, object] = {"identity_id": "identity", "source": "okta", "at": NOW, **changes}
    return Fact(trigger=trigger, **settings)  # type: ignore[arg-type]  # the fields above


def test_a_fact_is_about_all_targets_unless_it_names_some() -> None:
    assert a_fact().concerns("crm")
    assert a_fact(targets=("crm", "dir")).concerns("crm")
    assert not a_fact(targets=("crm", "dir")).concerns("hr")
    assert not a_fact(targets=()).concerns("crm")


def test_a_fact_is_told_with_its_reason_where_it_has_one() -> None:
    assert str(a_fact(Trigger.DELETED)) == "deleted"
    assert str(a_fact(reason="left on Friday")) == "requested: left on Friday"


def test_who_brought_a_fact_is_the_source_unless_it_was_somebody_else() -> None:
    assert a_fact().by == "okta"
    assert a_fact(actor="eve").by == "eve"


def test_what_is_about_some_targets_only_is_narrow() -> None:
    assert {trigger for trigger in Trigger if trigger.is_narrow} == {
        Trigger.UNASSIGNED,
        Trigger.CHANGED,
        Trigger.STALE,
        Trigger.ORPHANED,
    }


def test_what_the_bridge_finds_by_asking_a_target_no_source_has_said() -> None:
    assert {trigger for trigger in Trigger if a_fact(trigger).by != "okta"} == {Trigger.STALE, Trigger.ORPHANED}
    assert a_fact(Trigger.STALE).by == "scimbridge"
