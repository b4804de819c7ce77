"""Tests of reading a folder of runbooks: each problem names its file, its line, its key and the fix."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from firstline.errors import ConfigurationError
from firstline.runbooks import catalogue
from firstline_cli.lint.check import check

type Fields = Callable[..., dict[str, Any]]

VALID = """\
id: drain-spool
title: Drain a full spool
match:
  alerts: [SpoolFull]
examples:
  match: [{alert: SpoolFull}]
  no_match: [{alert: SpoolEmpty}]
mode: auto
risk: safe
limits:
  cooldown: 30m
  per_hour: 3
  max_hosts: 2
steps:
  - id: drain
    kind: act
    run: |
      drain
verify:
  run: test -z "$(ls -A /var/spool/orders)"
  within: 1m
description: It drains the spool, touches no other folder, and gives up when the spool fills again.
"""


def problems(text: str) -> list[str]:
    return [str(problem) for problem in catalogue.parse(text, "drain-spool.yaml")[1]]


def test_a_valid_runbook_has_no_problem() -> None:
    runbook, found = catalogue.parse(VALID, "drain-spool.yaml")

    assert runbook is not None
    assert not found


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("    kind: act", "    kind: repair", "drain-spool.yaml:16: steps.0.kind: 'repair' is not a kind of step"),
        ("    kind: act\n", "", "drain-spool.yaml:15: steps.0.kind: is missing; add the kind of the step"),
        ("  per_hour: 3", "  perhour: 3", "drain-spool.yaml:12: limits.perhour: unknown key; did you mean 'per_hour'?"),
        ("risk: safe", "risk: safe\nmood: sad", "drain-spool.yaml:10: mood: unknown key; did you mean 'mode'?"),
        ("risk: safe", "risk: safe\nxyz: 1", "drain-spool.yaml:10: xyz: unknown key; known are id, title"),
        ("  cooldown: 30m", "  cooldown: 30", "drain-spool.yaml:11: limits.cooldown: 30 has no unit; write a number"),
        (
            "  cooldown: 30m",
            "  cooldown: 30s",
            "drain-spool.yaml:11: limits.cooldown: 30s is out of range; write a duration from 60s to 604800s",
        ),
        ("  max_hosts: 2", "  max_hosts: 51", "drain-spool.yaml:13: limits.max_hosts: 51 is too big; 50 is the most"),
        ("risk: safe", "risk: safe\nrisk: safe", "drain-spool.yaml:10: risk: given twice; keep one"),
        ("mode: auto", "mode: [auto", "drain-spool.yaml:9: not YAML:"),
        (
            "    run: |\n      drain",
            "    run: drain {{ x }}",
            "drain-spool.yaml:17: steps.0.run: the script contains '{{'",
        ),
        (
            "    kind: act\n",
            "    kind: act\n    accept: [{danger: empty-file, becuase: the file is a cache}]\n",
            "drain-spool.yaml:17: steps.0.accept.0.becuase: unknown key; did you mean 'because'?",
        ),
    ],
)
def test_a_problem_names_file_line_key_and_remedy(old: str, new: str, problem: str) -> None:
    assert old in VALID
    found = problems(VALID.replace(old, new, 1))

    assert any(line.startswith(problem) for line in found), found


def test_a_list_or_an_empty_file_is_a_problem() -> None:
    assert problems("- just\n- a list\n")
    assert problems("")


def test_load_skips_the_template(tmp_path: Path) -> None:
    (tmp_path / "_template.yaml").write_text("id: whatever it says\n")
    (tmp_path / "drain-spool.yaml").write_text(VALID)

    assert list(catalogue.load(tmp_path)) == ["drain-spool"]


def test_load_reports_every_wrong_file(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(VALID)
    (tmp_path / "broken.yaml").write_text("id: broken\n")
    with pytest.raises(ConfigurationError) as caught:
        catalogue.load(tmp_path)
    assert "other.yaml:1: id: 'drain-spool' is not the file's name; rename the file to drain-spool.yaml" in str(
        caught.value
    )
    assert "broken.yaml:1: title: is missing" in str(caught.value)


def test_a_missing_folder_names_the_setting_runbooks_dir(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="RUNBOOKS_DIR"):
        catalogue.load(tmp_path / "nowhere")


def test_steps_of_two_runbooks_may_not_share_an_ssm_document(tmp_path: Path) -> None:
    (tmp_path / "drain-spool.yaml").write_text(VALID)
    (tmp_path / "drain.yaml").write_text(
        VALID.replace("id: drain-spool", "id: drain").replace("- id: drain", "- id: spool-drain")
    )
    with pytest.raises(ConfigurationError, match="would share its SSM document with"):
        catalogue.load(tmp_path)


def test_the_schema_for_editors_agrees_with_the_model(runbook_fields: Fields, runbooks_dir: Path) -> None:
    validator = Draft202012Validator(json.loads(catalogue.schema()))

    assert not list(validator.iter_errors(runbook_fields()))
    assert list(validator.iter_errors(runbook_fields(colour="red")))
    for path in runbooks_dir.glob("*.yaml"):
        assert not list(validator.iter_errors(yaml.safe_load(path.read_text()))), path.name


def test_a_runbook_without_a_description_is_a_problem(tmp_path: Path) -> None:
    text = "".join(line for line in VALID.splitlines(True) if not line.startswith("description"))
    (tmp_path / "drain-spool.yaml").write_text(text)

    assert str(check(tmp_path)[0]) == (
        "drain-spool.yaml:1: description: "
        "say in a few sentences what it does, what it never touches, and when it gives up"
    )


def test_generated_files_that_are_missing_or_stale_are_problems(tmp_path: Path) -> None:
    (tmp_path / "drain-spool.yaml").write_text(VALID)

    found = [str(problem) for problem in check(tmp_path)]

    assert found == [
        "documents/template.yaml: is out of date; run `make runbooks` and commit the result",
        "schema.json: is out of date; run `make runbooks` and commit the result",
    ]
