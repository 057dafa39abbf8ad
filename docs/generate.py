"""Writes the parts of the documentation that the code knows best, between their markers.

Run ``python docs/generate.py`` after a change of settings, commands, states or metrics; a
test compares. A part begins with ``<!-- generated: NAME -->`` and ends with ``<!-- end -->``.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import typer
import yaml
from prometheus_client import Counter
from prometheus_client.metrics import MetricWrapperBase
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typer.models import ArgumentInfo, OptionInfo

from connectors.scim import dialect as dialects
from scimbridge import scaffold, sdk, telemetry
from scimbridge.api import reference
from scimbridge.cli.app import app
from scimbridge.config import document, later, notify, operators, retention
from scimbridge.domain import task
from scimbridge.domain.action import UNDOES, Action
from scimbridge.domain.quirk import Quirk
from scimbridge.domain.trigger import Trigger
from scimbridge.notices.notice import Kind, Step
from scimbridge.notices.samples import SAMPLES
from scimbridge.sdk import (
    AccountState,
    AccountSummary,
    Connector,
    GroupState,
    NativeState,
    conformance,
    expiry,
    fields,
    finding,
    http,
    relaying,
    reply,
    stamp,
    testing,
)
from scimbridge.sdk.config import Mode, TargetConfig
from scimbridge.sdk.conformance.hooks import Hooks
from scimbridge.sdk.contract import CONTRACT, OLDEST_CONTRACT
from scimbridge.sdk.limits import GuardSection

DOCS = Path(__file__).parent
PART = re.compile(r"(<!-- generated: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

SECTIONS: Mapping[str, type[BaseModel]] = {
    "The top of the file": document.Document,
    "`[server]`": document.ServerSection,
    "`[store]`": document.StoreSection,
    "`[queue]`": document.QueueSection,
    "`[operators]`": operators.OperatorsSection,
    "`[operators.oidc]`": operators.OidcSection,
    "`[sources.NAME]`": document.SourceSection,
    "`[sources.NAME.jwt]`": document.JwtSection,
    "`[sources.NAME.basic]`": document.BasicSection,
    "`[targets.NAME]`": TargetConfig,
    "`[[rules]]`": document.RuleSection,
    "`[[rules.stages]]`": document.StageSection,
    "`[[exclusions]]`": document.ExclusionSection,
    "`[guard]`": GuardSection,
    "`[[freeze]]`": document.FreezeSection,
    "`[evidence]`": document.EvidenceSection,
    "`[retention]`": retention.RetentionSection,
    "`[notify]`": notify.NotifySection,
    "`[notify.webhook]`": notify.WebhookSection,
}

SDK_MODULES = (http, fields, finding, relaying, stamp, reply, expiry, testing, conformance)
"""What connectors and their tests may import beside ``scimbridge.sdk``."""

_SDK_SOURCES = (sdk.config, sdk.connector, sdk.listing, sdk.outcome, sdk.secret)

SHARED = {"--config", "--log-level", "--json", "--by"}
"""Options that are explained once, not with every command."""


def settings() -> Iterator[str]:
    """Yield a table for each section of the configuration."""
    for heading, model in SECTIONS.items():
        yield f"### {heading}\n\n{_first_sentence(model)}\n"
        yield "| key | default | |\n|---|---|---|"
        for name, field in model.model_fields.items():
            if field.description and not _is_table(field):
                yield f"| `{name}` | {_default(field)} | {_line(field.description)} |"
        yield ""


def later_keys() -> Iterator[str]:
    """Yield what is refused by name."""
    for what, names in (
        ("keys of a target", later.TARGET_KEYS),
        ("triggers", later.TRIGGERS),
        ("connectors", later.CONNECTORS),
    ):
        yield f"- {what}: {', '.join(f'`{name}`' for name in sorted(names))}"


def notice_variables() -> Iterator[str]:
    """Yield the notices that there are, and what their templates can show."""
    for kind in Kind:
        content = type(SAMPLES[kind][0])
        yield f"| `{kind}` | {_first_sentence(content)} |\n|---|---|"
        yield from (f"| `{name}` | {text} |" for name, text in _attributes(content))
        yield ""
    yield "| one of `steps` | |\n|---|---|"
    yield from (f"| `{name}` | {text} |" for name, text in _attributes(Step))


def _attributes(kind: type) -> Iterator[tuple[str, str]]:
    """Yield what a class's docstring says about its attributes."""
    _, _, listed = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    for entry in re.split(r"\n    (?=\w+: )", f"\n{listed}")[1:]:
        name, _, text = entry.partition(": ")
        yield name, _line(text.replace("``", "`"))


