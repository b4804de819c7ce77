"""What docs/sources/ says to paste works, and what it says about Firstline is so."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from firstline.sources import SOURCES, normalize
from firstline.sources.deployments import deployment_from_request
from firstline.sources.severity import WORDS
from tests.unit.sources.events import RECEIVED_AT, event

GUIDES = Path(__file__).parents[3] / "docs" / "sources"


def block(guide: str, language: str) -> str:
    """The first code block of a language in a guide."""
    found = re.search(rf"```{language}\n(.*?)```", (GUIDES / f"{guide}.md").read_text(), re.DOTALL)
    assert found
    return found[1]


def test_every_source_has_a_guide_and_a_row() -> None:
    table = (GUIDES / "README.md").read_text()

    assert {file.stem for file in GUIDES.glob("*.md")} == {*SOURCES, "README"}
    assert all(f"[{source}]({source}.md)" in table for source in SOURCES)


def test_the_words_for_severity_are_all_there() -> None:
    section = (GUIDES / "README.md").read_text().split("## The words for severity")[1].split("## ")[0]
    rows = re.findall(r"^\| (critical|high|medium|low|info) \| (.*) \|$", section, re.MULTILINE)

    assert {word.strip().lower(): severity for severity, words in rows for word in words.split(",")} == WORDS


def test_the_datadog_template_is_the_one_that_the_fixtures_follow() -> None:
    template = json.loads(block("datadog", "json"))

    assert template.keys() == event("datadog/recommended-triggered").keys()
    assert all(value.startswith("$") for value in template.values())


def test_the_generic_example_is_read_as_it_says() -> None:
    example = json.loads(block("generic", "json"))

    (alert,) = normalize("generic", example)

    said: dict[str, Any] = alert.model_dump(mode="json")
    same = ("alert_name", "status", "severity", "message", "host", "service", "environment", "account", "region", "url")
    assert {key: said[key] for key in (*same, "labels", "timestamp")} == {
        key: example[key] for key in (*same, "labels", "timestamp")
    }


def test_the_deployment_example_is_read() -> None:
    found = re.search(r"-d '(\{\"service\".*?\})'", (GUIDES / "generic.md").read_text())
    assert found

    assert deployment_from_request(json.loads(found[1]), received_at=RECEIVED_AT).version == "v2.31.0"


def test_the_configurations_to_paste_are_yaml() -> None:
    (receiver,) = yaml.safe_load(block("prometheus", "yaml"))["receivers"]
    (contact_point,) = yaml.safe_load(block("grafana", "yaml"))["contactPoints"]

    assert receiver["webhook_configs"][0]["url"] == "https://<api>/alerts/prometheus"
    assert contact_point["receivers"][0]["settings"]["url"] == "https://<api>/alerts/grafana"


def test_the_definition_for_managed_prometheus_tells_of_the_end() -> None:
    guide = (GUIDES / "prometheus.md").read_text().split("## Amazon Managed Service for Prometheus")[1]
    found = re.search(r"```yaml\n(.*?)```", guide, re.DOTALL)
    assert found
    config = yaml.safe_load(yaml.safe_load(found[1])["alertmanager_config"])

    (receiver,) = config["receivers"]
    assert receiver["name"] == config["route"]["receiver"]
    assert receiver["sns_configs"][0]["send_resolved"] is True
