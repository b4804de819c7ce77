"""docs/quickstart.md: its commands are run as they stand there; of those for AWS only the options are checked."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from firstline_cli.main import app
from tests.e2e.conftest import TIME_LAPSE
from tests.e2e.running import LocalStack

ROOT = Path(__file__).parents[2]
LEG = re.compile(r"✓ (.{12}) +[\d.]+ s  ")
AWS_ONLY = "*AWS only"


class Written(NamedTuple):
    """A command of the guide with the output that stands below it."""

    arguments: list[str]
    output: str
    on_aws: bool


def written(guide: str) -> Iterator[Written]:
    """Yield the commands of `firstline`. What stands below the mark, up to the section's end, is for AWS only."""
    for section in (ROOT / "docs" / guide).read_text().split("\n## "):
        for block in re.finditer(r"```console\n(.*?)```", section, re.DOTALL):
            for part in re.split(r"^\$ ", block[1], flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                program, _, rest = command.partition(" ")
                if program.rpartition("/")[2] == "firstline":
                    arguments = shlex.split(rest)
                    yield Written(arguments, output, AWS_ONLY in section[: block.start()])


HERE = [command for command in written("quickstart.md") if not command.on_aws]
ON_AWS = [command for guide in ("quickstart.md", "hosts.md") for command in written(guide) if command.on_aws]


def programs(guide: str) -> list[tuple[str, str]]:
    """Return each command of a guide's consoles: its program, and its first argument."""
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / "docs" / guide).read_text(), re.DOTALL)
    lines = [shlex.split(line, comments=True) for line in re.findall(r"^\$ (.*)$", "".join(blocks), re.MULTILINE)]
    return [(words[0], words[1]) for words in lines]


def names(commands: list[Written]) -> list[str]:
    return [" ".join(command.arguments) for command in commands]


def test_the_guide_shows_each_step_here_and_on_aws() -> None:
    assert [command.arguments[:2] for command in HERE] == [
        ["doctor"],
        ["test", "alarm"],
        ["test", "page"],
        ["test", "runbook"],
    ]
    assert [command.arguments[0] for command in ON_AWS] == ["init"] * 3 + ["doctor", "test"]


def test_a_terminal_knows_each_command_of_the_guide() -> None:
    """A new user has a checkout and a shell: first the commands are made and put on the path, then they are called."""
    first, second, *others = programs("quickstart.md")
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert (first, second) == (("make", "setup"), ("source", ".venv/bin/activate"))
    assert {program for program, _ in others} == {"firstline", "make"}
    assert {target for program, target in others if program == "make"} <= set(targets)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A new stack, as a reader of the guide has it: what others ran on its hosts may keep a runbook from running."""
    stack = LocalStack(tmp_path_factory.mktemp("quickstart"), "--time-lapse", TIME_LAPSE)
    yield stack
    stack.stop()


@pytest.mark.parametrize("command", HERE, ids=names(HERE))
def test_a_command_does_what_the_guide_shows(fresh: LocalStack, command: Written) -> None:
    done = CliRunner().invoke(app, [*command.arguments, "--stack", json.dumps(fresh.line)])

    assert done.exit_code == 0, done.output
    assert LEG.findall(done.stdout) == LEG.findall(command.output)
    if command.arguments[0] == "doctor":
        of_the_guide, done_here = (
            {line.split()[1] for line in text.splitlines()} for text in (command.output, done.stdout)
        )
        assert of_the_guide <= done_here
    if incident := re.search(r"in the table .* incident (\S+)", done.stdout):
        assert fresh.record(incident[1]).incident.is_test
        fresh.wait_closed(incident[1])


@pytest.mark.parametrize("command", ON_AWS, ids=names(ON_AWS))
def test_a_command_for_aws_has_the_options_that_the_guide_gives_it(command: Written) -> None:
    known = get_command(app)
    for name in command.arguments:
        if not hasattr(known, "get_command") or name.startswith("-"):
            break
        known = known.get_command(None, name)
    given = {word for word in command.arguments if word.startswith("--")}
    assert given <= {option for parameter in known.params for option in parameter.opts}