def words() -> Iterator[str]:
    """Yield the triggers, actions and modes of this version."""
    for heading, kind in (("trigger", Trigger), ("action", Action), ("mode", Mode)):
        yield f"| {heading} | |\n|---|---|"
        yield from (f"| `{name}` | {text} |" for name, text in _described(kind))
        yield ""


def actions() -> Iterator[str]:
    """Yield a table of the actions that rules name for accounts: what each needs, rules out, and what takes it back."""
    yield from _actions(of_groups=False)


def group_actions() -> Iterator[str]:
    """Yield the same table for groups."""
    yield from _actions(of_groups=True)


def _actions(*, of_groups: bool) -> Iterator[str]:
    yield "| action | | needs | undone by | counts as |\n|---|---|---|---|---|"
    for name, text in _described(Action):
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
    texts = dict(_described(Action))
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


def commands() -> Iterator[str]:
    """Yield every command with its arguments and its own options."""
    for path, function in commands_of(app, "scimbridge"):
        parameters = list(parameters_of(function))
        arguments = [info.metavar or name.upper() for name, _, info in parameters if isinstance(info, ArgumentInfo)]
        options = [(kind, info) for _, kind, info in parameters if isinstance(info, OptionInfo)]
        yield f"### `{' '.join([path, *arguments])}`\n\n{_line(inspect.getdoc(function) or '')}\n"
        yield from _options((kind, info) for kind, info in options if not set(names_of(info)) & SHARED)
        shared = [f"`{names_of(info)[0]}`" for _, info in options if set(names_of(info)) & SHARED]
        yield f"Also {', '.join(shared)}.\n" if shared else ""


def shared_options() -> Iterator[str]:
    """Yield the options that many commands have."""
    seen = {}
    for _, function in commands_of(app, "scimbridge"):
        for _, kind, info in parameters_of(function):
            if isinstance(info, OptionInfo) and set(names_of(info)) & SHARED:
                seen[names_of(info)[0]] = (kind, info)
    yield from _options(seen.values())


def names_of(info: OptionInfo) -> list[str]:
    """Return how an option is spelled. In an annotation, Typer takes the first spelling for the default."""
    spellings = (info.default, *(info.param_decls or ()))
    return [name for name in spellings if isinstance(name, str) and name.startswith("-")]


def commands_of(group: typer.Typer, path: str) -> Iterator[tuple[str, Callable[..., None]]]:
    """Yield how each command is called, and its function."""
    for command in group.registered_commands:
        if command.callback is not None:
            yield f"{path} {command.name or command.callback.__name__}", command.callback
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            yield from commands_of(inner.typer_instance, f"{path} {inner.typer_instance.info.name}")


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
    yield from (f"| `{name}` | {text} |" for name, text in _described(task.TaskState))


def events() -> Iterator[str]:
    """Yield a table of the events."""
    yield "| event | from | to | when |\n|---|---|---|---|"
    for event, (sources, destination) in task.TRANSITIONS.items():
        start = ", ".join(f"`{state}`" for state in task.TaskState if state in sources)
        when = _line(inspect.getdoc(getattr(task.Task, event)) or "")
        yield f"| `{event}` | {start} | `{destination}` | {when} |"


def quirks() -> Iterator[str]:
    """Yield a table of the rules by which requests are understood that do not keep to the RFCs."""
    yield "| quirk | |\n|---|---|"
    yield from (f"| `{name}` | {text} |" for name, text in _described(Quirk))


