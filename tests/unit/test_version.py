"""Tests that every place that states Firstline's version states the same version."""

import re
import tomllib
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse
from typer.testing import CliRunner

from firstline import __version__
from firstline.observability import logger
from firstline_cli.main import app

ROOT = Path(__file__).parents[2]


def test_the_package_the_stack_and_the_changelog_say_the_same_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    outputs = yaml_parse((ROOT / "template.yaml").read_text())["Outputs"]
    newest = re.findall(r"^## (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0]

    assert {project["version"], outputs["Version"]["Value"], newest} == {__version__}


def test_the_command_and_each_line_of_the_log_say_the_version() -> None:
    answer = CliRunner().invoke(app, ["--version"])

    assert (answer.exit_code, answer.output) == (0, f"firstline {__version__}\n")
    assert logger.get_current_keys()["version"] == __version__
