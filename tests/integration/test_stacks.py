"""`--stack`: a stack on AWS by its name, the emulator of this checkout, and one line for what is wrong."""

import json
import os
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from samtranslator.yaml_helper import yaml_parse
from typer.testing import CliRunner, Result

from firstline.adapters.dynamodb.table import Table
from firstline_cli import stacks
from firstline_cli.main import app
from local.emulator.registry import FOLDER_VARIABLE
from tests.integration.conftest import ROOT, STACK_ON_AWS


def report(stack: str) -> Result:
    return CliRunner().invoke(app, ["report", "--stack", stack])


def refusal(result: Result) -> str:
    """The one line of a command that found no stack."""
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    return line


def test_a_stack_on_aws_is_found_by_its_name(table_on_aws: Table) -> None:
    assert stacks.table_of(STACK_ON_AWS).name == table_on_aws.name
    assert report(STACK_ON_AWS).exit_code == 0


@pytest.mark.usefixtures("table_on_aws")
def test_an_unknown_stack_is_looked_for_where_the_line_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    line = refusal(report(STACK_ON_AWS))
    assert line.startswith("Stack firstline-prod: eu-north-1 has none of this name: look at")
    assert "AWS_PROFILE" in line


def test_a_stack_without_the_output_is_not_firstlines() -> None:
    with mock_aws():
        template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
        boto3.client("cloudformation").create_stack(StackName="shop", TemplateBody=json.dumps(template))
        assert refusal(report("shop")).startswith("Stack shop: it has no outputs TableName and StateMachineArn; name")


def test_no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    assert "no region is set: set AWS_REGION" in refusal(report(STACK_ON_AWS))


def test_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert "no AWS credentials were found: log in, or set AWS_PROFILE" in refusal(report(STACK_ON_AWS))


def test_a_profile_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nowhere")
    assert "AWS cannot be asked (The config profile (nowhere) could not be found)" in refusal(report(STACK_ON_AWS))


def test_no_emulator_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    assert "start one with `python -m local up`, or name a stack on AWS with --stack" in refusal(report("local"))


def test_the_emulator_that_started_last_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    line = {"aws": "http://127.0.0.1:9", "state_machine": "arn:aws:states:eu-west-1:1:stateMachine:i", "table": "t"}
    running, gone = tmp_path / str(os.getpid()), tmp_path / str(2**22 + 1)
    for folder, name, since in ((running, "here", 1.0), (gone, "gone", 2.0)):
        folder.mkdir()
        (folder / "stack.json").write_text(json.dumps(line | {"table": name, "since": since}))
    assert stacks.table_of("local").name == "here"
    assert stacks.table_of(json.dumps(line)).name == "t"


def test_the_template_declares_what_is_looked_for() -> None:
    outputs = yaml_parse((ROOT / "template.yaml").read_text())["Outputs"]
    assert outputs["TableName"]["Value"] == {"Ref": "Table"}
    assert outputs["StateMachineArn"]["Value"] == {"Ref": "IncidentStateMachine"}
    assert {"StateMachineArn", "ApiUrl", "PageTopicArn"} <= set(outputs)


@pytest.mark.parametrize("text", ["{", "{}", '{"aws": "http://127.0.0.1:1"}'])
def test_something_else_than_the_line_of_an_emulator(text: str) -> None:
    assert "copy the whole line" in refusal(report(text))