def scim_dialects() -> Iterator[str]:
    """Yield a table of what can be done at SCIM applications, by the dialect that they speak."""
    yield "| `dialect` | | suspend, restore | groups | roles | entitlements | stamp | delete |"
    yield "|---|---|---|---|---|---|---|---|"
    for name in dialects.names():
        spoken = dialects.dialect(name)
        had = ["no" if key in spoken.without else "yes" for key in ("groups", "roles", "entitlements")]
        stamp = "no" if "stamp_attribute" in spoken.without else _line(_named(spoken.texts or ())) or "yes"
        suspend, delete = ("no" if each in spoken.lacks else "yes" for each in (Action.SUSPEND, Action.DELETE))
        link = f"[`{name}`](#{name})" if name != "standard" else "`standard`"
        yield f"| {link} | {spoken.title} | {suspend} | {' | '.join(had)} | {stamp} | {delete} |"


def scim_quirks() -> Iterator[str]:
    """Yield a section for each dialect: what is different there, why something cannot be done, and who says so."""
    for name in dialects.names()[1:]:
        spoken = dialects.dialect(name)
        yield f"### {name}\n\n{spoken.title}" + (f", tried with {spoken.tried}.\n" if spoken.tried else ".\n")
        yield from (f"- {each}" for each in _told_of(spoken))
        pages = ", ".join(f"[{number}]({address})" for number, address in enumerate(spoken.documentation, 1))
        yield f"- Documented: {pages}.\n"


def _told_of(spoken: dialects.Dialect) -> Iterator[str]:
    if spoken.base_url:
        yield f"`base_url` is like `{spoken.base_url}`."
    if spoken.rate_limit:
        yield f'`rate_limit = "{spoken.rate_limit}"`.'
    for why in dict.fromkeys(spoken.lacks.values()):
        yield f"No {_named(action for action, said in spoken.lacks.items() if said == why)}: {why}."
    for why in dict.fromkeys(spoken.without.values()):
        yield f"No {_named(key for key, said in spoken.without.items() if said == why)}: {why}."
    if spoken.searched_by:
        yield f"`match` may name {_named(spoken.searched_by)}."
    yield from spoken.quirks


def _named(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def metrics() -> Iterator[str]:
    """Yield a table of the metrics."""
    yield "| metric | kind | labels | |\n|---|---|---|---|"
    for name, metric in metrics_by_name().items():
        labels = ", ".join(f"`{label}`" for label in metric._labelnames)
        yield f"| `{name}` | {metric._type} | {labels} | {_line(metric._documentation)} |"


def alerts() -> Iterator[str]:
    """Yield a table of the alert rules in deploy/."""
    text = (DOCS.parent / "deploy" / "prometheus" / "scimbridge.rules.yml").read_text(encoding="utf-8")
    yield "| alert | | means |\n|---|---|---|"
    for rule in (rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]):
        noted = rule["annotations"]
        page = noted["page"].removeprefix("docs/")
        more = "" if page == "how-to/monitor.md" else f" [More](../{page})"
        lasting = f", after {rule['for']}" if "for" in rule else ""
        means = f"{noted['summary']}. {noted['description']}"
        means = re.sub(r"{{ \$labels\.(\w+) }}", lambda found: found[1].upper(), means)
        means = re.sub(r"{{ .+? }}", "…", means)
        yield f"| `{rule['alert']}` | {rule['labels']['severity']}{lasting} | {means}{more} |"


def metrics_by_name() -> dict[str, MetricWrapperBase]:
    """Return the metrics of the bridge, by the name that Prometheus shows."""
    found = [value for value in vars(telemetry).values() if isinstance(value, MetricWrapperBase)]
    return {f"{metric._name}_total" if isinstance(metric, Counter) else metric._name: metric for metric in found}


def survivors() -> Iterator[str]:
    """Yield a table of the changes of the code that no test can notice, by their reasons."""
    text = (DOCS.parent / "tests" / "survivors.toml").read_text(encoding="utf-8")
    yield "| why | where | changes |\n|---|---|---|"
    for kind in tomllib.loads(text).get("kinds", []):
        functions = dict.fromkeys(change["in"].removeprefix("scimbridge.") for change in kind["changes"])
        where = ", ".join(f"`{name}`" for name in functions)
        yield f"| {_line(kind['reason'])} | {where} | {len(kind['changes'])} |"


