"""The refusals of commands: each is one line with the fix, and never a traceback."""

from pathlib import Path
from subprocess import CompletedProcess

import pytest
from typer.testing import CliRunner, Result

from firstline_cli import checkout, models, overlay
from firstline_cli.console import refusal
from firstline_cli.main import app
from tests.support.forked import run_forked


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


HELPS = ["--version", "--help", "rules check --help", "heartbeat list --help", "model --help", "replay --help"]
READS = {"ack e1fbd129": "No emulator runs in", "rules check": "mine/runbooks/low-dsk.patch.yaml: there"}
"""The words of a command that looks for its stack and reads no file of the owner, and of one that reads it."""

COMMAND = "from runpy import run_module; run_module('firstline_cli', run_name='__main__', alter_sys=True)"


@pytest.fixture(scope="module")
def with_a_wrong_patch(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CompletedProcess[str]]:
    """Run commands in a checkout whose owner has a patch of a runbook that does not exist."""
    folder = tmp_path_factory.mktemp("checkout")
    for below in ("runbooks/policy", "mine/runbooks"):
        (folder / below).mkdir(parents=True)
    (folder / "mine" / "runbooks" / "low-dsk.patch.yaml").write_text("mode: auto\n")
    commands = [*HELPS, *READS]
    libraries = ["typer.main", "rich.markdown", "pydantic", "botocore.session", "botocore.client", "yaml"]
    ended = run_forked(
        COMMAND,
        [command.split() for command in commands],
        imports=libraries,
        cwd=folder,
        environment={"FIRSTLINE_STACK": "local"},
    )
    return dict(zip(commands, ended, strict=True))


@pytest.mark.parametrize(("command", "said"), READS.items())
def test_a_wrong_file_of_the_owner_stops_only_what_reads_it(
    with_a_wrong_patch: dict[str, CompletedProcess[str]], command: str, said: str
) -> None:
    assert with_a_wrong_patch[command].stderr.startswith(said)


@pytest.mark.parametrize("command", HELPS)
def test_help_never_depends_on_a_file_of_the_owner(
    with_a_wrong_patch: dict[str, CompletedProcess[str]], command: str
) -> None:
    done = with_a_wrong_patch[command]
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
