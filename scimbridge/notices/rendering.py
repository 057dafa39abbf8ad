"""From a notice to a subject, a text and a page: by our templates, or by an operator's of the same names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

import structlog
from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    StrictUndefined,
    TemplateError,
    TemplateSyntaxError,
    meta,
    select_autoescape,
)

from scimbridge.notices.notice import Kind, Notice, variables
from scimbridge.notices.samples import SAMPLES

PARTS = ("subject.txt", "txt", "html")
"""The templates of each kind: ``leaver.subject.txt``, ``leaver.txt``, ``leaver.html``."""

SHARED = frozenset({"layout.html"})
"""What templates are built on; can be replaced, too."""

_LONGEST_SUBJECT = 200

log = structlog.get_logger("scimbridge.notices")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """How a notice reads.

    Attributes:
        subject: One line.
        text: For those who read plain text.
        html: For those who do not.
    """

    subject: str
    text: str
    html: str


class Templates:
    """Renders notices.

    Args:
        folder: Where an operator keeps templates that replace ours of the same name.
    """

    def __init__(self, folder: Path | None = None) -> None:
        ours = PackageLoader("scimbridge.notices")
        self._folder = folder
        self._ours = _environment(ours)
        self._theirs = self._ours if folder is None else _environment(ChoiceLoader([FileSystemLoader(folder), ours]))

    def render(self, notice: Notice) -> Rendered:
        """Return how a notice reads.

        Where an operator's template fails after all, although it was fine with the samples, ours is used: a notice
        that reads otherwise is better than none.
        """
        try:
            return _render_all(self._theirs, notice)
        except Exception as error:  # a template can do anything
            if self._theirs is self._ours:
                raise
            log.error(
                "template broke; using ours", action="notice.template", kind=notice.kind, reason=type(error).__name__
            )
            return _render_all(self._ours, notice)

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with the operator's templates, each with the file's name."""
        if self._folder is None:
            return
        try:
            names = sorted(path.name for path in self._folder.iterdir() if path.suffix in {".txt", ".html"})
        except OSError as error:
            yield f"cannot read {self._folder}: {error.strerror}"
            return
        for name in names:
            yield from self._problems_of(name)

    def _problems_of(self, name: str) -> Iterator[str]:
        kind, _, part = name.partition(".")
        if name not in SHARED and (kind not in set(Kind) or part not in PARTS):
            known = ", ".join(f"{each}.{ending}" for each in Kind for ending in PARTS)
            yield f"{name} replaces no template; there are: {known}, {', '.join(SHARED)}"
            return
        for known_kind in Kind if name in SHARED else [Kind(kind)]:
            problem = self._first_problem(name, known_kind, "html" if name in SHARED else part)
            if problem is not None:
                yield f"{name}: {problem}"
                return

    def _first_problem(self, name: str, kind: Kind, part: str) -> str | None:
        try:
            if name not in SHARED and (unknown := self._unknown_variables(name, kind)):
                return f"there is no variable {unknown}; there are: {', '.join(sorted(_known(kind)))}"
            for content in SAMPLES[kind]:
                notice = Notice(id="sample", at=datetime(2026, 11, 30, tzinfo=UTC), content=content)
                _render(self._theirs, notice, part)
        except Exception as error:  # noqa: BLE001  # a template can do anything
            return _said(error)
        return None

    def _unknown_variables(self, name: str, kind: Kind) -> str:
        """Return what a template names and there is not, also where the samples do not lead to it."""
        assert self._theirs.loader is not None  # noqa: S101  # made with one
        source, _, _ = self._theirs.loader.get_source(self._theirs, name)
        return ", ".join(sorted(meta.find_undeclared_variables(self._theirs.parse(source)) - _known(kind)))


def _environment(loader: BaseLoader) -> Environment:
    return Environment(
        loader=loader,
        autoescape=select_autoescape(["html"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _render_all(environment: Environment, notice: Notice) -> Rendered:
    subject, text, html = (_render(environment, notice, part) for part in PARTS)
    return Rendered(subject=one_line(subject)[:_LONGEST_SUBJECT], text=_tidy(text), html=html)


def _render(environment: Environment, notice: Notice, part: str) -> str:
    template = environment.get_template(f"{notice.kind}.{part}")
    # A name that a source has sent must not look like a paragraph of ours.
    shown = {name: _on_one_line(value) for name, value in variables(notice.content).items()}
    return template.render(shown, at=notice.at, moment=_moment_in(notice.zone))


def _on_one_line(value: Any) -> Any:
    if isinstance(value, str):
        return one_line(value)
    is_list = isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
    return [one_line(each) for each in value] if is_list else value


def _said(error: Exception) -> str:
    match error:
        case TemplateSyntaxError():
            return f"line {error.lineno}: {error.message}"
        case TemplateError():
            return str(error.message)
        case _:
            return f"{type(error).__name__}: {error}"


def _tidy(text: str) -> str:
    """Return a text without the empty lines that conditions leave behind."""
    return re.sub(r"\n{3,}", "\n\n", text.strip()) + "\n"


def one_line(text: str) -> str:
    """Return a text without line breaks and other control characters, which have no place in a header."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _known(kind: Kind) -> frozenset[str]:
    return frozenset(variables(SAMPLES[kind][0])) | {"at", "moment"}


def _moment_in(zone: tzinfo) -> Callable[[datetime], str]:
    """Return the function with which templates write times."""

    def moment(at: datetime) -> str:
        return at.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")

    return moment
