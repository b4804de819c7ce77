"""The completion of commands in a shell: what it offers, and where its options show."""

from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from firstline_cli import deployment
from firstline_cli.main import app
from firstline_cli.silences import silence


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["inc"], {"incidents"}),
        (["silence", ""], set(get_command(silence).list_commands(None))),  # type: ignore[attr-defined]
        (["silence", "add", "--re"], {"--reason"}),
        (["deploy", ""], {"dev", "staging", "prod"}),
    ],
)
def test_a_shell_is_offered_what_can_be_typed_next(typed: list[str], offered: set[str]) -> None:
    words = {"COMP_WORDS": "\n".join(["firstline", *typed]), "COMP_CWORD": str(len(typed))}
    done = CliRunner().invoke(app, env={"_FIRSTLINE_COMPLETE": "complete_bash", **words}, prog_name="firstline")
    assert (set(done.stdout.split()), done.exception) == (offered, None)


def test_a_shell_is_offered_nothing_and_told_nothing_if_a_file_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "samconfig.toml").write_text("dev = [")
    monkeypatch.setattr(deployment, "CHECKOUT", tmp_path)
    test_a_shell_is_offered_what_can_be_typed_next(["deploy", ""], set())


def test_only_the_command_itself_offers_to_install_its_completion() -> None:
    commands = [[], *([name] for name in get_command(app).list_commands(None))]  # type: ignore[attr-defined]
    offers = [command for command in commands if "-completi" in CliRunner().invoke(app, [*command, "--help"]).stdout]
    assert offers == [[]]
