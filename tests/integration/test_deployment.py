"""`firstline deploy`: what SAM is given, and that a deployment that can wake nobody says so at once."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.cloudformation.models import cloudformation_backends
from typer.testing import CliRunner, Result

from firstline_cli import deployment
from firstline_cli.main import app
from tests.integration.conftest import ACCOUNT, ROOT
from tests.integration.stack_on_aws import REGION, deployed_stack
from tests.support.fake_sam import FakeSam


@pytest.fixture
def sam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSam]:
    fake = FakeSam(tmp_path, monkeypatch)
    monkeypatch.setattr(deployment, "CHECKOUT", fake.checkout)
    with mock_aws():
        yield fake


def deploy(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["deploy", *arguments])


def test_the_owners_parameters_and_files_go_into_build_and_deployment(sam: FakeSam) -> None:
    mine = sam.checkout / "mine"
    (mine / "runbooks" / "policy").mkdir(parents=True)
    (mine / "runbooks" / "policy" / "people.yaml").write_text("people: {}\n")
    (mine / "firstline.toml").write_text(
        '[dev]\nstack_name = "first-aid"\nregion = "eu-west-1"\n[dev.parameters]\nArchitecture = "x86_64"\n'
    )
    deployed_stack("first-aid", region="eu-west-1")
    done = deploy("dev", "--yes")

    assert done.exit_code == 0, done.output
    build, deployed = sam.calls
    assert build[build.index("--template") + 1] == str(sam.checkout / ".cache" / "mine" / "template.yaml")
    built = (sam.checkout / ".cache" / "mine" / "runbooks" / "policy" / "people.yaml").read_text()
    assert built == "people: {}\n"
    assert sam.parameters("build") == sam.parameters("deploy")
    assert sam.parameters("deploy")["Architecture"] == "x86_64"
    assert {"first-aid", "eu-west-1", "--no-fail-on-empty-changeset", "--no-confirm-changeset"} <= set(deployed)


def test_a_deployment_that_wakes_nobody_says_so(sam: FakeSam) -> None:
    topic = deployed_stack("firstline-dev")
    assert "✗ pages        NOBODY IS WOKEN" in deploy("dev").stdout
    boto3.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="ops@example.com")
    assert "✓ pages        the page topic wakes ops@example.com (email)" in deploy("dev").stdout


def test_a_build_that_fails_is_not_deployed(sam: FakeSam) -> None:
    sam.fails_to("build")
    failed = deploy("dev")
    assert (failed.exit_code, failed.stderr, sam.words) == (
        1,
        "The build failed: the lines above say why. Nothing was deployed.\n",
        ["build"],
    )


def test_a_policy_that_no_function_could_read_is_not_built(sam: FakeSam) -> None:
    own = sam.checkout / "mine" / "runbooks" / "policy"
    own.mkdir(parents=True)
    (own / "paging.yaml").write_text("levels: []\n")
    refused = deploy("dev")
    assert (refused.exit_code, sam.words) == (1, [])
    assert "mine/runbooks/policy/paging.yaml: levels" in refused.stderr


def test_a_person_who_left_the_list_and_not_the_schedule_is_named_and_the_deployment_goes_on(sam: FakeSam) -> None:
    deployed_stack("firstline-dev")
    own = sam.checkout / "mine" / "runbooks" / "policy"
    own.mkdir(parents=True)
    (own / "oncall.yaml").write_text("schedules:\n  shop: {starts: 2026-11-02, rotation: [carol]}\n")
    done = deploy("dev")
    assert (done.exit_code, sam.words) == (0, ["build", "deploy"])
    assert "mine/runbooks/policy/oncall.yaml:2: schedules.shop: 'carol' is not in runbooks/policy" in done.stderr


def test_without_a_region_nothing_is_built(sam: FakeSam, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(sam.checkout / "none"))
    refused = deploy("dev")
    assert (refused.exit_code, sam.words) == (5, [])
    assert "No region is set: write `region` into mine/firstline.toml, or set AWS_REGION" in refused.stderr


def test_without_credentials_nothing_is_built(sam: FakeSam, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(sam.checkout / "none"))
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    refused = deploy("dev")
    assert (refused.exit_code, sam.words) == (5, [])
    assert "No AWS credentials were found" in refused.stderr


def test_with_expired_credentials_nothing_is_built(sam: FakeSam, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(client: object, operation: str, given: object) -> None:
        raise ClientError({"Error": {"Code": "ExpiredToken", "Message": "expired"}}, operation)

    monkeypatch.setattr(BaseClient, "_make_api_call", refuse)
    refused = deploy("dev")
    assert (refused.exit_code, sam.words) == (5, [])
    assert "your AWS credentials are not valid any more (ExpiredToken): log in again" in refused.stderr


def a_stack_in(state: str) -> None:
    deployed_stack("firstline-dev")
    (stack,) = cloudformation_backends[ACCOUNT][REGION].stacks.values()
    stack.status = state


@pytest.mark.parametrize(
    ("state", "fix"),
    [
        ("ROLLBACK_COMPLETE", "delete the stack, then deploy again"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"),
        ("UPDATE_IN_PROGRESS", "wait until that is over"),
    ],
)
def test_a_stack_that_cannot_be_deployed_is_not_built(sam: FakeSam, state: str, fix: str) -> None:
    a_stack_in(state)
    refused = deploy("dev")
    assert (refused.exit_code, sam.words) == (1, [])
    assert f"firstline-dev is {state}" in refused.stderr
    assert fix in refused.stderr


@pytest.mark.parametrize("state", ["REVIEW_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"])
def test_a_stack_whose_last_change_was_not_made_can_be_deployed(sam: FakeSam, state: str) -> None:
    a_stack_in(state)
    done = deploy("dev")
    assert (done.exit_code, sam.words) == (0, ["build", "deploy"])
    assert f"firstline-dev is {state}" not in done.stderr


def test_what_asks_before_it_deploys_is_not_built_where_nobody_can_answer(sam: FakeSam) -> None:
    deployed_stack("firstline-prod")
    refused = deploy("prod")
    assert (refused.exit_code, sam.words) == (2, [])
    assert "Deploying prod asks first, and this is no terminal: give --yes." in refused.stderr
    assert deploy("prod", "--yes").exit_code == 0


def test_the_region_of_the_environment_is_given_to_sam(sam: FakeSam, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    deployed_stack("firstline-dev", region="eu-west-1")
    assert deploy("dev").exit_code == 0
    call = sam.calls[-1]
    assert call[call.index("--region") + 1] == "eu-west-1"


def test_wrong_runbooks_are_not_built(sam: FakeSam, capfd: pytest.CaptureFixture[str]) -> None:
    (sam.checkout / "mine" / "runbooks").mkdir(parents=True)
    (sam.checkout / "mine" / "runbooks" / "tape.yaml").write_text("id: tape\n")
    assert deploy("dev").exit_code == 1
    assert "mine/runbooks/tape.yaml:1: " in capfd.readouterr().err
    assert sam.words == []


@pytest.mark.parametrize(
    ("file", "content", "command", "said"),
    [
        ("policy/paging.yaml", "levels: []\n", ["rules", "check"], "mine/runbooks/policy/paging.yaml: levels"),
        ("tape.yaml", "id: tape\n", ["runbooks", "check"], "mine/runbooks/tape.yaml:1: "),
    ],
)
def test_the_checks_see_the_owners_files(sam: FakeSam, file: str, content: str, command: list[str], said: str) -> None:
    own = sam.checkout / "mine" / "runbooks" / file
    own.parent.mkdir(parents=True)
    own.write_text(content)
    program = [sys.executable, "-m", "firstline_cli", *command]
    path = os.pathsep.join(str(ROOT / name) for name in ("layers/core", "cli", "."))
    done = subprocess.run(
        program, cwd=sam.checkout, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert said in done.stderr
    assert ".cache" not in done.stderr


def test_an_unknown_environment_is_refused_with_the_known_ones(sam: FakeSam) -> None:
    refused = deploy("production")
    assert refused.exit_code == 2
    assert "no environment 'production'; samconfig.toml has dev, staging, prod" in refused.stderr
    assert sam.words == []
