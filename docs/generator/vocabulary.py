"""The words of rules and cases: triggers, actions, states, and how requests are understood."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping

from docs.generator.texts import described, line
from scimbridge.domain import task
from scimbridge.domain.action import UNDOES, Action
from scimbridge.domain.quirk import Quirk
from scimbridge.domain.trigger import Trigger
from scimbridge.sdk.config import Mode


def words() -> Iterator[str]:
    """Yield the triggers, actions and modes of this version."""
    for heading, kind in (("trigger", Trigger), ("action", Action), ("mode", Mode)):
        yield f"| {heading} | |\n|---|---|"
        yield from (f"| `{name}` | {text} |" for name, text in described(kind))
        yield ""


def actions() -> Iterator[str]:
    """Yield a table of the actions that rules name for accounts: what each needs, rules out, and what takes it back."""
    yield from _actions(of_groups=False)


def group_actions() -> Iterator[str]:
    """Yield the same table for groups."""
    yield from _actions(of_groups=True)


def _actions(*, of_groups: bool) -> Iterator[str]:
    yield "| action | | needs | undone by | counts as |\n|---|---|---|---|---|"
    for name, text in described(Action):
        action = Action(name)
        if not action.gives_back and action.is_of_groups is of_groups:
            undo = _undo_of(action)
            counts = f"`{action.facts.guard}`" if action.facts.guard else "`all`" if action.is_revoking else ""
            yield f"| `{name}` | {text} | {_needs_of(action)} | {undo} | {counts} |"


def _undo_of(action: Action) -> str:
    """Return what takes an action back."""
    if action.facts.undo is None:
        return _NO_UNDO.get(action, "cannot be undone")
    return f"`{action.facts.undo}`" + (", at some targets and for some days" if action.is_irreversible else "")


def undoing_actions() -> Iterator[str]:
    """Yield a table of the actions that a restore plans."""
    yield "| action | undoes | |\n|---|---|---|"
    texts = dict(described(Action))
    yield from (f"| `{undo}` | `{undone}` | {texts[undo]} |" for undo, undone in UNDOES.items())


_NOTHING_AFTER: Mapping[Action, str] = {
    each.facts.follows: f"no later stage there but `{each}`" for each in Action if each.facts.follows
}
"""What is said of actions after which one other can be done."""

_NO_UNDO: Mapping[Action, str] = {
    Action.REVOKE_SESSIONS: "signing in again",
    Action.RESET_CREDENTIALS: "a new password",
    Action.DISCONNECT: "nothing: it is for good",
    Action.NOTIFY: "",
}
"""What is said of actions that have no undo, and are not beyond it."""


def _needs_of(action: Action) -> str:
    """Return what must be there before it: another action, a key of the stage."""
    needs = [f"`{need}` before it" for need in action.facts.needs]
    needs += [f"an earlier stage with `{action.facts.follows}`"] if action.facts.follows else []
    if action in (Action.TRANSFER_OWNERSHIP, Action.REDIRECT_MAIL):
        needs.append("`successor`")
    if action is Action.NOTIFY:
        needs.append("`notify`")
    if action.facts.is_final:
        needs.append(_NOTHING_AFTER.get(action, "no later stage there"))
    return ", ".join(needs)


def chart() -> Iterator[str]:
    """Yield the states of a task and what leads from one to another, as a Mermaid diagram."""
    events: dict[tuple[str, str], list[str]] = {}
    for event, (sources, destination) in task.TRANSITIONS.items():
        for source in (state for state in task.TaskState if state in sources):
            events.setdefault((source, destination), []).append(event)
    yield "```mermaid\nstateDiagram-v2\n    [*] --> planned"
    yield from (f"    {source} --> {to}: {', '.join(names)}" for (source, to), names in events.items())
    yield from (f"    {state} --> [*]" for state in task.TaskState if state in task.FINISHED)
    yield "```"


def states() -> Iterator[str]:
    """Yield a table of the states."""
    yield "| state | |\n|---|---|"
    yield from (f"| `{name}` | {text} |" for name, text in described(task.TaskState))


def events() -> Iterator[str]:
    """Yield a table of the events."""
    yield "| event | from | to | when |\n|---|---|---|---|"
    for event, (sources, destination) in task.TRANSITIONS.items():
        start = ", ".join(f"`{state}`" for state in task.TaskState if state in sources)
        when = line(inspect.getdoc(getattr(task.Task, event)) or "")
        yield f"| `{event}` | {start} | `{destination}` | {when} |"


def quirks() -> Iterator[str]:
    """Yield a table of the rules by which requests are understood that do not keep to the RFCs."""
    yield "| quirk | |\n|---|---|"
    yield from (f"| `{name}` | {text} |" for name, text in described(Quirk))
