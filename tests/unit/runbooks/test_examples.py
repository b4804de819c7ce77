"""A runbook's own examples are checked: what must match does, first of all, and what must not does not."""

from typing import Any

import pytest

from firstline.runbooks import catalogue
from firstline.runbooks.model import Runbook
from firstline_cli.lint.check import example_problems, source_problems
from tests.support.spool import a_runbook

TEXT = """\
id: drain-spool
examples:
  match:
    - alert: SpoolFull
      labels: {spool: mail}
    - alert: SpoolFilling
  no_match:
    - alert: SpoolEmpty
"""
MAIL = {"alert": "SpoolFull", "labels": {"spool": "mail"}}
EMPTY = {"alert": "SpoolEmpty"}


def problems(runbook: Runbook, *others: Runbook) -> list[str]:
    return [str(problem) for problem in example_problems(runbook, TEXT, [runbook, *others])]


def examples(*match: dict[str, Any], no_match: dict[str, Any] = EMPTY) -> dict[str, Any]:
    return {"match": list(match), "no_match": [no_match]}


def test_examples_that_hold_are_no_problem() -> None:
    assert problems(a_runbook(examples=examples(MAIL))) == []


def test_a_runbook_that_is_off_is_checked_like_the_others() -> None:
    assert problems(a_runbook(mode="off", examples=examples(MAIL))) == []


def test_a_runbook_without_examples_is_asked_for_both() -> None:
    found = problems(a_runbook())

    assert [line.partition(";")[0] for line in found] == [
        "drain-spool.yaml:3: examples.match: no alert that must match",
        "drain-spool.yaml:7: examples.no_match: no alert that must not match",
    ]


@pytest.mark.parametrize(
    ("changes", "line", "problem"),
    [
        (
            {"examples": examples(MAIL, {"alert": "SpoolFilling", "labels": {"spool": "mail"}})},
            6,
            "examples.match.1: 'SpoolFilling' does not match; add it to match, or correct the example",
        ),
        (
            {"match": {"alerts": ["Spool*"]}, "examples": examples(MAIL)},
            8,
            "examples.no_match.0: 'SpoolEmpty' matches; narrow match until it does not",
        ),
        (
            {"examples": examples({"alert": "SpoolFull"})},
            4,
            "examples.match.0: 'SpoolFull' matches, but no plan could be made: the alert has no labels.spool",
        ),
        (
            {"examples": examples({"alert": "SpoolFull", "labels": {"spool": "$(id)"}})},
            4,
            "examples.match.0: 'SpoolFull' matches, but no plan could be made: the alert's labels.spool '$(id)'",
        ),
    ],
)
def test_an_example_that_does_not_hold_is_named_with_its_line(changes: dict[str, Any], line: int, problem: str) -> None:
    (found,) = problems(a_runbook(**changes))

    assert found.startswith(f"drain-spool.yaml:{line}: {problem}")


def test_an_example_that_another_runbook_is_for_first_is_a_problem() -> None:
    wide = a_runbook(match={"alerts": ["Spool*l"]}, examples=examples(MAIL))
    exact = a_runbook(id="exact", match={"alerts": ["SpoolFull"]})

    (found,) = problems(wide, exact)

    assert "'SpoolFull' goes to the runbook exact first" in found
    assert problems(wide) == []


def test_a_mistyped_key_of_an_example_is_told_with_the_right_one() -> None:
    _, found = catalogue.parse("examples:\n  match:\n    - alert: A\n      lables: {}\n", "x.yaml")

    assert "x.yaml:4: examples.match.0.lables: unknown key; did you mean 'labels'?" in [
        str(problem) for problem in found
    ]


def test_a_source_that_does_not_exist_is_a_problem() -> None:
    runbook = a_runbook(match={"alerts": ["SpoolFull"], "sources": ["prometheus", "datadogg"]})
    text = "id: drain-spool\nmatch:\n  alerts: [SpoolFull]\n  sources:\n    - prometheus\n    - datadogg\n"
    assert [str(problem) for problem in source_problems(runbook, text)] == [
        "drain-spool.yaml:6: match.sources.1: 'datadogg' fits no source; did you mean 'datadog'?"
    ]
