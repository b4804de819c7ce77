"""`firstline deploy`: what SAM is given, and that a deployment that can wake nobody says so at once."""

import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from firstline_cli import deployment
from firstline_cli.main import app
from tests.integration.conftest import ROOT
from tests.integration.stack_on_aws import deployed_stack
from tests.support.fake_sam import FakeSam


@pytest.fixture
def sam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSam:
    fake = FakeSam(tmp_path, monkeypatch)
    monkeypatch.setattr(deployment, "CHECKOUT", fake.checkout)
    return fake


def deploy(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["deploy", *arguments])


def test_the_owners_parameters_and_files_go_into_build_and_deployment(sam: FakeSam) -> None:
    mine = sam.checkout / "mine"
    (mine / "runbooks" / "policy").mkdir(parents=True)
    (mine / "runbooks" / "policy" / "people.yaml").write_text("people: {}\n")
    (mine / "firstline.toml").write_text(
        '[dev]\nstack_name = "first-aid"\nregion = "eu-west-1"\n[dev.parameters]\nArchitecture = "x86_64"\n'
    )
    with mock_aws():
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
    with mock_aws():
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
