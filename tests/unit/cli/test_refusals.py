"""The refusals of commands: each is one line with the fix, and never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from firstline_cli import checkout, models, overlay
from firstline_cli.console import refusal
from firstline_cli.main import app


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


def with_a_wrong_patch(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a checkout whose owner has a patch of a runbook that does not exist."""
    for below in ("runbooks/policy", "mine/runbooks"):
        (folder / below).mkdir(parents=True)
    (folder / "mine" / "runbooks" / "low-dsk.patch.yaml").write_text("mode: auto\n")
    path = {"PYTHONPATH": os.pathsep.join(sys.path), "FIRSTLINE_STACK": "local"}
    program = [sys.executable, "-m", "firstline_cli", *command.split()]
    return subprocess.run(program, cwd=folder, env=os.environ | path, capture_output=True, text=True, check=False)


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
