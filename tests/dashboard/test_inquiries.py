from __future__ import annotations

from scimbridge.domain.inquiry import Cause
from scimbridge.store import assignments, returns
from tests.dashboard.conftest import Browse, text_of
from tests.services.bench import Bench


def test_inquiries_are_told_on_the_board_until_they_are_answered(bench: Bench, browse: Browse) -> None:
    assert "inquiry" not in text_of(browse().get("/").text)
    group = bench.group("<b>CRM</b>", bench.join("ada"))
    inquiry = bench.ask_about(group, "<b>CRM</b>", Cause.EMPTIED)

    page = browse().get("/").text
    bench.inquiring.dismiss(inquiry.id, reason="moved", by="ops", now=bench.clock())

    assert "1 inquiry waits for an answer." in text_of(page)
    assert "inquiry" not in text_of(browse().get("/").text)


def test_who_came_back_together_is_told_on_the_board_until_they_have_everything(bench: Bench, browse: Browse) -> None:
    ada = bench.join("ada")
    with bench.database.write() as tx:
        assignments.unassign(tx, ada, ["crm"], bench.clock())
        returns.note_assigned(tx, [ada], ["crm"], bench.clock())

    page = browse().get("/").text
    bench.catching_up.run(bench.clock())

    assert "1 account is still to be given back to people who came back together" in text_of(page)
    assert "came back" not in text_of(browse().get("/").text)
