"""Alerts and boards speak of metrics that exist, in expressions that parse, and lead somewhere."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.tools import PROMTOOL, ROOT, find, missing
from duetime.telemetry.metrics import LATENESS_BUCKETS_SECONDS, Metrics

RULES: dict[str, Any] = yaml.safe_load(
    (ROOT / "deploy/prometheus/rules.yml").read_text(encoding="utf-8")
)
RULE_LIST = [rule for group in RULES["groups"] for rule in group["rules"]]
ALERTS = sorted({rule["alert"] for rule in RULE_LIST if "alert" in rule})
BOARDS = {
    path.name: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))
}
VARIABLES = {"$__rate_interval": "1m", "$__range": "1h", "$job": ".+"}


def test_every_metric_in_an_alert_or_on_a_board_is_one_of_ours() -> None:
    recorded = {rule["record"] for rule in RULE_LIST if "record" in rule}
    used = {name for text in expressions() for name in re.findall(r"\bduetime[a-z0-9_:]+", text)}

    assert set() == used - series() - recorded


def test_every_label_that_is_matched_is_one_that_the_metric_has() -> None:
    known = {"job", "instance", "le", *labels()}
    matched = {
        label
        for text in expressions()
        for inside in re.findall(r"duetime[a-z_]+\{([^}]*)\}", text)
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", inside)
    }

    assert set() == matched - known


def test_the_bucket_that_the_promise_is_judged_by_exists() -> None:
    bounds = {bound for text in expressions() for bound in re.findall(r'le="([^"]+)"', text)}

    assert bounds <= {str(float(bucket)) for bucket in LATENESS_BUCKETS_SECONDS}
    assert {"10.0"} <= bounds


@pytest.mark.parametrize("board", BOARDS)
def test_every_expression_of_a_board_parses(board: str, tmp_path: Path) -> None:
    reason = missing(PROMTOOL)
    if reason is not None:
        pytest.skip(reason)
    rules = tmp_path / "rules.yml"
    recordings = [
        {"record": f"board:{number}", "expr": without_variables(text)}
        for number, text in enumerate(board_expressions(BOARDS[board]))
    ]
    rules.write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": recordings}]}))
    checked = subprocess.run(
        [str(find(PROMTOOL)), "check", "rules", str(rules)],
        check=False,
        capture_output=True,
        text=True,
    )

    assert [] != recordings
    assert 0 == checked.returncode, checked.stdout + checked.stderr


def test_boards_and_their_panels_have_names_of_their_own() -> None:
    uids = [board["uid"] for board in BOARDS.values()]

    assert sorted(set(uids)) == sorted(uids)
    for board in BOARDS.values():
        ids = [panel["id"] for panel in board["panels"]]
        assert sorted(set(ids)) == sorted(ids)
        assert all(panel["description"].endswith(".") for panel in board["panels"])


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_explained_and_tested(alert: str) -> None:
    operations = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    tests = yaml.safe_load((ROOT / "deploy/prometheus/tests.yml").read_text(encoding="utf-8"))
    rung = {
        expected["alertname"]
        for test in tests["tests"]
        for expected in test["alert_rule_test"]
        if expected.get("exp_alerts")
    }
    urls = {rule["annotations"]["runbook_url"] for rule in RULE_LIST if rule.get("alert") == alert}

    assert {f"docs/operations.md#{alert.lower()}"} == urls
    assert f"### {alert}\n" in operations
    assert alert in rung


def expressions() -> list[str]:
    boards = [text for board in BOARDS.values() for text in board_expressions(board)]
    return [rule["expr"] for rule in RULE_LIST] + boards


def board_expressions(board: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]]


def without_variables(text: str) -> str:
    for name, value in VARIABLES.items():
        text = text.replace(name, value)
    return text


def series() -> set[str]:
    """Give every name under which our metrics are scraped."""
    names = set()
    for family in Metrics().registry.collect():
        match family.type:
            case "counter":
                names.add(f"{family.name}_total")
            case "histogram":
                names |= {f"{family.name}_{part}" for part in ("bucket", "count", "sum")}
            case _:
                names.add(family.name)
    return names


def labels() -> set[str]:
    text = (ROOT / "shared/src/duetime/telemetry/metrics.py").read_text(encoding="utf-8")
    return {
        label
        for found in re.findall(r'\n\s+\[((?:"\w+",? ?)+)\],', text)
        for label in re.findall(r'"(\w+)"', found)
    }
