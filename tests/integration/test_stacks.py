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


def refusal(result: Result, code: int = 5) -> str:
    """The one line of a command that found no stack."""
    assert (result.exit_code, result.stdout) == (code, "")
    (line,) = result.stderr.splitlines()
    return line


def test_a_stack_on_aws_is_found_by_its_name(table_on_aws: Table) -> None:
    assert stacks.table_of(STACK_ON_AWS).name == table_on_aws.name
    assert report(STACK_ON_AWS).exit_code == 0


@pytest.mark.usefixtures("table_on_aws")
def test_an_unknown_stack_is_looked_for_where_the_line_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    line = refusal(report(STACK_ON_AWS), 3)
    assert line.startswith("Stack firstline-prod: there is none of this name in eu-north-1: check")
    assert "AWS_PROFILE" in line


def test_a_stack_without_the_output_is_not_firstlines() -> None:
    with mock_aws():
        template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
        boto3.client("cloudformation").create_stack(StackName="shop", TemplateBody=json.dumps(template))
        assert refusal(report("shop"), 3).startswith(
            "Stack shop: it has no outputs TableName and StateMachineArn; name"
        )


def test_without_a_region_it_says_which_variable_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    assert "no region is set: set AWS_REGION" in refusal(report(STACK_ON_AWS))


def test_without_credentials_it_says_to_log_in(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert "no AWS credentials were found: log in, or set AWS_PROFILE" in refusal(report(STACK_ON_AWS))


def test_a_profile_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nowhere")
    assert "AWS cannot be reached (The config profile (nowhere) could not be found)" in refusal(report(STACK_ON_AWS))


def test_without_an_emulator_it_says_how_to_start_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    assert "start one with `python -m local up`, or name a stack on AWS with --stack" in refusal(report("local"), 3)


def test_an_emulator_that_runs_is_found_although_one_that_is_gone_started_later(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    line = {"aws": "http://127.0.0.1:9", "state_machine": "arn:aws:states:eu-west-1:1:stateMachine:i", "table": "t"}
    no_process = 2**22 + 1  # beyond Linux's highest process id
    running, gone = tmp_path / str(os.getpid()), tmp_path / str(no_process)
    for folder, name, since in ((running, "here", 1.0), (gone, "gone", 2.0)):
        folder.mkdir()
        (folder / "stack.json").write_text(json.dumps(line | {"table": name, "since": since}))
    assert stacks.table_of("local").name == "here"


def test_an_emulators_own_line_names_it() -> None:
    line = {"aws": "http://127.0.0.1:9", "state_machine": "arn:aws:states:eu-west-1:1:stateMachine:i", "table": "t"}
    assert stacks.table_of(json.dumps(line)).name == "t"


def test_the_template_declares_what_is_looked_for() -> None:
    outputs = yaml_parse((ROOT / "template.yaml").read_text())["Outputs"]
    assert outputs["TableName"]["Value"] == {"Ref": "Table"}
    assert outputs["StateMachineArn"]["Value"] == {"Ref": "IncidentStateMachine"}
    assert {"StateMachineArn", "ApiUrl", "PageTopicArn"} <= set(outputs)


@pytest.mark.parametrize("text", ["{", "{}", '{"aws": "http://127.0.0.1:1"}'])
def test_what_is_not_the_whole_line_of_an_emulator_is_refused(text: str) -> None:
    assert "copy all of it" in refusal(report(text), 2)


# --- which stack, if none is named ---


@pytest.fixture
def checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A checkout in which no emulator runs, and that declares no stack."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "emulators"))
    monkeypatch.setattr(stacks, "CHECKOUT", tmp_path)
    return tmp_path


def deployed(*names: str) -> None:
    outputs = {
        name: {"Value": "arn:aws:states:eu-central-1:1:stateMachine:i"} for name in ("TableName", "StateMachineArn")
    }
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": outputs}
    for name in names:
        boto3.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))


@pytest.mark.usefixtures("checkout")
def test_the_only_stack_of_the_region_is_taken_and_two_are_named() -> None:
    with mock_aws():
        assert "There is no stack here" in refusal(report(""), 3)
        deployed("firstline-prod")
        assert stacks.stack_of("").name == "firstline-prod"
        deployed("firstline-dev")
        assert refusal(report(""), 2).startswith("There are several stacks, firstline-dev, firstline-prod: choose with")


@pytest.mark.usefixtures("checkout")
def test_the_variable_names_the_stack_and_the_option_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(stacks.STACK_VARIABLE, "from-the-variable")
    with mock_aws():
        assert refusal(CliRunner().invoke(app, ["report"]), 3).startswith("Stack from-the-variable: ")
        assert refusal(report("from-the-option"), 3).startswith("Stack from-the-option: ")


def test_an_emulator_beside_a_stack_is_a_choice_too(checkout: Path) -> None:
    folder = checkout / "emulators" / str(os.getpid())
    folder.mkdir(parents=True)
    line = {"aws": "http://127.0.0.1:9", "state_machine": "arn:aws:states:eu-west-1:1:stateMachine:i", "table": "t"}
    (folder / "stack.json").write_text(json.dumps(line | {"since": 1.0}))
    with mock_aws():
        assert stacks.stack_of("").name == "local"
        deployed("firstline-prod")
        assert refusal(report(""), 2).startswith("There are several stacks, firstline-prod, local: ")


def test_samconfig_with_one_stack_decides(checkout: Path) -> None:
    (checkout / "samconfig.toml").write_text("version = 0.1\n[prod.global.parameters]\nstack_name = 'firstline-eu'\n")
    with mock_aws():
        deployed("firstline-eu", "firstline-us")
        assert stacks.stack_of("").name == "firstline-eu"


def test_of_samconfigs_stacks_the_owners_only_environment_decides(checkout: Path) -> None:
    table = "[{0}.global.parameters]\nstack_name = 'firstline-{0}'\n"
    (checkout / "samconfig.toml").write_text(table.format("dev") + table.format("prod"))
    (checkout / "mine").mkdir()
    (checkout / "mine" / "firstline.toml").write_text("[prod.parameters]\nPageEmail = 'ops@example.com'\n")
    with mock_aws():
        deployed("firstline-dev", "firstline-prod")
        assert stacks.stack_of("").name == "firstline-prod"


@pytest.mark.usefixtures("table_on_aws")
def test_the_first_line_on_stderr_names_the_stack() -> None:
    assert report(STACK_ON_AWS).stderr.splitlines()[0] == "firstline-prod in eu-central-1, account 123456789012"
