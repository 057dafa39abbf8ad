"""The alert rules and the dashboard in deploy/ ask for metrics and labels that there are, and the alerts come."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client import Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase

from scimbridge import telemetry

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
RULES = [
    rule
    for group in yaml.safe_load((DEPLOY / "prometheus" / "scimbridge.rules.yml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
BOARD = json.loads((DEPLOY / "grafana" / "scimbridge.json").read_text("utf-8"))
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]

EVERYWHERE = {"job", "instance"}
"""Labels that Prometheus itself gives to what it scrapes."""


def _series() -> Iterator[tuple[str, set[str]]]:
    for metric in vars(telemetry).values():
        match metric:
            case Counter():
                yield f"{metric._name}_total", set(metric._labelnames)
            case Histogram():
                yield f"{metric._name}_bucket", {*metric._labelnames, "le"}
                yield from ((f"{metric._name}_{part}", set(metric._labelnames)) for part in ("sum", "count"))
            case MetricWrapperBase():
                yield metric._name, set(metric._labelnames)
            case _:
                pass


LABELS = {"up": set(), **dict(_series())}


def parsed(expression: str) -> tuple[set[str], set[str], set[str]]:
    """Return which series an expression selects, by which labels it selects, and which labels it keeps."""
    for variable, value in {"$__rate_interval": "5m", "$target": ".*", "$source": ".*"}.items():
        expression = expression.replace(variable, value)
    names: set[str] = set()
    selected: set[str] = set()
    kept: set[str] = set()

    def visit(part: Any) -> None:
        if isinstance(part, promql_parser.VectorSelector) and part.name is not None:
            names.add(part.name)
            selected.update(matcher.name for matcher in part.matchers.matchers)
        if isinstance(part, promql_parser.AggregateExpr) and part.modifier is not None:
            kept.update(part.modifier.labels)

    promql_parser.walk(promql_parser.parse(expression), visit)
    return names, selected, kept


def expressions() -> dict[str, str]:
    return {
        **{rule["alert"]: rule["expr"] for rule in RULES},
        **{f"{panel['title']} {one['refId']}": one["expr"] for panel in PANELS for one in panel["targets"]},
        **{one["name"]: one["expr"] for one in BOARD["annotations"]["list"]},
    }


@pytest.mark.parametrize("name", expressions())
def test_rules_and_panels_ask_for_series_and_labels_that_there_are(name: str) -> None:
    names, selected, kept = parsed(expressions()[name])

    assert names <= set(LABELS)
    there = EVERYWHERE.union(*(LABELS[one] for one in names))
    assert selected | kept <= there


def test_texts_name_only_labels_that_are_left() -> None:
    alerts = [(rule["expr"], " ".join(rule["annotations"].values()), r"\$labels\.(\w+)") for rule in RULES]
    legends = [(one["expr"], one["legendFormat"], r"{{(\w+)}}") for panel in PANELS for one in panel["targets"]]

    for expression, text, named in (*alerts, *legends):
        _, selected, kept = parsed(expression)
        # Without an aggregation, all labels are left.
        assert set(re.findall(named, text)) <= (kept or selected | EVERYWHERE), text


def test_the_choices_of_the_dashboard_come_from_series_that_there_are() -> None:
    choices = [one["query"]["query"] for one in BOARD["templating"]["list"] if one["type"] == "query"]

    found = [re.fullmatch(r"label_values\((\w+), (\w+)\)", choice) for choice in choices]

    assert [one for one in found if one is None or one[2] not in LABELS[one[1]]] == []


def test_the_dashboard_shows_every_metric() -> None:
    shown = set().union(*(parsed(expression)[0] for expression in expressions().values()))

    families = {re.sub("_(bucket|sum|count)$", "", name) for name in shown}
    assert families >= {re.sub("_(bucket|sum|count)$", "", name) for name in LABELS}


def test_panels_have_a_description_and_lie_beside_one_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        place = panel["gridPos"]
        squares = {(place["x"] + i, place["y"] + j) for i in range(place["w"]) for j in range(place["h"])}
        assert panel["description"]
        assert not squares & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= squares


def test_each_alert_says_how_bad_it_is_and_names_a_page() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert (ROOT / rule["annotations"]["page"]).is_file(), rule["alert"]


# -- what Prometheus itself says ----------------------------------------------


def promtool(*arguments: str, standard_input: bytes | None = None) -> str:
    program = shutil.which("promtool")
    assert program, "promtool is missing: install prometheus (Debian), or run deploy/servers.sh"
    done = subprocess.run(
        [program, *arguments], cwd=DEPLOY / "prometheus", input=standard_input, capture_output=True, timeout=300
    )
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


def test_each_alert_comes_when_it_has_to_and_not_otherwise() -> None:
    text = (DEPLOY / "prometheus" / "scimbridge.test.yml").read_text("utf-8")

    assert "SUCCESS" in promtool("test", "rules", "scimbridge.test.yml")
    assert set(re.findall(r'alertname="(\w+)", severity', text)) == {rule["alert"] for rule in RULES}


def test_the_names_of_metrics_keep_to_the_conventions() -> None:
    body, _ = telemetry.scrape()

    promtool("check", "metrics", standard_input=body)