def new_connector(path: str) -> Iterator[str]:
    """Yield a file of a new connector, as ``scimbridge connectors new desk`` writes it."""
    language = {"py": "python", "toml": "ini"}[path.rpartition(".")[2]]
    yield f"```{language}\n{scaffold.texts('desk')[path].strip()}\n```"


def sdk_versions() -> Iterator[str]:
    """Yield which contracts there are."""
    yield f"Here is contract {CONTRACT}; it takes connectors that were written for {OLDEST_CONTRACT} to {CONTRACT}."


def sdk_modules() -> Iterator[str]:
    """Yield a table of what connectors may import beside ``scimbridge.sdk`` itself."""
    yield "| module | | names |\n|---|---|---|"
    for module in SDK_MODULES:
        names = ", ".join(f"`{name}`" for name in _public(module))
        yield f"| `{module.__name__}` | {_first_sentence(module)} | {names} |"


def sdk_names() -> Iterator[str]:
    """Yield a table of what ``scimbridge.sdk`` exports."""
    texts = dict(pair for module in _SDK_SOURCES for pair in _described_in(module))
    yield "| name | |\n|---|---|"
    for name in sdk.__all__:
        yield f"| `{name}` | {texts.get(name) or _first_sentence(getattr(sdk, name))} |"


def sdk_connector() -> Iterator[str]:
    """Yield a table of the methods of a connector."""
    yield "| method | | |\n|---|---|---|"
    for name, method in _methods(Connector):
        needed = "yours" if name in Connector.__abstractmethods__ else ""
        yield f"| `{name}{_signature(method)}` | {needed} | {_first_sentence(method)} |"


def sdk_states() -> Iterator[str]:
    """Yield tables of what is read."""
    for kind in (NativeState, AccountState, GroupState, AccountSummary):
        yield f"| `{kind.__name__}` | |\n|---|---|"
        yield from (f"| `{name}` | {text} |" for name, text in _attributes(kind))
        told = set() if kind is NativeState else set(vars(NativeState))
        for name, member in vars(kind).items():
            if isinstance(member, property) and not name.startswith("_") and name not in told:
                yield f"| `{name}` | {_first_sentence(member)} |"
        for name, method in _methods(kind):
            if name not in told:
                yield f"| `{name}{_signature(method)}` | {_first_sentence(method)} |"
        yield ""


def sdk_hooks() -> Iterator[str]:
    """Yield a table of what the conformance tests ask for."""
    yield "| of your tests | |\n|---|---|"
    for name, method in _methods(Hooks):
        yield f"| `{name}{_signature(method)}` | {_first_sentence(method)} |"


def _public(module: ModuleType) -> list[str]:
    """Return what a module exports; else its own classes and functions, and what it explains."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
    explained = [name for name, _ in _described_in(module)]
    return sorted({name for name in (*own, *explained) if not name.startswith("_")})


def _methods(kind: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the methods of a class that are its own and public, in the order of its source."""
    for name, member in vars(kind).items():
        function = getattr(member, "__func__", member)
        if inspect.isfunction(function) and not name.startswith("_"):
            yield name, function


def _signature(function: Callable[..., Any]) -> str:
    """Return how a method is called, and what it returns."""
    signature = inspect.signature(function)
    _, *parameters = signature.parameters.values()
    return _line(str(signature.replace(parameters=parameters)).replace("'", ""))


