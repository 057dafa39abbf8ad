"""Whom rules ask: the hooks of a configuration, and whether there are such."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scimbridge.config.hooks import HookSection
from scimbridge.config.problems import spell, suggestion
from scimbridge.errors import Problem
from scimbridge.hooks.entry_point import EntryPointHook, installed
from scimbridge.hooks.hook import Hook
from scimbridge.hooks.http import HttpHook
from scimbridge.sdk.signing import parse_key


def hooks_of(sections: Mapping[str, HookSection]) -> dict[str, Hook]:
    """Return the hooks that rules can name: those of the configuration, and those that are installed.

    All of them, because rules may be changed while the bridge runs. None is imported.
    """
    return {name: EntryPointHook(name) for name in installed()} | {
        name: _http(section) for name, section in sections.items()
    }


def check_hooks(rules: Any, sections: Any) -> Iterator[Problem]:
    """Yield what is wrong between the plain tables of rules and those of hooks; imports no hook."""
    tables = frozenset(sections) if isinstance(sections, dict) else frozenset()
    packages = installed()
    for name in sorted(tables & packages):
        yield Problem(spell(("hooks", name)), "is the name of an installed hook, too; choose another")
    for index, rule in enumerate(rules if isinstance(rules, list) else ()):
        hook = rule.get("hook") if isinstance(rule, dict) else None
        if isinstance(hook, str) and hook not in tables | packages:
            hint = suggestion(hook, tables | packages)
            message = f'there is no [hooks.{hook}], and no installed package has a hook "{hook}"{hint}'
            yield Problem(spell(("rules", index, "hook")), message)


def _http(section: HookSection) -> HttpHook:
    return HttpHook(
        url=section.url,
        key=parse_key(section.secret.get_secret_value()),
        timeout=section.timeout,
        ca_file=section.ca_file,
    )
