"""docs/models.md, "Try it on this machine", as a new user follows it: its own commands, but for the model's address."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.e2e.model import Model
from tests.e2e.running import LocalStack, environment, until
from tests.e2e.test_model import VERDICT

ROOT = Path(__file__).parents[2]
LOCAL, FIRSTLINE = "python -m local ", "firstline "
OLLAMA, ITS_MODEL = "http://127.0.0.1:11434/v1", "gpt-oss:20b"


def _written(language: str) -> list[str]:
    """Return the blocks of a language in the guide's section."""
    guide = (ROOT / "docs" / "models.md").read_text()
    section = guide.partition("## Try it on this machine")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


def _commands() -> list[list[str]]:
    """Return the guide's commands, each beginning with the program that runs it."""
    return [_command(line) for block in _written("sh") for line in block.splitlines()]


def _command(line: str) -> list[str]:
    module = "local" if line.startswith(LOCAL) else "firstline_cli"
    return [module, *shlex.split(line.removeprefix(LOCAL).removeprefix(FIRSTLINE))]


def test_a_new_user_who_runs_the_guides_commands_sees_the_models_word(tmp_path: Path, model: Model) -> None:
    up, send, report = _commands()
    assert (up[:2], send[:2], report[:2]) == (["local", "up"], ["local", "send"], ["firstline_cli", "report"])
    (policy,) = _written("yaml")
    assert OLLAMA in policy
    file = tmp_path / "model.yaml"
    file.write_text(policy.replace(OLLAMA, model.url))
    assert file.name in up

    with model.answering(VERDICT):
        stack = LocalStack(tmp_path, *(str(file) if word == file.name else word for word in up[2:]))
        try:
            _run(tmp_path, stack, send)
            until("the report names the model", lambda: ITS_MODEL in _run(tmp_path, stack, report), 60)
            assert "critical" in _run(tmp_path, stack, report)
        finally:
            stack.stop()


def _run(folder: Path, stack: LocalStack, command: list[str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command, "--stack", json.dumps(stack.line)],
        cwd=ROOT,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
