"""The last page of the drill: what was broken, what was seen of it, and whether the promises were kept."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from scimbridge.demo.display import Display, people_table
from scimbridge.drill.exercise import Outcome
from scimbridge.drill.people import shut_out


def show(display: Display, outcome: Outcome) -> None:
    """Print it as two tables, and one sentence."""
    rows = [
        [blow.broken, str(len(shut_out(blow.people))), *_spans(times), blow.said]
        for blow, times in zip(outcome.blows, outcome.shut_out_after, strict=True)
    ]
    display.show(people_table(["what was broken", "leavers", "shut out after", "the last", "what was seen"], rows))
    display.say()
    kept = [[promise.said, promise.found, "kept" if promise.is_kept else "BROKEN"] for promise in outcome.promises]
    display.show(people_table(["promise", "counted", ""], kept))
    display.say()
    for line in (line for promise in outcome.promises for line in promise.broken):
        display.say(f"- {line}", style="red")
    verdict = "All promises were kept" if outcome.is_kept else "NOT ALL PROMISES WERE KEPT"
    again = f"the same again: scimbridge drill --seed {outcome.seed}"
    display.say(f"{verdict}, in {outcome.seconds:.0f} s ({again}).", style="bold")


def document(outcome: Outcome) -> dict[str, Any]:
    """Return it as JSON; all spans in seconds."""
    return {
        "kept": outcome.is_kept,
        "seed": outcome.seed,
        "seconds": outcome.seconds,
        "blows": [
            {
                "broken": blow.broken,
                "people": len(blow.people),
                "leavers": len(times),
                "shut_out_after": {"median": median(times), "longest": times[-1]} if times else None,
                **blow.figures,
            }
            for blow, times in zip(outcome.blows, outcome.shut_out_after, strict=True)
        ],
        "promises": [
            {"promise": each.said, "kept": each.is_kept, "counted": each.found, "broken": list(each.broken)}
            for each in outcome.promises
        ],
    }


def _spans(times: Sequence[float]) -> tuple[str, str]:
    return (f"{median(times):.1f} s", f"{times[-1]:.1f} s") if times else ("", "")
