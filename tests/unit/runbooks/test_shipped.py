"""Tests of the shipped runbooks: they pass their checks, and no value of an alert is dangerous in their commands."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstline.runbooks import catalogue
from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.patterns import SAFE_CHARACTERS
from firstline_cli.lint.check import check, rendered
from tests.support.depth import tries

SHIPPED = catalogue.load(Path(__file__).parents[3] / "runbooks")
PARAMETERS = {each.pattern: each for runbook in SHIPPED.values() for each in runbook.parameters.values()}
"""One parameter for each pattern, because only the pattern decides whether a value is accepted."""


def test_the_seven_runbooks_of_the_mission_are_shipped(shipped: Catalogue) -> None:
    assert {
        "high-memory",
        "low-disk",
        "dead-service",
        "hung-process",
        "clock-drift",
        "package-cache",
        "container-images",
    } <= set(shipped)


@pytest.mark.parametrize("path", sorted(rendered(SHIPPED)), ids=str)
def test_generated_files_are_fresh(runbooks_dir: Path, path: Path) -> None:
    assert (runbooks_dir / path).read_text() == rendered(SHIPPED)[path], "run `make runbooks` and commit the result"


def test_runbooks_check_with_shellcheck_finds_no_problem_in_the_shipped_runbooks(runbooks_dir: Path) -> None:
    assert [str(problem) for problem in check(runbooks_dir)] == []


def test_shipped_runbooks_that_act_ask_first_and_those_that_only_look_run_by_themselves() -> None:
    for runbook in SHIPPED.values():
        looks = all(step.kind == "diagnose" for step in runbook.steps)
        assert (runbook.mode == "auto") == looks, f"{runbook.id}: only runbooks that act ship as approve or shadow"
        assert runbook.risk == "read_only" or not looks


def test_shellcheck_reports_the_line_in_the_yaml(runbooks_dir: Path, tmp_path: Path) -> None:
    lines = (runbooks_dir / "low-disk.yaml").read_text().splitlines()
    wanted = next(number for number, line in enumerate(lines, 1) if line.strip() == 'df -h -- "$mount"')
    lines[wanted - 1] = lines[wanted - 1].replace('"', "")
    (tmp_path / "low-disk.yaml").write_text("\n".join(lines) + "\n")

    (problem,) = [problem for problem in check(tmp_path) if problem.key == "steps.0.run"]

    assert (problem.file, problem.line) == ("low-disk.yaml", wanted)
    assert problem.message.startswith("SC2086: Double quote")


def test_the_template_to_copy_is_a_valid_runbook_in_shadow_mode(runbooks_dir: Path) -> None:
    runbook, problems = catalogue.parse((runbooks_dir / "_template.yaml").read_text(), "_template.yaml")

    assert not problems
    assert runbook is not None
    assert runbook.mode == "shadow"


@pytest.mark.parametrize("pattern", PARAMETERS)
@settings(max_examples=tries(25))
@given(st.data())
def test_no_accepted_value_can_mean_anything_to_a_shell(pattern: str, data: st.DataObject) -> None:
    parameter = PARAMETERS[pattern]
    fitting = st.from_regex(pattern)
    hostile = st.builds(str.__add__, fitting, st.sampled_from([*"\n\r\t\0 ;|&$`\\\"'(){}[]<>*?!#~^", "$(id)", "é"]))
    value = data.draw(st.one_of(st.text(), fitting, hostile))

    if parameter.problem(value) is None:
        assert set(value) <= SAFE_CHARACTERS
        assert not value.startswith("-")
        assert ".." not in value.split("/")


def test_the_example_of_the_guide_is_a_valid_runbook(runbooks_dir: Path) -> None:
    guide = (runbooks_dir.parent / "docs" / "runbooks.md").read_text()
    example = guide.partition("```yaml\n")[2].partition("```")[0]

    runbook, problems = catalogue.parse(example, "stuck-queue.yaml")

    assert not problems
    assert runbook is not None
    assert runbook.id == "stuck-queue"
