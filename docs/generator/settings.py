"""The configuration: its settings, what is refused by name, and what templates of notices can show."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from docs.generator.texts import attributes, first_sentence, line
from scimbridge.config import document, later, notify, operators, retention
from scimbridge.domain.duration import format_duration
from scimbridge.notices.notice import Kind, Step
from scimbridge.notices.samples import SAMPLES
from scimbridge.sdk.config import TargetConfig
from scimbridge.sdk.limits import GuardSection

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


def settings() -> Iterator[str]:
    """Yield a table for each section of the configuration."""
    for heading, model in SECTIONS.items():
        yield f"### {heading}\n\n{first_sentence(model)}\n"
        yield "| key | default | |\n|---|---|---|"
        for name, field in model.model_fields.items():
            if field.description and not _is_table(field):
                yield f"| `{name}` | {_default(field)} | {line(field.description)} |"
        yield ""


def later_names() -> Iterator[str]:
    """Yield what is refused by name."""
    yield f"- triggers: {', '.join(f'`{name}`' for name in sorted(later.TRIGGERS))}"


def notice_variables() -> Iterator[str]:
    """Yield the notices that there are, and what their templates can show."""
    for kind in Kind:
        content = type(SAMPLES[kind][0])
        yield f"| `{kind}` | {first_sentence(content)} |\n|---|---|"
        yield from (f"| `{name}` | {text} |" for name, text in attributes(content))
        yield ""
    yield "| one of `steps` | |\n|---|---|"
    yield from (f"| `{name}` | {text} |" for name, text in attributes(Step))


def _is_table(field: FieldInfo) -> bool:
    """Whether a field is a set of tables by name, each with keys of its own."""
    return field.default == {} and not field.examples


def _default(field: FieldInfo) -> str:
    """Return a default as somebody would write it into the file."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    match value:
        case None:
            return ""
        case bool() | list():
            return f"`{json.dumps(value)}`"
        case timedelta():
            return f'`"{format_duration(value)}"`'
        case Mapping() if not value:
            return ""
        case Mapping():
            return "its connector's"
        case int():
            return f"`{value}`"
        case _:
            return f'`"{value}"`'
