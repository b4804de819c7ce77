"""`import` and `words`, as somebody runs them against a table and alarms on AWS."""

import json
from pathlib import Path
from typing import Any

import boto3
from typer.testing import CliRunner, Result

from firstline.adapters.dynamodb.evidence import TableEvidence
from firstline.adapters.dynamodb.table import Table
from firstline.models import AlertKind
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


def test_a_broken_file_ends_with_one_line(tmp_path: Path, table_on_aws: Table) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("groups: [")
    broken, absent = run("import", "rules", file), run("words", "load", tmp_path / "none.tsv", "--stack", STACK_ON_AWS)

    assert (broken.exit_code, absent.exit_code) == (2, 2)
    assert "rules.yaml: cannot be read" in broken.stderr
    assert "none.tsv: cannot be read" in absent.stderr
    assert not TableEvidence(table_on_aws).words()
