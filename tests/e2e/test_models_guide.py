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
LOCAL = ["python", "-m", "local"]
OLLAMA, ITS_MODEL = "http://127.0.0.1:11434/v1", "gpt-oss:20b"


def _commands() -> list[list[str]]:
    """What stands in the guide's section, line by line, without `python -m local`."""
    guide = (ROOT / "docs" / "models.md").read_text()
    section = guide.partition("## Try it on this machine")[2].partition("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    commands = [shlex.split(line) for block in blocks for line in block.splitlines()]
    assert all(command[:3] == LOCAL for command in commands)
    return [command[3:] for command in commands]


def test_a_new_user_sees_the_models_word(tmp_path: Path, model: Model) -> None:
    up, send, report = _commands()
    assert (up[0], send[0], report[0]) == ("up", "send", "report")
    assert f"LlmBaseUrl={OLLAMA}" in up

    with model.answering(VERDICT):
        stack = LocalStack(tmp_path, *(word.replace(OLLAMA, model.url) for word in up[1:]))
        try:
            _run(tmp_path, stack, send)
            until("the report names the model", lambda: ITS_MODEL in _run(tmp_path, stack, report), 60)
            assert "critical" in _run(tmp_path, stack, report)
        finally:
            stack.stop()


def _run(folder: Path, stack: LocalStack, command: list[str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "local", *command, "--stack", json.dumps(stack.line)],
        cwd=ROOT,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
