"""The pages, and who writes which part of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from docs.generator import commands, connecting, dialects, mutation, settings, vocabulary, watching
from scimbridge.api import reference

DOCS = Path(__file__).parents[1]

PART = re.compile(r"(<!-- generated: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

PARTS: Mapping[str, Callable[[], Iterator[str]]] = {
    "settings": settings.settings,
    "later": settings.later_names,
    "notices": settings.notice_variables,
    "words": vocabulary.words,
    "actions": vocabulary.actions,
    "group-actions": vocabulary.group_actions,
    "undoing-actions": vocabulary.undoing_actions,
    "commands": commands.commands,
    "shared-options": commands.shared_options,
    "chart": vocabulary.chart,
    "states": vocabulary.states,
    "events": vocabulary.events,
    "quirks": vocabulary.quirks,
    "metrics": watching.metrics,
    "api-endpoints": reference.endpoints,
    "api-answers": reference.answers,
    "alerts": watching.alerts,
    "scim-dialects": dialects.scim_dialects,
    "scim-quirks": dialects.scim_quirks,
    "survivors": mutation.survivors,
    "sdk-versions": connecting.sdk_versions,
    "sdk-modules": connecting.sdk_modules,
    "sdk-names": connecting.sdk_names,
    "sdk-connector": connecting.sdk_connector,
    "sdk-states": connecting.sdk_states,
    "sdk-hooks": connecting.sdk_hooks,
    "desk-project": partial(connecting.new_connector, "pyproject.toml"),
    "desk-config": partial(connecting.new_connector, "scimbridge_desk/config.py"),
    "desk-client": partial(connecting.new_connector, "scimbridge_desk/client.py"),
    "desk-connector": partial(connecting.new_connector, "scimbridge_desk/connector.py"),
    "desk-conformance": partial(connecting.new_connector, "tests/test_conformance.py"),
}


def renewed(page: str) -> str:
    """Return a page with its generated parts as they should be."""
    return PART.sub(lambda found: f"{found[1]}{_text(found['name'])}\n{found[3]}", page)


def renew() -> Iterator[Path]:
    """Write every page anew whose generated parts are not as they should be, and yield it."""
    for path in sorted(DOCS.rglob("*.md")):
        page = path.read_text(encoding="utf-8")
        if renewed(page) != page:
            path.write_text(renewed(page), encoding="utf-8")
            yield path


def _text(name: str) -> str:
    return "\n".join(PARTS[name]()).strip()
