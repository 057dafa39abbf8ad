"""The commands that notices name, spelled as the command line takes them; a test tries each."""

from __future__ import annotations

_WHY = "--reason '…'"


def hold_case(case_id: str) -> str:
    """Stop everything in a case until the hold is lifted."""
    return f"scimbridge hold place --case {case_id} {_WHY}"


def cancel_case(case_id: str) -> str:
    """End a case for good."""
    return f"scimbridge cases cancel {case_id} {_WHY}"


def show_case(case_id: str) -> str:
    """Show a case."""
    return f"scimbridge cases show {case_id}"


def check_target(name: str) -> str:
    """See whether a target works."""
    return f"scimbridge targets check {name}"


def resume_target(name: str) -> str:
    """Let a paused target go on."""
    return f"scimbridge targets resume {name}"


def compare_rules(version: int, former: int) -> str:
    """See what a version of the rules has changed."""
    return f"scimbridge rules diff {version} {former}"


def draft_rules_of(version: int) -> str:
    """Begin to go back to a version of the rules."""
    return f"scimbridge rules draft --of {version}"


def check() -> str:
    """See whether all that the bridge depends on works, on the machine where it is typed."""
    return "scimbridge check"


def release_flood(flood_id: str) -> str:
    """Let what the guard holds go on."""
    return f"scimbridge guard release {flood_id} {_WHY}"


def cancel_flood(flood_id: str) -> str:
    """Cancel what the guard holds."""
    return f"scimbridge guard cancel {flood_id} {_WHY}"
