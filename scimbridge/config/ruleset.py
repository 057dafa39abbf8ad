"""Reading ``[[rules]]`` by themselves, for a configuration that stands: with the checks that its file had to pass."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from pydantic import Field

from scimbridge import registry
from scimbridge.config.document import Document, RuleSection, Section
from scimbridge.config.problems import read, suggestion
from scimbridge.config.recipients import check_recipients
from scimbridge.config.rules import check_rule_tables, rule_of
from scimbridge.config.rules_text import Places, digest_of, text_of
from scimbridge.config.targets import Targets
from scimbridge.domain.rules_version import PlacedProblem, RulesRead
from scimbridge.errors import Problem

if TYPE_CHECKING:
    from scimbridge.config.settings import Settings

LONGEST = 256 * 1024
"""Characters of a text of rules; the rules of the largest installations are a tenth of that."""

_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)$")


class RulesDocument(Section):
    """A text that has ``[[rules]]`` and nothing else."""

    rules: list[RuleSection] = Field(default_factory=list)


def read_rules(text: str, settings: Settings) -> RulesRead:
    """Return what a text of rules says at the targets, with the hooks and the notices of a configuration."""
    try:
        return _read(text, settings)
    except RecursionError:
        return RulesRead(None, (), (_unreadable("too much stands within each other"),))


def _read(text: str, settings: Settings) -> RulesRead:
    try:
        tables = tomllib.loads(text if len(text) <= LONGEST else "")
    except tomllib.TOMLDecodeError as error:
        return RulesRead(None, (), (_no_toml(str(error)),))
    except ValueError:  # from int()
        return RulesRead(None, (), (_unreadable("a number has too many digits"),))
    problems = [Problem("rules", f"are longer than {LONGEST} characters")] if len(text) > LONGEST else []
    problems += (_elsewhere(key) for key in tables if key != "rules")
    document = read(RulesDocument, {"rules": tables.get("rules", [])}, (), problems)
    problems += check_rule_tables({**settings.raw.tables, "rules": tables.get("rules")}, _targets(settings))
    if document is not None:
        problems += check_recipients(document.rules, settings.document.notify)
    if document is not None and not document.rules and not problems:
        problems.append(Problem("rules", "there are none: whoever leaves would keep their access"))
    places = Places(text if problems else "")
    placed = sorted(
        (PlacedProblem(places.line_of(problem.path), problem) for problem in problems), key=lambda each: each.line or 0
    )
    rules = tuple(map(rule_of, document.rules)) if document is not None and not placed else ()
    return RulesRead(digest_of(tables.get("rules", [])), rules, tuple(placed))


def rules_text(settings: Settings) -> tuple[str, str]:
    """Return the text of the rules of a configuration, and its digest."""
    tables = settings.raw.tables.get("rules", [])
    return text_of(settings.raw.text, tables), digest_of(tables)


def rules_within(text: str) -> str:
    """Return the text of the rules within one that may be a whole configuration; as it is, where it is no TOML."""
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError):
        return text
    is_more = isinstance(tables.get("rules"), list) and len(tables) > 1
    return text_of(text, tables["rules"]) if is_more else text


def _targets(settings: Settings) -> Targets:
    """Return the targets as they were when the file was checked."""
    usable = [name for name in settings.targets if name not in settings.unusable]
    return Targets(
        configs=dict(settings.targets),
        capabilities={name: settings.capabilities[name] for name in usable},
        connectors={name: registry.connector_class(settings.targets[name].connector) for name in usable},
    )


def _unreadable(why: str) -> PlacedProblem:
    return PlacedProblem(None, Problem("rules", f"cannot be read: {why}"))


def _no_toml(message: str) -> PlacedProblem:
    at = _AT_LINE.search(message)
    return PlacedProblem(int(at[1]) if at else None, Problem("rules", f"is not TOML: {_AT_LINE.sub('', message)}"))


def _elsewhere(key: str) -> Problem:
    known: dict[str, Any] = dict(Document.model_fields)
    if key in known:
        return Problem(key, "stays in the configuration file; only [[rules]] may stand here")
    return Problem(key, f"is not a setting{suggestion(key, ['rules'])}; only [[rules]] may stand here")
