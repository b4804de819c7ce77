"""Tests of the guides in docs/sources: their examples work, and their tables equal those in the code."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from firstline.sources import SOURCES, meanings, normalize, values
from firstline.sources.deployments import deployment_from_request, read_deployments
from firstline.sources.severity import SCALES, WORDS
from firstline.sources.tools import SHAPES
from tests.unit.sources.events import RECEIVED_AT, event

GUIDES = Path(__file__).parents[3] / "docs" / "sources"


def block(guide: str, language: str) -> str:
    """Return the first code block of a language in a guide."""
    found = re.search(rf"```{language}\n(.*?)```", (GUIDES / f"{guide}.md").read_text(), re.DOTALL)
    assert found
    return found[1]


def test_every_source_has_a_guide_and_a_row() -> None:
    table = (GUIDES / "README.md").read_text()

    assert {file.stem for file in GUIDES.glob("*.md")} == {*SOURCES, "README", "deployments"}
    assert all(f"[{source}]({source}.md)" in table for source in SOURCES)


def test_the_guides_table_of_severity_words_equals_the_one_in_the_code() -> None:
    section = (GUIDES / "README.md").read_text().split("## The words for severity")[1].split("## ")[0]
    rows = re.findall(r"^\| (critical|high|medium|low|info) \| (.*) \|$", section, re.MULTILINE)

    assert {word.strip().lower(): severity for severity, words in rows for word in words.split(",")} == WORDS


def test_the_datadog_template_has_the_keys_of_the_example_payloads() -> None:
    template = json.loads(block("datadog", "json"))

    assert template.keys() == event("datadog/recommended-triggered").keys()
    assert all(value.startswith("$") for value in template.values())


def test_every_field_of_the_generic_example_is_read_unchanged() -> None:
    example = json.loads(block("generic", "json"))

    (alert,) = normalize("generic", example)

    said: dict[str, Any] = alert.model_dump(mode="json")
    same = ("alert_name", "status", "severity", "message", "host", "service", "environment", "account", "region", "url")
    assert {key: said[key] for key in (*same, "labels", "timestamp")} == {
        key: example[key] for key in (*same, "labels", "timestamp")
    }


def test_the_guides_table_of_label_meanings_equals_the_one_in_the_code() -> None:
    section = (GUIDES / "README.md").read_text().split("## The meanings of labels")[1].split("## The host")[0]
    rows = dict(re.findall(r"^\| ([a-z ]+) \| (`.*) \|$", section, re.MULTILINE))

    told = {
        meaning.replace(" ", "_"): list(dict.fromkeys(values.letters(name) for name in re.findall("`(.*?)`", names)))
        for meaning, names in rows.items()
    }
    assert told == {meaning: names.split() for meaning, names in meanings._NAMES.items()}


def test_the_guide_lists_every_tool_that_has_a_shape() -> None:
    section = (GUIDES / "generic.md").read_text().split("## Tools that are read as they are")[1].split("## ")[0]

    assert set(re.findall(r"^\| (\w[\w. ]+) \|", section, re.MULTILINE)) - {"tool", "for"} == {s.tool for s in SHAPES}


def test_the_parameters_that_the_guide_gives_zabbix_are_read_as_an_alert() -> None:
    section = (GUIDES / "generic.md").read_text().split("## Zabbix")[1].split("## ")[0]
    parameters = dict(re.findall(r"^\| `(\w+)` \| `?(.*?)`? \|$", section, re.MULTILINE))
    macros = {
        "{EVENT.NAME}": "Ledger: disk",
        "{EVENT.VALUE}": "1",
        "{EVENT.SEVERITY}": "Disaster",
        "{HOST.NAME}": "db-1",
    }
    sent = {name: macros.get(value, value) for name, value in parameters.items() if name not in ("endpoint", "token")}

    (alert,) = normalize("generic", sent)

    assert (alert.alert_name, alert.status, alert.severity, alert.host) == (
        "Ledger: disk",
        "firing",
        "critical",
        "db-1",
    )
    assert all(f"delete alert.{name};" in section for name in parameters.keys() - sent.keys())


def test_the_curl_example_of_a_deployment_is_read() -> None:
    found = re.search(r"-d '(\{\"service\".*?\})'", (GUIDES / "deployments.md").read_text())
    assert found

    deployment = deployment_from_request(json.loads(found[1]), received_at=RECEIVED_AT)
    assert (deployment.version, deployment.state) == ("v2.31.0", "succeeded")


def test_the_template_for_argo_cd_gives_a_readable_deployment() -> None:
    (config,) = re.findall(r"```yaml\n(service\.webhook.*?)```", (GUIDES / "deployments.md").read_text(), re.DOTALL)
    template = yaml.safe_load(yaml.safe_load(config)["template.firstline"])["webhook"]["firstline"]
    filled = {"metadata.name": "checkout", "operation.sync.revision": "1f2e", "operationState.phase": "Running"}
    # `or` gives the first argument that is not empty.
    body = re.sub(
        r"\{\{(?:or )?\S*?\.app\.(?:status\.)?([^\s}]+).*?\}\}", lambda name: _ending(filled, name[1]), template["body"]
    )

    (deployment,) = read_deployments(json.loads(body), headers={}, received_at=RECEIVED_AT).deployments
    assert (deployment.service, deployment.version, deployment.state) == ("checkout", "1f2e", "in_progress")


def _ending(filled: dict[str, str], path: str) -> str:
    return next(value for name, value in filled.items() if path.endswith(name))


def test_the_configurations_for_prometheus_and_grafana_are_yaml_with_the_right_address() -> None:
    (receiver,) = yaml.safe_load(block("prometheus", "yaml"))["receivers"]
    (contact_point,) = yaml.safe_load(block("grafana", "yaml"))["contactPoints"]

    assert receiver["webhook_configs"][0]["url"] == "https://<api>/alerts/prometheus"
    assert contact_point["receivers"][0]["settings"]["url"] == "https://<api>/alerts/grafana"


def test_the_definition_for_managed_prometheus_also_sends_resolved_alerts() -> None:
    guide = (GUIDES / "prometheus.md").read_text().split("## Amazon Managed Service for Prometheus")[1]
    found = re.search(r"```yaml\n(.*?)```", guide, re.DOTALL)
    assert found
    config = yaml.safe_load(yaml.safe_load(found[1])["alertmanager_config"])

    (receiver,) = config["receivers"]
    assert receiver["name"] == config["route"]["receiver"]
    assert receiver["sns_configs"][0]["send_resolved"] is True


def test_the_guides_table_of_numeric_scales_equals_the_one_in_the_code() -> None:
    section = (GUIDES / "README.md").read_text().split("## The words for severity")[1].split("## ")[0]
    rows = dict(re.findall(r"^\| (?:Datadog.*|(\w[\w ]+?)(?: \(.*)?) \| (.*\d.*) \|$", section, re.MULTILINE))

    for scale, steps in SCALES.items():
        for lowest, severity in steps:
            told = rows[scale].replace(" and ", f" {severity}, ").replace("less", "0")
            # The table leaves out a step below 0.
            assert f"{lowest:g} {severity}" in told or lowest < 0, (scale, lowest)
