"""Metrics and alerts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from prometheus_client import Counter
from prometheus_client.metrics import MetricWrapperBase

from docs.generator.texts import line
from scimbridge import telemetry

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "scimbridge.rules.yml"


def metrics() -> Iterator[str]:
    """Yield a table of the metrics."""
    yield "| metric | kind | labels | |\n|---|---|---|---|"
    for name, metric in metrics_by_name().items():
        labels = ", ".join(f"`{label}`" for label in metric._labelnames)
        yield f"| `{name}` | {metric._type} | {labels} | {line(metric._documentation)} |"


def alerts() -> Iterator[str]:
    """Yield a table of the alert rules in deploy/."""
    text = RULES.read_text(encoding="utf-8")
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
