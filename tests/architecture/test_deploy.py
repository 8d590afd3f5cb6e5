"""What is deployed names metrics, labels and options that there are, and so do the documents."""

import configparser
import json
import re
import shlex
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
import yaml
from prometheus_client import Metric

from server import commands
from server.serving.calls import INTERNAL
from server.serving.options import ServeOptions
from server.serving.reader import Reader
from server.serving.releases import fixed
from server.watch.families import Families
from server.watch.metrics import Metrics
from tests.unit.server.serving.world import applicant, make_release

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "fedscore.json"
UNIT = ROOT / "deploy" / "fedscore-server.service"

SAMPLES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
SET_BY_PROMETHEUS = {"le", "instance"}
ALERTED = {
    *("Errors", "Shedding", "GivenUp", "Slow", "CommitsSlow", "NoAnswers"),
    *("ReleaseChanged", "MoreMissing", "ScoresMoved", "ShadowBehind"),
}
MAY_WRITE = "/var/lib/fedscore/"


class _Shadow:
    waiting = left_out = 0


def collected() -> list[Metric]:
    """Return every metric, as Prometheus would read it of a server that has done something."""
    served, reader = fixed(make_release()), Reader(make_release())
    metrics, row = Metrics(["m"]), reader.read(applicant())
    metrics.ended("m", INTERNAL, 0.0)
    metrics.stepped("commit", 0.0, 0.1)
    metrics.seen(reader, [row], reader.score([row]))
    return list(Families(metrics, lambda: served, _Shadow()).collect())


@cache
def families() -> dict[str, set[str]]:
    """Return the labels of every metric, by what one asks Prometheus for without its suffix."""
    return {
        family.name + ("_total" if family.type == "counter" else ""): {
            label for sample in family.samples for label in sample.labels
        }
        - SET_BY_PROMETHEUS
        for family in collected()
    }


@cache
def samples() -> dict[str, set[str]]:
    """Return the labels of every series, by its name."""
    return {
        family.name + suffix: families()[family.name + ("_total" * (family.type == "counter"))]
        for family in collected()
        for suffix in SAMPLES[family.type]
    }


def rules() -> list[dict[str, Any]]:
    """Return the alerts."""
    (group,) = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return list(group["rules"])


def expressions() -> list[str]:
    """Return every question that an alert or a panel asks."""
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    asked = [target["expr"] for panel in panels for target in panel["targets"]]
    return [*(rule["expr"] for rule in rules()), *asked]


def wrong_in(expression: str) -> list[str]:
    """Return the names in an expression that nothing has, and brackets that do not close."""
    known, wrong = samples(), []
    for name, selected in re.findall(r"(fedscore_\w+)(?:\{([^}]*)\})?", expression):
        labels = set(re.findall(r"(\w+)\s*[=!]", selected))
        wrong += [name] if name not in known else sorted(labels - known[name])
    by = {word for words in re.findall(r"by \(([^)]*)\)", expression) for word in words.split(", ")}
    of_any = SET_BY_PROMETHEUS.union(*known.values())
    pairs = ("()", "{}", "[]")
    open_ones = [pair for pair in pairs if expression.count(pair[0]) != expression.count(pair[1])]
    return [*wrong, *sorted(by - of_any), *open_ones]


@pytest.mark.parametrize("expression", expressions())
def test_alerts_and_panels_ask_for_what_a_server_counts(expression: str) -> None:
    assert "fedscore_" in expression
    assert wrong_in(expression) == []


@pytest.mark.parametrize(
    ("expression", "wrong"),
    [
        ("rate(fedscore_call[5m])", ["fedscore_call"]),
        ("fedscore_points", ["fedscore_points"]),
        ('fedscore_missing_total{tenant="a"}', ["tenant"]),
        ("sum by (le, subject) (fedscore_points_bucket)", ["subject"]),
        ("sum(fedscore_missing_total", ["()"]),
    ],
)
def test_the_check_of_expressions_can_fail(expression: str, wrong: list[str]) -> None:
    assert wrong_in(expression) == wrong


def test_there_is_an_alert_for_each_thing_that_goes_wrong_and_says_what_next() -> None:
    assert {rule["alert"] for rule in rules()} == {f"Fedscore{name}" for name in ALERTED}
    for rule in rules():
        assert set(rule["annotations"]) == {"summary", "next"}
        assert rule["labels"]["severity"] in {"page", "warn", "info"}


def test_every_metric_is_on_the_dashboard() -> None:
    text = DASHBOARD.read_text(encoding="utf-8")
    assert [name for name in families() if name not in text] == []


def test_no_panel_lies_on_another() -> None:
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len({panel["id"] for panel in panels}) == len(panels)


def test_the_documents_list_every_metric_with_its_labels_and_every_alert() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = text.split("\n## Watching a server\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(fedscore_\w+)` \| ([^|]*) \|", section, flags=re.MULTILINE)
    assert {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows} == families()
    assert set(re.findall(r"^\| `Fedscore(\w+)`", section, flags=re.MULTILINE)) == ALERTED


def test_the_unit_starts_serve_with_options_that_it_has() -> None:
    program, verb, *words = shlex.split(unit()["Service"]["ExecStart"])
    serve = typer.main.get_command(commands.app).commands[verb]  # type: ignore[attr-defined]
    known = {option for parameter in serve.params for option in parameter.opts}
    assert (Path(program).name, verb) == ("fedscore-server", "serve")
    assert {word for word in words if word.startswith("--")} <= known
    given = serve.make_context("serve", words).params
    given.pop("config")
    coordinator = SimpleNamespace(server_cert=Path("server.crt"), server_key=Path("server.key"))
    settings = ServeOptions(**given).settings(coordinator)  # type: ignore[arg-type]
    assert None not in (settings.client_ca_path, settings.access_path)
    assert settings.metrics_host == "127.0.0.1"


def test_the_unit_may_write_nothing_but_the_journal() -> None:
    service = unit()["Service"]
    assert service["ProtectSystem"] == "strict"
    assert "ReadWritePaths" not in service
    assert f"--journal {MAY_WRITE}" in service["ExecStart"]
    assert service["StateDirectory"] == Path(MAY_WRITE).name
    assert (service["NoNewPrivileges"], service["CapabilityBoundingSet"]) == ("yes", "")
    assert service["User"] not in {"root", ""}


def unit() -> configparser.ConfigParser:
    """Return the unit; of keys that are given twice the last one."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    parser.read(UNIT, encoding="utf-8")
    return parser
