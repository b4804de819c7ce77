"""The refusals of commands: each is one line with the fix, and never a traceback."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session
from typer.testing import CliRunner, Result

from firstline_cli import checkout, history, imports, models, overlay
from firstline_cli.console import refusal
from firstline_cli.main import app
from firstline_cli.stacks import Stack

ROOT = Path(__file__).parents[3]


def typed(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    result = typed("oncall", "import", "pagerduty", tmp_path)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.startswith(f"{tmp_path}: Is a directory: ")


def test_a_broken_policy_that_no_command_foresees_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rules.yaml").write_text("rules: [")
    monkeypatch.setattr(checkout, "RULES", tmp_path / "rules.yaml")
    monkeypatch.setattr(models, "stack_of", lambda name: name)
    result = typed("model", "try", "--model", "any")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "rules.yaml: not readable as YAML" in result.stderr


@pytest.mark.parametrize("zone", ["Mars/Olympus", "Europe", "../Berlin"])
@pytest.mark.parametrize(
    "command", ["report", "replay", "rules explain pyproject.toml", "rules preview any", "model try"], ids=str.split
)
def test_a_time_zone_that_is_none_is_refused_before_anything_is_read(command: str, zone: str) -> None:
    result = typed(*command.split(), "--time-zone", zone)
    assert result.exit_code == 2
    assert result.stderr == f"--time-zone: {zone!r} is no time zone; write a name such as Europe/Berlin.\n"


@pytest.mark.parametrize(
    "command",
    [
        "rules preview any",
        "rules check",
        "model try",
        "eval",
        "import incidents",
        "report",
        "replay",
    ],
)
def test_a_look_back_that_no_date_can_hold_is_refused(command: str) -> None:
    result = typed(*command.split(), "--days", "999999999")
    assert result.exit_code == 2
    assert "Invalid value for '--days'" in result.stderr


def test_a_change_before_any_stack_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "stack_of", lambda name: Stack(None, name, lambda service: None))  # type: ignore[arg-type]
    result = typed("report", "--since-change", "0001-01-01")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.startswith("--since-change: 0001-01-01 is too long ago: ")


def test_alarms_are_read_in_the_region_that_aws_region_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-south-2")
    asked: list[str] = []

    def alarms(client: Any, _: str) -> tuple[()]:
        asked.append(client.meta.region_name)
        return ()

    monkeypatch.setattr(imports, "_alarms", alarms)
    assert typed("import", "alarms").exit_code == 0
    assert asked == ["eu-south-2"]


def test_alarms_that_cannot_be_read_end_the_command_as_every_failure_of_aws_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(imports, "session_in", lambda: Session())
    for name in ("AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    result = typed("import", "alarms")
    assert (result.exit_code, result.stderr.count("\n")) == (5, 1)
    assert "You must specify a region" in result.stderr


@pytest.mark.parametrize(
    ("file", "text", "command"),
    [
        ("samconfig.toml", b"dev = [", "whoami"),
        ("samconfig.toml", b"dev = [", "rules check"),
        ("samconfig.toml", b"dev = [", "deploy dev"),
        ("samconfig.toml", b"dev = '\xff'", "whoami"),
        ("samconfig.toml", b"[dev.global.parameters]\nparameter_overrides = 'A=\"b'", "rules check"),
        ("samconfig.toml", b"[dev.global.parameters]\nstack_name = 'x'\nparameter_overrides = 'A'", "deploy dev"),
        ("mine/firstline.toml", b"dev = [", "whoami"),
    ],
)
def test_a_wrong_file_of_settings_is_named_on_one_line(tmp_path: Path, file: str, text: bytes, command: str) -> None:
    for folder in ("runbooks", "mine"):
        (tmp_path / folder).mkdir()
    shutil.copytree(ROOT / "runbooks" / "policy", tmp_path / "runbooks" / "policy")
    shutil.copy(ROOT / "template.yaml", tmp_path)
    (tmp_path / "samconfig.toml").write_text("[dev.global.parameters]\nstack_name = 'firstline-dev'\n")
    (tmp_path / file).write_bytes(text)
    done = run_in(tmp_path, command, FIRSTLINE_STACK="")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"{file}: " in done.stderr


def run_in(folder: Path, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder that it takes for its checkout."""
    variables |= {"PYTHONPATH": os.pathsep.join(sys.path)}
    program = [sys.executable, "-m", "firstline_cli", *command.split()]
    return subprocess.run(program, cwd=folder, env=os.environ | variables, capture_output=True, text=True, check=False)


def with_a_wrong_patch(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a checkout whose owner has a patch of a runbook that does not exist."""
    for below in ("runbooks/policy", "mine/runbooks"):
        (folder / below).mkdir(parents=True)
    (folder / "mine" / "runbooks" / "low-dsk.patch.yaml").write_text("mode: auto\n")
    return run_in(folder, command, FIRSTLINE_STACK="local")


@pytest.mark.parametrize(
    ("command", "said"),
    [("ack e1fbd129", "No emulator runs in"), ("rules check", "mine/runbooks/low-dsk.patch.yaml: there")],
    ids=["ack does not read it: it looks for its stack", "rules check reads it"],
)
def test_a_wrong_file_of_the_owner_stops_only_what_reads_it(tmp_path: Path, command: str, said: str) -> None:
    assert with_a_wrong_patch(tmp_path, command).stderr.startswith(said)


@pytest.mark.parametrize(
    "command", ["--version", "--help", "rules check --help", "heartbeat list --help", "model --help", "replay --help"]
)
def test_help_never_depends_on_a_file_of_the_owner(tmp_path: Path, command: str) -> None:
    done = with_a_wrong_patch(tmp_path, command)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_a_refusal_names_the_owners_file_and_not_its_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("runbooks", "mine/runbooks"):
        (tmp_path / folder / "policy").mkdir(parents=True)
    (tmp_path / "mine" / "runbooks" / "policy" / "rules.yaml").write_text("rules: []")
    monkeypatch.setattr(checkout, "CHECKOUT", tmp_path)
    rules = overlay.together(tmp_path) / "policy" / "rules.yaml"
    refusal(f"First take it out of {rules}, and deploy.")
    assert capsys.readouterr().err == "First take it out of mine/runbooks/policy/rules.yaml, and deploy.\n"
