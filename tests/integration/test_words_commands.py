"""`import` and `words`, as somebody runs them against a table and alarms on AWS."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from firstline.adapters.dynamodb.evidence import TableEvidence
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.errors import HistoryUnavailable
from firstline.models import AlertKind, Word
from firstline_cli.main import app
from tests.integration.conftest import STACK_ON_AWS


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_alarms_are_drafted_confirmed_and_listed(table_on_aws: Table, tmp_path: Path) -> None:
    alarm: dict[str, Any] = {
        "AlarmName": "orders-5xx",
        "MetricName": "5xx",
        "Namespace": "Orders",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "Tags": [{"Key": "severity", "Value": "critical"}],
    }
    boto3.client("cloudwatch").put_metric_alarm(**alarm)
    drafted = run("import", "alarms")
    assert drafted.exit_code == 0, drafted.output
    assert "cloudwatch\torders-5xx\t*\tcritical\tits tag says critical" in drafted.stdout

    file = tmp_path / "words.tsv"
    file.write_text(drafted.stdout.replace("\tcritical\t", "\ttell\t"))  # tell people, do not page: medium
    loaded = run("words", "load", file, "--by", "ann", "--stack", STACK_ON_AWS)
    assert loaded.stdout == "Stored 1 word in the name of ann.\n"

    found = TableEvidence(table_on_aws).word_on(
        AlertKind(source="cloudwatch", alert_name="orders-5xx", environment="prod")
    )
    assert found is not None
    assert (found.severity, found.by, found.person) == ("medium", "ann (command line)", "shell:ann")
    assert "orders-5xx" in run("words", "list", "--stack", STACK_ON_AWS).stdout
    (listed,) = json.loads(run("words", "list", "-o", "json", "--stack", STACK_ON_AWS).stdout)
    assert (listed["alert"], listed["severity"], listed["by"]) == ("orders-5xx", "medium", "ann (command line)")


RULES = """\
---
# nothing
---
kind: Service
spec: {ports: []}
---
kind: PrometheusRule
spec: {groups: [{rules: [{record: r, expr: x}, {alert: OrdersDown, expr: up == 0}]}]}
---
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_manifest_of_several_documents_is_read_and_what_it_leaves_out_is_said(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(RULES, encoding)
    drafted = run("import", "rules", file)

    assert drafted.exit_code == 0, drafted.output
    assert "prometheus\tOrdersDown\t*\tcritical" in drafted.stdout
    assert "Left out 1: they record a metric.\n1 line. Correct the words" in drafted.stderr


def test_a_file_of_other_documents_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("---\n---\nkind: Service\n")
    refused = run("import", "rules", file)
    assert (refused.exit_code, "it has no `groups`" in refused.stderr) == (2, True)


def test_lines_that_are_not_clear_are_named_and_the_others_are_stored(tmp_path: Path, table_on_aws: Table) -> None:
    file = tmp_path / "words.csv"
    lines = ["source;name;environment;word", "Prometheus;Übervoll;*;Tell", "prometheus;A;*;loud", "prometheus;B;*;"]
    file.write_bytes("\r\n".join(lines).encode("utf-16"))
    loaded = run("words", "load", file, "--by", "ann", "--stack", STACK_ON_AWS)

    assert (loaded.exit_code, loaded.stdout) == (1, "Stored 1 word in the name of ann.\n")
    assert "words.csv: line 3: the word 'loud' is unknown; write one of" in loaded.stderr
    assert "Skipped 1 line without a word." in loaded.stderr
    assert "1 line of" in loaded.stderr
    assert [word.subject.alert_name for word in TableEvidence(table_on_aws).words()] == ["Übervoll"]


def test_a_table_that_fails_midway_is_told_with_what_was_stored(
    tmp_path: Path, table_on_aws: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, save = tmp_path / "words.tsv", TableIncidents.save_word

    def fail_at_b(incidents: TableIncidents, word: Word) -> bool:
        if word.subject.alert_name == "B":
            raise HistoryUnavailable("throttled")
        return save(incidents, word)

    monkeypatch.setattr(TableIncidents, "save_word", fail_at_b)
    file.write_text("source\tname\tenvironment\tword\n" + "".join(f"prometheus\t{name}\t*\tpage\n" for name in "ABC"))
    failed = run("words", "load", file, "--stack", STACK_ON_AWS)
    assert failed.exit_code == 5
    assert "Only 1 of 3 words were stored (throttled): run it again" in failed.stderr


def test_a_key_given_twice_in_json_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    file.write_text(
        '{"groups": [{"rules": [{"alert": "A", "expr": "x", "labels": {"severity": "page", "severity": "info"}}]}]}'
    )
    refused = run("import", "rules", file)
    assert (refused.exit_code, "rules.json: severity: given twice; keep one" in refused.stderr) == (2, True)


def test_a_broken_file_ends_with_one_line(tmp_path: Path, table_on_aws: Table) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("groups: [")
    latin = tmp_path / "monitors.json"
    latin.write_bytes('[{"name": "Ü"}]'.encode("cp1252"))
    assert "monitors.json: cannot be read" in run("import", "monitors", latin).stderr
    broken, absent = run("import", "rules", file), run("words", "load", tmp_path / "none.tsv", "--stack", STACK_ON_AWS)

    file.write_text("groups: []\n---\ngroups: []\ngroups: []\n")
    twice = run("import", "rules", file)

    assert (broken.exit_code, absent.exit_code, twice.exit_code) == (2, 2, 2)
    assert "rules.yaml: groups: given twice; keep one (line 4)" in twice.stderr
    assert "rules.yaml: cannot be read" in broken.stderr
    assert "none.tsv: cannot be read" in absent.stderr
    assert not TableEvidence(table_on_aws).words()