PARTS: Mapping[str, Callable[[], Iterator[str]]] = {
    "settings": settings,
    "later": later_keys,
    "notices": notice_variables,
    "words": words,
    "actions": actions,
    "group-actions": group_actions,
    "undoing-actions": undoing_actions,
    "commands": commands,
    "shared-options": shared_options,
    "chart": chart,
    "states": states,
    "events": events,
    "quirks": quirks,
    "metrics": metrics,
    "api-endpoints": reference.endpoints,
    "api-answers": reference.answers,
    "alerts": alerts,
    "scim-dialects": scim_dialects,
    "scim-quirks": scim_quirks,
    "survivors": survivors,
    "sdk-versions": sdk_versions,
    "sdk-modules": sdk_modules,
    "sdk-names": sdk_names,
    "sdk-connector": sdk_connector,
    "sdk-states": sdk_states,
    "sdk-hooks": sdk_hooks,
    "desk-project": partial(new_connector, "pyproject.toml"),
    "desk-config": partial(new_connector, "scimbridge_desk/config.py"),
    "desk-client": partial(new_connector, "scimbridge_desk/client.py"),
    "desk-connector": partial(new_connector, "scimbridge_desk/connector.py"),
    "desk-conformance": partial(new_connector, "tests/test_conformance.py"),
}


def renewed(page: str) -> str:
    """Return a page with its generated parts as they should be."""
    return PART.sub(lambda found: f"{found[1]}{_text(found['name'])}\n{found[3]}", page)


def main() -> None:
    """Write every page anew that has generated parts."""
    for path in sorted(DOCS.rglob("*.md")):
        page = path.read_text(encoding="utf-8")
        if renewed(page) != page:
            path.write_text(renewed(page), encoding="utf-8")
            sys.stdout.write(f"{path}\n")


def _text(name: str) -> str:
    return "\n".join(PARTS[name]()).strip()


def _described(kind: type) -> Iterator[tuple[str, str]]:
    """Yield the members of an enum and the texts below them, which only the source has."""
    (definition,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(definition, ast.ClassDef)  # noqa: S101  # it is an enum
    for member, text in zip(definition.body, definition.body[1:], strict=False):
        match member, text:
            case ast.Assign(value=ast.Constant(value=name)), ast.Expr(value=ast.Constant(value=str(said))):
                yield str(name), _line(said)
            case _:
                pass


def _described_in(module: ModuleType) -> Iterator[tuple[str, str]]:
    """Yield the names that a module assigns, and the first paragraphs of the texts below them."""
    body = ast.parse(inspect.getsource(module)).body
    for member, text in pairwise(body):
        match member, text:
            case (
                (ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name))),
                ast.Expr(value=ast.Constant(value=str(said))),
            ):
                yield name, _line(said.split("\n\n")[0])
            case _:
                pass


def _is_table(field: FieldInfo) -> bool:
    """Whether a field is a set of tables by name, each with keys of its own."""
    return field.default == {} and not field.examples


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    match value:
        case None:
            return ""
        case list():
            return f"`{value}`"
        case Mapping() if not value:
            return ""
        case Mapping():
            return "its connector's"
        case bool() | int():
            return f"`{value}`"
        case _:
            return f'`"{value}"`'


def parameters_of(function: Callable[..., None]) -> Iterator[tuple[str, Any, OptionInfo | ArgumentInfo]]:
    """Yield a command's parameters: name, type, and what Typer was told of it."""
    for name, annotation in get_type_hints(function, include_extras=True).items():
        for info in getattr(annotation, "__metadata__", ()):
            if isinstance(info, OptionInfo | ArgumentInfo):
                yield name, annotation.__origin__, info


def _options(options: Iterable[tuple[Any, OptionInfo]]) -> Iterator[str]:
    rows = [f"| {_option(kind, info)} | {_line(info.help or '')} |" for kind, info in options]
    if rows:
        yield "| option | |\n|---|---|\n" + "\n".join(rows) + "\n"


def _option(kind: Any, info: OptionInfo) -> str:
    names = ", ".join(f"`{name}`" for name in names_of(info))
    if kind is bool:
        return names
    choices = "\\|".join(kind) if isinstance(kind, type) and issubclass(kind, Enum) else "VALUE"
    return f"{names} `{info.metavar or choices}`"


def _first_sentence(documented: object) -> str:
    return _line((documented.__doc__ or "").split("\n\n")[0])


def _line(text: str) -> str:
    return " ".join(text.split()).replace("``", "`").replace("|", "\\|")


if __name__ == "__main__":
    main()
